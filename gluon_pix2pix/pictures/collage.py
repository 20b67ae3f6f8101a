"""Pictures to be looked at: what a screen shows of one, and several laid out on one."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from gluon_pix2pix.pictures.arithmetic import visible, with_channels


def for_screen(image: np.ndarray) -> np.ndarray:
    """Return (H, W, 3) uint8 of a picture: what is `visible` of it, gray in three channels, 16 bits by the upper 8."""
    image = visible(image)
    return with_channels((image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image, 3)


CAPTION = 28  # pixels
INK = (40, 40, 40)


def caption(words: str, width: int) -> np.ndarray:
    """Draw a line of words from the left, (CAPTION, width, 3) uint8 on white; what is too long is cut."""
    drawn = np.full((CAPTION, width, 3), 255, np.uint8)
    return cv2.putText(drawn, words, (4, CAPTION - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.55, INK, 1, cv2.LINE_AA)


def collage(rows: Sequence[Sequence[np.ndarray]], *, gap: int = 4, ground: int = 255) -> np.ndarray:
    """Lay pictures out in rows, from the left, on one colour.

    Parameters
    ----------
    rows
        Pictures of any depth and channels, of any sizes: a row is as high as its highest picture.
    gap
        Pixels between pictures, and between rows.
    ground
        The gray that is seen where no picture is, 0 to 255.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8.
    """
    cells = [[for_screen(image) for image in row] for row in rows]
    heights = [max(cell.shape[0] for cell in row) for row in cells]
    widths = [sum(cell.shape[1] for cell in row) + gap * (len(row) - 1) for row in cells]
    canvas = np.full((sum(heights) + gap * (len(cells) - 1), max(widths), 3), ground, np.uint8)
    top = 0
    for row, row_height in zip(cells, heights):
        left = 0
        for cell in row:
            height, width = cell.shape[:2]
            canvas[top : top + height, left : left + width] = cell
            left += width + gap
        top += row_height + gap
    return canvas
