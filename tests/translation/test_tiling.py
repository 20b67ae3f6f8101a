"""Padding to what networks take, and answers put together from overlapping tiles."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.pairs.coding import make_coding
from gluon_pix2pix.translation.network import Network
from gluon_pix2pix.translation.tiling import blend_tiles, feather, pad_to_multiple, padded_side, tile_starts
from gluon_pix2pix.translation.translator import Translator

LENGTHS = [
    (100, 32, 8),
    (33, 32, 8),
    (32, 32, 8),
    (5, 32, 8),
    (95, 32, 16),
    (57, 32, 8),
    (6000, 512, 128),
    (40, 32, 16),
]


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def translator(compute, *, tile, multiple=16, **kwargs):
    return Translator(Network(lambda batch, seed: compute(batch), make_coding(), multiple), tile=tile, **kwargs)


def test_padding_reflects():
    row = np.arange(5.0)[None, None, None].repeat(8, axis=2)
    np.testing.assert_array_equal(pad_to_multiple(row, 4)[0, 0, 0], [0, 1, 2, 3, 4, 3, 2, 1])
    assert [padded_side(side, 4) for side in (1, 8, 9)] == [8, 8, 12]  # what residual generators need
    assert [padded_side(side, 256) for side in (1, 256, 257)] == [256, 256, 512]


@pytest.mark.parametrize(("length", "tile", "overlap"), LENGTHS)
def test_tiles_cover_a_side_and_their_weights_sum_to_one(length, tile, overlap):
    starts = tile_starts(length, tile, overlap)
    assert (starts[0], starts[-1]) == (0, max(length - tile, 0))
    assert all(a < b <= a + tile - overlap for a, b in zip(starts, starts[1:]))
    weights = feather(starts, length, tile, overlap)
    total = np.zeros(length)
    for start, weight in zip(starts, weights):
        assert weight.min() > 0
        total[start : start + tile] += weight
    np.testing.assert_allclose(total, 1, atol=1e-6)
    for weight in weights:  # nowhere a step: a seam would show
        assert np.abs(np.diff(weight)).max(initial=0) <= 2 / overlap


def test_where_two_tiles_share_the_overlap_one_fades_linearly_into_the_other():
    left, right = feather([0, 12], 28, 16, 4)
    np.testing.assert_allclose(left, [1] * 12 + [0.875, 0.625, 0.375, 0.125])
    np.testing.assert_allclose(right, left[::-1])


@pytest.mark.parametrize("shape", [(70, 45), (20, 100), (100, 20), (33, 32), (129, 131)])
def test_what_the_network_leaves_alone_comes_back(shape):
    for dtype in (np.uint8, np.uint16):
        picture = noise(*shape, 3, dtype=dtype)
        np.testing.assert_array_equal(translator(lambda batch: batch, tile=32)(picture), picture)
    constant = translator(lambda batch: np.full_like(batch, 0.2), tile=32)(picture)
    assert np.unique(constant).tolist() == [round(1.2 * 32767.5)]


def test_tiles_are_the_network_s_and_bands_are_all_that_is_kept():
    seen, kept = [], []

    def compute(top, left, height, width):
        seen.append((top, left, height, width))
        return np.ones((1, height, width), np.float32)

    for top, band in blend_tiles(compute, 1000, 60, tile=40, overlap=10):
        assert top == sum(kept)
        assert band.shape[2] == 60
        kept.append(band.shape[1])
    assert sum(kept) == 1000
    assert max(kept) <= 40
    assert {tile[2:] for tile in seen} == {(40, 40)}


def test_one_tile_is_the_whole_picture():
    picture = noise(60, 50, 3)
    means = []  # a network that sees all of what it gets

    def compute(batch):
        means.append(batch.mean())
        return np.tanh(batch - batch.mean())

    whole = translator(compute, tile=None)(picture)
    np.testing.assert_array_equal(translator(compute, tile=60)(picture), whole)
    assert len(means) == 2
    assert np.abs(translator(compute, tile=32)(picture).astype(int) - whole).max() > 0
    assert len(means) > 4


def test_tiles_are_as_large_as_the_network_takes():
    shapes = set()
    translator(lambda batch: shapes.add(batch.shape) or batch, tile=50, multiple=32)(noise(200, 70, 3))
    assert shapes == {(1, 3, 64, 64)}


def test_label_maps_and_resized_colourisation_in_tiles():
    labels = noise(100, 80, 1) % 5
    coding = make_coding(labels=5, output_labels=5)
    one_hot = Network(lambda batch, seed: batch, coding, 16)
    np.testing.assert_array_equal(Translator(one_hot, tile=32)(labels), labels)

    gray = noise(100, 80, 1)
    colours = Network(
        lambda batch, seed: np.full((1, 2, *batch.shape[2:]), 0.1, np.float32), make_coding("colorization"), 16
    )
    whole = Translator(colours, size=(64, 48))(gray)
    assert whole.shape == (100, 80, 3)
    np.testing.assert_array_equal(Translator(colours, size=(64, 48), tile=32)(gray), whole)
