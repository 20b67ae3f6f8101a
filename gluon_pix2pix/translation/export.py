"""Hand a generator on: a symbol and its params, which any MXNet program loads, proven equal to the net before."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import numpy as np

import gluon_pix2pix
from gluon_pix2pix.images import peak_of, to_signed
from gluon_pix2pix.models.layers import use_operator
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.checkpoint import sha256
from gluon_pix2pix.translation.translator import build_generator, read_run

LARGEST_DIFFERENCE = 1e-4
FILES = ("generator-symbol.json", "generator-0000.params", "model.json")


def import_export(folder: str | Path, ctx: Optional[mx.Context] = None) -> mx.gluon.SymbolBlock:
    """Load an exported generator the way any MXNet program does."""
    symbol, params = (str(Path(folder) / name) for name in FILES[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SymbolBlock reports each input that has no fixed type
        return mx.gluon.SymbolBlock.imports(symbol, ["data"], params, ctx=ctx)


def export_generator(
    run_dir: str | Path, output_dir: str | Path, *, epoch: str = "latest", pictures: Sequence[np.ndarray] = ()
) -> dict:
    """Write ``generator-symbol.json``, ``generator-0000.params`` and ``model.json``, all or none of them.

    The graph takes (N, input_nc, H, W) float32 in [-1, 1], H and W multiples of the U-Net's 2**levels, and returns
    the same with output_nc. It normalises each picture by its own statistics and has no dropout.

    Parameters
    ----------
    pictures
        Real sources, (H, W, input_nc) uint8 or uint16 of the network's size, on which export and net are compared,
        beside noise in two more shapes.

    Returns
    -------
    dict
        What model.json says.

    Raises
    ------
    FileNotFoundError
        If there is no such run or checkpoint.
    ValueError
        If the export differs from the net by more than 1e-4 anywhere.
    """
    run = read_run(run_dir)
    net, state = build_generator(run_dir, epoch=epoch, statistics="picture", dropout=False)
    size, input_nc = run["options"]["crop_size"], run["generator"]["input_nc"]
    batches = _check_batches(pictures, size, input_nc, net.multiple)
    expected = [net(batch).asnumpy() for batch in batches]  # without a graph, and by the other form of the norm

    output_dir = Path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    partial = output_dir / ".export.part"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        use_operator(net)
        net.hybridize()
        net(batches[0])
        mx.nd.waitall()
        net.export(str(partial / "generator"), epoch=0)
        imported = import_export(partial)
        difference = float(np.max([np.abs(imported(b).asnumpy() - y).max() for b, y in zip(batches, expected)]))
        if not difference <= LARGEST_DIFFERENCE:  # so that NaN does not pass either
            raise ValueError(f"the export differs from the net by {difference:.2g}: nothing was written")
        model = _describe(run, state, partial, batches, difference, net.multiple)
        (partial / "model.json").write_text(json.dumps(model, indent=2) + "\n")
        for name in FILES:
            os.replace(partial / name, output_dir / name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return model


def _check_batches(pictures: Sequence[np.ndarray], size: int, input_nc: int, multiple: int) -> list[mx.nd.NDArray]:
    rng = np.random.default_rng(0)
    shapes = [(1, input_nc, size, size), (2, input_nc, 2 * multiple, 3 * multiple)]
    batches = [mx.nd.array(rng.uniform(-1, 1, shape).astype(np.float32)) for shape in shapes]
    return batches + [mx.nd.array(to_signed(picture[None], peak_of(picture))) for picture in pictures]


def _describe(
    run: dict, state: dict, folder: Path, batches: Sequence[mx.nd.NDArray], difference: float, multiple: int
) -> dict:
    generator = run["generator"]
    sides = f"multiples of {multiple}"
    return {
        "input": {"name": "data", "shape": ["N", generator["input_nc"], sides, sides], "dtype": "float32"},
        "output": {
            "name": mx.sym.load(str(folder / FILES[0])).list_outputs()[0],
            "shape": ["N", generator["output_nc"], "as the input", "as the input"],
            "dtype": "float32",
        },
        "layout": "NCHW, channels in RGB order",
        "range": [-1.0, 1.0],
        "to_network": "x / 127.5 - 1",
        "from_network": "round((y + 1) * 127.5)",
        "statistics": "of each picture, inside the graph",
        "dropout": "none",
        "trained_at": run["options"]["crop_size"],
        "direction": run["options"]["direction"],
        "generator": generator,
        "epoch": state["epoch"],
        "step": state["step"],
        "checked": {
            "shapes": [list(batch.shape) for batch in batches],
            "largest_difference_from_the_net": difference,
        },
        "sha256": {name: sha256(folder / name) for name in FILES[:2]},
        "versions": {"gluon_pix2pix": gluon_pix2pix.__version__, "mxnet": mx.__version__, "numpy": np.__version__},
    }
