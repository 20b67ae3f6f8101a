"""What the networks make of a picture, task by task: pixels to values, and their output back to pixels.

A task begins with the picture that the user has, the *given* one: half of a pair, a black-and-white photo, a photo with
a hole. Its `Coding` says how the given picture becomes the source's values and the true one the target's, in which
range those lie, and how the network's answer becomes a picture again. numpy and OpenCV alone: exported models are
translated on machines without MXNet.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import cv2
import numpy as np

from gluon_pix2pix.pairs.choices import MASKS, TASKS
from gluon_pix2pix.pictures.arithmetic import peak_of, resize, to_image, to_signed, visible, with_channels


class Pixels:
    """A picture's own channels."""

    nearest = False  # how it may be resized

    def __init__(self, channels: int):
        self.channels = channels

    def range(self, peak: int) -> tuple[float, float]:
        """Return the (lowest, highest) value that there is, for pictures whose largest value is `peak`."""
        return 0, peak

    def values(self, picture: np.ndarray) -> np.ndarray:
        """Return (H, W, channels) in the picture's dtype, gray repeated or colour made gray if need be."""
        return with_channels(picture, self.channels)

    def picture(self, signed: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Turn (channels, H, W) float32 in [-1, 1] into (H, W, channels) in the dtype of `given`."""
        return to_image(signed[None], peak_of(given))[0]

    def show(self, picture: np.ndarray) -> np.ndarray:
        """Return a picture as people look at it, (H, W, 1 or 3)."""
        return visible(picture)


class OneHot:
    """A label map: (H, W, 1) uint8 indices below `channels`, as one channel of 0 and 255 for each label."""

    nearest = True

    def __init__(self, channels: int):
        self.channels = channels

    def range(self, peak: int) -> tuple[float, float]:
        """Return (0, 255), whatever the pictures' peak."""
        return 0, 255

    def values(self, picture: np.ndarray) -> np.ndarray:
        """Return (H, W, channels) uint8.

        Raises
        ------
        ValueError
            If the picture is no map of indices, or holds one that is too large.
        """
        if picture.shape[2] != 1 or picture.dtype != np.uint8:
            raise ValueError(f"label maps are (H, W, 1) uint8 indices, not {picture.shape} {picture.dtype}")
        largest = int(picture.max())
        if largest >= self.channels:
            raise ValueError(f"it holds label {largest}, and {self.channels} labels count from 0")
        return np.where(picture == np.arange(self.channels), np.uint8(255), np.uint8(0))

    def picture(self, signed: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Return the index of the strongest channel of (channels, H, W) at each pixel, (H, W, 1) uint8."""
        return np.argmax(signed, axis=0).astype(np.uint8)[:, :, None]

    def show(self, picture: np.ndarray) -> np.ndarray:
        """Give each label a colour, (H, W, 3) uint8."""
        return label_colours(self.channels)[picture[:, :, 0]]


class Lightness:
    """The L of CIE L*a*b*, 0 to 100: what a black-and-white picture holds."""

    nearest, channels = False, 1

    def range(self, peak: int) -> tuple[float, float]:
        """Return (0, 100)."""
        return 0, 100

    def values(self, picture: np.ndarray) -> np.ndarray:
        """Return (H, W, 1) float32."""
        return to_lab(picture)[:, :, :1]

    def picture(self, signed: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Return gray of that lightness, (H, W, 3) in the dtype of `given`."""
        lightness = (signed[0][:, :, None] + 1) * np.float32(50)
        return from_lab(np.concatenate([lightness, np.zeros_like(lightness).repeat(2, axis=2)], axis=2), given.dtype)

    def show(self, picture: np.ndarray) -> np.ndarray:
        """Return the picture."""
        return picture


class Chroma:
    """The a and b of CIE L*a*b*, -110 to 110 (the corners of sRGB lie within -108 and 99): a picture's colours."""

    nearest, channels = False, 2

    def range(self, peak: int) -> tuple[float, float]:
        """Return (-110, 110)."""
        return -110, 110

    def values(self, picture: np.ndarray) -> np.ndarray:
        """Return (H, W, 2) float32."""
        return to_lab(picture)[:, :, 1:]

    def picture(self, signed: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Return `given` in the colours (2, h, w), which are enlarged to its size; its own lightness stays."""
        colours = resize(np.ascontiguousarray(signed.transpose(1, 2, 0)) * np.float32(110), *given.shape[:2])
        return from_lab(np.concatenate([to_lab(given)[:, :, :1], colours], axis=2), given.dtype)

    def show(self, picture: np.ndarray) -> np.ndarray:
        """Return the picture."""
        return picture


@dataclass(frozen=True)
class Coding:
    """How a task's pictures become the networks' values, and back; `make_coding` builds them.

    `source` and `target` code the two sides. `from_photos` says that a file is not a pair but one true picture, of
    which `given` makes what the user would have.
    """

    task: str
    source: object
    target: object
    mask: str = "center"

    @property
    def from_photos(self) -> bool:
        """Whether files are single pictures and not pairs."""
        return self.task != "pairs"

    def source_of(self, picture: np.ndarray, seed: Optional[Sequence[int]] = None) -> np.ndarray:
        """Return what the user would have of a true picture: it in black and white, or with a hole, or as it is."""
        if self.task == "colorization":
            return gray_of(picture)
        if self.task == "inpainting":
            return blank(picture, self.mask, seed=seed)
        return picture

    def encode(self, given: np.ndarray) -> np.ndarray:
        """Return a given picture as the network takes it, (1, source.channels, H, W) float32 in [-1, 1]."""
        return to_signed(self.source.values(given)[None], *self.source.range(peak_of(given)))

    def decode(self, signed: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Return the network's answer to a given picture, (target.channels, h, w) in [-1, 1], as a picture."""
        return self.target.picture(signed, given)


def make_coding(
    task: str = "pairs",
    *,
    input_nc: int = 3,
    output_nc: int = 3,
    labels: int = 0,
    output_labels: int = 0,
    mask: str = "center",
) -> Coding:
    """Build the coding of a task.

    Parameters
    ----------
    task
        "pairs" translates one half of a pair to the other, "colorization" the lightness of photos to their colours,
        "inpainting" photos with a hole to whole ones.
    input_nc, output_nc
        Channels of source and target for pairs and inpainting.
    labels, output_labels
        If not 0: source, or target, are label maps with so many labels, which the network sees as so many channels.
    mask
        For inpainting, one of `MASKS`: the central quarter is missing, or a rectangle that the seed draws.

    Raises
    ------
    ValueError
        If an argument is outside its choices.
    """
    if task not in TASKS:
        raise ValueError(f"task is one of {', '.join(TASKS)}, not {task!r}")
    if mask not in MASKS:
        raise ValueError(f"mask is one of {', '.join(MASKS)}, not {mask!r}")
    for count in (labels, output_labels):
        if count and (not 2 <= count <= 256 or task != "pairs"):
            raise ValueError(f"labels are for pairs, and 2 to 256 of them: {count} labels for {task} cannot be")
    if task == "colorization":
        return Coding(task, Lightness(), Chroma())
    source = OneHot(labels) if labels else Pixels(input_nc)
    target = OneHot(output_labels) if output_labels else Pixels(output_nc)
    return Coding(task, source, target, mask)


def to_lab(picture: np.ndarray) -> np.ndarray:
    """Convert (H, W, 1 or 3) sRGB, uint8 or uint16, to CIE L*a*b* under D65, (H, W, 3) float32.

    OpenCV starts from linear light here: from sRGB it would interpolate in a coarse table, up to 0.5 units off.
    """
    light = _linear_light(peak_of(picture))[with_channels(picture, 3)]
    return cv2.cvtColor(light, cv2.COLOR_LRGB2LAB)


@functools.lru_cache(maxsize=2)
def _linear_light(peak: int) -> np.ndarray:
    """Return the light of each value of sRGB from 0 to `peak`, 0 to 1 (IEC 61966-2-1)."""
    value = np.arange(peak + 1) / peak
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def from_lab(lab: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Convert (H, W, 3) float32 CIE L*a*b* to sRGB of `dtype`, uint8 or uint16; colours outside of sRGB are clipped."""
    rgb = cv2.cvtColor(np.ascontiguousarray(lab, dtype=np.float32), cv2.COLOR_LAB2RGB)
    peak = np.iinfo(dtype).max
    return np.clip(np.rint(rgb * np.float32(peak)), 0, peak).astype(dtype)


def gray_of(picture: np.ndarray) -> np.ndarray:
    """Return the gray picture (H, W, 1) of the same L*, in the same dtype."""
    peak = peak_of(picture)
    light = _linear_light(peak)[with_channels(picture, 3)] @ np.array([0.212671, 0.715160, 0.072169])  # as OpenCV's L*
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(peak * value).astype(picture.dtype)[:, :, None]


def blank(picture: np.ndarray, mask: str = "center", *, seed: Optional[Sequence[int]] = None) -> np.ndarray:
    """Return a picture with a white hole: its central quarter, or a rectangle anywhere that `seed` draws.

    The sides of a drawn hole are a quarter to a half of the picture's.
    """
    height, width = picture.shape[:2]
    tall, wide, top, left = height // 2, width // 2, height // 4, width // 4
    if mask == "random":
        rng = np.random.default_rng((*(seed or (0,)), 1))  # not the numbers of the jitter that has the same seed
        tall, wide = (int(rng.integers(max(side // 4, 1), max(side // 2, 1) + 1)) for side in (height, width))
        top, left = int(rng.integers(0, height - tall + 1)), int(rng.integers(0, width - wide + 1))
    holed = picture.copy()
    holed[top : top + tall, left : left + wide] = peak_of(picture)
    return holed


def label_colours(count: int) -> np.ndarray:
    """Return `count` colours that differ well, (count, 3) uint8: hues a golden angle apart, in three brightnesses."""
    index = np.arange(count)
    hsv = np.stack([index * 137.508 % 360, np.full(count, 0.65), 1 - 0.25 * (index % 3)], axis=1).astype(np.float32)
    return np.rint(cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0] * 255).astype(np.uint8)
