"""What a run's options.json says. No MXNet."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

import cv2
import numpy as np

from gluon_pix2pix import __version__
from gluon_pix2pix.pairs.coding import Coding, make_coding
from gluon_pix2pix.pairs.options import DIRECTIONS
from gluon_pix2pix.pairs.preprocess import Preprocess
from gluon_pix2pix.reading import COUNT, read_json, said_by
from gluon_pix2pix.writing import write_json

OWN = "own"  # the name of a network that somebody has written himself: only his program can build it

# Far above what can be trained, and below what a machine cannot hold: a file may say anything.
SIDE, _CHANNELS, _WIDTH = range(1, 8193), range(1, 1 << 16), range(1, 1 << 13)
_OPTIONS = {"crop_size": SIDE, "direction": set(DIRECTIONS), "preprocess?": str, "aspect_ratio?": float}
_OPTIONS |= {"n_epochs?": COUNT, "n_epochs_decay?": COUNT}
NETWORK = {"name": str, "norm?": str, "input_nc?": _CHANNELS, "num_downs?": range(1, 17), "n_layers?": range(1, 17)}
NETWORK |= {"ngf?": _WIDTH, "ndf?": _WIDTH, "dropout?": bool, "dropout_blocks?": str, "output_nc?": _CHANNELS}
NETWORK |= {"upsample?": str}
CODING = {"task?": str, "input_nc?": _CHANNELS, "output_nc?": _CHANNELS, "labels?": COUNT, "output_labels?": COUNT}
_RUN = {"options": _OPTIONS, "generator?": NETWORK, "discriminator?": NETWORK, "coding?": (None, CODING)}
_RUN |= {"versions?": {str: str}, "converted?": {str: dict}, "threads?": COUNT}
GENERATOR = {**NETWORK, "name": str, "norm": str, "dropout": bool, "input_nc": _CHANNELS, "output_nc": _CHANNELS}
# As `pairs.layouts.describe_layout` says it, and, for label maps, the colours that labels had in their palettes.
LAYOUT = {"side_by_side": bool, "width_to_height": (None, float), "label_colours?": {str: {str: str}}}
_RUN |= {"began_from?": str, "pair_layout?": (None, LAYOUT)}
WHAT = "the options of a run"


def read_options(run_dir: str | Path) -> dict:
    """Return the options.json of a run or a converted model, which may lack a network.

    Raises
    ------
    FileNotFoundError
        If the folder has none.
    ValueError
        If it does not parse, or lacks what everybody needs.
    """
    return _read(run_dir, _RUN)


def read_run(run_dir: str | Path) -> dict:
    """Return the options.json of a folder that has a generator.

    Raises
    ------
    FileNotFoundError
        If the folder has none.
    ValueError
        If it does not describe a generator, or a task that there is.
    """
    run = _read(run_dir, {**_RUN, "generator": GENERATOR})
    with said_by(Path(run_dir) / "options.json", WHAT):
        try:
            coding_of(run)
            trained_size(run, 1)
        except TypeError as error:  # a task has no such part
            raise ValueError(error) from error
    return run


def _read(run_dir: str | Path, shape: dict) -> dict:
    path = Path(run_dir) / "options.json"
    if not path.exists():
        raise FileNotFoundError(f"{run_dir} is not the folder of a run: it has no options.json")
    return read_json(path, shape, what=WHAT)


def write_options(run_dir: Path, run: Mapping, *, mxnet: str) -> None:
    """Write options.json: what `read_options` returns, and with which versions it came about."""
    versions = {"gluon_pix2pix": __version__, "mxnet": mxnet, "numpy": np.__version__, "opencv": cv2.__version__}
    versions["python"] = platform.python_version()
    write_json(run_dir / "options.json", {**run, "versions": versions}, durable=True)


def describe_coding(run: dict) -> dict:
    """Return a run's task as `make_coding` takes it; that of plain pairs for a run that says nothing of it."""
    generator = run["generator"]
    return run.get("coding") or {"input_nc": generator["input_nc"], "output_nc": generator["output_nc"]}


def coding_of(run: dict) -> Coding:
    """Return the coding of a run's task.

    Raises
    ------
    ValueError
        If there is no such task.
    """
    return make_coding(**describe_coding(run))


def trained_size(run: dict, multiple: int) -> Optional[tuple[int, int]]:
    """Return the (height, width) that all pictures were resized to in training; None if they kept their proportions."""
    options = run["options"]
    if options.get("preprocess", "resize_and_crop") != "resize_and_crop":
        return None
    side = options["crop_size"]
    aspect_ratio = options.get("aspect_ratio", 1.0)
    return Preprocess(load_size=side, crop_size=side, aspect_ratio=aspect_ratio, multiple=multiple).trained_size
