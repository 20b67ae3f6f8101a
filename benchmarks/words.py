"""Draw the picture of our words: a pair with A and B, and what source, target and fake are in both directions.

python benchmarks/words.py data/facades/val/7.jpg results/facades_model/7_fake.png --output docs/words.png
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import tyro

from gluon_pix2pix.pictures.collage import for_screen
from gluon_pix2pix.pictures.files import read_image

matplotlib.use("Agg")

import matplotlib.pyplot as plt

INK, ARROW = "#222222", "#c2410c"


@dataclass
class Options:
    """What to draw."""

    pair: tyro.conf.Positional[Path]
    """A picture whose left half is A and right half B."""
    fake: tyro.conf.Positional[Path]
    """What a network that was trained BtoA makes of its B."""
    output: Path
    """The picture to write."""


def main(options: Options) -> None:
    """Draw the pair on the left, and BtoA on the right: source, fake, target."""
    pair, fake = (for_screen(read_image(path)) for path in (options.pair, options.fake))
    a, b = pair[:, : pair.shape[1] // 2], pair[:, pair.shape[1] // 2 :]
    figure = plt.figure(figsize=(12, 3.1), dpi=100)
    for left, image, above, below in (
        (0.01, a, "A", "the left half,\nor a file in the folder A"),
        (0.175, b, "B", "the right half,\nor a file in the folder B"),
        (0.475, b, "source", "what the network reads"),
        (0.67, fake, "fake", "what the network draws"),
        (0.84, a, "target", "what it should have drawn"),
    ):
        _show(figure, left, image, above, below)
    figure.text(0.402, 0.66, "--direction BtoA", ha="center", family="monospace", size=11, color=INK)
    figure.text(0.402, 0.3, "AtoB is the other\nway: A is the source", ha="center", size=10, color=INK)
    for start, end in ((0.345, 0.46), (0.634, 0.667)):
        figure.add_artist(
            matplotlib.patches.FancyArrowPatch(
                (start, 0.56), (end, 0.56), arrowstyle="-|>", mutation_scale=18, linewidth=2, color=ARROW
            )
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.output, facecolor="white", bbox_inches="tight", pad_inches=0.1)
    print(f"{options.output}: the words, on {options.pair}")


def _show(figure: plt.Figure, left: float, image: np.ndarray, above: str, below: str) -> None:
    axes = figure.add_axes((left, 0.22, 0.155, 0.62))
    axes.imshow(image)
    axes.set_axis_off()
    axes.set_title(above, fontsize=14, fontweight="bold", color=INK)
    axes.text(0.5, -0.05, below, transform=axes.transAxes, ha="center", va="top", fontsize=9.5, color=INK)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
