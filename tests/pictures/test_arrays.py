"""Multi-band files, written by tifffile in the other ways that there are."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from gluon_pix2pix.pictures.arrays import encode_array, read_tiff, tiff_has_bands
from gluon_pix2pix.pictures.files import read_image


def noise(*shape: int, dtype=np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def test_planes_one_after_the_other(tmp_path):
    planes = noise(5, 16, 24, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="minisblack", planarconfig="separate")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", channels=5), planes.transpose(1, 2, 0))


def test_compressed_bands(tmp_path):
    bands = noise(16, 24, 7)
    kind = {"photometric": "minisblack", "planarconfig": "contig", "compression": "zlib"}
    tifffile.imwrite(tmp_path / "a.tif", bands, **kind)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), bands)


def test_bands_are_told_from_colours(tmp_path):
    def has_bands(array: np.ndarray, photometric: str) -> bool:
        tifffile.imwrite(tmp_path / "a.tif", array, photometric=photometric, planarconfig="contig")
        return tiff_has_bands((tmp_path / "a.tif").read_bytes())

    assert tiff_has_bands(encode_array("a.tif", noise(4, 4, 3)))
    assert not has_bands(noise(4, 4, 3), "rgb")
    assert not has_bands(noise(4, 4, 4), "rgb")
    assert not has_bands(noise(4, 4), "minisblack")


def test_damaged_bands():
    data = encode_array("a.tif", noise(64, 64, 5))
    with pytest.raises(ValueError, match=r"a\.tif does not decode"):
        read_tiff("a.tif", data[:-1000])
    np.testing.assert_array_equal(read_tiff("a.tif", data), noise(64, 64, 5))
