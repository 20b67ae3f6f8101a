"""Take over weights from the PyTorch implementation (junyanz/pytorch-CycleGAN-and-pix2pix), or hand ours to it.

A .pth file becomes a model folder, which `translate` and `export` take as --model and `train` as --init-from; a
generator and its discriminator go into the same one. The network, its width, channels and norm are recognised, and
nothing that a file says is executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Optional

import tyro

from gluon_pix2pix.errors import CommonOptions, UsageError, option_errors
from gluon_pix2pix.handover.converted import convert_file, differences_from_torch, read_options, write_torch_files

# What other programs call their weights, and how to say so.
_OTHERS = {".meta": "TensorFlow", ".index": "TensorFlow", ".pb": "TensorFlow", ".ckpt": "TensorFlow"}
_OTHERS |= {".pict": "affinelayer's web page", ".t7": "Torch7", ".params": "MXNet", ".onnx": "ONNX"}


@dataclass
class Options(CommonOptions):
    """Make a model folder of a PyTorch network's .pth file or, with --to-torch, such files of a run."""

    input: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE|RUN")] = tyro.MISSING
    """A .pth file; with --to-torch, the folder of a run."""
    output: Annotated[Path, tyro.conf.arg(metavar="DIR")] = tyro.MISSING
    """The folder to write to."""
    to_torch: bool = False
    """Write a run's networks as latest_net_G.pth and latest_net_D.pth, which the PyTorch implementation loads."""
    epoch: str = "latest"
    """With --to-torch, the checkpoint: a number of epochs, latest, or best (by validation score)."""
    dropout: bool = True
    """Whether a U-Net was trained with dropout, as pix2pix is: its file does not show it. A resnet's does."""
    direction: Optional[Literal["AtoB", "BtoA"]] = None
    """What the network was trained for: AtoB translates the left half of a pair [AtoB]."""
    crop_size: Optional[int] = None
    """The size of pictures that it was trained on [128 for unet_128, 512 for unet_512, else 256]."""


def main(options: Options) -> None:
    """Convert and say what came of it."""
    if options.crop_size is not None and options.crop_size < 1:
        raise UsageError(f"--crop-size {options.crop_size} is below 1")
    if options.to_torch:
        with option_errors():
            paths = write_torch_files(options.input, options.output, epoch=options.epoch)
        print(f"written: {', '.join(map(str, paths))}")
        for line in differences_from_torch(read_options(options.input)):
            print(f"note: {line}")
        return
    _refuse_others(options.input)
    with option_errors():
        kind, described = convert_file(
            options.input,
            options.output,
            dropout=options.dropout,
            direction=options.direction,
            crop_size=options.crop_size,
        )
    words = [f"{word} {value}" for word, value in described.items() if word != "name"]
    print(f"{options.input}: {kind} {described['name']}, {', '.join(words)}")
    if "dropout_blocks" in described and described["dropout"]:
        print("note: a U-Net's file does not show whether it had dropout; --no-dropout if it was trained without")
    print(f"model: {options.output}")
    if kind == "generator":
        print(f"next: python -m gluon_pix2pix translate --model {options.output} --input PICTURES")
    else:
        print(f"next: python train_pix2pix.py --init-from {options.output} --dataset NAME")


def _refuse_others(path: Path) -> None:
    """Say what cannot be converted, by its name: weights of other programs, and folders."""
    names = [member.name for member in sorted(path.iterdir())] if path.is_dir() else [path.name]
    for name in names:
        program = "TensorFlow" if name == "checkpoint" or ".data-0" in name else _OTHERS.get(Path(name).suffix)
        if program and not (path.is_dir() and program == "MXNet"):
            raise UsageError(
                f"{path} has weights of {program} ({name}): only .pth files of the PyTorch implementation are read; "
                "neither those of affinelayer's pix2pix-tensorflow, its .pict exports included, nor of Torch7"
            )
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a .pth file, or add --to-torch to write a run's networks as such")
