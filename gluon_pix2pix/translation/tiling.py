"""Sizes that networks take: padding by reflection, and large pictures in overlapping tiles with feathered seams."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

SMALLEST = 8  # pixels: residual generators reflect one pixel of a picture at a quarter of its size


def pad_to_multiple(batch: np.ndarray, multiple: int) -> np.ndarray:
    """Pad (N, C, H, W) at the bottom and right by reflection, until both sides are multiples, 8 pixels or more."""
    amounts = [(0, padded_side(side, multiple) - side) for side in batch.shape[2:]]
    # numpy reflects again where the padding is longer than the picture, and repeats a side of one pixel.
    return np.pad(batch, [(0, 0), (0, 0), *amounts], mode="reflect")


def padded_side(side: int, multiple: int) -> int:
    """Return the side, in pixels, that `pad_to_multiple` gives."""
    return -(-max(side, SMALLEST) // multiple) * multiple


def tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Return where tiles begin that cover `length` pixels evenly, each `tile` long and `overlap` or more in common.

    One tile, at 0, covers a length of no more than its own.
    """
    count = max(-(-(length - overlap) // (tile - overlap)), 1)
    last = max(length - tile, 0)
    return [round(last * index / max(count - 1, 1)) for index in range(count)]


def feather(starts: list[int], length: int, tile: int, overlap: int) -> list[np.ndarray]:
    """Return each tile's weights along one side, (tile,) float32, which sum to 1 at each of the `length` pixels.

    From a seam they rise linearly over `overlap` pixels; at the picture's edges they do not fall.
    """
    tile = min(tile, length)
    rises = np.arange(tile) + 0.5
    raw = []
    for start in starts:
        before = rises if start > 0 else np.full(tile, np.inf)
        after = rises[::-1] if start + tile < length else np.full(tile, np.inf)
        raw.append(np.minimum(np.minimum(before, after), max(overlap, 1)))
    total = np.zeros(length)
    for start, weight in zip(starts, raw):
        total[start : start + tile] += weight
    return [(weight / total[start : start + tile]).astype(np.float32) for start, weight in zip(starts, raw)]


def blend_tiles(
    compute: Callable[[int, int, int, int], np.ndarray], height: int, width: int, *, tile: int, overlap: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Put a large answer together from those to its tiles, band after band of rows.

    What is kept is one band of tiles, whatever the height.

    Parameters
    ----------
    compute
        Called with a tile's top, left, height and width; returns (C, tile height, tile width) float32.
    height, width
        Of the whole, in pixels.
    tile
        Side of a tile; a whole that is lower or narrower has tiles that are.
    overlap
        Pixels, at most half of `tile`, over which one tile's answer turns into the next's.

    Yields
    ------
    top : int
        The first row of a band.
    band : numpy.ndarray
        (C, rows, width) float32; all bands together have each of the `height` rows once, from the top.
    """
    rows, columns = tile_starts(height, tile, overlap), tile_starts(width, tile, overlap)
    down, across = feather(rows, height, tile, overlap), feather(columns, width, tile, overlap)
    tall, wide = min(tile, height), min(tile, width)
    band = None
    for top, row_weights, following in zip(rows, down, [*rows[1:], height]):
        for left, column_weights in zip(columns, across):
            answer = compute(top, left, tall, wide) * (row_weights[:, None] * column_weights)
            if band is None:
                band = np.zeros((len(answer), tall, width), np.float32)  # rows top ... top + tall
            band[:, :, left : left + wide] += answer
        done = following - top
        yield top, band[:, :done]
        rest = band[:, done:]
        band = np.concatenate([rest, np.zeros((len(rest), done, width), np.float32)], axis=1)
