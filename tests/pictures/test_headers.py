"""What headers say, without decoding: against Pillow, and for files that are none."""

from __future__ import annotations

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from gluon_pix2pix.pictures.files import read_image, read_labels, write_image
from gluon_pix2pix.pictures.headers import MAX_PIXELS, file_header, image_size


def noise(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("name", ["a.png", "ä b.jpg", "a.bmp", "a.tif", "a.webp", "a.npy"])
def test_image_size(tmp_path, name):
    write_image(tmp_path / name, noise(3, 5, 1))
    assert image_size(tmp_path / name) == file_header(tmp_path / name).shown == (3, 5)


def test_a_colour_tiff_of_16_bits_has_a_size(tmp_path):
    write_image(tmp_path / "a.tif", noise(3, 5, 3, dtype=np.uint16))
    assert image_size(tmp_path / "a.tif") == (3, 5)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_text_and_nothing_are_no_pictures(tmp_path, name):
    (tmp_path / name).write_text("not a picture")
    (tmp_path / f"empty_{name}").touch()
    for look in (image_size, read_image):
        with pytest.raises(ValueError, match=rf"/{name} is not a picture in a known format \(13 bytes\)"):
            look(tmp_path / name)
        with pytest.raises(ValueError, match=rf"empty_{name} is empty \(0 bytes\)"):
            look(tmp_path / f"empty_{name}")


def test_a_damaged_header(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II*\0" + bytes(4))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(8))
    for name in ("a.tif", "a.png"):
        with pytest.raises(ValueError, match=f"{name} is (not a picture|damaged|cut off)"):
            image_size(tmp_path / name)


def save_huge(folder) -> list:
    """Write files of a few bytes that claim 60,000 x 60,000 pixels, and one of 12,000 x 12,000."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for name, side in (("a.png", 60000), ("b.png", 12000)):
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    write_image(folder / "c.jpg", noise(8, 8, 3))
    data = bytearray((folder / "c.jpg").read_bytes())
    size = data.index(b"\xff\xc0") + 5
    data[size : size + 4] = struct.pack(">HH", 60000, 60000)
    (folder / "c.jpg").write_bytes(bytes(data))
    np.lib.format.open_memmap(folder / "d.npy", mode="w+", dtype=np.uint8, shape=(MAX_PIXELS // 8 + 1, 8)).flush()
    return ["a.png", "b.png", "c.jpg", "d.npy"]


@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")  # as commands have it
def test_absurd_sizes_are_refused_before_decoding(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", None)
    for name in save_huge(tmp_path):
        for look in (image_size, read_image):
            with pytest.raises(ValueError, match=rf"{name} claims [^(]*(134,217,728|60000 x 60000)[^(]*$"):
                look(tmp_path / name)


def test_the_ends_of_files_are_looked_at(tmp_path):
    for name in ("a.jpg", "a.png"):
        write_image(tmp_path / name, cv2.resize(noise(9, 9, 3), (300, 300)))
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        with pytest.raises(ValueError, match=rf"{name} is cut off: the end of the picture is missing"):
            file_header(tmp_path / name)


def test_a_thumbnails_end_is_not_the_pictures(tmp_path):
    """A JPEG in a JPEG's APP1, as cameras put it: it has an end, and the picture has not."""
    picture, thumbnail = (cv2.imencode(".jpg", noise(64, 64, 3))[1].tobytes() for _ in range(2))
    tagged = picture[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + picture[2:]
    (tmp_path / "a.jpg").write_bytes(tagged)
    assert file_header(tmp_path / "a.jpg").shown == read_image(tmp_path / "a.jpg").shape[:2] == (64, 64)
    (tmp_path / "a.jpg").write_bytes(tagged[:-100])
    for look in (file_header, read_image):
        with pytest.raises(ValueError, match=r"a\.jpg is cut off"):
            look(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(picture[:20])
    with pytest.raises(ValueError, match=r"a\.jpg is (cut off|not a picture)"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4), np.float32), r"a\.npy holds float32 \(4, 4\): pictures are \(H, W\) or \(H, W, C\) uint8 or"),
        (np.zeros(4, np.uint8), r"a\.npy holds uint8 \(4,\)"),
        (np.array([{}]), r"a\.npy is not an array of numbers that numpy has saved"),
    ],
)
def test_arrays_that_are_no_pictures(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    for look in (image_size, read_image):
        with pytest.raises(ValueError, match=message):
            look(tmp_path / "a.npy")


def test_damaged_arrays(tmp_path):
    np.save(tmp_path / "a.npy", noise(9, 9))
    data = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(data[:-3])
    with pytest.raises(ValueError, match=r"a\.npy is not an array of numbers"):
        image_size(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(b"text")
    with pytest.raises(ValueError, match=r"b\.npy is not an array of numbers"):
        read_image(tmp_path / "b.npy")
    (tmp_path / "c.npy").touch()
    with pytest.raises(ValueError, match=r"c\.npy is empty"):
        read_image(tmp_path / "c.npy")
    np.savez(tmp_path / "d.npz", a=noise(2, 2))
    (tmp_path / "d.npz").rename(tmp_path / "d.npy")
    with pytest.raises(ValueError, match=r"d\.npy is an archive of numpy's, not an array"):
        read_image(tmp_path / "d.npy")


def test_pillows_largest_is_above_ours():
    assert Image.MAX_IMAGE_PIXELS > MAX_PIXELS / 2  # it refuses from twice that on, in its own words


def test_headers_say_the_pixels_type_that_decoding_gives(tmp_path):
    kinds = {"a.png": 1, "b.png": 3, "a.tif": 1, "b.tif": 3, "c.tif": 6, "a.npy": 6}
    for name, channels in kinds.items():
        for dtype in (np.uint8, np.uint16):
            write_image(tmp_path / name, noise(4, 6, channels, dtype=dtype))
            assert file_header(tmp_path / name).dtype == read_image(tmp_path / name).dtype == dtype
    for name, kind, mode in (("a.webp", "WEBP", "RGB"), ("a.jpg", "JPEG", "CMYK"), ("p.png", "PNG", "P")):
        Image.fromarray(noise(4, 6, 3)).convert(mode).save(tmp_path / name, kind)
        assert file_header(tmp_path / name).dtype == read_image(tmp_path / name, channels=3).dtype == np.uint8
    Image.fromarray(noise(4, 6) > 99).save(tmp_path / "bits.tif")
    assert file_header(tmp_path / "bits.tif").dtype == read_image(tmp_path / "bits.tif").dtype == np.uint8


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint32])
def test_values_that_are_no_pixels_are_found_without_decoding(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 6), dtype))
    for look in (image_size, read_image):
        with pytest.raises(ValueError, match=rf"a\.tif holds {np.dtype(dtype)} values; pictures here have 8 or 16"):
            look(tmp_path / "a.tif")


@pytest.mark.parametrize(("brand", "kind"), [(b"heic", "HEIC"), (b"mif1", "HEIF"), (b"avif", "AVIF")])
def test_what_phones_write_is_named(tmp_path, brand, kind):
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(40))
    for look in (image_size, read_image):
        with pytest.raises(ValueError, match=rf"a\.jpg is a {kind} picture, which is not read: save it as PNG or JPEG"):
            look(tmp_path / "a.jpg")


@pytest.mark.parametrize("name", ["a.jpg", "a.npy"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    for look in (image_size, read_image, read_labels):
        with pytest.raises(ValueError, match=rf"{name} is a pipe or a device, not a file"):
            look(tmp_path / name)
