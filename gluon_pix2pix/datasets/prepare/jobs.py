"""Many pictures made in threads, each written whole: what is there stays, and a bad one does not stop the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, NamedTuple, Optional

import cv2
import numpy as np

from gluon_pix2pix import processors
from gluon_pix2pix.errors import one_line
from gluon_pix2pix.pictures.files import read_image, save_picture
from gluon_pix2pix.pictures.folders import list_images, natural_key
from gluon_pix2pix.threads import in_threads
from gluon_pix2pix.writing import UNWRITABLE, PathLike

Progress = Callable[[int, int], None]  # called with how many are done, and of how many


class Job(NamedTuple):
    """One picture to make: where it goes, the files that it is of, and the function that makes it."""

    output: Path
    sources: tuple[Path, ...]
    make: Callable[[], np.ndarray]


@dataclass
class Outcome:
    """How many pictures were made, how many were there already, and a line for each that could not be made."""

    made: int = 0
    kept: int = 0
    problems: list[str] = field(default_factory=list)


def run_jobs(
    jobs: Iterable[Job],
    *,
    save: Callable[[Path, np.ndarray], None] = save_picture,
    overwrite: bool = False,
    workers: Optional[int] = None,
    progress: Optional[Progress] = None,
) -> Outcome:
    """Make the pictures of all jobs, several at a time.

    Parameters
    ----------
    jobs
        Of two that would write the same file the first does, and the second is a problem.
    save
        Writes a picture (H, W, C), folders included.
    overwrite
        Make those again whose file is there.
    workers
        Threads; None for one a processor. OpenCV and numpy let go of Python's lock, so that these run at once.

    Raises
    ------
    OSError
        If the disk is full or cannot be written at all. A single file's errors are problems instead.
    """
    outcome, todo, makers = Outcome(), [], {}
    for job in jobs:
        first = makers.setdefault(job.output, job)
        if first is not job:
            both = f"{first.sources[0]} and {job.sources[0]}"
            outcome.problems.append(f"{both} would both be {job.output}: the second is left out")
        elif job.output.exists() and not overwrite:
            outcome.kept += 1
        else:
            todo.append(job)
    total = len(todo) + outcome.kept
    report = progress or (lambda done, total: None)
    report(outcome.kept, total)
    done_jobs = in_threads(lambda job: _do(job, save), todo, workers=workers or processors())
    for done, problem in enumerate(done_jobs, outcome.kept + 1):
        if problem is None:
            outcome.made += 1
        else:
            outcome.problems.append(problem)
        report(done, total)
    outcome.problems.sort(key=natural_key)
    return outcome


def _do(job: Job, save: Callable[[Path, np.ndarray], None]) -> Optional[str]:
    """Make and write one picture; return what is wrong with it."""
    try:
        save(job.output, job.make())
    except (OSError, ValueError, cv2.error, MemoryError) as error:
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            raise
        return one_line(error, *job.sources)
    return None


def picture_jobs(
    folder: PathLike, output: PathLike, operation: Callable[[np.ndarray, str], np.ndarray], *, format: str = "png"
) -> tuple[list[Job], list[str]]:
    """Return a job for each picture below `folder`, for the same place below `output`, and a line on what is left out.

    `operation` gets the picture, (H, W, C) uint8 or uint16, and its path relative to `folder`.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no picture in it.
    ValueError
        If `output` is `folder` or lies in it.
    """
    folder, output = Path(folder), Path(output)
    refuse_inside(output, folder)
    jobs, listing = [], list_images(folder, arrays=True)
    for path in listing.pictures:
        name = path.relative_to(folder)
        jobs.append(
            Job(
                (output / name).with_suffix(f".{format}"),
                (path,),
                lambda path=path, name=name: operation(read_image(path), name.as_posix()),
            )
        )
    note = listing.note()
    return jobs, [note] if note else []


def refuse_inside(output: PathLike, *inputs: PathLike) -> None:
    """Raise ValueError if `output` is one of the input folders or lies in one: it would be read as input next time."""
    there = Path(output).resolve()
    for folder in inputs:
        here = Path(folder).resolve()
        if there == here or here in there.parents:
            raise ValueError(f"the output {output} is or lies in the input {folder}: name a folder outside of it")
