"""BMP, GIF, WebP, JPEG 2000 and PNM, against Pillow and OpenCV."""

from __future__ import annotations

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.pictures.files import read_image, read_label_palette, read_labels
from gluon_pix2pix.pictures.headers import file_header


def noise(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def agree(path, expected: np.ndarray) -> None:
    header, image = file_header(path), read_image(path)
    np.testing.assert_array_equal(image, expected)
    assert (*header.shown, header.channels, header.dtype) == (*image.shape, image.dtype)


@pytest.mark.parametrize("suffix", ["bmp", "webp", "jp2", "j2k", "ppm"])
def test_colours(tmp_path, suffix):
    image = noise(20, 33, 3)
    Image.fromarray(image).save(tmp_path / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    agree(tmp_path / f"a.{suffix}", image)


@pytest.mark.parametrize("suffix", ["bmp", "jp2", "pgm"])
def test_gray(tmp_path, suffix):
    image = noise(20, 33)
    Image.fromarray(image).save(tmp_path / f"a.{suffix}")
    expected = image[:, :, None]
    agree(tmp_path / f"a.{suffix}", expected)
    if suffix != "jp2":
        np.testing.assert_array_equal(read_labels(tmp_path / f"a.{suffix}"), expected)


@pytest.mark.parametrize("suffix", ["gif", "bmp"])
def test_palettes(tmp_path, suffix):
    indices = noise(20, 33) % 16
    image = Image.fromarray(indices)
    image.putpalette(noise(16, 3).tobytes())
    image.save(tmp_path / f"a.{suffix}", **({"optimize": False} if suffix == "gif" else {}))
    agree(tmp_path / f"a.{suffix}", noise(16, 3)[indices])
    labels, colours = read_labels(tmp_path / f"a.{suffix}"), read_label_palette(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(colours[labels[:, :, 0]], noise(16, 3)[indices])


def test_black_and_white(tmp_path):
    bits = noise(20, 33) > 99
    for suffix in ("bmp", "pbm"):
        Image.fromarray(bits).save(tmp_path / f"a.{suffix}")
        agree(tmp_path / f"a.{suffix}", bits[:, :, None].astype(np.uint8) * np.uint8(255))
        np.testing.assert_array_equal(read_labels(tmp_path / f"a.{suffix}")[:, :, 0], bits)


@pytest.mark.parametrize("suffix", ["gif", "webp", "jp2"])
def test_alpha_is_left_off_or_kept(tmp_path, suffix):
    image = noise(20, 33, 4)
    if suffix == "gif":
        paletted = Image.fromarray(image[:, :, 0] % 16)
        paletted.putpalette(noise(16, 3).tobytes())
        paletted.save(tmp_path / "a.gif", transparency=5)
        image = np.dstack([noise(16, 3)[image[:, :, 0] % 16], np.where(image[:, :, 0] % 16 == 5, 0, 255)]).astype(
            np.uint8
        )
    else:
        options = {"lossless": True, "exact": True} if suffix == "webp" else {}
        Image.fromarray(image).save(tmp_path / f"a.{suffix}", **options)
    agree(tmp_path / f"a.{suffix}", image[:, :, :3])
    np.testing.assert_array_equal(read_image(tmp_path / f"a.{suffix}", channels=4), image)


def test_webp_with_losses(tmp_path):
    Image.fromarray(cv2.resize(noise(5, 7, 3), (70, 50))).save(tmp_path / "a.webp")
    agree(tmp_path / "a.webp", np.asarray(Image.open(tmp_path / "a.webp")))


@pytest.mark.parametrize("shape", [(20, 33), (20, 33, 3), (20, 33, 4)])
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_deep_jpeg_2000(tmp_path, shape, bits):
    """Pillow would cut colours to 8 bits."""
    image = noise(*shape, dtype=np.uint16) >> (16 - bits)
    encoded = imagecodecs.jpeg2k_encode(image, level=0, bitspersample=bits, reversible=True)
    (tmp_path / "a.jp2").write_bytes(encoded)
    expected = np.rint(image * (65535 / ((1 << bits) - 1))).astype(np.uint16).reshape(20, 33, -1)
    agree(tmp_path / "a.jp2", expected[:, :, :3] if shape[2:] == (4,) else expected)


def test_deep_pnm(tmp_path):
    image = noise(20, 33, 3, dtype=np.uint16)
    cv2.imwrite(str(tmp_path / "a.ppm"), image[:, :, ::-1])
    agree(tmp_path / "a.ppm", image)
    cv2.imwrite(str(tmp_path / "a.pgm"), image[:, :, 0])
    agree(tmp_path / "a.pgm", image[:, :, :1])
    (tmp_path / "b.ppm").write_bytes(b"P6 2 1 1023\n" + np.array([0, 1023, 512, 1, 2, 3], ">u2").tobytes())
    agree(tmp_path / "b.ppm", np.array([[[0, 65535, 32799], [64, 128, 192]]], np.uint16))
    (tmp_path / "c.ppm").write_bytes(b"P3 1 1 1023\n1 2 3\n")
    with pytest.raises(ValueError, match=r"c\.ppm is a PPM of text with more than 8 bits a channel"):
        read_image(tmp_path / "c.ppm")


@pytest.mark.parametrize("suffix", ["bmp", "gif", "webp", "jp2", "ppm"])
def test_what_was_cut_off(tmp_path, suffix):
    Image.fromarray(cv2.resize(noise(9, 9, 3), (90, 90))).save(tmp_path / f"a.{suffix}")
    data = (tmp_path / f"a.{suffix}").read_bytes()
    for share in (0.1, 0.5, 0.97):
        (tmp_path / f"a.{suffix}").write_bytes(data[: int(len(data) * share)])
        with pytest.raises(ValueError, match=rf"a\.{suffix} is (cut off|damaged|not a picture)"):
            read_image(tmp_path / f"a.{suffix}")


def test_names_do_not_matter(tmp_path):
    image = noise(20, 33, 3)
    for kind in ("PNG", "BMP", "JPEG2000", "TIFF"):
        Image.fromarray(image).save(tmp_path / "a.jpg", kind)
        agree(tmp_path / "a.jpg", image)


@pytest.mark.filterwarnings("ignore:Image size:PIL.Image.DecompressionBombWarning")  # as commands have it
def test_a_large_claim_of_jpeg_2000_is_refused(tmp_path):
    Image.fromarray(noise(20, 33, 3)).save(tmp_path / "a.j2k")
    data = bytearray((tmp_path / "a.j2k").read_bytes())
    for place in (8, 12, 24, 28):
        data[place : place + 4] = (11_000).to_bytes(4, "big")
    (tmp_path / "a.j2k").write_bytes(data)
    for look in (file_header, read_image):
        with pytest.raises(ValueError, match=r"a\.j2k claims 11000 x 11000 pixels: so large a JPEG 2000 is not"):
            look(tmp_path / "a.j2k")


def test_colours_that_are_refused(tmp_path):
    Image.fromarray(noise(20, 33, 3)).save(tmp_path / "a.jp2")
    data = (tmp_path / "a.jp2").read_bytes()
    at = data.index(b"\xff\x4f\xff\x51")
    (tmp_path / "a.jp2").write_bytes(data[: at + 42] + b"\x0f\1\1\x07\1\1\x07\1\1" + data[at + 51 :])
    with pytest.raises(ValueError, match=r"a\.jp2 is a JPEG 2000 whose channels differ or have signs"):
        file_header(tmp_path / "a.jp2")
