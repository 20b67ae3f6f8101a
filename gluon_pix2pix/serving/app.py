"""The service as a FastAPI application, alone or mounted in another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Optional, Union

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

import gluon_pix2pix
from gluon_pix2pix.evaluation.palettes import Palette
from gluon_pix2pix.serving.about import About
from gluon_pix2pix.serving.computing import Computing
from gluon_pix2pix.serving.limits import Limits, RefusedError
from gluon_pix2pix.serving.models import ServedModel, find_models
from gluon_pix2pix.serving.page_files import page_files
from gluon_pix2pix.serving.requests import Asked
from gluon_pix2pix.serving.service import Service

HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


class Models(BaseModel):
    """What GET /v1/models answers."""

    version: str
    models: list[About]


class Line(BaseModel):
    """What every refusal answers: one line that says what is wrong."""

    detail: str


class Ready(BaseModel):
    """What GET /readyz answers."""

    status: str = "ready"
    waiting: int  # requests in work


def create_app(
    models: Union[str, Sequence[str], Mapping[str, Path]],
    *,
    limits: Optional[Limits] = None,
    palette: Optional[Palette] = None,
    examples: Optional[Path] = None,
    ctx: Any = None,
) -> FastAPI:
    """Load models and return an application that serves them, and the page to play with them.

    Parameters
    ----------
    models
        Names of shipped models, or paths, as `find_models` takes them; or paths by name.
    palette
        What the colours of label pictures mean, for models that do not say it themselves.
    examples
        A folder of pictures to begin with on the page.
    ctx
        The mx.Context to compute on [the CPU].

    Raises
    ------
    OSError, ValueError, ImportError
        If a model cannot be found or loaded.
    """
    words = [models] if isinstance(models, str) else models
    found = words if isinstance(words, Mapping) else find_models(words)
    computing = Computing()
    load = partial(ServedModel, computing=computing, palette=palette, examples=examples, ctx=ctx)
    served = {name: computing.call(partial(load, name, path)) for name, path in found.items()}
    return make_app(Service(served, computing, limits or Limits()))


def make_app(service: Service) -> FastAPI:
    """Return an application of a service whose models are loaded."""
    app = FastAPI(title="gluon-pix2pix", version=gluon_pix2pix.__version__, docs_url=None, redoc_url=None)
    app.exception_handler(RefusedError)(_refuse)
    app.exception_handler(ClientDisconnect)(_nobody_listens)
    _add_models(app, service)
    _add_translate(app, service)
    _add_health(app, service)
    for name, (data, media_type) in page_files().items():
        _add_file(app, "/" if name == "index.html" else f"/{name}", data, media_type)
    return app


def _add_models(app: FastAPI, service: Service) -> None:
    @app.get("/v1/models", response_model=Models)
    async def list_models() -> Models:
        """List the models, with what they take and give."""
        return Models(version=gluon_pix2pix.__version__, models=[model.about for model in service.models.values()])

    @app.get("/v1/models/{name}", response_model=About, responses={404: {"model": Line}})
    async def describe_model(name: str) -> About:
        """Describe a model."""
        return service.find(name).about

    @app.get("/v1/models/{name}/examples/{number}", response_class=Response, responses={404: {"model": Line}})
    async def example(name: str, number: int) -> Response:
        """Give a picture that the model takes."""
        examples = service.find(name).examples
        if not 0 <= number < len(examples):
            raise RefusedError(404, f"there are {len(examples)} examples, counted from 0")
        return Response(examples[number].data, media_type=examples[number].media_type, headers=HEADERS)


def _add_translate(app: FastAPI, service: Service) -> None:
    schema = Asked.model_json_schema()["properties"]
    picture = {"schema": {"type": "string", "format": "binary"}}
    form = {"type": "object", "required": ["picture"], "properties": {"picture": picture["schema"], **schema}}
    content = dict.fromkeys(("image/png", "image/jpeg", "image/tiff", "application/octet-stream"), picture)
    content["multipart/form-data"] = {"schema": form}
    extra = {
        "requestBody": {"required": True, "content": content},
        "parameters": [
            {"name": word, "in": "query", "description": said.get("description", ""), "schema": said}
            for word, said in schema.items()
        ],
    }
    refusals = {
        400: "The form does not parse.",
        404: "There is no such model.",
        408: "The body came too slowly.",
        413: "The body, the picture or its answer is too large.",
        415: "The body is no picture, or none that the model takes.",
        422: "What is asked for cannot be.",
        429: "Too many requests are waiting; Retry-After says for how many seconds to wait.",
        504: "The answer took too long.",
    }
    responses: dict[Union[int, str], dict] = {
        status: {"model": Line, "description": line} for status, line in refusals.items()
    }
    responses[200] = {
        "description": "The translated picture. A header X-Note says why it may be of no use.",
        "content": {"image/png": picture},
    }

    @app.post("/v1/models/{name}/translate", response_class=Response, responses=responses, openapi_extra=extra)
    async def translate(name: str, request: Request) -> Response:
        """Translate a picture: the body of the request, or the one file of a form."""
        answer = await service.translate(name, request)
        timing = f"wait;dur={1000 * answer.waited:.1f}, work;dur={1000 * answer.took:.1f}"
        headers = {**HEADERS, "Cache-Control": "no-store", "Server-Timing": timing}
        headers |= {"X-Note": answer.note} if answer.note else {}
        return Response(answer.data, media_type=answer.media_type, headers=headers)


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: {"model": Line}})
    async def readyz() -> Ready:
        """Say whether a picture would be taken now."""
        if service.gate.full:
            raise RefusedError(503, f"{service.gate.inside} requests are waiting")
        return Ready(waiting=service.gate.inside)


def _add_file(app: FastAPI, route: str, data: bytes, media_type: str) -> None:
    @app.get(route, include_in_schema=False)
    async def file() -> Response:
        return Response(data, media_type=media_type, headers={**HEADERS, "Cache-Control": "no-cache"})


async def _refuse(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, RefusedError)
    return JSONResponse({"detail": refused.line}, refused.status, {**HEADERS, **refused.headers})


async def _nobody_listens(request: Request, gone: Exception) -> Response:
    return Response(status_code=499)  # is not sent; nginx logs this number for the same
