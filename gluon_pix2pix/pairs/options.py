"""The options of what is trained on: which pictures, what they mean, and what is done to them on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Optional

from gluon_pix2pix.pairs.choices import MASKS, TASKS, PreprocessOptions

if TYPE_CHECKING:
    from gluon_pix2pix.pairs.coding import Coding

DIRECTIONS = ("AtoB", "BtoA")


@dataclass(frozen=True)
class TaskOptions:
    """What the network learns to make of what."""

    task: Literal[TASKS] = "pairs"
    """Translate A to B; or learn from plain photos to colour black-and-white ones, or to fill holes."""
    mask: Literal[MASKS] = "center"
    """The hole of --task inpainting: the central quarter, or a rectangle drawn anew every time."""
    input_nc: Optional[int] = field(default=None, metadata={"least": 1})
    """Channels of the source: 3 for RGB, 1 for gray, others for .tif and .npy [3, or what --task or --labels says]."""
    output_nc: Optional[int] = field(default=None, metadata={"least": 1})
    """Channels of the target, likewise."""
    labels: int = field(default=0, metadata={"least": 0})
    """The source is a label map (palette or 1-channel PNG) with so many labels, each shown as a channel [no labels]."""
    output_labels: int = field(default=0, metadata={"least": 0})
    """The target is one."""

    def describe(self) -> dict:
        """Return the task as `make_coding` takes it, with the channels that it makes."""
        from gluon_pix2pix.pairs.coding import make_coding  # here: --help comes without OpenCV

        counts = {"labels": self.labels, "output_labels": self.output_labels}
        channels = {"input_nc": self.input_nc or 3, "output_nc": self.output_nc or 3}
        coding = make_coding(self.task, mask=self.mask, **counts, **channels)
        channels = {"input_nc": coding.source.channels, "output_nc": coding.target.channels}
        return {"task": self.task, **channels, **counts, "mask": self.mask}

    def coding(self) -> Coding:
        """Return the coding of the task."""
        from gluon_pix2pix.pairs.coding import make_coding  # as above

        return make_coding(**self.describe())

    def channels(self) -> tuple[int, int]:
        """Return the channels of source and target, as the networks see them."""
        described = self.describe()
        return described["input_nc"], described["output_nc"]

    def check(self) -> None:
        """Raise ValueError if the options do not go together."""
        described = self.describe()
        for name in ("input_nc", "output_nc"):
            if getattr(self, name) not in (None, described[name]):
                words = f"--{name.replace('_', '-')} {getattr(self, name)}"
                raise ValueError(f"{words} contradicts --task {self.task}, or the labels: these make {described[name]}")
        if self.mask != "center" and self.task != "inpainting":
            raise ValueError(f"--mask {self.mask} is for --task inpainting, not for {self.task}")


@dataclass(frozen=True)
class DataOptions(PreprocessOptions):
    """Which pictures, and how they are read."""

    dataset: str = "demo"
    """A name that `data list` shows; a folder with train/ (and val/, test/) in it, or of pairs without splits, side by
    side or in A/ and B/; or a list of pairs, two columns of paths in a .csv or .tsv file."""
    data_root: Path = field(default=Path("data"), metadata={"may_change": True})
    """The folder of the named data sets; a set that is not there is downloaded, or drawn."""
    direction: Optional[Literal[DIRECTIONS]] = None
    """AtoB translates the left half of the files to the right one [the data set's own, AtoB for other folders]."""
    val_fraction: Optional[float] = None
    """The share of the pairs that is held out to validate on, of data without val/ and test/; 0 trains on all [one pair
    in five, 100 at most, of data without splits]."""
    batch_size: int = field(default=1, metadata={"least": 1})
    """Pairs in a step, over all devices and machines."""
    max_dataset_size: Optional[int] = field(default=None, metadata={"least": 1})
    """Use only the first so many pairs of each split."""
    serial_batches: bool = False
    """Take the pairs in their order, every epoch the same, instead of a new one drawn."""
    skip_bad: bool = field(default=False, metadata={"may_change": True})
    """Leave out files that cannot be read, and say which, instead of stopping."""
    cache: bool = field(default=False, metadata={"may_change": True})
    """Keep the decoded pictures in memory, if half of what is free holds them; no result changes."""
    num_workers: int = field(default=2, metadata={"least": 0, "may_change": True})
    """Threads that read pictures ahead; 0 reads them in between."""

    def check(self) -> None:
        """Raise ValueError if the options do not go together."""
        super().check()
        if self.val_fraction is not None and not 0 <= self.val_fraction < 1:
            raise ValueError(f"--val-fraction {self.val_fraction:g} is no share: it is 0 or more and below 1")
