"""The options of ``evaluate``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Optional

import tyro

from gluon_pix2pix import processors
from gluon_pix2pix.errors import CommonOptions
from gluon_pix2pix.evaluation.named_metrics import HEADINGS
from gluon_pix2pix.evaluation.names import DEFAULT_METRICS, METRICS
from gluon_pix2pix.pairs.options import DIRECTIONS

DECIMALS = dict.fromkeys(HEADINGS, 2) | {"ssim": 4, "ms_ssim": 4, "mse": 3, "mae": 3}
MetricName = Literal[METRICS]


@dataclass
class Options(CommonOptions):
    """What to score, and against what."""

    folder: tyro.conf.Positional[Path] = tyro.MISSING
    """Folder of translated pictures: one run's, or several runs' folders, at any depth."""
    targets: Optional[Path] = None
    """Folder of the true pictures, if they lie apart: paired by relative path without extension."""
    output: Optional[Path] = None
    """Folder for scores.json and scores.csv (default: beside the pictures)."""
    metrics: tuple[MetricName, ...] = DEFAULT_METRICS
    """What to compute; each one's protocol is printed with it."""
    skip_bad: bool = False
    """Score the rest when some pictures cannot be scored; they are listed in scores.json, the exit code stays 1."""
    show: int = 3
    """How many of the worst and of the best pictures to name."""
    workers: int = field(default_factory=processors)
    """How many pictures to score at a time."""
    palette: Optional[str] = None
    """Score the classes of label pictures: facades, cityscapes, or a file of names and colours [the data set's own]."""
    segmenter: bool = False
    """Train a network (once) to read labels off real photos, and score what it finds of the sources' in the fakes."""
    dataset: Optional[str] = None
    """For --segmenter: the data set whose training pairs it learns from, a name or a folder."""
    data_root: Path = Path("data")
    """The folder of the data sets."""
    direction: Optional[Literal[DIRECTIONS]] = None
    """For --segmenter: the generator's direction, from label pictures to photos [the data set's own]."""
    segmenter_dir: Annotated[Optional[Path], tyro.conf.arg(metavar="DIR")] = None
    """Where segmenters are kept [.segmenters in the folder of the data sets]."""
    segmenter_epochs: int = 25
    """How long a segmenter learns."""
    seed: int = 0
    """For --segmenter: decides its initial weights and the order of its training."""
    gpu: Optional[str] = None
    """For --segmenter: a GPU such as 0; -1 for the CPU [the first GPU there is, else the CPU]."""
