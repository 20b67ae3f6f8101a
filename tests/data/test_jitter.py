"""The jitter of a pair: a pure function of its seed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gluon_pix2pix.data.jitter import Jitter, draw_jitter


def draw(seed, **changed) -> Jitter:
    return draw_jitter(seed, **{"load_size": 286, "crop_size": 256, "flip": True, **changed})


def test_it_depends_on_its_arguments_alone():
    expected = draw((7, 3, 5))
    np.random.seed(0)  # the global state is what must not enter
    assert draw((7, 3, 5)) == expected
    assert draw((7, 3, 6)) != expected
    assert draw((7, 4, 5)) != expected
    assert draw((8, 3, 5)) != expected


def test_places_and_mirrors_are_uniform():
    jitters = [draw((0, epoch, 0), load_size=20, crop_size=16) for epoch in range(2000)]
    for offsets in ([jitter.top for jitter in jitters], [jitter.left for jitter in jitters]):
        counts = np.bincount(offsets)
        assert len(counts) == 5  # 0 to 4
        assert np.abs(counts - 400).max() < 80  # 4.5 standard deviations
    assert abs(sum(jitter.mirror for jitter in jitters) - 1000) < 100
    tops, lefts = (np.array([getattr(jitter, side) for jitter in jitters]) for side in ("top", "left"))
    assert abs(np.corrcoef(tops, lefts)[0, 1]) < 0.1


def test_without_flip_nothing_is_mirrored_and_the_place_stays():
    for epoch in range(20):
        jitter = draw((0, epoch, 0))
        assert draw((0, epoch, 0), flip=False) == dataclasses.replace(jitter, mirror=False)


def test_load_size_equal_to_crop_size_leaves_the_whole_picture():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    jitter = draw((0, 0, 0), load_size=4, crop_size=4, flip=False)
    np.testing.assert_array_equal(jitter(image), image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_it_crops_and_mirrors(dtype):
    image = np.arange(5 * 5 * 3, dtype=dtype).reshape(5, 5, 3)
    plain = Jitter(5, 3, top=1, left=2, mirror=False)(image)
    np.testing.assert_array_equal(plain, image[1:4, 2:5])
    mirrored = Jitter(5, 3, top=1, left=2, mirror=True)(image)
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])
    assert mirrored.dtype == dtype
    assert mirrored.flags.c_contiguous
