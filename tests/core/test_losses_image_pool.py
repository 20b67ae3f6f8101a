"""The memory of earlier fakes."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.core.step import ImagePool
from gluon_pix2pix.runtime import mx

pytestmark = pytest.mark.device


def query(pool: ImagePool, numbers: list[int], rng: np.random.Generator) -> list[int]:
    """Pass pictures through that are a number in every pixel."""
    batch = mx.nd.array(numbers).reshape((-1, 1, 1, 1)).broadcast_to((len(numbers), 3, 2, 2))
    out = pool.query(batch, rng).asnumpy()
    assert out.shape == batch.shape
    assert (out == out[:, :1, :1, :1]).all()
    return out[:, 0, 0, 0].astype(int).tolist()


def test_a_pool_of_none_passes_everything_through():
    batch = mx.nd.ones((1, 1, 2, 2))
    assert ImagePool().query(batch, np.random.default_rng(0)) is batch


def test_while_it_fills_it_gives_back_what_it_takes():
    pool = ImagePool(3)
    assert query(pool, [1, 2], np.random.default_rng(0)) == [1, 2]
    assert query(pool, [3], np.random.default_rng(0)) == [3]
    assert [picture.asnumpy().max() for picture in pool.pictures] == [1, 2, 3]


def test_then_half_of_the_pictures_are_exchanged_and_none_is_lost():
    pool, rng = ImagePool(4), np.random.default_rng(0)
    query(pool, [-1, -2, -3, -4], rng)
    shown = [number for start in range(0, 1000, 2) for number in query(pool, [start, start + 1], rng)]
    exchanged = sum(number != place for place, number in enumerate(shown))
    assert exchanged == pytest.approx(500, abs=64)  # four standard deviations
    kept = [int(picture.asnumpy().max()) for picture in pool.pictures]
    assert sorted(shown + kept) == sorted([*range(1000), -1, -2, -3, -4])


def test_it_follows_its_generator():
    shown = [query(ImagePool(2), list(range(40)), np.random.default_rng(seed)) for seed in (5, 5, 6)]
    assert shown[0] == shown[1] != shown[2]


def test_it_keeps_copies():
    """Networks with static memory write their next pictures where these are."""
    pool, rng = ImagePool(2), np.random.default_rng(0)
    for number in range(20):
        batch = mx.nd.full((1, 1, 2, 2), number)
        pool.query(batch, rng)
        before = [picture.asnumpy().max() for picture in pool.pictures]
        batch[:] = -1
        assert [picture.asnumpy().max() for picture in pool.pictures] == before
