"""Upstream's words for bringing pictures to the networks: how large they become, what is cropped, and the mirroring.

The words and their arithmetic are those of get_params and get_transform in data/base_dataset.py of
github.com/junyanz/pytorch-CycleGAN-and-pix2pix at 03fb2b8. The default is the paper's random jitter (arXiv 1611.07004,
appendix 6.2). Different here: chance is a function of a seed, sides become multiples of what the network needs instead
of 4, and a picture that is smaller than the crop is an error.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import cv2
import numpy as np

from gluon_pix2pix.pairs.choices import PreprocessOptions
from gluon_pix2pix.pictures.arithmetic import resize


@dataclass(frozen=True)
class Placement:
    """What becomes of one pair, the same for both halves: resized, a window cut out, mirrored. All in pixels."""

    height: int
    width: int
    top: int
    left: int
    crop_height: int
    crop_width: int
    mirror: bool = False

    def __call__(self, image: np.ndarray, *, nearest: bool = False) -> np.ndarray:
        """Apply to (H, W, C) of any dtype; the result is (crop_height, crop_width, C)."""
        image = resize(image, self.height, self.width, nearest=nearest)
        image = image[self.top : self.top + self.crop_height, self.left : self.left + self.crop_width]
        if self.mirror and image.shape[2] <= 4:
            return cv2.flip(image, 1).reshape(image.shape)  # 1: left to right; numpy takes ten times as long
        return np.ascontiguousarray(image[:, ::-1] if self.mirror else image)


class Preprocess:
    """Where a pair's pictures are resized to and cropped, from their size and a seed alone.

    resize_and_crop: to load_size, then a random window of crop_size. crop: a random window at the picture's own size.
    scale_width: to the width load_size, the height in proportion. scale_width_and_crop: that, then a random window.
    none: as it is. Without a crop, sides go to the nearest multiple of `multiple`. The crop's width is rounded to one.

    Parameters
    ----------
    options
        The defaults if None.
    multiple
        What the network needs height and width to be multiples of.
    changes
        Fields of the options that are otherwise.

    Raises
    ------
    ValueError
        If the options do not go together.
    """

    def __init__(self, options: Optional[PreprocessOptions] = None, *, multiple: int = 1, **changes):
        options = dataclasses.replace(options or PreprocessOptions(), **changes)
        options.check()
        self.word, self.flip, self.multiple, self.crops = options.preprocess, options.flip, multiple, options.crops
        load_size, crop_size, aspect_ratio = options.load_size, options.crop_size, options.aspect_ratio
        width = crop_size if aspect_ratio == 1 else _to_multiple(crop_size * aspect_ratio, multiple)
        self.crop = (crop_size, width)
        self.load = (load_size, max(round(load_size * width / crop_size), width))

    @property
    def trained_size(self) -> Optional[tuple[int, int]]:
        """(height, width) that all pictures are resized to; None if they keep their proportions."""
        return self.crop if self.word == "resize_and_crop" else None

    def result_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) that a picture of this size is brought to.

        Raises
        ------
        ValueError
            If it is smaller than the crop.
        """
        loaded = self._loaded(height, width)
        if not self.crops:
            return loaded
        if loaded[0] < self.crop[0] or loaded[1] < self.crop[1]:
            raise ValueError(f"{_size(height, width)} pixels, smaller than the crop of {_size(*self.crop)}")
        return self.crop

    def choose_placement(self, height: int, width: int, seed: Optional[Sequence[int]]) -> Placement:
        """Choose for a picture of this size: by chance that depends on `seed` alone, or plainly, without chance.

        Plainly, the window is the middle one, but resize_and_crop resizes to crop_size at once; nothing is mirrored.

        Parameters
        ----------
        height, width
            Pixels.
        seed
            Whole numbers from 0 up; the loader passes (seed, epoch, index).

        Raises
        ------
        ValueError
            If the picture is smaller than the crop.
        """
        crop = self.result_size(height, width)
        if seed is None and self.word == "resize_and_crop":
            return Placement(*crop, 0, 0, *crop)
        loaded = self._loaded(height, width)
        room = loaded[0] - crop[0], loaded[1] - crop[1]
        if seed is None:
            return Placement(*loaded, room[0] // 2, room[1] // 2, *crop)
        rng = np.random.default_rng(seed)
        top, left = (int(rng.integers(0, most + 1)) for most in room)
        return Placement(*loaded, top, left, *crop, mirror=self.flip and bool(rng.random() > 0.5))

    def _loaded(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) before cropping."""
        if self.word == "resize_and_crop":
            return self.load
        if self.word == "crop":
            return height, width
        if self.word != "none" and not (width == self.load[1] and height >= self.crop[0]):
            height, width = int(max(self.load[1] * height / width, self.crop[0])), self.load[1]
        if self.crops:
            return height, width
        return _to_multiple(height, self.multiple), _to_multiple(width, self.multiple)


def _to_multiple(length: float, multiple: int) -> int:
    return max(round(length / multiple), 1) * multiple


def _size(height: int, width: int) -> str:
    return f"{width} x {height}"
