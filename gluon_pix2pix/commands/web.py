"""Write the page to play with a model as static files: the network computes in the browser, without a server."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import tyro

from gluon_pix2pix.errors import CommonOptions, option_errors
from gluon_pix2pix.evaluation.palettes import read_palette
from gluon_pix2pix.installing import install_line
from gluon_pix2pix.translation.loading import find_format


@dataclass
class Options(CommonOptions):
    """Write the page as static files, for any web space: the network computes in the browser."""

    model: Annotated[tuple[str, ...], tyro.conf.arg(metavar="MODEL ...")] = tyro.MISSING
    """Shipped models' names, folders of runs or exports, .onnx files; each shown under the last part of its path, or as
    NAME=PATH says."""
    output: Path = Path("site")
    """The folder to write; an earlier one of this command is replaced."""
    runtime_dir: Annotated[Optional[Path], tyro.conf.arg(metavar="FOLDER")] = None
    """Where the npm package onnxruntime-web is, its folder or .tgz [npm gets it]."""

    palette: Optional[str] = None
    """What the colours of label pictures mean: facades, cityscapes, or a file as for evaluate [what the model says]."""
    examples: Annotated[Optional[Path], tyro.conf.arg(metavar="FOLDER")] = None
    """Pictures to begin with, which go into the folder [those beside a model, or drawn]."""
    float16: bool = False
    """Store a run's weights as float16, for half the size."""


def main(options: Options) -> None:
    """Write the folder and say how to look at it."""
    try:
        from gluon_pix2pix.serving.models import find_models
        from gluon_pix2pix.serving.site import static_page, write_site
        from gluon_pix2pix.serving.web_runtime import PACKAGE, VERSION, read_runtime
    except ModuleNotFoundError as error:
        raise ImportError(f"web needs {error.name}: {install_line('serve')}") from error
    with option_errors():
        palette = read_palette(options.palette) if options.palette else None
        models = find_models(options.model)
    if {find_format(path) for path in models.values()} != {"onnx"}:
        from gluon_pix2pix.handover.onnx_export import import_onnx  # here: .onnx files are copied without MXNet

        import_onnx()  # now, and not when the runtime has been fetched
    if not options.runtime_dir:
        print(f"getting {PACKAGE} {VERSION} by npm", flush=True)
    runtime = read_runtime(options.runtime_dir)
    sizes = write_site(
        models, options.output, runtime, palette=palette, examples=options.examples, float16=options.float16
    )
    page = sum(sizes[name] for name in static_page())
    nets = sum(size for name, size in sizes.items() if name.endswith(".onnx"))
    wasm, gpu = (sizes[f"runtime/ort-wasm-simd-threaded{kind}.wasm"] for kind in ("", ".asyncify"))
    print(f"written: {options.output} ({sum(sizes.values()) / 1e6:.1f} MB)")
    print(
        f"a browser loads: the page {page / 1e3:.0f} kB, the models {nets / 1e6:.1f} MB, and ONNX Runtime "
        f"{wasm / 1e6:.1f} MB, or {gpu / 1e6:.1f} MB where it has WebGPU"
    )
    print(f"next: python3 -m http.server --bind 127.0.0.1 --directory {shlex.quote(str(options.output))} 8000")
