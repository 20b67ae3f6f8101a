"""Serve trained models over HTTP, with a page to play with them."""

from __future__ import annotations

import contextlib
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Optional

import tyro

from gluon_pix2pix.errors import CommonOptions, UsageError, option_errors
from gluon_pix2pix.evaluation.palettes import read_palette
from gluon_pix2pix.installing import install_line
from gluon_pix2pix.translation.loading import find_format


@dataclass
class Options(CommonOptions):
    """Serve trained models over HTTP, with a page to play with them."""

    model: Annotated[tuple[str, ...], tyro.conf.arg(metavar="MODEL ...")] = tyro.MISSING
    """Shipped models' names, folders of runs or exports, .onnx files; each served under the last part of its path, or
    as NAME=PATH says."""
    host: str = "127.0.0.1"
    """Where to listen; 0.0.0.0 for all that can reach this machine."""
    port: int = 8000
    """0 takes a free one."""
    open: bool = False
    """Open the page in a browser."""

    palette: Optional[str] = None
    """What the colours of label pictures mean: facades, cityscapes, or a file as for evaluate [what the model says]."""
    examples: Annotated[Optional[Path], tyro.conf.arg(metavar="FOLDER")] = None
    """Pictures to begin with on the page, which everybody sees who sees the page [those beside a model, or drawn]."""

    queue: int = 64
    """Requests in work or waiting; the next is told to come again (429)."""
    timeout: float = 60.0
    """Seconds for a request to arrive, and again for its answer."""
    max_megabytes: int = 20
    """Of what is sent."""
    max_megapixels: float = 16.0
    """Of a picture and its answer."""
    access_log: bool = False
    """A line for each request."""
    gpu: Optional[str] = None
    """A GPU such as 0; -1 for the CPU [the first GPU there is, else the CPU]."""


def main(options: Options) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    try:
        from gluon_pix2pix.serving.app import create_app
        from gluon_pix2pix.serving.limits import Limits
        from gluon_pix2pix.serving.models import find_models
        from gluon_pix2pix.serving.server import Server, bind
    except ModuleNotFoundError as error:
        raise ImportError(f"serve needs {error.name}: {install_line('serve')}") from error
    with option_errors():
        limits = Limits(
            queue=options.queue,
            seconds=options.timeout,
            max_bytes=options.max_megabytes << 20,
            max_pixels=int(options.max_megapixels * (1 << 20)),
        )
        palette = read_palette(options.palette) if options.palette else None
        models = find_models(options.model)
    ctx, device = find_device(options.gpu, [find_format(path) for path in models.values()])
    with contextlib.closing(bind(options.host, options.port)) as listener:  # first: to load models takes a while
        app = create_app(models, limits=limits, palette=palette, examples=options.examples, ctx=ctx)
        print(f"models: {', '.join(models)}\ndevice: {device}", flush=True)

        def listening(address: str) -> None:
            print(f"the page: {address}/  (Ctrl-C ends it)", flush=True)
            if options.open:
                webbrowser.open(f"{address}/")

        Server(
            app,
            listener=listener,
            seconds=options.timeout,
            access_log=options.access_log,
            listening=listening,
        ).run()


def find_device(gpu: Optional[str], forms: list[str]) -> tuple[Any, str]:
    """Return what computes, for MXNet, and its description."""
    if set(forms) == {"onnx"}:
        return None, "CPU, ONNX Runtime"
    from gluon_pix2pix.runtime import devices  # here: it imports MXNet, which ONNX models do without

    with option_errors():
        contexts, device = devices(gpu)
    if len(contexts) > 1:
        raise UsageError(f"serve runs on one device, not on --gpu {gpu}")
    return contexts[0], device
