"""Many pictures made in threads, each written whole: what is there stays, and a bad one does not stop the others."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, NamedTuple, Optional

import cv2
import numpy as np
from PIL import Image

from gluon_pix2pix import processors
from gluon_pix2pix.pictures.files import PathLike, find_images, natural_key, read_image, write_image
from gluon_pix2pix.writing import write_atomically

# Errors that the next picture would meet as well.
HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

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
    troubles: list[str] = field(default_factory=list)


def run_jobs(
    jobs: Iterable[Job],
    *,
    overwrite: bool = False,
    quality: int = 95,
    workers: Optional[int] = None,
    progress: Optional[Progress] = None,
) -> Outcome:
    """Make the pictures of all jobs, several at a time.

    Parameters
    ----------
    jobs
        Of two that would write the same file the first does, and the second is a trouble.
    overwrite
        Make those again whose file is there.
    quality
        Of .jpg files, 1 to 100; colours are kept at full resolution (4:4:4).
    workers
        Threads; None for one a processor. OpenCV and numpy let go of Python's lock, so that these run at once.

    Raises
    ------
    OSError
        If the disk is full or cannot be written at all. A single file's errors are troubles instead.
    """
    outcome, todo, makers = Outcome(), [], {}
    for job in jobs:
        first = makers.setdefault(job.output, job)
        if first is not job:
            both = f"{first.sources[0]} and {job.sources[0]}"
            outcome.troubles.append(f"{both} would both be {job.output}: the second is left out")
        elif job.output.exists() and not overwrite:
            outcome.kept += 1
        else:
            todo.append(job)
    total = len(todo) + outcome.kept
    report = progress or (lambda done, total: None)
    report(outcome.kept, total)
    for done, trouble in enumerate(in_threads(lambda job: _do(job, quality), todo, workers), outcome.kept + 1):
        if trouble is None:
            outcome.made += 1
        else:
            outcome.troubles.append(trouble)
        report(done, total)
    outcome.troubles.sort(key=natural_key)  # threads finish in any order
    return outcome


def in_threads(function: Callable, items: Sequence, workers: Optional[int] = None) -> Iterable:
    """Yield `function` of each item as it gets done; after an exception, what has not begun is dropped."""
    pool = ThreadPoolExecutor(workers or processors())
    try:
        for future in as_completed([pool.submit(function, item) for item in items]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _do(job: Job, quality: int) -> Optional[str]:
    """Make and write one picture; return what is wrong with it."""
    try:
        save_picture(job.output, job.make(), quality=quality)
    except (OSError, ValueError, cv2.error, MemoryError) as error:
        if isinstance(error, OSError) and error.errno in HOPELESS:
            raise
        return describe(error, *job.sources)
    return None


def describe(error: Exception, *paths: Path) -> str:
    """Return one line about an error that names the file: one of `paths`, the first unless the error says which."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename or paths[0]}: {error.strerror}"
    return text if any(str(path) in text for path in paths) else f"{paths[0]}: {text}"


def save_picture(path: Path, picture: np.ndarray, *, quality: int = 95) -> None:
    """Write (H, W, C) as `write_image` does, folders included; JPEGs in a quality of one's own, 4:4:4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".jpg" or picture.dtype != np.uint8 or picture.shape[2] not in (1, 3):
        write_image(path, picture)
        return
    stream = io.BytesIO()
    pixels = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else np.ascontiguousarray(picture))
    pixels.save(stream, "JPEG", quality=quality, subsampling=0)
    write_atomically(path, stream.getvalue())


def picture_jobs(
    folder: PathLike, output: PathLike, operation: Callable[[np.ndarray, str], np.ndarray], *, format: str = "png"
) -> list[Job]:
    """Return a job for each picture below `folder`, for the same place below `output`.

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
    jobs = []
    for path in find_images(folder, recursive=True, arrays=True):
        name = path.relative_to(folder)
        jobs.append(
            Job(
                (output / name).with_suffix(f".{format}"),
                (path,),
                lambda path=path, name=name: operation(read_image(path), name.as_posix()),
            )
        )
    return jobs


def refuse_inside(output: PathLike, *inputs: PathLike) -> None:
    """Raise ValueError if `output` is one of the input folders or lies in one: it would be read as input next time."""
    there = Path(output).resolve()
    for folder in inputs:
        here = Path(folder).resolve()
        if there == here or here in there.parents:
            raise ValueError(f"the output {output} is or lies in the input {folder}: name a folder outside of it")
