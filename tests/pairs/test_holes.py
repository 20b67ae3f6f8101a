"""Holes in photos: what the network sees of them, and that what is known stays."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.pairs.coding import blank, make_coding
from gluon_pix2pix.pairs.holes import blank_hole, fill_hole, is_central, read_with_hole, split_hole
from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.arrays import encode_array
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.translation.network import Network
from gluon_pix2pix.translation.translator import Translator

PHOTO = np.random.default_rng(0).integers(0, 200, (40, 60, 3), np.uint8)
HOLE = np.zeros((40, 60), bool)
HOLE[10:30, 15:45] = True  # the central quarter


def with_alpha(photo=PHOTO, hole=HOLE):
    peak = np.iinfo(photo.dtype).max
    return np.concatenate([photo, np.where(hole, 0, peak).astype(photo.dtype)[:, :, None]], axis=2)


def test_the_hole_is_that_of_training():
    photo, hole = split_hole(with_alpha(), 3)
    np.testing.assert_array_equal(photo, PHOTO)
    np.testing.assert_array_equal(hole, HOLE)
    np.testing.assert_array_equal(blank_hole(photo, hole), blank(PHOTO))
    assert is_central(hole)
    assert not is_central(np.roll(hole, 8, axis=0))


def test_nothing_from_under_the_hole_is_seen():
    """Two photos that differ under the hole alone look the same, also where both are shrunk."""
    other = np.where(HOLE[:, :, None], np.uint8(7), PHOTO)
    seen = [blank_hole(resize(photo, 16, 16), HOLE) for photo in (PHOTO, other)]
    np.testing.assert_array_equal(*seen)
    assert (seen[0] == 255).all(axis=2).sum() >= 16 * 16 / 4


def test_no_hole():
    for given in (PHOTO, with_alpha(hole=np.zeros_like(HOLE))):
        photo, hole = split_hole(given, 3)
        assert hole is None
        np.testing.assert_array_equal(photo, PHOTO)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("how", [{"size": 16}, {"size": None}, {"size": None, "tile": 16}])
def test_known_pixels_stay(dtype, how):
    photo = PHOTO.astype(dtype) * (np.iinfo(dtype).max // 255)
    network = Network(compute=lambda batch, seed: -batch, coding=make_coding("inpainting"), multiple=8)
    answer = Translator(network, **how)(with_alpha(photo))
    assert (answer.shape, answer.dtype) == ((40, 60, 3), dtype)
    np.testing.assert_array_equal(answer[~HOLE], photo[~HOLE])
    assert (answer[15:25, 20:40] == 0).all()  # what was white, turned round


def test_filling():
    answer = np.full((4, 4, 3), 9, np.uint8)
    filled = fill_hole(PHOTO, HOLE, answer)
    assert (filled[HOLE] == 9).all()
    np.testing.assert_array_equal(filled[~HOLE], PHOTO[~HOLE])


def test_files(tmp_path):
    write_image(tmp_path / "photo.png", PHOTO)
    write_image(tmp_path / "mask.png", np.where(HOLE, 255, 0).astype(np.uint8)[:, :, None])
    given = read_with_hole(tmp_path / "photo.png", tmp_path / "mask.png")
    np.testing.assert_array_equal(given, with_alpha())
    (tmp_path / "alpha.npy").write_bytes(encode_array("alpha.npy", given))
    np.testing.assert_array_equal(read_with_hole(tmp_path / "alpha.npy", None), given)
    np.testing.assert_array_equal(read_with_hole(tmp_path / "photo.png", None), read_image(tmp_path / "photo.png"))
    write_image(tmp_path / "black.png", np.zeros((40, 60, 1), np.uint8))
    with pytest.raises(ValueError, match=r"black\.png has nothing white, which is what to paint of .*photo\.png"):
        read_with_hole(tmp_path / "photo.png", tmp_path / "black.png")
    write_image(tmp_path / "small.png", np.zeros((20, 60, 1), np.uint8))
    with pytest.raises(ValueError, match=r"photo\.png is 60 x 40 pixels and its mask .*small\.png 60 x 20"):
        read_with_hole(tmp_path / "photo.png", tmp_path / "small.png")
