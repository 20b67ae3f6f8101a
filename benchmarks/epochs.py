"""Show how a run came to draw one of its samples: source, the fakes of several epochs, target.

python benchmarks/epochs.py runs/facades --epochs 1 5 20 100 --row 1 --output epochs.jpg
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.collage import caption, collage
from gluon_pix2pix.pictures.files import read_image, write_image

GAP = 4  # pixels between the pictures of a sheet of samples, as `collage` lays them out


@dataclass
class Options:
    """What to show."""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    epochs: tuple[int, ...]
    """Epochs that have samples, in samples/epoch_0001.png and so on."""
    output: Path
    """The picture to write: .jpg or .png."""
    row: int = 1
    """Which of the samples, from 1."""
    side: int = 160
    """Pixels, of each picture."""
    across: int = 6
    """Pictures in a row."""


def main(options: Options) -> None:
    """Write the picture, and say what is on it."""
    sheets = [read_image(options.run / "samples" / f"epoch_{epoch:04}.png") for epoch in options.epochs]
    side = (sheets[0].shape[1] - 2 * GAP) // 3
    top = (options.row - 1) * (side + GAP)
    source, *fakes, target = [
        sheet[top : top + side, column * (side + GAP) :][:, :side]
        for sheet, column in [(sheets[0], 0), *((sheet, 1) for sheet in sheets), (sheets[-1], 2)]
    ]
    small = [resize(picture, options.side, options.side) for picture in (source, *fakes, target)]
    write_image(options.output, collage(captioned(small, options.epochs, across=options.across)))
    print(f"{options.output}: row {options.row}: source, epochs {' '.join(map(str, options.epochs))}, target")


def captioned(pictures: Sequence[np.ndarray], epochs: Sequence[int], *, across: int) -> list[list[np.ndarray]]:
    """Return rows of so many pictures, each under a row of words: source, the epochs' numbers, target."""
    words = ["source", *(f"epoch {epoch}" for epoch in epochs), "target"]
    rows = []
    for start in range(0, len(pictures), across):
        part = slice(start, start + across)
        rows += [[caption(one, picture.shape[1]) for one, picture in zip(words[part], pictures[part])], pictures[part]]
    return rows


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
