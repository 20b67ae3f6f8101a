"""Decoded pictures kept in memory, as many as a data set has, if the machine has room for them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Callable

import numpy as np
import psutil

_PARTS = 2  # of the free memory, of which pictures get one: the other is for the networks


class PictureCache:
    """What has been read once stays: (H, W, C) arrays by the pair that they are of."""

    def __init__(self) -> None:
        self._pictures: dict[Hashable, tuple[np.ndarray, ...]] = {}

    def get(self, pair: Hashable, read: Callable[[], tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
        """Return a pair's pictures, read if they have not been; they cannot be written to."""
        pictures = self._pictures.get(pair)
        if pictures is None:
            pictures = read()
            for picture in pictures:
                picture.flags.writeable = False
            self._pictures[pair] = pictures
        return pictures

    @staticmethod
    def reserve(needed: int) -> None:
        """See that so many bytes are at most half of the memory that is free.

        Raises
        ------
        ValueError
            If they are more.
        """
        free = psutil.virtual_memory().available  # without swapping
        if needed * _PARTS > free:
            raise ValueError(
                f"--cache would take {needed / 1e9:.1f} GB, and may take half of the free memory, {free / 1e9:.1f} GB: "
                "leave it out, or pass --max-dataset-size"
            )
