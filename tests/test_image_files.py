"""Files and arrays, against what Pillow reads and writes."""

from __future__ import annotations

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix import image_files
from gluon_pix2pix.image_files import find_images, image_size, natural_key, read_image, write_atomically, write_image


def noise(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def test_find_images_counts_as_people_do(tmp_path):
    for name in ("10.jpg", "2.png", "1.JPG", "b/3.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [path.name for path in find_images(tmp_path)] == ["1.JPG", "2.png", "10.jpg"]
    everything = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path, recursive=True)]
    assert everything == ["1.JPG", "2.png", "10.jpg", "b/3.png"]


def test_natural_key_never_compares_words_with_numbers():
    names = ["a", "7", "a10b2", "a9", "", "a10", "07", "²"]
    assert sorted(names, key=natural_key) == ["", "07", "7", "a", "a9", "a10", "a10b2", "²"]


def test_find_images_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        find_images(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"holds no pictures \(\.png \.jpg"):
        find_images(tmp_path)


def save_turned(path) -> np.ndarray:
    """Write a JPEG 40 wide and 24 high that lies on its side by EXIF, and return what a viewer shows."""
    image = Image.fromarray(cv2.resize(noise(3, 5, 3), (40, 24)))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, quality=100, subsampling=0, exif=exif)
    return np.rot90(np.asarray(Image.open(path)), -1)


def test_image_size_and_read_image_agree_on_orientation(tmp_path):
    shown = save_turned(tmp_path / "a.jpg")
    assert image_size(tmp_path / "a.jpg") == (40, 24)
    assert read_image(tmp_path / "a.jpg").shape == shown.shape == (40, 24, 3)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - shown).max() <= 2  # two JPEG decoders


def test_image_size(tmp_path):
    write_image(tmp_path / "a.png", noise(3, 5, 1))
    assert image_size(tmp_path / "a.png") == (3, 5)
    (tmp_path / "b.png").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"b\.png is not a picture"):
        image_size(tmp_path / "b.png")


@pytest.mark.parametrize(
    ("array", "channels"), [(noise(5, 7, 3), 3), (noise(5, 7), 1), (noise(5, 7, dtype=np.uint16), 1)]
)
def test_read_image_reads_what_pillow_writes(tmp_path, array, channels):
    Image.fromarray(array).save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.dtype == array.dtype
    assert image.shape == (5, 7, channels)
    np.testing.assert_array_equal(image, array.reshape(image.shape))


def test_read_image_drops_alpha(tmp_path):
    array = noise(5, 7, 4)
    Image.fromarray(array).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), array[:, :, :3])


def test_read_image_converts_channels(tmp_path):
    array = noise(5, 7, 3)
    Image.fromarray(array).save(tmp_path / "a.png")
    gray = read_image(tmp_path / "a.png", channels=1)
    luma = array @ [0.299, 0.587, 0.114]  # ITU-R BT.601
    assert gray.shape == (5, 7, 1)
    assert np.abs(gray[:, :, 0] - luma).max() <= 1
    Image.fromarray(array[:, :, 0]).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_image(tmp_path / "b.png", channels=3), np.repeat(array[:, :, :1], 3, axis=2))


def test_read_image_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        read_image(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"a\.png is not a picture that OpenCV can decode \(13 bytes\)"):
        read_image(tmp_path / "a.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(ValueError, match=r"\(0 bytes\)"):
        read_image(tmp_path / "empty.png")
    (tmp_path / "a.tif").write_bytes(cv2.imencode(".tif", np.ones((2, 2), np.float32))[1].tobytes())
    with pytest.raises(ValueError, match="holds float32 values; pictures here have 8 or 16 bits"):
        read_image(tmp_path / "a.tif")


def test_read_image_of_absurd_size(tmp_path):
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    with pytest.raises(ValueError, match=r"a\.png does not decode: .*PIXELS"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_written_is_read(tmp_path, name, dtype, channels):
    array = noise(5, 7, channels, dtype=dtype)
    write_image(tmp_path / name, array)
    image = read_image(tmp_path / name)
    assert image.dtype == dtype
    np.testing.assert_array_equal(image, array)


def test_pillow_reads_what_write_image_writes(tmp_path):
    array = noise(5, 7, 3)
    write_image(tmp_path / "ä.png", array)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "ä.png")), array)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("a.png", np.zeros((4, 4), np.uint8), r"pictures are \(H, W, 1 or 3\) uint8 or uint16, not \(4, 4\) uint8"),
        ("a.png", np.zeros((4, 4, 2), np.uint8), r"not \(4, 4, 2\)"),
        ("a.png", np.zeros((4, 4, 3), np.float32), "float32"),
        ("a.xyz", np.zeros((4, 4, 3), np.uint8), r"OpenCV knows no format '\.xyz'"),
        ("a.jpg", np.zeros((4, 4, 3), np.uint16), r"\.jpg would cut 16 bits to 8; use \.png"),
        ("a.jpg", np.zeros((1, 70000, 1), np.uint8), r"\.jpg does not hold 70000 x 1 pixels"),
    ],
)
def test_write_image_errors(tmp_path, name, array, message):
    with pytest.raises(ValueError, match=message):
        write_image(tmp_path / name, array)
    assert list(tmp_path.iterdir()) == []


def test_write_atomically(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")
    assert path.stat().st_mode & 0o777 == 0o666 & ~image_files._UMASK

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
