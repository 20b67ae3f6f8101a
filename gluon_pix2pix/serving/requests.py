"""What a request asks for, and its body: bounded, and nothing of it on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, Optional, Union

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from gluon_pix2pix.serving.limits import Limits, RefusedError


class Asked(BaseModel):
    """How a picture shall be translated: words of the query, or fields of a form."""

    model_config = ConfigDict(extra="forbid")

    size: str = Field(
        "trained",
        description="What the picture is resized to first: `trained`, as in training; `own`, not at all; or pixels, "
        "`HEIGHTxWIDTH` or one number for both.",
        examples=["trained", "own", "512", "256x512"],
    )
    tile: Optional[int] = Field(
        None, ge=64, le=4096, description="Translate in overlapping squares of so many pixels a side, in little memory."
    )
    statistics: Optional[Literal["picture", "running"]] = Field(
        None, description="What to normalise by: the picture's own statistics, or the running ones of training."
    )
    dropout: bool = Field(False, description="Keep dropout on, seeded by `seed` and the picture's content.")
    seed: int = Field(0, ge=0, lt=1 << 31, description="For dropout.")
    format: Literal["png", "jpg", "tiff"] = Field("png", description="Of the answer; png and tiff hold 16 bits.")
    quality: int = Field(95, ge=1, le=100, description="Of jpg.")

    @field_validator("size")
    @classmethod
    def _parse(cls, word: str) -> str:
        sides = word.split("x")
        if word not in ("trained", "own") and not (
            len(sides) <= 2 and all(side.isascii() and side.isdecimal() and int(side[:6]) > 0 for side in sides)
        ):
            raise ValueError("trained, own, a number of pixels, or HEIGHTxWIDTH")
        return word

    def pixels(self) -> Union[str, tuple[int, int], None]:
        """Return the size as `Translator.load` takes it."""
        if self.size in ("trained", "own"):
            return None if self.size == "own" else "trained"
        sides = [int(side[:6]) for side in self.size.split("x")]
        return sides[0], sides[-1]


async def read_request(request: Request, limits: Limits) -> tuple[bytes, Asked]:
    """Return the picture that was sent, undecoded, and what is asked for.

    The picture is the body, or the one file of a multipart form, whose other fields then count as well as the query's.

    Raises
    ------
    RefusedError
        If the body is too long, or no form, or something is asked for that cannot be.
    """
    words = dict(request.query_params)
    if len(request.query_params.multi_items()) != len(words):
        raise RefusedError(422, "a word of the query is there twice")
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        data, fields = await _read_form(request, limits)
        twice = sorted(set(fields) & set(words))
        if twice:
            raise RefusedError(422, f"{twice[0]} is in the query and in the form")
        words.update(fields)
    else:
        data = b"".join([part async for part in bounded(request, limits)])
    if not data:
        raise RefusedError(415, "the body is empty: send a picture")
    return data, _asked(words)


def _asked(words: dict[str, str]) -> Asked:
    try:
        return Asked.model_validate(words)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        word = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise RefusedError(422, f"there is no {word[:40]!r}; there are {', '.join(Asked.model_fields)}") from error
        raise RefusedError(
            422, f"{word}={str(first['input'])[:40]!r}: {first['msg'].replace('Value error, ', '')}"
        ) from error


async def bounded(request: Request, limits: Limits) -> AsyncIterator[bytes]:
    """Yield a body's parts.

    Raises
    ------
    RefusedError
        With 413 if there are more bytes than the limits allow.
    """
    line = f"the body is longer than the {limits.max_bytes:,} bytes that are taken here"
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced[:20]) > limits.max_bytes:
        raise RefusedError(413, line)
    length = 0
    async for part in request.stream():
        length += len(part)
        if length > limits.max_bytes:
            raise RefusedError(413, line)
        yield part


class _InMemory(MultiPartParser):
    spool_max_size = 1 << 40  # nothing that was sent goes to disk; `bounded` counts the bytes


async def _read_form(request: Request, limits: Limits) -> tuple[bytes, dict[str, str]]:
    parser = _InMemory(request.headers, bounded(request, limits), max_files=1, max_fields=20)
    try:
        form: FormData = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError, LookupError) as error:
        text = getattr(error, "message", "") or "it has no boundary, or fields that are no text"
        raise RefusedError(400, f"the form does not parse: {text}") from error
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    if len(files) != 1 or len(fields) + 1 != len(form.multi_items()):
        raise RefusedError(422, "a form has one file, the picture, and each other field once")
    return await files[0].read(), fields


async def drain(request: Request, limits: Limits) -> None:
    """Read the rest of a body that is not wanted: a client that is still sending would not see the answer."""
    length = 0
    try:
        async for part in request.stream():
            length += len(part)
            if length > limits.max_bytes:
                return
    except (ClientDisconnect, RuntimeError):  # gone, or read before
        return
