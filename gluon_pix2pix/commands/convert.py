"""Take over weights from the PyTorch implementation (junyanz/pytorch-CycleGAN-and-pix2pix), or hand ours to it.

A .pth file becomes a model folder, which `translate` and `export` take as --model and `train` as --init-from; a
generator and its discriminator go into the same one. They may lie within other things, as in checkpoints. The network,
its width, channels and norm are recognised, and nothing that a file says is executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Optional

import tyro

from gluon_pix2pix.errors import CommonOptions, UsageError, option_errors
from gluon_pix2pix.handover.converted import convert_file, differences_from_torch, notes_on, write_torch_files
from gluon_pix2pix.pairs.options import DIRECTIONS
from gluon_pix2pix.runs.options_file import read_options
from gluon_pix2pix.wording import command

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
    direction: Optional[Literal[DIRECTIONS]] = None
    """What the network was trained for: AtoB translates the left half of a pair [AtoB]."""
    network: Optional[str] = None
    """Which one, if a file has several generators or discriminators: the keys that lead to it, with dots between."""
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
        found = convert_file(
            options.input,
            options.output,
            network=options.network,
            dropout=options.dropout,
            direction=options.direction,
            crop_size=options.crop_size,
        )
    for network in found:
        described = network.described
        words = [f"{word} {value}" for word, value in described.items() if word != "name"]
        under = f", under {network.where}" if network.where else ""
        print(f"{options.input}{under}: {network.kind} {described['name']}, {', '.join(words)}")
    for note in notes_on(found):
        print(f"note: {note}")
    print(f"model: {options.output}")
    if found[0].kind == "generator":
        print(f"next: {command('translate', '--model', options.output, '--input', 'PICTURES')}")
    else:
        print(f"next: {command('train', '--init-from', options.output, '--dataset', 'NAME')}")


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
    if path.suffix == ".safetensors":
        save = f"torch.save(safetensors.torch.load_file('{path.name}'), 'weights.pth')"
        raise UsageError(
            f'{path} is a file of safetensors: save it anew: python -c "import safetensors.torch, torch; {save}"'
        )
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a .pth file, or add --to-torch to write a run's networks as such")
