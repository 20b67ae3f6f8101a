"""What is done to one picture: fitted to a size, cropped, drawn as edges, put beside another."""

from __future__ import annotations

import zlib
from typing import Callable

import cv2
import numpy as np

from gluon_pix2pix.pairs.coding import blank
from gluon_pix2pix.pictures.arithmetic import peak_of, resize, with_channels

FITS = ("stretch", "crop", "pad")


def fit(
    picture: np.ndarray, height: int, width: int, *, how: str = "stretch", nearest: bool = False, fill: int = 0
) -> np.ndarray:
    """Bring (H, W, C) to (height, width, C) pixels.

    Parameters
    ----------
    how
        One of `FITS`: "stretch" each axis by itself; or keep the aspect, and "crop" what is too much around the
        center, or "pad" what is too little with `fill`.
    nearest
        Take nearest pixels instead of averages: for label maps.
    fill
        0 to 255; scaled to 65535 for 16-bit pictures.

    Raises
    ------
    ValueError
        If `how` is another word.
    """
    if how not in FITS:
        raise ValueError(f"pictures are fitted by {', '.join(FITS)}, not {how!r}")
    if how == "stretch":
        return resize(picture, height, width, nearest=nearest)
    ratios = height / picture.shape[0], width / picture.shape[1]
    ratio = max(ratios) if how == "crop" else min(ratios)
    inner = [max(1, round(side * ratio)) for side in picture.shape[:2]]
    resized = resize(picture, *inner, nearest=nearest)
    if how == "crop":
        return crop_center(resized, height, width)
    canvas = np.full((height, width, picture.shape[2]), fill * (peak_of(picture) // 255), picture.dtype)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    canvas[top : top + inner[0], left : left + inner[1]] = resized
    return canvas


def crop_center(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cut (height, width, C) out of the center of (H, W, C).

    Raises
    ------
    ValueError
        If the picture is smaller than that.
    """
    if height > picture.shape[0] or width > picture.shape[1]:
        size = f"{picture.shape[1]} x {picture.shape[0]}"
        raise ValueError(f"it is {size} pixels, too small to cut {width} x {height} out of it")
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]


def largest_square(picture: np.ndarray) -> np.ndarray:
    """Cut the largest square out of the center of (H, W, C)."""
    side = min(picture.shape[:2])
    return crop_center(picture, side, side)


def on_halves(operation: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Make an operation that treats each half of a side-by-side pair by itself; an odd width is a ValueError."""

    def operate(pair: np.ndarray) -> np.ndarray:
        half, odd = divmod(pair.shape[1], 2)
        if odd or not half:
            raise ValueError(f"it is {pair.shape[1]} pixels wide: a pair needs two halves of the same width")
        return np.hstack([operation(pair[:, :half]), operation(pair[:, half:])])

    return operate


def side_by_side(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Put (H, W, C) a and b beside each other, (H, 2W, C), gray made RGB where the other is.

    Raises
    ------
    ValueError
        If their sizes or depths differ, or their channels in another way.
    """
    if a.shape[:2] != b.shape[:2]:
        sizes = " and ".join(f"{x.shape[1]} x {x.shape[0]}" for x in (a, b))
        raise ValueError(f"A and B differ in size: {sizes} pixels")
    if a.dtype != b.dtype:
        raise ValueError(f"A has {8 * a.itemsize} bits a channel and B {8 * b.itemsize}")
    channels = max(a.shape[2], b.shape[2])
    return np.hstack([with_channels(a, channels), with_channels(b, channels)])


def draw_edges(picture: np.ndarray, *, low: float = 60, high: float = 120, blur: float = 1) -> np.ndarray:
    """Draw a picture's edges by Canny's detector in black on white, (H, W, 1) in its dtype.

    Parameters
    ----------
    low, high
        An edge begins where the gradient (L2 norm of 3x3 Sobel, on 0 to 255) is above `high`, and goes on while it is
        above `low`.
    blur
        Standard deviation in pixels of the Gaussian that smooths the picture first; 0 for none.
    """
    gray = with_channels(picture if picture.shape[2] in (1, 3) else picture[:, :, :1], 1)[:, :, 0]
    if gray.dtype == np.uint16:
        gray = (gray >> 8).astype(np.uint8)
    if blur:
        gray = cv2.GaussianBlur(gray, (0, 0), blur)
    edges = cv2.Canny(gray, low, high, L2gradient=True)[:, :, None]
    return np.where(edges == 0, picture.dtype.type(peak_of(picture)), picture.dtype.type(0))


def punch_hole(picture: np.ndarray, name: str, *, mask: str = "center", seed: int = 0) -> np.ndarray:
    """Return a picture with a white hole; a "random" one depends on `seed` and the picture's name alone."""
    return blank(picture, mask, seed=(seed, zlib.crc32(name.encode(errors="surrogateescape"))))
