"""Side-by-side files as pairs of arrays: (H, 2W) A | B on disk to (source, target), resized or jittered."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import numpy as np

from gluon_pix2pix.data.jitter import draw_jitter
from gluon_pix2pix.image_files import find_images, image_size, read_image
from gluon_pix2pix.images import peak_of, resize, with_channels
from gluon_pix2pix.runtime import mx

DIRECTIONS = ("AtoB", "BtoA")


def split_pair(image: np.ndarray, direction: str, *, path: object = "the picture") -> tuple[np.ndarray, np.ndarray]:
    """Cut (H, 2W, C) into its halves and return them as (source, target), each (H, W, C).

    Raises
    ------
    ValueError
        If the width is odd; `path` is named in the message.
    """
    width = image.shape[1]
    if width % 2 or width < 2:
        raise ValueError(_odd(path, width))
    a, b = image[:, : width // 2], image[:, width // 2 :]
    return (a, b) if direction == "AtoB" else (b, a)


def _odd(path: object, width: int) -> str:
    return f"{path} is {width} pixels wide: a side-by-side pair needs two halves of the same width"


class PairedImages(mx.gluon.data.Dataset):
    """The pairs of a folder of side-by-side files, in natural order of their names.

    ``dataset[(index, seed)]`` is (source, target), jittered by `seed` alone; ``dataset[index]`` is the plain pair,
    resized to crop_size. Each is (crop_size, crop_size, 1 or 3): uint8, or int32 for 16-bit files, whose largest
    value is `peak` (MXNet has no uint16).

    Parameters
    ----------
    folder
        Holds the files of one split.
    direction
        "AtoB" if the left half is the source, "BtoA" if the right one is.
    load_size, crop_size
        Pixels: enlarge to load_size squared, then crop crop_size squared.
    flip
        Whether half of the pairs, by chance, are mirrored.
    input_nc, output_nc
        Channels of source and target: 3 for RGB, 1 for gray.
    max_dataset_size
        Use only the first so many files.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no picture in it.
    ValueError
        If an argument is outside its choices.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        direction: str = "AtoB",
        load_size: int = 286,
        crop_size: int = 256,
        flip: bool = True,
        input_nc: int = 3,
        output_nc: int = 3,
        max_dataset_size: Optional[int] = None,
    ):
        if direction not in DIRECTIONS:
            raise ValueError(f"direction is one of {', '.join(DIRECTIONS)}, not {direction!r}")
        if not 1 <= crop_size <= load_size:
            raise ValueError(f"crop_size {crop_size} does not fit into load_size {load_size}")
        if not {input_nc, output_nc} <= {1, 3}:
            raise ValueError(f"picture files have 1 or 3 channels, not input_nc {input_nc} and output_nc {output_nc}")
        self.paths = find_images(folder)[:max_dataset_size]
        self.peak = peak_of(read_image(self.paths[0]))
        self._direction = direction
        self._load_size, self._crop_size, self._flip = load_size, crop_size, flip
        self._channels = (input_nc, output_nc)

    def __len__(self) -> int:
        return len(self.paths)

    def fingerprint(self) -> str:
        """Return a digest of the number and the names of the files: which pairs an index stands for."""
        names = "\n".join(path.name for path in self.paths)
        return f"{len(self)} files {hashlib.sha256(names.encode(errors='surrogateescape')).hexdigest()[:16]}"

    def check_headers(self) -> None:
        """Look at every file's header, before hours are spent.

        Raises
        ------
        ValueError
            If one is not a picture's, or its width is odd.
        """
        for path in self.paths:
            width = image_size(path)[1]
            if width % 2:
                raise ValueError(_odd(path, width))

    def __getitem__(self, key: int | tuple[int, Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
        index, seed = key if isinstance(key, tuple) else (key, None)
        source, target = self.images(index, seed)
        if self.peak == 255:
            return source, target
        return source.astype(np.int32), target.astype(np.int32)

    def images(self, index: int, seed: Optional[Sequence[int]] = None) -> tuple[np.ndarray, np.ndarray]:
        """Return a pair as pictures, (crop_size, crop_size, 1 or 3) uint8 or uint16: jittered by `seed`, or plain."""
        path = self.paths[index]
        image = read_image(path, channels=3)
        if peak_of(image) != self.peak:
            raise ValueError(f"{path} is {image.dtype} and {self.paths[0]} is not: all files of a set have one depth")
        size = self._crop_size
        if seed is None:

            def shape(half):
                return resize(half, size, size)
        else:
            shape = draw_jitter(seed, load_size=self._load_size, crop_size=size, flip=self._flip)
        halves = split_pair(image, self._direction, path=path)
        source, target = (with_channels(shape(half), nc) for half, nc in zip(halves, self._channels))
        return source, target
