"""Arrays of pixels, and the way to [-1, 1] and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

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


SHAPES = [(1, 1), (1, 9), (2, 3), (12, 18), (36, 25), (64, 64), (30, 250), (101, 7)]


def by_pillow(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize each axis by itself with Pillow: BOX to shrink, BILINEAR to enlarge.

    Pillow's BOX takes a pixel wholly or not at all. Each pixel is repeated first, so that lengths divide: then it is
    the average of the area.
    """
    planes = []
    for plane in image.transpose(2, 0, 1):
        plane = Image.fromarray(plane.astype(np.float32))
        for axis, (old, new) in enumerate(zip(plane.size, (width, height))):
            size = list(plane.size)
            size[axis] = new
            if new < old:
                finer = list(plane.size)
                finer[axis] = old * new
                plane = plane.resize(finer, Image.Resampling.NEAREST)
            plane = plane.resize(size, Image.Resampling.BOX if new < old else Image.Resampling.BILINEAR)
        planes.append(np.asarray(plane))
    return np.stack(planes, axis=2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("before", SHAPES)
def test_resize_is_pillows_axis_by_axis(before, dtype):
    array = noise(*before, 2, dtype=np.uint8).astype(dtype)
    for after in SHAPES:
        resized = resize(array, *after)
        assert (resized.shape, resized.dtype) == ((*after, 2), dtype)
        expected = by_pillow(array, *after)
        expected = expected if dtype == np.float32 else np.rint(expected)
        assert np.abs(resized - expected).max() <= (0.01 if dtype == np.float32 else 1)


@pytest.mark.parametrize("factor", [(1, 2), (3, 1), (2, 4), (5, 3)])
def test_resize_is_pillows_box_and_bilinear_on_bytes(factor):
    small = noise(13, 17, 3)
    array = noise(13 * factor[0], 17 * factor[1], 3, seed=1)
    box = np.asarray(Image.fromarray(array).resize((17, 13), Image.Resampling.BOX))
    assert np.abs(resize(array, 13, 17).astype(int) - box).max() <= 1
    size = 13 * factor[0] + 2, 17 * factor[1] + 3
    bilinear = np.asarray(Image.fromarray(small).resize(size[::-1], Image.Resampling.BILINEAR))
    assert np.abs(resize(small, *size).astype(int) - bilinear).max() <= 1


@pytest.mark.parametrize(("height", "width"), [(120, 1000), (60, 990), (256, 777), (300, 1023)])
def test_thin_lines_are_kept_whichever_way_the_other_axis_goes(height, width):
    array = np.zeros((height, width, 1), np.uint8)
    lines = np.linspace(9, width - 9, 40).astype(int)
    array[:, lines] = 255
    for image in (resize(array, 256, 256)[:, :, 0], resize(array.transpose(1, 0, 2), 256, 256)[:, :, 0].T):
        middle = image[128] > 10
        assert np.count_nonzero(middle[1:] & ~middle[:-1]) == 40


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_resize_stays_within_the_values_that_there_are(data):
    """Averages and bilinear weights are none below 0: no ringing, flat stays flat, and mirrored is mirrored."""
    side = st.integers(1, 40)
    before, after = (data.draw(side), data.draw(side)), (data.draw(side), data.draw(side))
    array = noise(*before, data.draw(st.integers(1, 5)), dtype=data.draw(st.sampled_from([np.uint8, np.uint16])))
    array = array % data.draw(st.integers(1, 255))
    resized = resize(array, *after)
    assert array.min() <= resized.min()
    assert resized.max() <= array.max()
    assert resize(np.full_like(array, 77), *after).tolist() == np.full_like(resized, 77).tolist()
    mirrored = resize(np.ascontiguousarray(array[:, ::-1]), *after)[:, ::-1]
    np.testing.assert_allclose(mirrored.astype(int), resized, rtol=0, atol=1)
    assert resize(array, *before) is array


@settings(max_examples=60, deadline=None)
@given(st.tuples(st.integers(1, 50), st.integers(1, 50)), st.tuples(st.integers(1, 50), st.integers(1, 50)))
def test_labels_are_taken_from_the_nearest_place(before, after):
    """By the centres of pixels, as pictures are resized: labels do not shift against them. Halfway, either is near."""
    values = np.arange(before[0] * before[1], dtype=np.uint16).reshape(*before, 1)
    rows, columns = np.divmod(resize(values, *after, nearest=True)[:, :, 0], before[1])
    for places, old, new in ((rows[:, 0], before[0], after[0]), (columns[0], before[1], after[1])):
        exact = (np.arange(new) + 0.5) * old / new - 0.5
        assert np.abs(places - exact).max() <= 0.5 + 1e-3
    assert (rows == rows[:, :1]).all()
    assert (columns == columns[:1]).all()


@pytest.mark.parametrize("channels", [5, 9])
@pytest.mark.parametrize("size", [(5, 7), (30, 40), (12, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_many_channels_are_resized_one_by_one(channels, size, dtype):
    array = noise(12, 18, channels, dtype=dtype)
    each = [resize(array[:, :, channel : channel + 1], *size) for channel in range(channels)]
    rounding = 0 if dtype == np.uint8 else 1  # OpenCV's float sums of 16 bits are ordered by the processor's vectors
    np.testing.assert_allclose(resize(array, *size).astype(int), np.concatenate(each, axis=2), rtol=0, atol=rounding)


def test_resize_keeps_a_ramp():
    ramp = np.arange(0, 160, 10, np.uint8).reshape(1, 16, 1).repeat(16, axis=0)
    enlarged = resize(ramp, 32, 32)
    assert enlarged.shape == (32, 32, 1)
    # Pixel centres: column j of the large picture lies at (j - 0.5) / 2 of the small one.
    np.testing.assert_allclose(enlarged[16, 4:-4, 0], 10 * (np.arange(4, 28) - 0.5) / 2, atol=1)


@pytest.mark.parametrize(("dtype", "values"), [(np.uint8, 256), (np.uint16, 65536)])
def test_to_image_undoes_to_signed_on_every_value(dtype, values):
    batch = np.arange(values, dtype=dtype).reshape(1, 16, -1, 1)
    peak = peak_of(batch)
    assert peak == values - 1
    signed = to_signed(batch, high=peak)
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
    np.testing.assert_allclose(to_signed(lab, -110, 110).ravel(), [-1, 0, 0.5], atol=1e-7)
    np.testing.assert_allclose(to_signed(np.float32([[[[0, 50, 100]]]]), 0, 100).ravel(), [-1, 0, 1], atol=1e-7)


def test_split_pair_errors():
    with pytest.raises(ValueError, match=r"a/1\.png is 15 pixels wide: a side-by-side pair needs two halves"):
        split_pair(noise(8, 15, 3), "AtoB", path="a/1.png")
    with pytest.raises(ValueError, match="the picture is 0 pixels wide"):
        split_pair(noise(8, 0, 3), "AtoB")


def test_visible():
    assert visible(noise(2, 2, 3)).shape == (2, 2, 3)
    assert visible(noise(2, 2, 5)).shape == (2, 2, 3)
    assert visible(noise(2, 2, 2)).shape == (2, 2, 1)
