"""Tasks' codings: Lab against scikit-image, one-hot maps, holes, and the way there and back."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import color

from gluon_pix2pix.pairs.coding import blank, from_lab, gray_of, label_colours, make_coding, to_lab


def noise(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lab_is_scikit_images(dtype):
    picture = noise(40, 50, 3, dtype=dtype)
    np.testing.assert_allclose(to_lab(picture), color.rgb2lab(picture), atol=0.05)
    exact = color.rgb2lab(picture).astype(np.float32)
    assert np.abs(from_lab(exact, dtype).astype(int) - picture).max() <= np.iinfo(dtype).max // 2000
    assert np.abs(from_lab(to_lab(picture), dtype).astype(int) - picture).max() <= np.iinfo(dtype).max // 2000


def test_colorization_there_and_back():
    photo = noise(32, 40, 3)
    coding = make_coding("colorization")
    given = coding.source_of(photo)
    assert given.shape == (32, 40, 1)
    np.testing.assert_allclose(color.rgb2lab(given.repeat(3, axis=2))[..., 0], color.rgb2lab(photo)[..., 0], atol=0.5)
    signed = coding.encode(given)
    assert signed.shape == (1, 1, 32, 40)
    np.testing.assert_allclose(signed[0, 0], color.rgb2lab(photo)[..., 0] / 50 - 1, atol=0.01)
    ab = coding.target.values(photo)
    np.testing.assert_allclose(ab, color.rgb2lab(photo)[..., 1:], atol=0.05)
    low, high = coding.target.range(255)
    back = coding.decode(((ab - (high + low) / 2) / ((high - low) / 2)).transpose(2, 0, 1), given)
    off = np.abs(back.astype(int) - photo)  # the given picture's gray is rounded, which dark, vivid colours amplify
    assert off.mean() <= 0.7
    assert off.max() <= 6
    gray = coding.decode(np.zeros((2, 8, 10), np.float32), given)
    assert np.abs(gray.astype(int) - given).max() <= 1  # no colour: the given picture, at its own size


def test_gray_of_gray_is_itself():
    assert np.abs(gray_of(noise(16, 16, 1)).astype(int) - noise(16, 16, 1)).max() <= 1


def test_one_hot_there_and_back():
    coding = make_coding(labels=5, output_labels=7)
    indices = noise(6, 8, 1) % 5
    values = coding.source.values(indices)
    assert values.shape == (6, 8, 5)
    assert values.dtype == np.uint8
    np.testing.assert_array_equal(values / 255, np.eye(5)[indices[..., 0]])
    np.testing.assert_array_equal(np.unique(coding.encode(indices)), [-1, 1])
    signed = np.random.default_rng(0).uniform(-1, 1, (7, 6, 8))
    np.testing.assert_array_equal(coding.decode(signed, indices)[..., 0], signed.argmax(axis=0))
    assert coding.source.show(indices).shape == (6, 8, 3)
    assert len(np.unique(label_colours(35), axis=0)) == 35


def test_one_hot_refuses():
    coding = make_coding(labels=5)
    with pytest.raises(ValueError, match="holds label 5, and 5 labels count from 0"):
        coding.source.values(np.full((2, 2, 1), 5, np.uint8))
    with pytest.raises(ValueError, match=r"label maps are \(H, W, 1\) uint8"):
        coding.source.values(noise(2, 2, 3))


def test_pixels():
    coding = make_coding(input_nc=1, output_nc=5)
    picture = noise(4, 4, 3, dtype=np.uint16)
    assert coding.source_of(picture) is picture
    assert coding.encode(picture).shape == (1, 1, 4, 4)
    fake = coding.decode(np.ones((5, 4, 4), np.float32), picture)
    assert fake.shape == (4, 4, 5)
    assert (fake == 65535).all()
    assert fake.dtype == np.uint16
    assert coding.target.show(fake).shape == (4, 4, 3)
    assert coding.target.show(fake[:, :, :2]).shape == (4, 4, 1)


def test_blank():
    photo = noise(16, 24, 3) // 2
    hole = np.any(blank(photo) != photo, axis=2)
    assert hole.sum() == 8 * 12
    assert hole[4:12, 6:18].all()
    assert (blank(photo)[hole] == 255).all()
    areas = {int(np.any(blank(photo, "random", seed=(1, i)) != photo, axis=2).sum()) for i in range(50)}
    assert len(areas) > 10
    assert 4 * 6 <= min(areas) <= max(areas) <= 8 * 12
    again = make_coding("inpainting", mask="random").source_of(photo, seed=(1, 7))
    np.testing.assert_array_equal(again, blank(photo, "random", seed=(1, 7)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "dreaming"}, "task is one of pairs, colorization, inpainting, not 'dreaming'"),
        ({"mask": "round"}, "mask is one of center, random, not 'round'"),
        ({"labels": 1}, "1 labels for pairs cannot be"),
        ({"task": "colorization", "output_labels": 12}, "12 labels for colorization cannot be"),
    ],
)
def test_make_coding_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_coding(**arguments)
