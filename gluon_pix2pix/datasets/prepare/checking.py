"""What is wrong with the pictures of a data set, and what they are like."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import cv2
import numpy as np

from gluon_pix2pix import processors
from gluon_pix2pix.datasets.prepare.jobs import Progress
from gluon_pix2pix.errors import one_line
from gluon_pix2pix.pairs.layouts import LISTS, PairPaths, Split, find_splits, side_by_side, two_folders
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.threads import in_threads
from gluon_pix2pix.writing import PathLike


@dataclass(frozen=True)
class Facts:
    """What one picture is like: shape (H, W, C) and bits of its file or files, a digest of the pixels, problems."""

    pair: PairPaths
    shapes: tuple[tuple[int, int, int], ...] = ()
    bits: tuple[int, ...] = ()
    digest: str = ""
    problems: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """The file, or A and B."""
        return (self.pair.a,) if self.pair.b is None else (self.pair.a, self.pair.b)


def splits_of(folder: PathLike, *, photos: bool = False) -> dict[str, Split]:
    """Find the splits of a data set, as training does, or under "" the pictures of a folder that has none.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or list, or no picture.
    ValueError
        As `layouts.find_splits` does.
    """
    folder = Path(folder)
    if not folder.is_dir() and not (folder.is_file() and folder.suffix.lower() in LISTS):
        raise FileNotFoundError(f"{folder} is neither a folder of pictures nor a list of pairs ({' '.join(LISTS)})")
    splits = find_splits(folder, photos=photos)
    if splits:
        return splits
    halves = folder / "A", folder / "B"
    return {"": two_folders(*halves) if all(half.is_dir() for half in halves) else side_by_side(folder)}


def check_splits(
    splits: Mapping[str, Split],
    *,
    photos: bool = False,
    workers: Optional[int] = None,
    progress: Optional[Progress] = None,
) -> tuple[dict[str, list[Facts]], list[str]]:
    """Decode every picture of the splits and say what is wrong.

    Wrong is a file that does not decode, or has no partner; a pair whose width is odd, or whose A and B differ in
    size; a picture, or a half, that is all one colour; files of different depth, which no training takes together; and
    a picture that comes twice, within a split or in two of them: compared are the SHA-256 of the decoded pixels, so
    that the same picture in another lossless file is found, and one that was encoded anew with losses is not.

    Parameters
    ----------
    photos
        Files are single photos, not pairs side by side.

    Returns
    -------
    dict[str, list[Facts]], list[str]
        The facts of each split's pictures in their order; and a line for each problem.
    """
    total, done, facts, problems = sum(len(split.pairs) for split in splits.values()), 0, {}, []
    for name, split in splits.items():
        problems += split.problems
        facts[name] = []
        look = functools.partial(look_at, photos=photos)
        for fact in in_threads(look, split.pairs, workers=workers or processors()):
            facts[name].append(fact)
            done += 1
            if progress:
                progress(done, total)
        problems += [problem for fact in facts[name] for problem in fact.problems]
    if facts.keys() & {"val", "test"} and "train" not in facts:
        problems.append(f"there is no train split, which training needs, but {' and '.join(facts)}")
    return facts, problems + find_duplicates(facts) + _mixed_depths(facts)


def look_at(pair: PairPaths, *, photos: bool = False) -> Facts:
    """Decode one picture, a file or its A and B, and return its facts."""
    paths, pictures = Facts(pair).paths, []
    for path in paths:
        try:
            pictures.append(read_image(path))
        except (OSError, ValueError, cv2.error, MemoryError) as error:
            return Facts(pair, problems=(one_line(error, path),))
    problems, halves = [], pictures
    names = [str(path) for path in paths]
    if len(paths) == 1 and not photos:
        width = pictures[0].shape[1]
        if width % 2:
            problems.append(
                f"{paths[0]} is {width} pixels wide: a side-by-side pair needs two halves of the same width"
            )
        else:
            halves = np.split(pictures[0], 2, axis=1)
            names = [f"the {side} half of {paths[0]}" for side in ("left", "right")]
    elif len(paths) == 2 and pictures[0].shape[:2] != pictures[1].shape[:2]:
        sizes = [f"{picture.shape[1]} x {picture.shape[0]}" for picture in pictures]
        problems.append(f"{paths[0]} is {sizes[0]} pixels and {paths[1]} {sizes[1]}")
    problems += [f"{name} is all one colour" for name, half in zip(names, halves) if (half == half[:1, :1]).all()]
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(f"{picture.shape} {picture.dtype}".encode())
        digest.update(np.ascontiguousarray(picture))
    return Facts(
        pair,
        tuple(picture.shape for picture in pictures),
        tuple(8 * picture.itemsize for picture in pictures),
        digest.hexdigest(),
        tuple(problems),
    )


def find_duplicates(facts: dict[str, list[Facts]]) -> list[str]:
    """Return a line for each picture that was there before, in the same split or another one."""
    first, lines = {}, []
    for split, members in facts.items():
        for fact in members:
            before, where = first.setdefault(fact.digest, (fact, split))
            if fact.digest and before is not fact:
                place = f"both in {split}" if where == split else f"in {where} and {split}"
                place = f" ({place})" if split else ""
                lines.append(f"{before.paths[0]} and {fact.paths[0]} are the same picture{place}")
    return lines


def _mixed_depths(facts: dict[str, list[Facts]]) -> list[str]:
    depths = Counter(bits for members in facts.values() for fact in members for bits in fact.bits)
    if len(depths) < 2:
        return []
    rare = min(depths, key=lambda bits: depths[bits])
    example = next(fact for members in facts.values() for fact in members if rare in fact.bits)
    path = example.paths[example.bits.index(rare)]
    words = " and ".join(f"{count} of {bits} bits" for bits, count in sorted(depths.items()))
    return [f"there are {words} a channel, and a set has one depth; {path} is one of {rare}"]


def summarize(members: Sequence[Facts], *, most: int = 4) -> str:
    """Say in a few words how many pictures there are, in which sizes, channels and depths."""
    shapes = Counter(fact.shapes for fact in members if fact.shapes)
    sizes = Counter()
    for shape, count in shapes.items():
        sizes[" + ".join(f"{width} x {height}" for height, width, _ in shape)] += count
    words = [f"{size} ({count})" for size, count in sizes.most_common(most)]
    if len(sizes) > most:
        words.append(f"{len(sizes) - most} more sizes")
    kinds = sorted({f"{shape[2]} channels" if shape[2] > 1 else "gray" for fact in members for shape in fact.shapes})
    bits = sorted({f"{bits} bits" for fact in members for bits in fact.bits})
    unit = "pairs of files" if members and len(members[0].paths) == 2 else "pictures"
    unread = sum(not fact.shapes for fact in members)
    facts = [", ".join(words), " and ".join(kinds), " and ".join(bits), f"{unread:,} cannot be read" if unread else ""]
    return f"{len(members):,} {unit}: {'; '.join(fact for fact in facts if fact)}"
