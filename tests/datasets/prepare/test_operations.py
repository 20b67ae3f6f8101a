from __future__ import annotations

import cv2
import numpy as np
import pytest

from gluon_pix2pix.datasets.prepare.operations import (
    crop_center,
    draw_edges,
    fit,
    largest_square,
    on_halves,
    punch_hole,
    side_by_side,
)


def ramp(height, width, dtype=np.uint8, channels=1):
    return (np.arange(height * width * channels) % 251).reshape(height, width, channels).astype(dtype)


def test_stretches():
    blocks = np.kron(ramp(2, 3)[:, :, 0], np.ones((4, 2)))[:, :, None].astype(np.uint8)
    np.testing.assert_array_equal(fit(blocks, 2, 3), ramp(2, 3))
    assert set(np.unique(fit(ramp(5, 5), 9, 9, nearest=True))) == set(range(25))


def test_crops_to_the_aspect():
    picture = np.zeros((4, 12, 3), np.uint8)
    picture[:, 4:8] = 200
    np.testing.assert_array_equal(fit(picture, 2, 2, how="crop"), np.full((2, 2, 3), 200))


@pytest.mark.parametrize(("dtype", "border"), [(np.uint8, 7), (np.uint16, 7 * 257)])
def test_pads_to_the_aspect(dtype, border):
    padded = fit(np.full((2, 8, 1), 100, dtype), 4, 4, how="pad", fill=7)
    assert padded.dtype == dtype
    assert padded[:, 0, 0].tolist() == [border, 100, border, border]
    assert fit(np.full((900, 1, 1), 3, dtype), 4, 4, how="pad").max() == 3  # a side never becomes 0


def test_fits_by_known_ways_only():
    with pytest.raises(ValueError, match="fitted by stretch, crop, pad, not 'squeeze'"):
        fit(ramp(2, 2), 4, 4, how="squeeze")


def test_crops_the_center():
    picture = ramp(7, 10)
    np.testing.assert_array_equal(crop_center(picture, 3, 4), picture[2:5, 3:7])
    np.testing.assert_array_equal(largest_square(picture), picture[:, 1:8])
    with pytest.raises(ValueError, match="it is 10 x 7 pixels, too small to cut 4 x 8 out of it"):
        crop_center(picture, 8, 4)


def test_halves_by_themselves():
    pair = ramp(6, 16)
    both = on_halves(largest_square)(pair)
    np.testing.assert_array_equal(both, np.hstack([pair[:, 1:7], pair[:, 9:15]]))
    with pytest.raises(ValueError, match="it is 5 pixels wide"):
        on_halves(largest_square)(ramp(6, 5))


def test_side_by_side():
    a, b = ramp(4, 5, channels=3), ramp(4, 5)
    pair = side_by_side(a, b)
    np.testing.assert_array_equal(pair[:, :5], a)
    np.testing.assert_array_equal(pair[:, 5:], b.repeat(3, axis=2))
    assert side_by_side(b, b).shape == (4, 10, 1)
    with pytest.raises(ValueError, match="differ in size: 5 x 4 and 4 x 4 pixels"):
        side_by_side(a, a[:, :4])
    with pytest.raises(ValueError, match="A has 8 bits a channel and B 16"):
        side_by_side(a, a.astype(np.uint16))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_edges_are_black_on_white_where_the_edge_is(dtype):
    peak = np.iinfo(dtype).max
    picture = np.zeros((40, 40, 3), dtype)
    picture[:, 20:] = peak
    edges = draw_edges(picture)
    assert (edges.shape, edges.dtype) == ((40, 40, 1), dtype)
    assert set(np.unique(edges)) == {0, peak}
    assert set(np.nonzero(edges[5, :, 0] == 0)[0]) <= {19, 20}
    assert (edges == 0).any(axis=1).all()


def test_edges_are_opencvs():
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 1), np.uint8)
    expected = 255 - cv2.Canny(picture, 40, 90, L2gradient=True)
    np.testing.assert_array_equal(draw_edges(picture, low=40, high=90, blur=0)[:, :, 0], expected)
    assert (draw_edges(picture, blur=2) == 0).sum() < (draw_edges(picture, blur=0) == 0).sum()


def test_holes_hang_on_name_and_seed():
    picture = np.zeros((64, 64, 3), np.uint8)
    np.testing.assert_array_equal(np.nonzero(punch_hole(picture, "a")[:, 32, 0])[0], np.arange(16, 48))
    holes = [punch_hole(picture, name, mask="random", seed=seed).tobytes() for name in "ab" for seed in (0, 1)]
    assert len(set(holes)) == 4
    assert punch_hole(picture, "a", mask="random").tobytes() == holes[0]
