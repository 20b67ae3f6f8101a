"""Pictures kept in memory: read once, not to be written to, and refused when there are too many."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from gluon_pix2pix.pairs.picture_cache import PictureCache


def test_what_has_been_read_stays():
    cache, reads = PictureCache(), []

    def read(number):
        reads.append(number)
        return (np.full((2, 2, 3), number, np.uint8),)

    got = [cache.get(f"{number}.png", lambda number=number: read(number))[0] for number in (3, 5, 3, 5, 3)]
    assert [picture[0, 0, 0] for picture in got] == [3, 5, 3, 5, 3]
    assert reads == [3, 5]
    with pytest.raises(ValueError, match="read-only"):
        got[0][:] = 0


def test_half_of_the_free_memory_is_the_most(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10_000_000_000))
    PictureCache.reserve(5_000_000_000)
    with pytest.raises(
        ValueError, match=r"--cache would take 5\.1 GB, and may take half of the free memory, 10\.0 GB: l"
    ):
        PictureCache.reserve(5_100_000_000)
