"""The options of ``translate``, each told once, in the dataclasses that the work is done by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Optional

import tyro

from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.pairs.layouts import SPLITS

FORMATS = {"png": ".png", "jpg": ".jpg", "tiff": ".tiff"}


@dataclass(frozen=True)
class ModelOptions:
    """The generator, and how it translates."""

    model: Annotated[str, tyro.conf.arg(metavar="PATH")] = tyro.MISSING
    """A model in the box, which `models` lists, the folder of a run, the folder of an export, or an .onnx file."""
    epoch: str = "latest"
    """The checkpoint of a run: a number of epochs, latest, or best (by validation score)."""
    statistics: Optional[Literal["picture", "batch", "running"]] = None
    """Normalise by each picture's own statistics, as the paper does, by those of each --batch-size pictures, or by the
    running ones of training [picture; what is in its graph for an export]."""
    dropout: bool = True
    """Keep dropout on, as the paper does; exports have none."""
    seed: int = 0
    """Decides, with each picture's name, what dropout drops."""
    keep_size: bool = False
    """Translate pictures at their own size instead of the size of training."""
    tile: Optional[int] = None
    """Translate larger pictures in overlapping tiles of this many pixels a side, in little memory; of use with
    --keep-size."""
    batch_size: int = 4
    """The most pictures of one size that go through the network together, where their answers do not depend on it."""
    backend: Optional[Literal["mxnet", "onnx"]] = None
    """What computes an export that has both."""
    gpu: Optional[str] = None
    """A GPU such as 0; -1 for the CPU [the first GPU there is, else the CPU]. MXNet's alone."""
    provider: Optional[str] = None
    """What computes an ONNX model: an execution provider of ONNX Runtime, such as cuda, tensorrt, directml or coreml
    [cpu]."""


@dataclass(frozen=True)
class InputOptions:
    """What is translated, and what the answers should be."""

    input: Annotated[str, tyro.conf.arg(metavar="PATH")] = tyro.MISSING
    """A picture, a folder with its subfolders, a pattern in quotes ('in/**/*.jpg'), a list of paths (.txt) or of pairs
    (.csv, .tsv), a video, or - for a picture from standard input."""
    pairs: Literal["auto", "yes", "no"] = "auto"
    """Whether the inputs hold the true answer too: side-by-side pairs, a list's other column or, for colorization and
    inpainting, whole photos. auto says yes to a list of pairs, if every picture is coloured, or if every one is as wide
    as the pairs of training, which lay side by side."""
    targets: Optional[Path] = None
    """A folder of true answers with the inputs' names, where these are files of their own."""
    mask_file: Optional[Path] = None
    """For inpainting: a picture of the photo's size, white where to paint; for several photos a folder of such, with
    the photos' names [what is transparent in the photos]. All other pixels stay as they are."""
    split: Optional[Literal[SPLITS]] = None
    """Take only the lines of a list whose third column says so."""

    def __post_init__(self) -> None:
        if self.mask_file and (self.targets or self.pairs == "yes"):
            other = "--targets" if self.targets else "--pairs yes"
            raise UsageError(f"--mask-file is for photos whose true pixels nobody knows: leave out {other}")
        if self.mask_file and self.input == "-":
            raise UsageError("--mask-file goes with a file or folder: from standard input, transparent pixels count")
        if self.targets and self.pairs == "yes":
            raise UsageError(
                "--pairs yes finds the true answers in the inputs, --targets in a folder: pass one of them"
            )


@dataclass(frozen=True)
class ResultOptions:
    """Where results are written, and how."""

    output: Optional[str] = None
    """A folder, which gets NAME_fake.png, NAME_source.png and, where it is known, NAME_target.png [results/<name of the
    model>]; or, for one picture, the file to write, such as out.png. With --input - it is that file [- for standard
    output]."""
    overwrite: bool = False
    """Translate anew what has been translated into the same folder before, or to the same file."""
    aspect_ratio: float = 1.0
    """Stretch results to be so much wider (or, below 1, higher), where training has squeezed them."""
    format: Literal[tuple(FORMATS)] = "png"
    """How pictures are written; png and tiff hold 16 bits."""
    quality: int = 95
    """Of jpg, 1 to 100."""
    side_by_side: bool = False
    """Write NAME_side too: source, answer and target in a row. Videos show source and answer."""
    video_format: Literal["same", "mp4", "mkv", "avi", "frames"] = "same"
    """mkv is lossless; frames writes numbered pictures."""

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise UsageError(f"--quality {self.quality} is not between 1 and 100")
        if not 0 < self.aspect_ratio < 100:
            raise UsageError(f"--aspect-ratio {self.aspect_ratio} is not between 0 and 100")
