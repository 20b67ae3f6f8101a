"""Photos with holes of any shape: the hole is in the alpha channel, 0 where it is to be painted.

The network sees what it saw in training (`coding.blank`): at its own size, every pixel of which a part is missing is
white, and no other has anything of what lies under the hole.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Optional

import cv2
import numpy as np

from gluon_pix2pix.pictures.arithmetic import peak_of, resize, with_channels
from gluon_pix2pix.pictures.files import PathLike, read_image


def split_hole(given: np.ndarray, channels: int) -> tuple[np.ndarray, Optional[np.ndarray]]:
    """Return a photo of `channels` channels, and its hole: (H, W) bool, True where alpha is below half; None if whole.

    Parameters
    ----------
    given
        (H, W, C) uint8 or uint16; a last channel beyond 1 or 3 is alpha, others have none.
    """
    if given.shape[2] not in (2, 4) or given.shape[2] == channels:
        return given, None
    photo, hole = given[:, :, :-1], given[:, :, -1] < (peak_of(given) + 1) // 2
    return with_channels(np.ascontiguousarray(photo), channels), hole if hole.any() else None


def blank_hole(prepared: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Return a photo, brought to the network's size from that of `hole`, with every pixel white that the hole touches.

    Parameters
    ----------
    prepared
        (h, w, C).
    hole
        (H, W) bool.
    """
    height, width = prepared.shape[:2]
    if hole.shape != (height, width):
        hole = resize(hole[:, :, None].astype(np.float32), height, width)[:, :, 0] > 0
    blanked = prepared.copy()
    blanked[hole] = peak_of(prepared)
    return blanked


def fill_hole(photo: np.ndarray, hole: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """Return the photo, (H, W, C), every known pixel as it was, with the hole from the answer, (h, w, C) enlarged."""
    filled = np.where(hole[:, :, None], resize(answer, *photo.shape[:2]), with_channels(photo, answer.shape[2]))
    return np.ascontiguousarray(filled)


def is_central(hole: np.ndarray) -> bool:
    """Tell whether a hole lies within the middle of a photo, the half of each side, as that of --mask center."""
    top, left, tall, wide = *(side // 4 for side in hole.shape), *(side // 2 for side in hole.shape)
    x, y, width, height = cv2.boundingRect(hole.astype(np.uint8))
    return top - 1 <= y and left - 1 <= x and y + height <= top + tall + 1 and x + width <= left + wide + 1


def read_with_hole(path: PathLike, mask: Optional[Path] = None, *, data: Optional[bytes] = None) -> np.ndarray:
    """Read a photo with its hole: of a mask's white pixels, else of its own transparent ones; (H, W, 2, 3 or 4).

    `data` are the photo's bytes if they are here already, and `path` its name.

    Raises
    ------
    OSError, ValueError
        If a file cannot be read, or the mask is not of the photo's size, or has nothing white.
    """
    if mask is None:
        for channels in (4, 2):  # with alpha
            with contextlib.suppress(ValueError):
                return read_image(path, data=data, channels=channels)
        return read_image(path, data=data, channels=3)  # or no picture, which is said here
    photo, marked = read_image(path, data=data, channels=3), read_image(mask, channels=1)
    if photo.shape[:2] != marked.shape[:2]:
        sizes = [f"{picture.shape[1]} x {picture.shape[0]}" for picture in (photo, marked)]
        raise ValueError(f"{path} is {sizes[0]} pixels and its mask {mask} {sizes[1]}: make them one size")
    hole = marked[:, :, 0] >= (peak_of(marked) + 1) // 2
    if not hole.any():
        raise ValueError(f"{mask} has nothing white, which is what to paint of {path}")
    peak = peak_of(photo)
    return np.concatenate([photo, np.where(hole, 0, peak).astype(photo.dtype)[:, :, None]], axis=2)
