"""Small pictures on disk to prepare."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.pictures.files import write_image


@pytest.fixture
def draw():
    """Write a random picture and return it."""

    def write(path, seed=0, size=(8, 10), channels=3, dtype=np.uint8):
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        picture = rng.integers(0, np.iinfo(dtype).max, (*size, channels), dtype, endpoint=True)
        write_image(path, picture)
        return picture

    return write
