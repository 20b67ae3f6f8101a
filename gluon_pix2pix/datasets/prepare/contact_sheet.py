"""Samples of each split on one picture, to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gluon_pix2pix.datasets.prepare.operations import fit
from gluon_pix2pix.pictures.collage import caption, collage, for_screen
from gluon_pix2pix.pictures.files import read_image

GAP = 6


def draw_contact_sheet(
    splits: Mapping[str, Sequence[tuple[Path, ...]]], *, samples: int = 12, height: int = 160, width: int = 1310
) -> np.ndarray:
    """Draw up to `samples` pictures of each split, evenly spread over its files, under a caption each.

    Parameters
    ----------
    splits
        By name, the pictures that can be read: a file, or A and B, each.
    samples
        Of each split at most.
    height, width
        Of a row's pictures, and of the sheet, in pixels. Pictures keep their aspect.

    Returns
    -------
    numpy.ndarray
        (H, width, 3) uint8.
    """
    rows = []
    for name, pictures in splits.items():
        spread = np.linspace(0, len(pictures) - 1, min(samples, len(pictures))).astype(int)
        chosen = [pictures[i] for i in spread]
        words = f"{name or 'all'}: {len(chosen)} of {len(pictures):,}"
        rows += [[caption(words, width)], *_rows([_thumbnail(paths, height, width) for paths in chosen], width)]
    return collage(rows, gap=GAP)


def _thumbnail(paths: tuple[Path, ...], height: int, widest: int) -> np.ndarray:
    """Return a picture, or A and B beside each other, (height, at most widest, 3) uint8 on white."""
    halves = []
    for path in paths:
        picture = for_screen(read_image(path))
        width = min(max(1, round(picture.shape[1] * height / picture.shape[0])), widest // len(paths))
        halves.append(fit(picture, height, width, how="pad", fill=255))
    return collage([halves], gap=0)


def _rows(thumbnails: Sequence[np.ndarray], width: int) -> list[list[np.ndarray]]:
    """Break a row of pictures into rows that are no wider than this."""
    rows, taken = [], width
    for thumbnail in thumbnails:
        taken += GAP + thumbnail.shape[1]
        if taken > width:
            rows.append([])
            taken = thumbnail.shape[1]
        rows[-1].append(thumbnail)
    return rows
