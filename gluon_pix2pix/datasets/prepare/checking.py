"""What is wrong with the pictures of a data set, and what they are like."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Optional

import numpy as np

from gluon_pix2pix import processors
from gluon_pix2pix.errors import one_line
from gluon_pix2pix.pairs.check import Checked, Progress, check_pairs
from gluon_pix2pix.pairs.coding import Coding, OneHot, make_coding
from gluon_pix2pix.pairs.layouts import PairPaths, Split
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.threads import in_threads


@dataclass(frozen=True)
class Decoded:
    """What one pair is like once decoded: shape (H, W, C) and bits of its files, a digest of the pixels, problems."""

    pair: PairPaths
    shapes: tuple[tuple[int, int, int], ...] = ()
    bits: tuple[int, ...] = ()
    digest: str = ""
    problems: tuple[str, ...] = ()


class Findings(NamedTuple):
    """What was found: each split's pairs as they are once decoded, a line for each problem, and further remarks."""

    splits: dict[str, list[Decoded]]
    problems: list[str]
    notes: list[str]


def check_splits(
    splits: Mapping[str, Split],
    coding: Optional[Coding] = None,
    *,
    direction: str = "AtoB",
    workers: Optional[int] = None,
    progress: Optional[Progress] = None,
) -> Findings:
    """Say what is wrong with the pictures of the splits: what training would say of them, and what decoding all shows.

    Training's own check is `check_pairs`. Beyond it, wrong is a file that is damaged inside; a picture, or a half, that
    is all one colour; splits of different depths; and a picture that comes twice, within a split or in two of them:
    compared are the SHA-256 of the decoded pixels, so that the same picture in another lossless file is found, and one
    that was encoded anew with losses is not.

    Parameters
    ----------
    coding
        The task's, as `check_pairs` takes it.
    direction
        "AtoB" if A is the source.
    """
    coding = coding or make_coding(input_nc=0, output_nc=0)
    total, done, decoded, problems, notes = sum(len(split.pairs) for split in splits.values()), 0, {}, [], []
    for name, split in splits.items():
        checked, more, _ = check_pairs(split.pairs, coding, direction=direction)
        notes += [*split.notes, *more]
        decoded[name] = []
        look = functools.partial(look_at, coding=coding, direction=direction)
        for found in in_threads(look, zip(split.pairs, checked), workers=workers or processors()):
            decoded[name].append(found)
            done += 1
            if progress:
                progress(done, total)
        problems += split.problems + [problem for found in decoded[name] for problem in found.problems]
    return Findings(decoded, problems + find_duplicates(decoded) + _mixed_depths(decoded), notes)


def look_at(item: tuple[PairPaths, Checked], *, coding: Coding, direction: str = "AtoB") -> Decoded:
    """Decode one pair, a file or its A and B, of which the headers have been looked at."""
    pair, checked = item
    pictures = []
    for path in pair.files:
        try:
            pictures.append(read_image(path))
        except (OSError, ValueError, MemoryError) as error:
            return Decoded(pair, problems=(checked.problem or one_line(error, path),))
    problems, halves, names = [checked.problem] if checked.problem else [], pictures, [str(path) for path in pair.files]
    if pair.b is None and not coding.from_photos and pictures[0].shape[1] % 2 == 0:
        halves = np.split(pictures[0], 2, axis=1)
        names = [f"the {side} half of {pair.a}" for side in ("left", "right")]
    coders = (coding.source, coding.target)[:: 1 if direction == "AtoB" else -1]
    see_through = [facts.alpha for facts in checked.facts] * 2  # of which `check_pairs` has made a remark
    for name, half, coder, alpha in zip(names, halves, coders, see_through):
        if not (alpha or isinstance(coder, OneHot)) and (half == half[:1, :1]).all():  # labels may well be one label
            problems.append(f"{name} is all one colour")
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(f"{picture.shape} {picture.dtype}".encode())
        digest.update(np.ascontiguousarray(picture))
    shapes, bits = zip(*((picture.shape, 8 * picture.itemsize) for picture in pictures))
    return Decoded(pair, shapes, bits, digest.hexdigest(), tuple(problems))


def find_duplicates(splits: dict[str, list[Decoded]]) -> list[str]:
    """Return a line for each picture that was there before, in the same split or another one."""
    first, lines = {}, []
    for split, members in splits.items():
        for found in members:
            before, where = first.setdefault(found.digest, (found, split))
            if found.digest and before is not found:
                place = f"both in {split}" if where == split else f"in {where} and {split}"
                place = f" ({place})" if split else ""
                lines.append(f"{before.pair.a} and {found.pair.a} are the same picture{place}")
    return lines


def _mixed_depths(splits: dict[str, list[Decoded]]) -> list[str]:
    """Say that splits differ in depth; within a split `check_pairs` says it."""
    usual = {}
    for name, members in splits.items():
        depths = Counter(bits for found in members for bits in found.bits)
        usual |= {name: depths.most_common(1)[0][0]} if depths else {}
    if len(set(usual.values())) < 2:
        return []
    words = " and ".join(f"{name} has {bits} bits" for name, bits in usual.items())
    return [f"{words} a channel: all splits of a set have one depth"]


def summarize(members: Sequence[Decoded], *, most: int = 4) -> str:
    """Say in a few words how many pictures there are, in which sizes, channels and depths."""
    shapes = Counter(found.shapes for found in members if found.shapes)
    sizes = Counter()
    for shape, count in shapes.items():
        sizes[" + ".join(f"{width} x {height}" for height, width, _ in shape)] += count
    words = [f"{size} ({count})" for size, count in sizes.most_common(most)]
    if len(sizes) > most:
        words.append(f"{len(sizes) - most} more sizes")
    kinds = sorted({f"{shape[2]} channels" if shape[2] > 1 else "gray" for found in members for shape in found.shapes})
    bits = sorted({f"{bits} bits" for found in members for bits in found.bits})
    unit = "pairs of files" if members and len(members[0].pair.files) == 2 else "pictures"
    unread = sum(not found.shapes for found in members)
    facts = [", ".join(words), " and ".join(kinds), " and ".join(bits), f"{unread:,} cannot be read" if unread else ""]
    unit = unit if len(members) != 1 else unit.replace("pairs", "pair").replace("pictures", "picture")
    return f"{len(members):,} {unit}: {'; '.join(fact for fact in facts if fact)}"
