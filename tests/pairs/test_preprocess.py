"""Preprocessing: a pure function of size and seed, whose sizes are those of the reference's get_transform."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gluon_pix2pix.pairs.preprocess import Placement, Preprocess


def draw(seed, word="resize_and_crop", size=(256, 256), **changed) -> Placement:
    return Preprocess(preprocess=word, **changed).choose_placement(*size, seed)


def test_it_depends_on_its_arguments_alone():
    expected = draw((7, 3, 5))
    np.random.seed(0)  # the global state is what must not enter
    assert draw((7, 3, 5)) == expected
    assert draw((7, 3, 6)) != expected
    assert draw((7, 4, 5)) != expected
    assert draw((8, 3, 5)) != expected


def test_a_seed_means_what_it_has_always_meant():
    """So that a run begun with an older version goes on with the same windows."""
    for epoch in range(50):
        rng = np.random.default_rng((0, epoch, 3))
        top, left = rng.integers(0, 31, size=2)
        mirror = bool(rng.random() > 0.5)
        assert draw((0, epoch, 3)) == Placement(286, 286, top, left, 256, 256, mirror)


def test_places_and_mirrors_are_uniform():
    drawn = [draw((0, epoch, 0), load_size=20, crop_size=16) for epoch in range(2000)]
    for offsets in ([place.top for place in drawn], [place.left for place in drawn]):
        counts = np.bincount(offsets)
        assert len(counts) == 5  # 0 to 4
        assert np.abs(counts - 400).max() < 80  # 4.5 standard deviations
    assert abs(sum(place.mirror for place in drawn) - 1000) < 100
    tops, lefts = (np.array([getattr(place, side) for place in drawn]) for side in ("top", "left"))
    assert abs(np.corrcoef(tops, lefts)[0, 1]) < 0.1


def test_without_flip_nothing_is_mirrored_and_the_place_stays():
    for epoch in range(20):
        place = draw((0, epoch, 0))
        assert draw((0, epoch, 0), flip=False) == dataclasses.replace(place, mirror=False)


def test_load_size_equal_to_crop_size_leaves_the_whole_picture():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    place = draw((0, 0, 0), load_size=4, crop_size=4, flip=False)
    np.testing.assert_array_equal(place(image), image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_it_crops_and_mirrors(dtype):
    image = np.arange(5 * 5 * 3, dtype=dtype).reshape(5, 5, 3)
    plain = Placement(5, 5, top=1, left=2, crop_height=3, crop_width=2)(image)
    np.testing.assert_array_equal(plain, image[1:4, 2:4])
    mirrored = Placement(5, 5, 1, 2, 3, 2, mirror=True)(image)
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])
    assert mirrored.dtype == dtype
    assert mirrored.flags.c_contiguous


def test_labels_are_never_mixed():
    labels = np.array([[0, 200], [7, 90]], np.uint8)[:, :, None]
    placed = Placement(5, 7, 0, 0, 5, 7)(labels, nearest=True)
    assert set(np.unique(placed)) == {0, 7, 90, 200}


@pytest.mark.parametrize(
    ("word", "size", "loaded", "result"),
    # load_size 286, crop_size 256, multiples of 32
    [
        ("resize_and_crop", (100, 700), (286, 286), (256, 256)),
        ("crop", (300, 700), (300, 700), (256, 256)),
        ("scale_width", (300, 572), (256, 288), (256, 288)),  # 150 high, and the reference's least is crop_size
        ("scale_width", (800, 400), (576, 288), (576, 288)),  # 572 x 286
        ("scale_width_and_crop", (800, 400), (572, 286), (256, 256)),
        ("scale_width_and_crop", (100, 400), (256, 286), (256, 256)),
        ("scale_width_and_crop", (300, 286), (300, 286), (256, 256)),
        ("none", (300, 700), (288, 704), (288, 704)),
        ("none", (5, 320), (32, 320), (32, 320)),
    ],
)
def test_sizes(word, size, loaded, result):
    preprocess = Preprocess(preprocess=word, multiple=32)
    place = preprocess.choose_placement(*size, (1, 2, 3))
    assert (place.height, place.width) == loaded
    assert (place.crop_height, place.crop_width) == preprocess.result_size(*size) == result
    assert place(np.zeros((*size, 3), np.uint8)).shape == (*result, 3)
    assert 0 <= place.top <= loaded[0] - result[0]
    assert 0 <= place.left <= loaded[1] - result[1]
    assert preprocess.trained_size == ((256, 256) if word == "resize_and_crop" else None)


def test_plainly_the_window_is_in_the_middle():
    assert draw(None, "crop", (300, 400)) == Placement(300, 400, 22, 72, 256, 256)
    assert draw(None, "scale_width_and_crop", (572, 286)) == Placement(572, 286, 158, 15, 256, 256)
    assert draw(None) == Placement(256, 256, 0, 0, 256, 256)  # resized to crop_size at once
    assert draw(None, "none", (300, 400)) == Placement(300, 400, 0, 0, 300, 400)


def test_other_aspect_ratios():
    wide = Preprocess(aspect_ratio=2, load_size=143, crop_size=128, multiple=64)
    assert (wide.load, wide.crop) == ((143, 286), (128, 256))
    odd = Preprocess(aspect_ratio=1.4, load_size=143, crop_size=128, multiple=64)
    assert (odd.load, odd.crop) == ((143, 214), (128, 192))
    narrow = Preprocess(aspect_ratio=0.1, load_size=128, crop_size=128, multiple=64)
    assert (narrow.load, narrow.crop) == ((128, 64), (128, 64))
    assert wide.choose_placement(50, 50, (0, 0, 1))(np.zeros((50, 50, 1), np.uint8)).shape == (128, 256, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preprocess": "squash"}, "preprocess is one of resize_and_crop, crop, .*, none, not 'squash'"),
        ({"load_size": 200}, "crop_size 256 does not fit into load_size 200"),
        ({"crop_size": 0}, "crop_size 0 does not fit into load_size 286"),
        ({"aspect_ratio": 1e300}, "aspect_ratio 1e\\+300 is no width by height: 0.001 to 1000"),
        ({"preprocess": "none", "aspect_ratio": 2}, "aspect_ratio 2 shapes a crop, and preprocess none crops nothing"),
        ({"aspect_ratio": -1}, "aspect_ratio -1 is no width by height: it is above 0"),
    ],
)
def test_argument_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        Preprocess(**arguments)


def test_a_picture_smaller_than_the_crop():
    with pytest.raises(ValueError, match="400 x 255 pixels, smaller than the crop of 256 x 256"):
        Preprocess(preprocess="crop").result_size(255, 400)
    assert Preprocess(preprocess="crop", load_size=1).result_size(256, 400) == (256, 256)
