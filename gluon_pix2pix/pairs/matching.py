"""Which file of one folder belongs to which of another: those of the same path below it, up to the extension."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gluon_pix2pix.pictures.folders import Listing

Names = Mapping[str, Sequence[Path]]  # a name, and the files that have it: one, if all is well


class Match(NamedTuple):
    """What belongs together, and what is left over.

    `pairs` has the two files of each name. `lone` is what has no partner: from the first folder, and from the second.
    `doubles` has the names that several files of one folder have, the folder (0 or 1) and these files; such a name has
    no pair, for who could tell which of them is meant?
    """

    pairs: dict[str, tuple[Path, Path]]
    lone: tuple[dict[str, Path], dict[str, Path]]
    doubles: list[tuple[str, int, Sequence[Path]]]


def by_stem(listing: Listing) -> dict[str, list[Path]]:
    """Return the pictures of each name: the path below the folder without the extension, its letters composed (NFC)."""
    names: dict[str, list[Path]] = {}
    for name, path in zip(listing.names, listing.pictures):
        names.setdefault(os.path.splitext(name)[0], []).append(path)
    return names


def match(a: Names, b: Names) -> Match:
    """Bring files together by their names, in the order of `a`."""
    doubles = [
        (name, side, files) for side, names in enumerate((a, b)) for name, files in names.items() if len(files) > 1
    ]
    doubtful = {name for name, _, _ in doubles}
    pairs = {name: (files[0], b[name][0]) for name, files in a.items() if name in b and name not in doubtful}
    lone = tuple(
        {name: files[0] for name, files in mine.items() if name not in others and name not in doubtful}
        for mine, others in ((a, b), (b, a))
    )
    return Match(pairs, lone, doubles)
