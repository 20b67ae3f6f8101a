"""Pictures kept in memory: read once, not to be written to, and refused when there are too many."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.pairs import picture_cache
from gluon_pix2pix.pairs.picture_cache import PictureCache, free_memory


def test_what_has_been_read_stays():
    cache, reads = PictureCache(), []

    def read(index):
        reads.append(index)
        return (np.full((2, 2, 3), index, np.uint8),)

    assert [cache.get(index, read)[0][0, 0, 0] for index in (3, 5, 3, 5, 3)] == [3, 5, 3, 5, 3]
    assert reads == [3, 5]
    with pytest.raises(ValueError, match="read-only"):
        cache.get(3, read)[0][:] = 0


def test_half_of_the_free_memory_is_the_most(monkeypatch):
    assert 1 << 20 < free_memory() < 1 << 50
    monkeypatch.setattr(picture_cache, "free_memory", lambda: 10_000_000_000)
    PictureCache.reserve(5_000_000_000)
    with pytest.raises(
        ValueError, match=r"--cache would take 5\.1 GB, and may take half of the free memory, 10\.0 GB: l"
    ):
        PictureCache.reserve(5_100_000_000)


def test_a_system_without_proc_has_memory_too(monkeypatch, tmp_path):
    monkeypatch.setattr(picture_cache, "Path", lambda path: tmp_path / "nowhere")
    assert free_memory() > 1 << 20
