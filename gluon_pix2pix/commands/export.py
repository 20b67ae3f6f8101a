"""Write a generator as symbol + params that any MXNet program loads, and as ONNX."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Optional

import numpy as np
import tyro

from gluon_pix2pix.errors import CommonOptions, option_errors
from gluon_pix2pix.handover.export import export_generator
from gluon_pix2pix.pairs.coding import Coding, make_coding
from gluon_pix2pix.pictures.arithmetic import split_pair
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.pictures.folders import find_images
from gluon_pix2pix.runs.checkpoint_list import find_checkpoint
from gluon_pix2pix.runs.log import read_log
from gluon_pix2pix.runs.options_file import coding_of, read_run
from gluon_pix2pix.translation.exported import MODEL, read_model
from gluon_pix2pix.translation.loading import find_format
from gluon_pix2pix.zoo.shipped import find_model

COUNT = 4  # pictures that export and net are compared on


@dataclass
class Options(CommonOptions):
    """Write a generator's symbol, params and model.json, and its ONNX file, compared with the net first."""

    model: Annotated[str, tyro.conf.arg(metavar="PATH")] = tyro.MISSING
    """The folder of a run, a model in the box, which `models` lists, or the folder of another export."""
    output: Optional[Path] = None
    """The folder to write to; an export that is there is replaced [<run>/export, exports/<name> for other models]."""
    epoch: str = "latest"
    """The checkpoint: a number of epochs, latest, or best (by validation score)."""
    statistics: Optional[Literal["picture", "running"]] = None
    """What is in the graph: normalising by each picture's own statistics, or by the running ones of training [picture;
    what is in its graph for an export]."""
    onnx: bool = False
    """Write generator.onnx too, for ONNX Runtime and others."""
    float16: bool = False
    """Store the weights as float16, for half the size; they are computed with as float32."""
    check_with: Annotated[Optional[Path], tyro.conf.arg(metavar="FOLDER")] = None
    """Compare on the first four of these files, of the kind that the run was trained on [the run's own pictures where
    they still are, else drawn ones]."""


def main(options: Options) -> None:
    """Export and say what was written."""
    is_run, folder = find_format(options.model, "mxnet") == "run", find_model(options.model)
    described = read_run(folder) if is_run else read_model(folder)
    coding = coding_of(described) if is_run else make_coding(**described["coding"])
    direction = described["options"]["direction"] if is_run else described["direction"]
    if is_run:
        with option_errors():
            find_checkpoint(folder / "checkpoints", options.epoch)
    output = options.output or (folder / "export" if is_run else Path("exports") / folder.name)
    if options.check_with:
        pictures = given_pictures(options.check_with, coding, direction)
    else:
        pictures = own_pictures(folder, coding, direction) if is_run else []
    model = export_generator(
        options.model,
        output,
        epoch=options.epoch,
        statistics=options.statistics,
        float16=options.float16,
        onnx=options.onnx,
        pictures=pictures,
    )
    print(f"exported: {', '.join(str(output / name) for name in [*model['sha256'], MODEL])}")
    print(f"compared on: {len(pictures) or COUNT} {'' if pictures else 'drawn '}pictures, and noise in three shapes")
    for name, difference in model["checked"]["difference_from_the_net"].items():
        print(f"largest difference from the net, {name}: {difference:.1e} in [-1, 1]")


def given_pictures(folder: Path, coding: Coding, direction: str) -> list[np.ndarray]:
    """Return the first pictures that users of a model would translate, from files like those that it was trained on."""
    pictures = []
    for path in find_images(folder)[:COUNT]:
        image = read_image(path)
        if coding.from_photos:
            pictures.append(coding.source_of(image, seed=(0,)))
        else:
            pictures.append(split_pair(image, direction, path=path)[0])
        coding.encode(pictures[-1])  # refuses pictures of other channels
    return pictures


def own_pictures(run_dir: Path, coding: Coding, direction: str) -> list[np.ndarray]:
    """Return pictures of the data that a run was trained on; none if they are not there, or not side by side."""
    folders = [Path(event["data"]) for event in read_log(run_dir) if event["event"] == "device"]
    for split in ("val", "test", "train"):
        for folder in folders[-1:]:
            with contextlib.suppress(OSError, ValueError):
                return given_pictures(folder / split, coding, direction)
    return []
