"""Files and arrays, against what Pillow reads and writes."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from gluon_pix2pix.pictures.files import encode_image, image_size, read_image, read_labels, save_picture, write_image
from gluon_pix2pix.pictures.headers import file_header


def noise(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


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
    with pytest.raises(ValueError, match=r"a\.png is not a picture in a known format \(13 bytes\)"):
        read_image(tmp_path / "a.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(ValueError, match=r"empty\.png is empty \(0 bytes\)"):
        read_image(tmp_path / "empty.png")
    (tmp_path / "a.tif").write_bytes(cv2.imencode(".tif", np.ones((2, 2), np.float32))[1].tobytes())
    with pytest.raises(ValueError, match="holds float32 values; pictures here have 8 or 16 bits"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright_as_pillow_turns_them(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Smooth, and of another gray in each corner: two JPEG decoders differ by little.
    array = cv2.resize(np.array([[0, 80], [160, 240]], np.uint8), (40, 24))
    Image.fromarray(array).convert("RGB").save(tmp_path / name, quality=100, exif=exif)
    shown = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / name)))
    image = read_image(tmp_path / name)
    assert image.shape == shown.shape
    assert np.abs(image.astype(int) - shown).max() <= 3
    assert image_size(tmp_path / name) == shown.shape[:2]


def test_tiffs_are_turned_upright(tmp_path):
    array = noise(24, 40, 3)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.rot90(array, -1))
    bands = noise(24, 40, 5)
    tags = {"photometric": "minisblack", "planarconfig": "contig", "extratags": [(274, "H", 1, 6, True)]}
    tifffile.imwrite(tmp_path / "b.tif", bands, **tags)
    np.testing.assert_array_equal(read_image(tmp_path / "b.tif", channels=5), np.rot90(bands, -1))
    assert image_size(tmp_path / "a.tif") == image_size(tmp_path / "b.tif") == (40, 24)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.tif"])
def test_a_file_that_was_cut_off(tmp_path, name):
    """OpenCV itself fills the rest of a large JPEG with gray, and says so on stderr alone."""
    write_image(tmp_path / name, cv2.resize(noise(12, 12, 3), (512, 512)))
    data = (tmp_path / name).read_bytes()
    for share in (0.3, 0.6, 0.98):
        (tmp_path / name).write_bytes(data[: int(len(data) * share)])
        with pytest.raises(
            ValueError, match=rf"{name} (is cut off: the end of the picture is missing|is not a picture)"
        ):
            read_image(tmp_path / name)


def test_what_follows_a_picture_does_no_harm(tmp_path):
    for name in ("a.jpg", "a.png"):
        write_image(tmp_path / name, noise(5, 7, 3))
        image = read_image(tmp_path / name)
        with open(tmp_path / name, "ab") as stream:
            stream.write(b"\0" * 100)
        np.testing.assert_array_equal(read_image(tmp_path / name), image)
        assert file_header(tmp_path / name).shown == (5, 7)


@pytest.mark.parametrize("name", ["a.npy", "a.tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 4, 5, 13])
def test_any_number_of_channels(tmp_path, name, dtype, channels):
    array = noise(5, 7, channels, dtype=dtype)
    write_image(tmp_path / name, array)
    for asked in (channels, None):
        image = read_image(tmp_path / name, channels=asked)
        assert image.dtype == dtype
        np.testing.assert_array_equal(image, array)
    assert image_size(tmp_path / name) == (5, 7)
    with pytest.raises(ValueError, match=rf"{name} has {channels} channels, and 3 are asked for"):
        read_image(tmp_path / name, channels=3)


def test_arrays_of_one_and_three_channels_are_like_other_pictures(tmp_path):
    np.save(tmp_path / "gray.npy", noise(5, 7))
    np.testing.assert_array_equal(read_image(tmp_path / "gray.npy", channels=3), np.repeat(noise(5, 7, 1), 3, axis=2))
    write_image(tmp_path / "rgb.npy", noise(5, 7, 3))
    write_image(tmp_path / "rgb.png", noise(5, 7, 3))
    arrays = [read_image(tmp_path / name, channels=1) for name in ("rgb.npy", "rgb.png")]
    assert np.abs(arrays[0].astype(int) - arrays[1]).max() <= 1


def test_alpha_is_kept_where_four_channels_are_asked_for(tmp_path):
    array = noise(5, 7, 4)
    Image.fromarray(array).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", channels=4), array)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", channels=4), array)
    assert read_image(tmp_path / "a.tif").shape == (5, 7, 3)
    with pytest.raises(ValueError, match=r"a\.png has 4 channels, and 5 are asked for"):
        read_image(tmp_path / "a.png", channels=5)


def test_labels_are_indices(tmp_path):
    indices = noise(6, 8) % 5
    image = Image.fromarray(indices)
    image.putpalette(np.random.default_rng(1).integers(0, 256, 15, np.uint8).tobytes())
    assert image.mode == "P"
    image.save(tmp_path / "palette.png")
    Image.fromarray(indices).save(tmp_path / "gray.png")
    np.save(tmp_path / "array.npy", indices)
    for name in ("palette.png", "gray.png", "array.npy"):
        labels = read_labels(tmp_path / name)
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels[:, :, 0], indices)
    Image.fromarray(indices > 2).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "bits.png")[:, :, 0], indices > 2)
    assert read_image(tmp_path / "palette.png").shape == (6, 8, 3)  # for others it is a colour picture


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("a.png", noise(4, 4, 3), "no label map: it has colours, not a palette or one channel of 8 bits"),
        ("a.png", noise(4, 4, dtype=np.uint16), "no label map: it has 16 bits a channel, not a palette"),
        ("a.jpg", noise(4, 4), "no label map: it is a JPEG, which blurs labels into others: take PNG"),
        ("a.npy", noise(4, 4, 3), r"no label map: it is \(4, 4, 3\) uint8, not \(H, W\) uint8"),
        ("a.npy", noise(4, 4, dtype=np.uint16), "no label map: it is .* uint16"),
    ],
)
def test_what_is_no_label_map(tmp_path, name, array, message):
    if name == "a.npy":
        np.save(tmp_path / name, array)
    else:
        Image.fromarray(array).save(tmp_path / name)
    with pytest.raises(ValueError, match=message):
        read_labels(tmp_path / name)


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
        ("a.png", np.zeros((4, 4), np.uint8), r"pictures are \(H, W, C\) uint8 or uint16, not \(4, 4\) uint8"),
        ("a.png", np.zeros((4, 4, 2), np.uint8), r"\.png does not hold 2 channels; use \.npy or \.tif"),
        ("a.png", np.zeros((4, 4, 3), np.float32), "float32"),
        ("a.gif", np.zeros((4, 4, 3), np.uint8), r"a \.gif holds 256 colours; use \.png or \.jpg"),
        ("a.xyz", np.zeros((4, 4, 3), np.uint8), r"OpenCV knows no format '\.xyz'"),
        ("a.jpg", np.zeros((4, 4, 3), np.uint16), r"\.jpg would cut 16 bits to 8; use \.png"),
        ("a.jpg", np.zeros((1, 70000, 1), np.uint8), r"\.jpg does not hold 70000 x 1 pixels"),
    ],
)
def test_write_image_errors(tmp_path, name, array, message):
    with pytest.raises(ValueError, match=message):
        write_image(tmp_path / name, array)
    assert list(tmp_path.iterdir()) == []


def test_jpegs_have_the_quality_and_all_colours(tmp_path):
    picture = cv2.GaussianBlur(noise(64, 64, 3), (0, 0), 2)
    sizes = []
    for quality in (30, 100):
        save_picture(tmp_path / "deep" / "x.jpg", picture, quality=quality)
        sizes.append((tmp_path / "deep" / "x.jpg").stat().st_size)
    assert sizes[0] < sizes[1] / 2
    with Image.open(tmp_path / "deep" / "x.jpg") as image:
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3  # no component is subsampled
    assert np.abs(read_image(tmp_path / "deep" / "x.jpg").astype(int) - picture).max() <= 4
    save_picture(tmp_path / "gray.jpg", picture[:, :, :1])
    assert read_image(tmp_path / "gray.jpg").shape == (64, 64, 1)
    with pytest.raises(ValueError, match="would cut 16 bits to 8"):
        save_picture(tmp_path / "deep.jpg", picture.astype(np.uint16))


def test_bytes_at_hand(tmp_path):
    """A file's bytes are read and written without a file."""
    picture = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    for name in ("a.png", "a.npy", "a.tif"):
        write_image(tmp_path / name, picture)
        data = (tmp_path / name).read_bytes()
        assert encode_image(name, picture) == data
        np.testing.assert_array_equal(read_image(name, data=data), picture)
    write_image(tmp_path / "l.png", picture[:, :, :1])
    np.testing.assert_array_equal(read_labels("l.png", data=(tmp_path / "l.png").read_bytes()), picture[:, :, :1])
    columns = io.BytesIO()
    np.save(columns, np.asfortranarray(picture))
    np.testing.assert_array_equal(read_image("b.npy", data=columns.getvalue()), picture)


@pytest.mark.parametrize("cut", [0, 5, 9, 60, 100, 187])
def test_bytes_of_an_array_that_are_cut_off(cut):
    stream = io.BytesIO()
    np.save(stream, np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(ValueError, match=r"^a\.npy is not an array of numbers that numpy has saved: "):
        read_image("a.npy", data=stream.getvalue()[:cut])
