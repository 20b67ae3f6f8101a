"""Lay translated pictures out on a sheet: source | fake | target of each, so many across.

python benchmarks/sheet.py results/facades --names 1 2 3 4 --output sheet.jpg
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import tyro

from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.collage import caption, collage
from gluon_pix2pix.pictures.files import read_image, write_image

BETWEEN = 16  # pixels more between two examples in a row


@dataclass
class Options:
    """What to lay out, and how."""

    results: tyro.conf.Positional[tuple[Path, ...]]
    """Folders as `translate` writes them; those after the first add their fakes, side by side, to each picture's."""
    output: Path
    """The picture to write: .jpg or .png."""
    names: tuple[str, ...] = ()
    """The pictures, by name [the first --count in the order of names, numbers by their value]."""
    count: int = 4
    """How many, without --names."""
    kinds: tuple[Literal["source", "fake", "target"], ...] = ("source", "fake", "target")
    """What is shown of each."""
    across: int = 1
    """Pictures in a row."""
    side: int = 256
    """Pixels, the height of each."""
    titles: tuple[str, ...] = ()
    """Words above the pictures of an example, one for each."""
    stacked: bool = False
    """The kinds one below the other, instead of beside each other."""


def main(options: Options) -> None:
    """Write the sheet, and say which pictures are on it."""
    names = list(options.names) or first_names(options.results[0], options.count)
    groups = [shown(options, name) for name in names]
    titles = options.titles or ("",) * len(groups[0])
    if len(titles) != len(groups[0]):
        raise SystemExit(f"error: {len(titles)} titles for {len(groups[0])} pictures of each example")
    lines = [groups[start : start + options.across] for start in range(0, len(groups), options.across)]
    rows = in_columns(lines, titles) if options.stacked else in_rows(lines, titles)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_image(options.output, collage(rows))
    print(f"{options.output}: {' '.join(names)}")


def in_rows(lines: list[list[list]], titles: Sequence[str]) -> list[list]:
    """Lay each example's pictures beside each other, under their titles, with more room between two examples."""
    between = np.full((1, BETWEEN, 3), 255, np.uint8)
    heads = [[caption(words, picture.shape[1]) for words, picture in zip(titles, group)] for group in lines[0]]
    rows = [joined(line, between) for line in lines]
    return [joined(heads, between), *rows] if any(titles) else rows


def joined(groups: list[list], between: np.ndarray) -> list:
    """Return the pictures of some examples as one row."""
    return [picture for group in groups for picture in (*group, between)][:-1]


def in_columns(lines: list[list[list]], titles: Sequence[str]) -> list[list]:
    """Lay each example's pictures one below the other; each row of them has its title above."""
    rows = []
    for line in lines:
        for words, *pictures in zip(titles, *line):
            width = sum(picture.shape[1] for picture in pictures)
            rows += [[caption(words, width)]] * bool(words) + [pictures]
    return rows


def first_names(folder: Path, count: int) -> list[str]:
    """Return the names of the first results of a folder."""
    names = [path.name.removesuffix("_fake.png") for path in folder.glob("*_fake.png")]
    return sorted(names, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name))[:count]


def shown(options: Options, name: str) -> list:
    """Return a picture's kinds; the fakes are those of every folder."""
    pictures = []
    for kind in options.kinds:
        for folder in options.results if kind == "fake" else options.results[:1]:
            image = read_image(folder / f"{name}_{kind}.png")
            pictures.append(resize(image, options.side, round(options.side * image.shape[1] / image.shape[0])))
    return pictures


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
