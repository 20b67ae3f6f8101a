"""What a screen shows of pictures, and several on one."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.pictures.collage import collage, for_screen

RED = np.zeros((4, 6, 3), np.uint8) + np.array([255, 0, 0], np.uint8)


def test_rows_and_columns():
    gray = np.full((4, 6, 1), 65535 // 2, np.uint16)
    sheet = collage([[RED, gray], [RED]], gap=2)
    assert sheet.shape == (4 + 2 + 4, 6 + 2 + 6, 3)
    assert sheet[0, 0].tolist() == sheet[9, 5].tolist() == [255, 0, 0]
    assert sheet[3, 8].tolist() == [127, 127, 127]
    assert (sheet[4:6] == 255).all()
    assert (sheet[:, 6:8] == 255).all()
    assert (sheet[6:, 8:] == 255).all()


def test_pictures_of_several_sizes():
    sheet = collage([[RED, RED[:2, :3]], [RED[:1, :2]]], gap=1, ground=9)
    assert sheet.shape == (4 + 1 + 1, 6 + 1 + 3, 3)
    assert sheet[:, :, 0].tolist() == [
        [255, 255, 255, 255, 255, 255, 9, 255, 255, 255],
        [255, 255, 255, 255, 255, 255, 9, 255, 255, 255],
        [255, 255, 255, 255, 255, 255, 9, 9, 9, 9],
        [255, 255, 255, 255, 255, 255, 9, 9, 9, 9],
        [9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
        [255, 255, 9, 9, 9, 9, 9, 9, 9, 9],
    ]


@pytest.mark.parametrize(("channels", "shown"), [(1, [7, 7, 7]), (2, [7, 7, 7]), (3, [7, 8, 9]), (5, [7, 8, 9])])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_a_screen_shows(channels, shown, dtype):
    values = np.arange(7, 7 + channels) * (1 if dtype == np.uint8 else 256)
    picture = for_screen(np.broadcast_to(values, (2, 3, channels)).astype(dtype))
    assert (picture.shape, picture.dtype) == ((2, 3, 3), np.uint8)
    assert picture[1, 2].tolist() == shown
