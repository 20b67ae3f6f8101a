"""Decoded pictures kept in memory, as many as a data set has, if the machine has room for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import numpy as np

_SHARE = 2  # one half of the free memory: the other is for the networks


class PictureCache:
    """What has been read once stays: (H, W, C) arrays by the index of their pair."""

    def __init__(self) -> None:
        self._pictures: dict[int, tuple[np.ndarray, ...]] = {}

    def get(self, index: int, read: Callable[[int], tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
        """Return a pair's pictures, read if they have not been; they cannot be written to."""
        pictures = self._pictures.get(index)
        if pictures is None:
            pictures = read(index)
            for picture in pictures:
                picture.flags.writeable = False
            self._pictures[index] = pictures
        return pictures

    @staticmethod
    def reserve(needed: int) -> None:
        """See that so many bytes are at most half of the free memory.

        Raises
        ------
        ValueError
            If they are more.
        """
        free = free_memory()
        if needed * _SHARE > free:
            raise ValueError(
                f"--cache would take {needed / 1e9:.1f} GB, and may take half of the free memory, {free / 1e9:.1f} GB: "
                "leave it out, or pass --max-dataset-size"
            )


def free_memory() -> int:
    """Return the bytes of memory that new data can have without swapping."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):  # no Linux
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
