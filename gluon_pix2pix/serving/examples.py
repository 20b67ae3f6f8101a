"""Pictures to begin with on the page: those that are named, those beside a model, or drawn ones."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np

from gluon_pix2pix.datasets.demo.pairs import draw_facade
from gluon_pix2pix.pairs.coding import OneHot, Pixels
from gluon_pix2pix.pictures.arithmetic import resize, split_pair
from gluon_pix2pix.pictures.files import find_images, read_image, read_labels
from gluon_pix2pix.serving.about import End
from gluon_pix2pix.serving.pictures import encode
from gluon_pix2pix.translation.network import Network

COUNT = 6
FOLDER = "examples"  # beside a model's own files
LARGEST = 1024  # pixels a side


class Example(NamedTuple):
    """A picture as it is sent."""

    data: bytes
    media_type: str


def find_examples(path: Path, network: Network, source: End, folder: Optional[Path] = None) -> list[Example]:
    """Return a few pictures that a model takes.

    Parameters
    ----------
    path
        Where the model is; pictures in a folder ``examples`` there are taken before drawn ones.
    source
        What the model takes, as `describe` tells it.
    folder
        Of pictures, or of pairs twice as wide as high, whose half is taken that the model translates.

    Raises
    ------
    OSError, ValueError
        If the folder has no pictures, or one is not what the model takes.
    """
    folder = folder or (path if path.is_dir() else path.parent) / FOLDER
    if folder.is_dir() or folder.name != FOLDER:
        paths = find_images(folder)
        pictures = [_read(paths[index], network) for index in spread(len(paths), COUNT)]
    else:
        pictures = _draw(network, source)
    return [Example(*encode(picture, "png", 95)) for picture in pictures]


def spread(count: int, most: int) -> list[int]:
    """Return at most so many of `count` numbers, evenly from all of them."""
    return [count * index // min(count, most) for index in range(min(count, most))]


def _read(path: Path, network: Network) -> np.ndarray:
    coder, channels = network.coding.source, network.coding.source.channels
    if isinstance(coder, OneHot):
        picture = read_labels(path)
    else:
        picture = read_image(path, channels=channels if isinstance(coder, Pixels) else None)
    height, width = picture.shape[:2]
    if network.coding.task == "pairs" and width == 2 * height:
        picture = split_pair(picture, network.direction, path=path)[0]
    scale = LARGEST / max(picture.shape[:2])
    if scale < 1:
        picture = resize(picture, *(max(round(side * scale), 1) for side in picture.shape[:2]), nearest=coder.nearest)
    coder.values(picture)  # refuses what the model does not take
    return picture


def _draw(network: Network, source: End) -> list[np.ndarray]:
    """Draw facades: label pictures where the model's colours are theirs, else photos for a model that takes photos."""
    size = network.trained_at or 256
    drawn = [draw_facade((7, number), max(size if isinstance(size, int) else max(size), 32)) for number in range(COUNT)]
    if source.palette:
        ours = {colour.rgb for colour in source.palette}
        fits = source.kind == "picture" and ours >= {tuple(row) for row in drawn[0][1].reshape(-1, 3).tolist()}
        return [labels for _, labels in drawn] if fits else []
    photos = network.coding.from_photos or (source.channels == 3 and network.direction == "AtoB")
    return [photo for photo, _ in drawn] if photos else []
