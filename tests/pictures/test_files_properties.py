"""What holds for any picture that is written without losses: it is read as it is, whatever the file and its reader."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageOps

from gluon_pix2pix.pictures.files import image_size, read_image, write_image
from gluon_pix2pix.pictures.headers import file_header

SIDE = st.integers(1, 24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("properties")


def pictures(channels: st.SearchStrategy[int]) -> st.SearchStrategy[np.ndarray]:
    shapes = st.tuples(SIDE, SIDE, channels)
    return st.sampled_from([np.uint8, np.uint16]).flatmap(lambda dtype: arrays.arrays(dtype, shapes))


def agree(path, expected: np.ndarray, *, channels: int | None = None) -> None:
    header, image = file_header(path), read_image(path, channels=channels)
    np.testing.assert_array_equal(image, expected)
    assert image.dtype == expected.dtype
    assert image.flags.c_contiguous
    assert header.dtype == image.dtype
    assert header.shown == image_size(path) == image.shape[:2]


@settings(max_examples=80, deadline=None)
@given(picture=pictures(st.sampled_from([1, 3])), suffix=st.sampled_from([".png", ".tif", ".npy", ".bmp", ".jp2"]))
def test_what_is_written_is_read(folder, picture, suffix):
    picture = picture if suffix in (".png", ".tif", ".npy") else picture.astype(np.uint8)
    path = folder / f"a{suffix}"
    if suffix == ".jp2":
        Image.fromarray(picture.squeeze(2) if picture.shape[2] == 1 else picture).save(path)
    else:
        write_image(path, picture)
    if suffix == ".bmp":  # OpenCV writes gray as a palette of grays
        picture = np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture
        agree(path, picture, channels=3)
    else:
        agree(path, picture)


@settings(max_examples=80, deadline=None)
@given(picture=pictures(st.integers(1, 9)), data=st.data())
def test_any_tiff_is_read(folder, picture, data):
    channels = picture.shape[2]
    photometric = data.draw(st.sampled_from(["minisblack", "rgb"] if channels in (3, 4) else ["minisblack"]))
    planar = data.draw(st.sampled_from(["contig", "separate"])) if channels > 1 else None
    options = {
        "compression": data.draw(st.sampled_from([None, "lzw", "zlib", "packbits", "zstd"])),
        "byteorder": data.draw(st.sampled_from("<>")),
        "bigtiff": data.draw(st.booleans()),
        **data.draw(st.sampled_from([{}, {"rowsperstrip": 3}, {"tile": (16, 16)}])),
    }
    stored = picture[:, :, 0] if channels == 1 else picture.transpose(2, 0, 1) if planar == "separate" else picture
    path = folder / "a.tif"
    tifffile.imwrite(path, stored, photometric=photometric, planarconfig=planar, metadata=None, **options)
    agree(path, picture, channels=channels)
    agree(path, picture[:, :, :3] if photometric == "rgb" else picture)


@settings(max_examples=60, deadline=None)
@given(
    picture=arrays.arrays(np.uint8, st.tuples(SIDE, SIDE, st.sampled_from([3, 4]))),
    orientation=st.integers(0, 20) | st.integers(0, 65535),
    suffix=st.sampled_from([".png", ".webp", ".tif"]),
)
def test_pictures_stand_as_pillow_stands_them(folder, picture, orientation, suffix):
    path, exif = folder / f"a{suffix}", Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True, "exact": True} if suffix == ".webp" else {}
    Image.fromarray(picture).save(path, exif=exif, **options)
    shown = Image.fromarray(picture)
    if 1 <= orientation <= 8:
        shown.getexif()[0x0112] = orientation
        shown = ImageOps.exif_transpose(shown)
    agree(path, np.asarray(shown)[:, :, :3])
    if suffix != ".webp":  # which has no alpha where all is opaque
        agree(path, np.asarray(shown), channels=picture.shape[2])


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=300), begin=st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0+"])
)
def test_any_bytes_are_a_picture_or_refused_by_name(folder, data, begin):
    (folder / "bytes.jpg").write_bytes(begin + data)
    for look in (file_header, read_image):
        with pytest.raises(ValueError, match=r"^.*/bytes\.jpg [^\n]*$"):
            look(folder / "bytes.jpg")
