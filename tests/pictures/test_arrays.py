"""Arrays of any number of channels, as files."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile

from gluon_pix2pix.pictures.arrays import encode_array
from gluon_pix2pix.pictures.files import image_size, read_image


def noise(*shape: int, dtype=np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def test_bands_are_written_as_tifffile_reads_them():
    bands = noise(6, 9, 5, dtype=np.uint16)
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(encode_array("a.tif", bands))), bands)
    np.testing.assert_array_equal(np.load(io.BytesIO(encode_array("a.npy", bands))), bands)
    with pytest.raises(ValueError, match=r"cannot write a\.png: \.png does not hold 5 channels"):
        encode_array("a.png", bands)


def test_arrays_of_the_other_byte_order_and_of_fortrans(tmp_path):
    array = noise(5, 7, 4, dtype=np.uint16)
    np.save(tmp_path / "big.npy", array.astype(">u2"))
    np.save(tmp_path / "columns.npy", np.asfortranarray(array))
    for name in ("big.npy", "columns.npy"):
        image = read_image(tmp_path / name)
        assert image.dtype == np.uint16
        assert image.dtype.isnative
        np.testing.assert_array_equal(image, array)


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': ((((', 'fortran_order': False, 'shape': (4, 4), }",  # tokenize.TokenError
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (4, 4, }",
        b"pe': (4, 4), }",  # the beginning is missing
        b"(" * 3000,  # MemoryError or RecursionError, of Python's parser
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (4, -4), }",
        b"{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (4, 4), }",
        b"\xff\xfe\0",
    ],
)
def test_damaged_headers_of_arrays(tmp_path, header):
    data = b"\x93NUMPY\x01\0" + len(header + b"\n").to_bytes(2, "little") + header + b"\n" + bytes(16)
    (tmp_path / "a.npy").write_bytes(data)
    for look in (image_size, read_image):
        with pytest.raises(ValueError, match=r"a\.npy (is not an array of numbers|holds )"):
            look(tmp_path / "a.npy")
