"""Pictures, or pairs of A and B, dealt out to train, val and test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from gluon_pix2pix.datasets.prepare.jobs import refuse_inside
from gluon_pix2pix.pairs.holdout import deal
from gluon_pix2pix.pairs.layouts import Split, side_by_side, two_folders
from gluon_pix2pix.writing import PathLike


def split_counts(total: int, fractions: Sequence[float]) -> list[int]:
    """Return how many of `total` each fraction gets, rounded by the largest remainders.

    A fraction that is not 0 gets one at least; where there are too few for that, the largest remainders do.

    Raises
    ------
    ValueError
        If a fraction is negative, or they do not sum to 1.
    """
    if min(fractions) < 0 or not math.isclose(sum(fractions), 1, abs_tol=1e-6):
        words = " ".join(f"{fraction:g}" for fraction in fractions)
        raise ValueError(f"the fractions {words} sum to {sum(fractions):g}: they are 0 or more and sum to 1")
    exact = [total * fraction for fraction in fractions]
    counts = [math.floor(share + 1e-9) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: counts[i] - exact[i])
    for i in by_remainder[: total - sum(counts)]:
        counts[i] += 1
    for i, fraction in enumerate(fractions):
        if fraction and not counts[i]:
            richest = max(range(len(counts)), key=lambda j: counts[j])
            if counts[richest] > 1:
                counts[richest] -= 1
                counts[i] = 1
    return counts


def plan_split(
    folder: PathLike, output: PathLike, *, fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0
) -> tuple[dict[str, Path], Split]:
    """Say which file of `folder` goes where below `output`, by `seed` and the names alone.

    `folder` holds pictures, or A/ and B/ whose files are dealt out in pairs, to trainA/ and trainB/ and so on.

    Returns
    -------
    dict[str, Path], Split
        What `put_files` takes; and what was found, with its problems and notes.

    Raises
    ------
    FileNotFoundError
        If there is no picture.
    ValueError
        If the fractions are none, the folder is split already or has pictures in other folders, or `output` is or
        lies in it.
    """
    folder = Path(folder)
    refuse_inside(output, folder)
    split_counts(1, fractions)  # before thousands of files are listed
    if (folder / "A").is_dir() and (folder / "B").is_dir():
        found = two_folders(folder / "A", folder / "B")
    else:
        found = side_by_side(folder)
    sides = {pair.stem: pair.files for pair in found.pairs}
    names = list(sides)
    deep = next((name for name in names if "/" in name), None)
    if deep:
        raise ValueError(
            f"{folder} has pictures in folders ({deep}): only those directly in it, or in its A/ and B/, are split"
        )
    files = {}
    for split, members in deal(names, split_counts(len(names), fractions), seed=seed).items():
        for name in members:
            for side, path in zip("AB" if len(sides[name]) == 2 else ("",), sides[name]):
                files[f"{split}{side}/{name}{path.suffix if side else ''}"] = path
    return files, found
