"""``data check``: what a folder of pictures holds, what is wrong with it, and a sheet of samples to look at."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Optional

import tyro

from gluon_pix2pix.commands.stage_bar import StageBar
from gluon_pix2pix.datasets.prepare.checking import check_splits, summarize
from gluon_pix2pix.datasets.prepare.contact_sheet import draw_contact_sheet
from gluon_pix2pix.errors import CommonOptions, UsageError, option_errors
from gluon_pix2pix.pairs.coding import make_coding
from gluon_pix2pix.pairs.holdout import hold_out
from gluon_pix2pix.pairs.layouts import WHOLE
from gluon_pix2pix.pairs.locate import Located, pairs_of
from gluon_pix2pix.pairs.options import DIRECTIONS
from gluon_pix2pix.pictures.files import write_image


@dataclass
class CheckOptions(CommonOptions):
    """Decode every picture of a folder: counts, sizes, depths, and what is wrong, a line each (exit code 1)."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")] = tyro.MISSING
    """A data set in any layout that training reads."""
    photos: bool = False
    """The files are single photos (for colorization, inpainting), not pairs side by side."""
    labels: int = 0
    """The source is a label map with so many labels, as in training [no labels]."""
    output_labels: int = 0
    """The target is one."""
    direction: Literal[DIRECTIONS] = "AtoB"
    """With labels: AtoB takes A for the source, BtoA takes B."""
    sheet: Optional[Path] = None
    """Draw samples of each split on a picture of this name, such as check.png."""
    samples: int = 12
    """How many of each split, for --sheet."""
    workers: int = 0
    """Threads; 0 for one a processor."""


def check(options: CheckOptions) -> int:
    """Do what `CheckOptions` says."""
    if options.samples < 1 or options.workers < 0:
        raise UsageError(f"--samples is 1 or more, --workers 0 or more, not {options.samples} and {options.workers}")
    if options.photos and (options.labels or options.output_labels):
        raise UsageError("--photos are no pairs, and --labels and --output-labels are for pairs")
    with option_errors():
        if options.photos:
            coding = make_coding("colorization")
        else:
            coding = make_coding(labels=options.labels, output_labels=options.output_labels, input_nc=0, output_nc=0)
    splits = pairs_of(options.folder, photos=options.photos)
    with StageBar(str(options.folder)) as bar:
        found = check_splits(
            splits,
            coding,
            direction=options.direction,
            workers=options.workers or None,
            progress=functools.partial(bar, "check"),
        )
    for name, members in found.splits.items():
        print(f"{name or options.folder}: {summarize(members)}")
    if WHOLE in splits:
        located = Located(options.folder, "", splits={"train": splits[WHOLE]}, undivided=True)
        print(f"in training: {hold_out(located, noun='photo' if options.photos else 'pair').line}")
    for note in found.notes:
        print(f"note: {note}")
    for problem in found.problems:
        print(f"wrong: {problem}")
    if options.sheet:
        readable = {name: [one.pair.files for one in members if one.shapes] for name, members in found.splits.items()}
        shown = {name: paths for name, paths in readable.items() if paths}
        if shown:
            write_image(options.sheet, draw_contact_sheet(shown, samples=options.samples))
            print(f"samples: {options.sheet}")
    said = {0: "nothing is wrong", 1: "1 thing is wrong"}
    print(said.get(len(found.problems), f"{len(found.problems):,} things are wrong"))
    return 1 if found.problems else 0
