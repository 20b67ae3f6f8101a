"""Arrays of pixels, and the way to [-1, 1] and back."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.pictures.arithmetic import (
    peak_of,
    resize,
    split_pair,
    to_image,
    to_signed,
    visible,
    with_channels,
)
from gluon_pix2pix.runtime import mx


def noise(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def test_resize_shrinks_by_averages():
    array = noise(12, 6, 3)
    means = array.reshape(4, 3, 2, 3, 3).mean(axis=(1, 3))
    assert np.abs(resize(array, 4, 2) - means).max() <= 0.5
    assert resize(array, 12, 6) is array


@pytest.mark.parametrize("channels", [5, 9])
@pytest.mark.parametrize("size", [(5, 7), (30, 40), (12, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_many_channels_are_resized_one_by_one(channels, size, dtype):
    array = noise(12, 18, channels, dtype=dtype)
    each = [resize(array[:, :, channel : channel + 1], *size) for channel in range(channels)]
    rounding = 0 if dtype == np.uint8 else 1  # OpenCV's float sums of 16 bits are ordered by the processor's vectors
    np.testing.assert_allclose(resize(array, *size).astype(int), np.concatenate(each, axis=2), rtol=0, atol=rounding)


def test_resize_enlarges_smoothly_and_keeps_every_axis():
    ramp = np.arange(0, 160, 10, np.uint8).reshape(1, 16, 1).repeat(16, axis=0)
    enlarged = resize(ramp, 32, 32)
    assert enlarged.shape == (32, 32, 1)
    # Pixel centres: column j of the large picture lies at (j - 0.5) / 2 of the small one; bicubic keeps a ramp.
    np.testing.assert_allclose(enlarged[16, 4:-4, 0], 10 * (np.arange(4, 28) - 0.5) / 2, atol=1)


@pytest.mark.parametrize(("dtype", "values"), [(np.uint8, 256), (np.uint16, 65536)])
def test_to_image_undoes_to_signed_on_every_value(dtype, values):
    batch = np.arange(values, dtype=dtype).reshape(1, 16, -1, 1)
    peak = peak_of(batch)
    assert peak == values - 1
    signed = to_signed(batch, peak)
    assert signed.dtype == np.float32
    assert (signed.min(), signed.max()) == (-1, 1)
    back = to_image(signed, peak)
    assert back.dtype == dtype
    np.testing.assert_array_equal(back, batch)


def test_to_signed_on_the_device_is_numpys():
    batch = noise(2, 5, 7, 3)
    on_device = to_signed(mx.nd.array(batch, dtype="uint8"))
    assert on_device.shape == (2, 3, 5, 7)
    np.testing.assert_array_equal(on_device.asnumpy(), to_signed(batch))
    np.testing.assert_allclose(to_signed(batch)[1, 2, 3, 4], batch[1, 3, 4, 2] / 127.5 - 1, rtol=1e-6)


def test_to_image_rounds_and_clips():
    signed = np.array([-1.2, -1 + 0.4 / 127.5, -1 + 0.6 / 127.5, 1.3], np.float32).reshape(1, 1, 1, 4)
    assert to_image(signed).ravel().tolist() == [0, 0, 1, 255]


def test_with_channels():
    gray, colour, five = noise(4, 5, 1), noise(4, 5, 3), noise(4, 5, 5)
    assert with_channels(gray, 1) is gray
    assert with_channels(colour, 3) is colour
    assert with_channels(five, 5) is five
    np.testing.assert_array_equal(with_channels(with_channels(gray, 3), 1), gray)
    with pytest.raises(ValueError, match="has 5 channels, and 3 are asked for"):
        with_channels(five, 3)


def test_to_signed_of_other_ranges():
    lab = np.float32([[[[-110, 0, 55]]]])
    np.testing.assert_allclose(to_signed(lab, 110, -110).ravel(), [-1, 0, 0.5], atol=1e-7)
    np.testing.assert_allclose(to_signed(np.float32([[[[0, 50, 100]]]]), 100).ravel(), [-1, 0, 1], atol=1e-7)


def test_split_pair_errors():
    with pytest.raises(ValueError, match=r"a/1\.png is 15 pixels wide: a side-by-side pair needs two halves"):
        split_pair(noise(8, 15, 3), "AtoB", path="a/1.png")
    with pytest.raises(ValueError, match="the picture is 0 pixels wide"):
        split_pair(noise(8, 0, 3), "AtoB")


def test_visible():
    assert visible(noise(2, 2, 3)).shape == (2, 2, 3)
    assert visible(noise(2, 2, 5)).shape == (2, 2, 3)
    assert visible(noise(2, 2, 2)).shape == (2, 2, 1)
