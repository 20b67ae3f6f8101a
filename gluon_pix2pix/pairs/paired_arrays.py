"""Pairs of arrays in memory, or made on request, as a data set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import numpy as np

from gluon_pix2pix.pairs.coding import Coding
from gluon_pix2pix.pairs.layouts import PairPaths, Split
from gluon_pix2pix.pairs.options import DataOptions
from gluon_pix2pix.pairs.paired_images import PairedImages

WHERE = Path("the arrays")


class PairedArrays(PairedImages):
    """Any sequence of pairs: what `PairedImages` does with files, done with arrays.

    Parameters
    ----------
    arrays
        ``len(arrays)`` and ``arrays[index]``, which is (source, target): each (H, W, C), or (H, W), uint8 or uint16,
        of one height and width. It is asked from several threads, and for the same index always gives the same pair.
        For a task from photos a pair is (photo, photo).
    options, coding, multiple, changes
        As for `PairedImages`; the direction has no meaning here.

    Raises
    ------
    ValueError
        If there is no pair.
    """

    way_on = "skip_bad=True goes on without such pairs"

    def __init__(
        self,
        arrays: Sequence[tuple[np.ndarray, np.ndarray]],
        options: Optional[DataOptions] = None,
        *,
        coding: Optional[Coding] = None,
        multiple: int = 1,
        **changes,
    ):
        if not len(arrays):
            raise ValueError("there is no pair of arrays to train on")
        names = [f"pair {number}" for number in range(len(arrays))]
        pairs = [PairPaths(name, Path(f"source of {name}"), Path(f"target of {name}")) for name in names]
        changes = {**changes, "direction": "AtoB", "cache": False}
        super().__init__(Split(pairs, (WHERE,)), options, coding=coding, multiple=multiple, **changes)
        self._arrays = arrays

    def fingerprint(self) -> str:
        """Return the number of pairs, and a digest of the first and the last: which pairs an index stands for."""
        digest = hashlib.sha256()
        for index in {0, len(self) - 1}:
            for picture in self._decode(index):
                digest.update(f"{picture.shape} {picture.dtype.str} ".encode() + picture.tobytes())
        return f"{len(self)} pairs {digest.hexdigest()[:16]}"

    def check_files(self, *, batch_size: int = 1) -> list[str]:
        """Look at the first pair; others are looked at as they are read.

        Raises
        ------
        ValueError
            If it is no pair of pictures, or too small, or pictures of different sizes would make a batch.
        """
        self.smallest_side = min(self[0][1].shape[:2])
        if batch_size > 1 and not self.preprocess.crops:
            raise ValueError("--preprocess crops nothing, and arrays may differ in size: take --batch-size 1")
        return []

    def _decode(self, index: int) -> tuple[np.ndarray, ...]:
        pair = self._arrays[index]
        if len(pair) != 2:
            raise ValueError(f"pair {index} has {len(pair)} parts: it is (source, target)")
        source, target = (_picture(array, path) for array, path in zip(pair, self._files(index)))
        if source.shape[:2] != target.shape[:2]:
            sizes = f"a source of {source.shape[:2]} and a target of {target.shape[:2]} pixels"
            raise ValueError(f"pair {index} has {sizes}: they have to be the same")
        return (target,) if self.coding.from_photos else (source, target)


def _picture(array: np.ndarray, path: Path) -> np.ndarray:
    """Return an array as a picture, (H, W, C)."""
    array = np.asarray(array)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{path} is {array.dtype} of shape {array.shape}: a picture is (H, W, C), uint8 or uint16")
    return array
