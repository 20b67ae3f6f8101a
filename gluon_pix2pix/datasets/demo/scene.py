"""One building's own choice among the materials of its style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from gluon_pix2pix.datasets.demo.canvas import Canvas, cloudy, masonry
from gluon_pix2pix.datasets.demo.styles import LOOKS

Choice = TypeVar("Choice")


class Scene:
    """A canvas together with the materials that one building is painted in.

    Parameters
    ----------
    style
        A key of `LOOKS`.
    canvas
        Where to paint.
    rng
        Source of every choice; only its integers are used.
    """

    def __init__(self, style: str, canvas: Canvas, rng: np.random.Generator) -> None:
        self.style, self.canvas, self.rng, self.unit = style, canvas, rng, canvas.unit
        self.look = LOOKS[style]
        shift = int(rng.integers(-8, 9))
        self.wall = tuple(channel + shift for channel in self.pick(self.look.walls))
        self.frame, self.wood = self.pick(self.look.frames), self.pick(self.look.woods)
        if style == "brick":
            self.texture = masonry(rng, canvas.side, *(self.unit(length) for length in (14, 34, 3)), 9)
        elif style == "modern":
            self.texture = masonry(rng, canvas.side, *(self.unit(length) for length in (120, 170, 3)), 5)
        else:
            self.texture = cloudy(rng, canvas.side, 24) // 16

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Return one of `choices`, all equally likely."""
        return choices[int(self.rng.integers(len(choices)))]
