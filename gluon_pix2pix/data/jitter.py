"""Random jitter and mirroring (arXiv 1611.07004, appendix 6.2): enlarge to load_size, crop crop_size, mirror."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gluon_pix2pix.images import resize


@dataclass(frozen=True)
class Jitter:
    """Where to crop the enlarged picture, and whether to mirror it: one for both halves of a pair."""

    load_size: int
    crop_size: int
    top: int
    left: int
    mirror: bool

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Apply to (H, W, C) of any dtype; the result is (crop_size, crop_size, C)."""
        image = resize(image, self.load_size, self.load_size)
        image = image[self.top : self.top + self.crop_size, self.left : self.left + self.crop_size]
        return np.ascontiguousarray(image[:, ::-1] if self.mirror else image)


def draw_jitter(seed: Sequence[int], *, load_size: int, crop_size: int, flip: bool) -> Jitter:
    """Draw a jitter that depends on nothing but its arguments.

    Parameters
    ----------
    seed
        Whole numbers from 0 up; the loader passes (seed, epoch, index).
    """
    rng = np.random.default_rng(seed)
    top, left = (int(offset) for offset in rng.integers(0, load_size - crop_size + 1, size=2))
    return Jitter(load_size, crop_size, top, left, mirror=flip and bool(rng.random() > 0.5))
