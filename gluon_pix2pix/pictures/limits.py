"""What a picture file may claim of itself: its header as this project understands it, and the bounds on it."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

import numpy as np

from gluon_pix2pix.writing import PathLike

# 11,585 pixels squared: 0.4 GB as RGB, 1.6 GB as the networks' float32. A few kilobytes can claim more than that.
MAX_PIXELS = 1 << 27
MAX_CHANNELS = 1024  # hyperspectral cameras have a few hundred
MAX_BYTES = 1 << 30  # of decoded pixels: four channels of 16 bits at the largest size

TAKE_ONE = "save the one that you want as a file of its own"


class Unreadable(ValueError):  # noqa: N818, a sentence's second half
    """Why a file is not read, to be said after its name: "holds 3 pages"."""


class Header(NamedTuple):
    """What decoding a file gives, known without decoding it.

    Size in pixels as stored; EXIF's number of the orientation, under which it lies on its side from 5 on; numpy's name
    of the pixels' type; how many channels are the picture's; and whether alpha follows them, or another channel that
    is not shown unless it is asked for.
    """

    height: int
    width: int
    orientation: int = 1
    dtype: str = "uint8"
    channels: int = 3
    alpha: bool = False

    @property
    def shown(self) -> tuple[int, int]:
        """(height, width) of the picture as people see it."""
        return (self.width, self.height) if self.orientation >= 5 else (self.height, self.width)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels with alpha) as stored."""
        return self.height, self.width, self.channels + self.alpha


def upright(value: object) -> int:
    """Return EXIF's number of the orientation, 1 to 8; what is none, such as 65537 or a text, is 1, as in browsers."""
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def check_regular(path: PathLike) -> None:
    """Raise ValueError if `path` is a pipe, a socket or a device: to open a pipe waits for its other end, for ever."""
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a folder says what it is
        raise ValueError(f"{path} is a pipe or a device, not a file")


def check_claims(header: Header) -> Header:
    """Return a header that claims nothing absurd.

    Raises
    ------
    Unreadable
        If it does.
    """
    height, width, channels = header.shape
    if header.dtype not in ("uint8", "uint16"):
        raise Unreadable(f"holds {header.dtype} values; pictures here have 8 or 16 bits a channel")
    if min(height, width, channels) < 1:
        raise Unreadable(f"claims {width} x {height} pixels of {channels} channels: there is no picture in it")
    if height * width > MAX_PIXELS:
        raise Unreadable(f"claims {width} x {height} pixels: more than {MAX_PIXELS:,} are not decoded")
    if channels > MAX_CHANNELS:
        raise Unreadable(f"claims {channels:,} channels: more than {MAX_CHANNELS:,} are not decoded")
    if height * width * channels * (1 + (header.dtype == "uint16")) > MAX_BYTES:
        kind = f"{width} x {height} pixels of {channels} channels, {header.dtype}"
        raise Unreadable(f"claims {kind}: more than {MAX_BYTES >> 20:,} MiB are not decoded")
    return header


def spread(image: np.ndarray, bits: int) -> np.ndarray:
    """Spread values of a few bits over those of the array's type, so that white is white."""
    peak, largest = np.iinfo(image.dtype).max, (1 << bits) - 1
    return ((image.astype(np.uint32) * peak + largest // 2) // largest).astype(image.dtype)
