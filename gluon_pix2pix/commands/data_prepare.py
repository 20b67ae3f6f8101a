"""Pictures of one's own into a data set: ``data combine``, ``split``, ``resize`` and so on."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Callable, Optional

import numpy as np

from gluon_pix2pix.commands.data_options import (
    BlankOptions,
    CityscapesOptions,
    CmpOptions,
    CombineOptions,
    CropOptions,
    EdgesOptions,
    FitOptions,
    FolderOptions,
    GrayscaleOptions,
    LabelsOptions,
    MakeOptions,
    ResizeOptions,
    SplitOptions,
)
from gluon_pix2pix.commands.stage_bar import StageBar
from gluon_pix2pix.datasets.prepare import operations
from gluon_pix2pix.datasets.prepare.cityscapes import cityscapes_jobs
from gluon_pix2pix.datasets.prepare.cmp import cmp_jobs
from gluon_pix2pix.datasets.prepare.combine import combine_jobs
from gluon_pix2pix.datasets.prepare.copying import put_files
from gluon_pix2pix.datasets.prepare.jobs import Job, picture_jobs, run_jobs
from gluon_pix2pix.datasets.prepare.labels import palette_text, plan_labels, write_labels
from gluon_pix2pix.datasets.prepare.split import plan_split
from gluon_pix2pix.errors import UsageError, option_errors
from gluon_pix2pix.evaluation.palettes import read_palette
from gluon_pix2pix.pictures.arithmetic import with_channels
from gluon_pix2pix.pictures.files import save_picture
from gluon_pix2pix.pictures.headers import MAX_PIXELS
from gluon_pix2pix.wording import count
from gluon_pix2pix.writing import write_atomically


def make(
    options: MakeOptions,
    jobs: Sequence[Job],
    problems: Sequence[str] = (),
    notes: Sequence[str] = (),
    *,
    save: Optional[Callable[[Path, np.ndarray], None]] = None,
) -> int:
    """Make pictures, report, and return the exit code."""
    options.check()
    options.output.mkdir(parents=True, exist_ok=True)  # if it cannot be, that is one error and not one a picture
    with StageBar(str(options.output)) as bar:
        outcome = run_jobs(
            jobs,
            save=save or functools.partial(save_picture, quality=options.quality),
            overwrite=options.overwrite,
            workers=options.workers or None,
            progress=functools.partial(bar, "write"),
        )
    problems = [*problems, *outcome.problems]
    say(problems, notes)
    kept = f", {outcome.kept:,} were there already (--overwrite makes them again)" if outcome.kept else ""
    print(f"{options.output}: {outcome.made:,} written{kept}{f', {len(problems):,} errors' if problems else ''}")
    return 1 if problems else 0


def say(problems: Sequence[str], notes: Sequence[str]) -> None:
    """Print what was wrong, and what else was left out."""
    for note in notes:
        print(f"note: {note}")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)


def make_each(options: FolderOptions, operation: Callable[[np.ndarray, str], np.ndarray]) -> int:
    """Make a picture of each in a folder, and put it beside that if `options.pairs` says so."""
    options.check()

    def paired(picture: np.ndarray, name: str) -> np.ndarray:
        return operations.side_by_side(operation(picture, name), picture)

    chosen = paired if getattr(options, "pairs", False) else operation
    with option_errors():
        jobs, notes = picture_jobs(options.input, options.output, chosen, format=options.format)
    return make(options, jobs, notes=notes)


def combine(options: CombineOptions) -> int:
    """Do what `CombineOptions` says."""
    if options.nearest and not options.resize:
        raise UsageError("--nearest says how to --resize: give both")
    resize_b = None if not options.resize else "nearest" if options.nearest else "smooth"
    with option_errors():
        jobs, found = combine_jobs(options.a, options.b, options.output, format=options.format, resize_b=resize_b)
    return make(options, jobs, found.problems, found.notes)


def split(options: SplitOptions) -> int:
    """Do what `SplitOptions` says."""
    if options.link and options.move:
        raise UsageError("--link keeps the originals and --move removes them: give one")
    if options.seed < 0:
        raise UsageError(f"--seed is 0 or more, not {options.seed}")
    with option_errors():
        files, found = plan_split(options.input, options.output, fractions=options.fractions, seed=options.seed)
    way = "link" if options.link else "move" if options.move else "copy"
    with StageBar(str(options.output)) as bar:
        put_files(files, options.output, way=way, progress=functools.partial(bar, way))
    say(found.problems, found.notes)
    folders = [name.split("/")[0] for name in files]
    print(f"{options.output}: {', '.join(f'{name} {folders.count(name):,}' for name in dict.fromkeys(folders))}")
    return 1 if found.problems else 0


def resize(options: ResizeOptions) -> int:
    """Do what `ResizeOptions` says."""
    width, height = _size(options.size)
    if options.pad and options.crop:
        raise UsageError("--pad adds and --crop cuts off: give one")
    if not 0 <= options.fill <= 255:
        raise UsageError(f"--fill is 0 to 255, not {options.fill}")
    how = "pad" if options.pad else "crop" if options.crop else "stretch"
    return _fit(
        options,
        lambda picture: operations.fit(picture, height, width, how=how, nearest=options.nearest, fill=options.fill),
    )


def crop(options: CropOptions) -> int:
    """Do what `CropOptions` says."""
    if not options.size:
        return _fit(options, operations.largest_square)
    width, height = _size(options.size)
    return _fit(options, lambda picture: operations.crop_center(picture, height, width))


def _fit(options: FitOptions, operation: Callable[[np.ndarray], np.ndarray]) -> int:
    whole = operations.on_halves(operation) if options.halves else operation
    return make_each(options, lambda picture, name: whole(picture))


def _size(size: Sequence[int]) -> tuple[int, int]:
    if len(size) not in (1, 2) or min(size) < 1:
        words = " ".join(str(side) for side in size)
        raise UsageError(f"--size is a side, or width and height, of 1 pixel or more, not {words!r}")
    if size[0] * size[-1] > MAX_PIXELS:
        raise UsageError(f"--size {size[0]} x {size[-1]} is over {MAX_PIXELS:,} pixels, the most that is read")
    return size[0], size[-1]


def grayscale(options: GrayscaleOptions) -> int:
    """Do what `GrayscaleOptions` says."""
    return make_each(options, lambda picture, name: with_channels(picture, 1))


def blank(options: BlankOptions) -> int:
    """Do what `BlankOptions` says."""
    if options.seed < 0:
        raise UsageError(f"--seed is 0 or more, not {options.seed}")
    punch = functools.partial(operations.punch_hole, mask=options.mask, seed=options.seed)
    return make_each(options, punch)


def edges(options: EdgesOptions) -> int:
    """Do what `EdgesOptions` says."""
    if not 0 <= options.low <= options.high or options.blur < 0:
        raise UsageError(
            f"--low {options.low:g} is 0 or more and at most --high {options.high:g}, and --blur 0 or more"
        )
    draw = functools.partial(operations.draw_edges, low=options.low, high=options.high, blur=options.blur)
    return make_each(options, lambda picture, name: draw(picture))


def labels(options: LabelsOptions) -> int:
    """Do what `LabelsOptions` says; the palette is written beside the folder, to be named for further ones."""
    options.check()
    if options.nearest and not options.palette:
        raise UsageError("--nearest takes the nearest colour of a --palette: give both")
    with option_errors(), StageBar(str(options.input)) as bar:
        plan = plan_labels(
            options.input,
            options.output,
            palette=read_palette(options.palette) if options.palette else None,
            nearest=options.nearest,
            workers=options.workers or None,
            progress=functools.partial(bar, "look"),
        )
    code = make(options, plan.jobs, notes=plan.notes, save=functools.partial(write_labels, colours=plan.colours))
    palette = options.output.with_name(f"{options.output.name}.palette.txt")
    if not options.palette:
        write_atomically(palette, palette_text(plan.colours).encode())
        print(f"palette: {palette} (for further folders: --palette {palette})")
    print(f"{count(len(plan.colours), 'label')}: train with --labels {len(plan.colours)}, or --output-labels")
    return code


def cityscapes(options: CityscapesOptions) -> int:
    """Do what `CityscapesOptions` says; frames.csv tells which frame each pair is."""
    _size([options.size])
    jobs, frames, problems = cityscapes_jobs(
        options.input,
        options.output,
        size=options.size,
        smooth_labels=options.smooth_labels,
        format=options.format,
    )
    code = make(options, jobs, problems)
    made = {name: frame for name, frame in frames.items() if Path(options.output, name).exists()}
    table = "".join(f"{name},{frame}\n" for name, frame in made.items())
    write_atomically(Path(options.output, "frames.csv"), f"picture,frame\n{table}".encode())
    return code


def cmp(options: CmpOptions) -> int:
    """Do what `CmpOptions` says."""
    _size([options.size])
    if not options.inputs:
        raise UsageError("cmp needs the folders of the unpacked base and extended archives")
    if options.pad and options.stretch:
        raise UsageError("--pad adds and --stretch squeezes: give one")
    if options.seed < 0:
        raise UsageError(f"--seed is 0 or more, not {options.seed}")
    how = "pad" if options.pad else "stretch" if options.stretch else "crop"
    return make(
        options,
        *cmp_jobs(options.inputs, options.output, size=options.size, how=how, seed=options.seed, format=options.format),
    )


COMMANDS = {
    "combine": (CombineOptions, combine),
    "split": (SplitOptions, split),
    "resize": (ResizeOptions, resize),
    "crop": (CropOptions, crop),
    "grayscale": (GrayscaleOptions, grayscale),
    "blank": (BlankOptions, blank),
    "edges": (EdgesOptions, edges),
    "labels": (LabelsOptions, labels),
    "cityscapes": (CityscapesOptions, cityscapes),
    "cmp": (CmpOptions, cmp),
}
