"""Hand a generator on: a symbol and its params, or an ONNX file, each proven equal to the net before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import numpy as np

import gluon_pix2pix
from gluon_pix2pix.evaluation.palettes import palette_of_set
from gluon_pix2pix.handover.onnx_export import import_onnx, write_onnx
from gluon_pix2pix.pairs.coding import Coding, OneHot, Pixels, make_coding
from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.runs.checkpoint_list import checkpoint_name
from gluon_pix2pix.runs.options_file import describe_coding, read_run, trained_size
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.exported import MODEL, ONNX, PARAMS, SYMBOL
from gluon_pix2pix.translation.gluon_network import build_generator, gluon_compute, rebuild_export
from gluon_pix2pix.translation.loading import find_format, load_network
from gluon_pix2pix.translation.onnx_network import OUTPUT
from gluon_pix2pix.translation.tiling import pad_to_multiple, padded_side
from gluon_pix2pix.writing import whole_folder, write_json
from gluon_pix2pix.zoo.shipped import find_model

# Largest difference from the net in [-1, 1], of which a gray level of 255 is 0.008, by how the weights are stored.
LARGEST_DIFFERENCE = {"float32": 1e-4, "float16": 1e-2}

# What of a model.json stays when the export is exported again.
_ORIGIN = ("coding", "multiple", "statistics", "dropout", "trained_at", "direction", "palette", "generator")
_ORIGIN += ("pair_layout", "checkpoint", "epoch", "step")

_TO_NETWORK = {
    "Pixels": "x / 127.5 - 1",
    "OneHot": "1 in the channel of a pixel's label, -1 in the others",
    "Lightness": "L / 50 - 1, L from 0 to 100 of CIE L*a*b* (D65)",
}
_FROM_NETWORK = {
    "Pixels": "round((y + 1) * 127.5)",
    "OneHot": "the label is the number of the largest channel",
    "Chroma": "a, b = 110 * y, of CIE L*a*b* (D65), with the L of the input",
}


def export_generator(
    model_path: str | Path,
    output_dir: str | Path,
    *,
    epoch: str = "latest",
    statistics: Optional[str] = None,
    float16: bool = False,
    onnx: bool = False,
    pictures: Sequence[np.ndarray] = (),
) -> dict:
    """Write a folder of ``generator-symbol.json``, ``generator-0000.params``, ``model.json`` and maybe an ONNX file.

    The graph takes (N, C, H, W) float32 in [-1, 1], H and W multiples of the U-Net's 2**levels, and returns the same
    with the target's channels. It has no dropout. The folder is written beside and renamed: there is all of it, or
    what was there before.

    Parameters
    ----------
    model_path
        The folder of a run, the name of a model in the box, or another export's folder, which has but one checkpoint.
    statistics
        "picture" normalises each picture by its own statistics; "running" by those of training. None is "picture", or
        what is in the graph of an export.
    float16
        Whether weights are stored as float16, for half the size; whoever loads them computes with float32.
    onnx
        Whether ``generator.onnx`` is written too.
    pictures
        What users would translate, (H, W, C) uint8 or uint16, on which export and net are compared beside noise in
        three shapes; drawn ones if there are none.

    Returns
    -------
    dict
        What model.json says.

    Raises
    ------
    OSError
        If there is no such model or checkpoint, or the folder cannot be written.
    ValueError
        If the export differs from the net by more than `LARGEST_DIFFERENCE` anywhere, or the folder has files that are
        no export's.
    """
    output_dir = Path(output_dir)
    if onnx:
        import_onnx()  # now, and not after a minute of work
    if statistics == "batch":
        raise ValueError("an export normalises by statistics picture or running: those of a batch are its caller's")
    net, origin = _build(model_path, epoch, statistics)
    _check_folder(output_dir)
    batches = _check_batches(origin, pictures)
    expected = {SYMBOL: [gluon_compute(net)(batch) for batch in batches]}  # before there is a graph of the net

    with whole_folder(output_dir, durable=True) as partial:
        symbol, arrays = _write_symbol(net, batches[0], partial, float16)
        model = _describe(origin, symbol)
        if onnx:
            model["output"]["onnx_name"] = OUTPUT  # ONNX Runtime refuses the symbol's name
        model["parameters"] = {p.name: name for name, p in net._collect_params_with_prefix().items()}
        model["stored_as"] = "float16" if float16 else "float32"
        if onnx:
            expected[ONNX] = _in_float64(net, batches)
            use_exported_operators(net)  # other programs know InstanceNorm; in a symbol the form stays that is faster
            write_onnx(net(mx.sym.var("data")), arrays, partial / ONNX, model)
        names = [SYMBOL, PARAMS, *([ONNX] if onnx else [])]
        model["sha256"] = {name: hashlib.sha256((partial / name).read_bytes()).hexdigest() for name in names}
        write_json(partial / MODEL, model)
        model["checked"] = _compare(partial, model, batches, expected)
        write_json(partial / MODEL, model)
    return model


def use_exported_operators(net: mx.gluon.Block) -> None:
    """Let every part of `net` that can be a single operator of MXNet's be it, for export.

    InstanceNorm is slower on a CPU, Deconvolution to one channel and plain concat cannot be trained there; but other
    tools know them.
    """
    net.apply(lambda block: setattr(block, "_for_export", True) if hasattr(block, "_for_export") else None)


def _build(path: str | Path, epoch: str, statistics: Optional[str]) -> tuple[mx.gluon.HybridBlock, dict]:
    """Return a model's generator, and what model.json says of where it comes from."""
    form, folder = find_format(path, "mxnet"), find_model(path)
    if form == "symbol":
        if epoch != "latest":
            raise ValueError(f"{path} is an export, of one checkpoint: epoch {epoch} needs the folder of the run")
        net, model = rebuild_export(folder)
        if statistics not in (None, model["statistics"]):
            raise ValueError(f"{path} was exported with statistics {model['statistics']}, which is in its graph")
        return net, {name: model.get(name) for name in _ORIGIN}
    run, statistics = read_run(folder), statistics or "picture"
    net, state = build_generator(folder, epoch=epoch, statistics=statistics)
    options = run["options"]
    palette = palette_of_set(options.get("dataset") or "", options["direction"])
    return net, {
        "coding": describe_coding(run),
        "multiple": net.multiple,
        "statistics": statistics,
        "dropout": "none",
        "trained_at": trained_size(run, net.multiple),
        "direction": options["direction"],
        "palette": dict(zip(palette.names, palette.colours)) if palette else None,
        "pair_layout": run.get("pair_layout"),
        "generator": run["generator"],
        "checkpoint": checkpoint_name(state["epoch"], state["step"]),
        "epoch": state["epoch"],
        "step": state["step"],
    }


def _write_symbol(
    net: mx.gluon.HybridBlock, batch: np.ndarray, folder: Path, float16: bool
) -> tuple[mx.sym.Symbol, dict[str, mx.nd.NDArray]]:
    """Write symbol and params, and return both; `net` is hybridised."""
    net.hybridize()
    net(mx.nd.array(batch))
    mx.nd.waitall()
    net.export(str(folder / "generator"), epoch=0)
    arrays = mx.nd.load(str(folder / PARAMS))
    if float16:
        # Not those with one number a channel: they are few, and a small variance would become 0.
        arrays = {name: array.astype("float16") if array.ndim > 1 else array for name, array in arrays.items()}
        mx.nd.save(str(folder / PARAMS), arrays)
        mx.nd.waitall()
    return mx.sym.load(str(folder / SYMBOL)), {name.partition(":")[2]: array for name, array in arrays.items()}


def _check_batches(origin: dict, pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return noise in three shapes, and pictures one by one, as the network takes them."""
    coding, multiple = make_coding(**origin["coding"]), origin["multiple"]
    side = padded_side(32, multiple)
    size = origin["trained_at"] or (2 * side, 2 * side)
    rng, channels = np.random.default_rng(0), coding.source.channels
    shapes = [(1, channels, *size), (2, channels, 2 * side, 3 * side), (1, channels, 3 * side, 2 * side)]
    noise = [rng.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]
    prepared = [resize(p, *size, nearest=coding.source.nearest) for p in pictures or draw_pictures(coding)]
    return [pad_to_multiple(batch, multiple) for batch in [*noise, *map(coding.encode, prepared)]]


def draw_pictures(coding: Coding) -> list[np.ndarray]:
    """Draw two pictures of soft colours and two of flat ones, such as a coding takes, 256 x 256 pixels."""
    small = np.random.default_rng(1).integers(0, 256, (4, 12, 12, 3), np.uint8)
    colour = [resize(picture, 256, 256, nearest=number % 2 == 1) for number, picture in enumerate(small)]
    channels = coding.source.channels
    if isinstance(coding.source, OneHot):
        return [(picture.sum(axis=2, keepdims=True) % channels).astype(np.uint8) for picture in colour]
    if isinstance(coding.source, Pixels):
        return [picture[:, :, np.arange(channels) % 3] for picture in colour]
    return colour


def _describe(origin: dict, symbol: mx.sym.Symbol) -> dict:
    coding, sides = make_coding(**origin["coding"]), f"multiples of {origin['multiple']}"
    return {
        "input": {"name": "data", "shape": ["N", coding.source.channels, sides, sides], "dtype": "float32"},
        "output": {
            "name": symbol.list_outputs()[0],
            "shape": ["N", coding.target.channels, "as the input", "as the input"],
            "dtype": "float32",
        },
        "layout": "NCHW, channels in RGB order",
        "range": [-1.0, 1.0],
        "to_network": _TO_NETWORK[type(coding.source).__name__],
        "from_network": _FROM_NETWORK[type(coding.target).__name__],
        **origin,
        "versions": {"gluon_pix2pix": gluon_pix2pix.__version__, "mxnet": mx.__version__, "numpy": np.__version__},
    }


def _in_float64(net: mx.gluon.HybridBlock, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the net's answers in float64.

    What another program computes is held against these: over the 400,000 pixels of a channel MXNet's own mean in
    float32 is off by more than ONNX Runtime's whole answer (1.6e-4 and 1.4e-5 with the model facades).
    """
    net.cast("float64")
    exact = [net(mx.nd.array(batch, dtype="float64")).asnumpy() for batch in batches]
    net.cast("float32")
    return exact


def _compare(folder: Path, model: dict, batches: Sequence[np.ndarray], expected: dict[str, list[np.ndarray]]) -> dict:
    """Load what was written the way everybody does, and return how far its answers are from those expected."""
    found = {}
    for backend, name in (("mxnet", SYMBOL), ("onnx", ONNX)):
        if name in model["sha256"]:
            compute = load_network(folder, backend=backend).compute
            found[name] = float(np.max([np.abs(compute(x, None) - y).max() for x, y in zip(batches, expected[name])]))
    largest, limit = float(np.max(list(found.values()))), LARGEST_DIFFERENCE[model["stored_as"]]
    if not largest <= limit:  # so that NaN does not pass either
        raise ValueError(f"the export differs from the net by {largest:.2g}, more than {limit:g}: nothing was written")
    shapes = [list(batch.shape) for batch in batches]
    return {"shapes": shapes, "difference_from_the_net": found, "largest_difference_from_the_net": largest}


def _check_folder(folder: Path) -> None:
    """Refuse to put an export in the place of other files."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file: choose another folder for the export")
    others = sorted({path.name for path in folder.iterdir()} - {SYMBOL, PARAMS, ONNX, MODEL})
    if others:
        raise ValueError(f"{folder} has other files than an export's ({others[0]}): choose another folder")
