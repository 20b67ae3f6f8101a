"""What a segmenter learns from: photos and label maps, read from pairs when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gluon_pix2pix.evaluation.palettes import Palette, check_colours, labels_of
from gluon_pix2pix.pairs.layouts import PairPaths
from gluon_pix2pix.pictures.arithmetic import resize, split_pair, with_channels
from gluon_pix2pix.pictures.files import read_image

_KEPT = 1 << 28  # bytes of pictures that stay in memory: of 144 x 144 pixels, more than three thousand pairs
_SAMPLES = 20  # sources whose colours are compared with the palette


class LabelledPhotos(Sequence):
    """Pairs whose source is a label picture and whose target a photo, small; the first ones stay in memory once read.

    ``photos[index]`` is (photo, labels): (load_size, load_size, 3) uint8, and (load_size, load_size, 1) uint8, the
    palette's classes or `VOID`.

    Parameters
    ----------
    direction
        "AtoB" if A is the label picture.

    Raises
    ------
    ValueError
        If a picture does not decode, or the sources are not label pictures of that palette.
    OSError
        If one cannot be read.
    """

    def __init__(self, pairs: Sequence[PairPaths], *, direction: str, palette: Palette, load_size: int):
        self._pairs, self._direction, self._palette, self._size = pairs, direction, palette, load_size
        self._read: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._room = _KEPT // (4 * load_size**2)
        some = [self._sides(pair)[0] for pair in pairs[:_SAMPLES]]
        check_colours(some, palette, what=f"the sources ({direction}) of the pairs in {pairs[0].a.parent}")

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        found = self._read.get(index)
        if found is None:
            found = self._small(self._pairs[index])
            if len(self._read) < self._room:
                self._read[index] = found
        return found

    def _small(self, pair: PairPaths) -> tuple[np.ndarray, np.ndarray]:
        source, photo = self._sides(pair)
        try:
            labels, photo = labels_of(source, self._palette), rgb8(photo)
        except ValueError as error:
            raise ValueError(f"{pair.a}: {error}") from error
        size = self._size, self._size
        return resize(photo, *size), resize(labels[:, :, None], *size, nearest=True)

    def _sides(self, pair: PairPaths) -> tuple[np.ndarray, np.ndarray]:
        """Return source and photo as they are on disk."""
        if pair.b is None:
            return split_pair(read_image(pair.a), self._direction, path=pair.a)
        a, b = read_image(pair.a), read_image(pair.b)
        return (a, b) if self._direction == "AtoB" else (b, a)


def rgb8(photo: np.ndarray) -> np.ndarray:
    """Return (H, W, 1 or 3), uint8 or uint16, as (H, W, 3) uint8."""
    rgb = with_channels(photo, 3)
    return (rgb >> 8).astype(np.uint8) if rgb.dtype == np.uint16 else rgb
