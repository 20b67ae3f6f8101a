"""Two folders, A and B, into pairs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import numpy as np

from gluon_pix2pix.datasets.prepare.jobs import Job, refuse_inside
from gluon_pix2pix.datasets.prepare.operations import side_by_side
from gluon_pix2pix.pairs.layouts import PairPaths, Split, two_folders
from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.writing import PathLike


def combine_jobs(
    a_dir: PathLike, b_dir: PathLike, output: PathLike, *, format: str = "png", resize_b: Optional[str] = None
) -> tuple[list[Job], Split]:
    """Return the jobs that put A and B side by side, A on the left, and what was found, with problems and notes.

    Parameters
    ----------
    resize_b
        If not None: bring B to A's size where it has another one, by averages ("smooth") or nearest pixels
        ("nearest", for label maps). Otherwise such a pair is a problem.

    Raises
    ------
    FileNotFoundError, ValueError
        As `two_folders` does; and if `output` is or lies in A or B.
    """
    refuse_inside(output, a_dir, b_dir)
    found = two_folders(a_dir, b_dir)
    jobs = [
        Job(Path(output, f"{pair.stem}.{format}"), (pair.a, pair.b), lambda pair=pair: _combine(pair, resize_b))
        for pair in found.pairs
    ]
    return jobs, found


def _combine(pair: PairPaths, resize_b: Optional[str]) -> np.ndarray:
    a, b = read_image(pair.a), read_image(pair.b)
    if resize_b is not None:
        b = resize(b, *a.shape[:2], nearest=resize_b == "nearest")
    try:
        return side_by_side(a, b)
    except ValueError as error:
        raise ValueError(f"{pair.a} and {pair.b}: {error}") from None
