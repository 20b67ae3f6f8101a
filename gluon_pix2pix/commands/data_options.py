"""The options of ``data combine``, ``split``, ``resize`` and the others that make pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Optional

import tyro

from gluon_pix2pix.errors import CommonOptions, UsageError
from gluon_pix2pix.pairs.coding import MASKS

Input = Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="INPUT")]
Output = Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUTPUT")]


@dataclass
class MakeOptions(CommonOptions):
    """What every subcommand that makes pictures takes."""

    format: Literal["png", "jpg", "tif", "npy"] = "png"
    """png loses nothing and keeps 16 bits; jpg is smaller; tif and npy hold any number of channels."""
    quality: int = 95
    """Of jpg files, 1 to 100."""
    overwrite: bool = False
    """Make pictures again that are there; by default they are kept."""
    workers: int = 0
    """Threads; 0 for one a processor."""

    def check(self) -> None:
        """Refuse numbers that cannot be."""
        if not 1 <= self.quality <= 100:
            raise UsageError(f"--quality is 1 to 100, not {self.quality}")
        if self.workers < 0:
            raise UsageError(f"--workers is 0 or more, not {self.workers}")


@dataclass
class FolderOptions(MakeOptions):
    """What every subcommand takes that treats the pictures of a folder one by one."""

    input: Input = tyro.MISSING
    """A folder of pictures; its subfolders come along."""
    output: Output = tyro.MISSING
    """The folder to make."""


@dataclass
class FitOptions(FolderOptions):
    """How pictures get another size."""

    halves: bool = False
    """The files are pairs side by side: treat each half by itself."""


@dataclass
class PairingOptions(FolderOptions):
    """Whether what is made of a photo goes beside it."""

    pairs: bool = False
    """Write pairs side by side: what is made of the photo on the left (A), the photo on the right (B)."""


@dataclass
class CombineOptions(MakeOptions):
    """Put the pictures of two folders side by side, A left, B right; partners have the same name (or 1_A and 1_B)."""

    a: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="A")] = tyro.MISSING
    """The folder of the A pictures, with train/ and so on in it or without."""
    b: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="B")] = tyro.MISSING
    """The folder of the B pictures, of the same structure."""
    output: Output = tyro.MISSING
    """The folder to make."""
    resize: bool = False
    """Bring B to A's size where it has another; by default such pairs are reported and left out."""
    nearest: bool = False
    """With --resize: take nearest pixels, for label maps."""


@dataclass
class SplitOptions(CommonOptions):
    """Deal pictures, or the pairs of A/ and B/, out to train, val and test."""

    input: Input = tyro.MISSING
    """A folder of pictures (pairs side by side, or photos), or one with A/ and B/ in it."""
    output: Output = tyro.MISSING
    """The folder to make: train/, val/, test/, or trainA/, trainB/ and so on."""
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Of train, val and test; they sum to 1."""
    seed: int = 0
    """Another seed is another split."""
    link: bool = False
    """Hard links instead of copies: no space, same file system."""
    move: bool = False
    """Remove the originals when all is in place."""


@dataclass
class ResizeOptions(FitOptions):
    """Bring pictures to one size; large ones are shrunk by area averages."""

    size: tuple[int, ...] = (256,)
    """Pixels: a side, or width and height."""
    pad: bool = False
    """Keep the aspect: add borders."""
    crop: bool = False
    """Keep the aspect: cut off what is too much."""
    fill: int = 0
    """With --pad: brightness of the borders, 0 to 255."""
    nearest: bool = False
    """Take nearest pixels instead of averages: for label maps."""


@dataclass
class CropOptions(FitOptions):
    """Cut the center out of pictures."""

    size: tuple[int, ...] = ()
    """Pixels: a side, or width and height; by default the largest square."""


@dataclass
class GrayscaleOptions(PairingOptions):
    """Make pictures gray (BT.601 luma)."""


@dataclass
class BlankOptions(PairingOptions):
    """Punch white holes into pictures, for inpainting."""

    mask: Literal[MASKS] = "center"
    """The central quarter, or a rectangle anywhere."""
    seed: int = 0
    """Another seed is other random holes; they hang on the pictures' names too."""


@dataclass
class EdgesOptions(PairingOptions):
    """Draw the edges of pictures in black on white, by Canny's detector."""

    low: float = 60
    """An edge goes on while the gradient is above this."""
    high: float = 120
    """An edge begins where the gradient is above this."""
    blur: float = 1
    """Standard deviation of the smoothing before, in pixels; 0 for none."""


@dataclass
class LabelsOptions(FolderOptions):
    """Make label maps, as --labels takes them, of label pictures: palettes that differ, masks of 0 and 255, colours."""

    format: Literal["png"] = "png"
    """A palette picture: it shows the colours, and holds the numbers."""
    palette: Optional[str] = None
    """Which colour is which label: facades, cityscapes, or a file of names and colours [every colour that there is]."""
    nearest: bool = False
    """Take the nearest colour of the palette, for pictures that are blurred, such as JPEGs."""


@dataclass
class CityscapesOptions(MakeOptions):
    """Make photo | label pairs of the Cityscapes originals, as the pix2pix authors did."""

    input: Input = tyro.MISSING
    """The folder with leftImg8bit/ and gtFine/ in it."""
    output: Output = tyro.MISSING
    """The folder to make, such as data/cityscapes."""
    size: int = 256
    """Side of photo and label map, in pixels."""
    smooth_labels: bool = False
    """Average the labels' colours when shrinking, as the authors' script does; by default they stay pure."""
    format: Literal["png", "jpg"] = "jpg"
    """png loses nothing; the authors use jpg."""
    quality: int = 100
    """Of jpg files, 1 to 100."""


@dataclass
class CmpOptions(MakeOptions):
    """Make photo | label pairs of the CMP Facade Database's originals, in train, val and test."""

    output: Path = Path("data/cmp")
    """The folder to make."""
    inputs: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="INPUT...")] = tyro.MISSING
    """The folders of the unpacked base and extended archives."""
    size: int = 256
    """Side of photo and label map, in pixels."""
    pad: bool = False
    """Keep all of the photo, with borders; by default the center square is cut out."""
    stretch: bool = False
    """Keep all of the photo, squeezed to a square."""
    seed: int = 0
    """Deals out train, val and test."""
