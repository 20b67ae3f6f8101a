"""JPEG files as browsers read them, and what is wrong within them."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gluon_pix2pix.pictures import jpeg
from gluon_pix2pix.pictures.files import read_image, read_labels
from gluon_pix2pix.pictures.headers import file_header


def photo(height: int = 160, width: int = 320) -> Image.Image:
    small = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return Image.fromarray(cv2.resize(small, (width, height)))


def encoded(image: Image.Image | None = None, **options) -> bytes:
    stream = io.BytesIO()
    (image or photo()).save(stream, "JPEG", **options)
    return stream.getvalue()


def decoded(data: bytes, path, *, channels=None) -> np.ndarray:
    path.write_bytes(data)
    header = file_header(path)
    image = read_image(path, channels=channels)
    assert image.shape[:2] == header.shown
    return image


def segments(data: bytes) -> list[int]:
    """Return where each segment before the first scan begins, and the scan."""
    places, at = [], 2
    while data[at + 1] != 0xDA:
        places.append(at)
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return [*places, at]


@pytest.mark.parametrize(
    "options",
    [{}, {"quality": 95, "subsampling": 0}, {"progressive": True}, {"restart_marker_blocks": 4}, {"optimize": True}],
)
def test_the_pixels_are_pillows_and_opencvs(tmp_path, options):
    data = encoded(**options)
    image = decoded(data, tmp_path / "a.jpg")
    np.testing.assert_array_equal(image, np.asarray(Image.open(io.BytesIO(data))))
    np.testing.assert_array_equal(image, cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1])
    gray = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(decoded(data, tmp_path / "a.jpg", channels=1)[:, :, 0], gray)


def test_gray_and_inks(tmp_path):
    data = encoded(photo().convert("L"))
    assert decoded(data, tmp_path / "a.jpg").shape == (160, 320, 1)
    np.testing.assert_array_equal(decoded(data, tmp_path / "a.jpg")[:, :, 0], np.asarray(Image.open(io.BytesIO(data))))
    inks = encoded(photo().convert("CMYK"))
    shown = np.asarray(Image.open(io.BytesIO(inks)).convert("RGB"))
    assert np.abs(decoded(inks, tmp_path / "a.jpg").astype(int) - shown).max() <= 1
    assert decoded(inks, tmp_path / "a.jpg", channels=1).shape == (160, 320, 1)


def test_inks_by_hand():
    inks = np.array([[[0, 128, 255, 0], [0, 0, 0, 255], [10, 20, 30, 100]]], np.uint8)
    expected = [[[255, 127, 0], [0, 0, 0], [149, 143, 137]]]  # (255 - ink) (255 - black) / 255
    np.testing.assert_array_equal(jpeg.from_cmyk(inks, inverted=False), expected)
    np.testing.assert_array_equal(jpeg.from_cmyk(255 - inks, inverted=True), expected)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_stray_bytes_between_segments_change_nothing(tmp_path_factory, data):
    """As in files of some cameras and editors: libjpeg and browsers pass over them."""
    whole = encoded(progressive=data.draw(st.booleans()))
    at = data.draw(st.sampled_from(segments(whole)))
    stray = data.draw(st.binary(min_size=1, max_size=40)).replace(b"\xff", b"\0")
    spoilt = whole[:at] + stray + whole[at:]
    path = tmp_path_factory.mktemp("stray") / "a.jpg"
    np.testing.assert_array_equal(decoded(spoilt, path), decoded(whole, path))


def test_padding_and_further_pictures_do_no_harm(tmp_path):
    whole = encoded()
    image = decoded(whole, tmp_path / "a.jpg")
    for spoilt in (
        whole[:-2] + bytes(7) + whole[-2:],  # libjpeg: 7 extraneous bytes before marker 0xd9
        whole + bytes(1000),
        whole + encoded(photo(80, 80)),  # as phones append a map of brightness
        whole[:2] + b"\xff\xe1\xff\xff" + bytes(65533) + whole[2:],  # longer than is read at first
        whole[:2] + b"\xff" * 9 + whole[2:],
    ):
        np.testing.assert_array_equal(decoded(spoilt, tmp_path / "a.jpg"), image)


def test_a_version_that_is_not_known(tmp_path):
    whole = encoded()
    at = whole.index(b"JFIF\0") + 5
    spoilt = whole[:at] + b"\x07" + whole[at + 1 :]
    np.testing.assert_array_equal(decoded(spoilt, tmp_path / "a.jpg"), decoded(whole, tmp_path / "a.jpg"))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 4}, {"subsampling": 0}])
def test_a_hole_is_found(tmp_path, options):
    """As an interrupted copy or a bad disk leaves it: OpenCV and Pillow return gray and shifted rows without a word."""
    whole = encoded(**options)
    scan, length = segments(whole)[-1], len(whole)
    hole = slice(scan + (length - scan) // 3, scan + 2 * (length - scan) // 3)
    spoilt = whole[: hole.start] + bytes(hole.stop - hole.start) + whole[hole.stop :]
    assert cv2.imdecode(np.frombuffer(spoilt, np.uint8), cv2.IMREAD_COLOR) is not None
    for channels in (None, 1, 3):
        with pytest.raises(ValueError, match=r"a\.jpg is damaged: Corrupt JPEG data: "):
            decoded(spoilt, tmp_path / "a.jpg", channels=channels)


@pytest.mark.parametrize(
    ("value", "kind"), [(65537, "I"), (0, "H"), (9, "H"), (b"6\0\0\0", "s"), (b"left-top\0", "s"), (6, "H"), (6, "I")]
)
def test_orientations_that_are_none_count_as_1(tmp_path, value, kind):
    body = value if kind == "s" else struct.pack(f"<{kind}", value)
    code = {"s": 2, "H": 3, "I": 4}[kind]
    entry = struct.pack("<HHI", 274, code, len(body) if kind == "s" else 1)
    inline = body.ljust(4, b"\0") if len(body) <= 4 else struct.pack("<I", 26)
    block = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + inline + bytes(4) + body
    whole = encoded()
    tagged = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + whole[2:]
    image = decoded(whole, tmp_path / "a.jpg")
    expected = np.rot90(image, -1) if value == 6 else image
    np.testing.assert_array_equal(decoded(tagged, tmp_path / "a.jpg"), expected)


def test_what_libjpeg_merely_remarks_on(tmp_path):
    whole = encoded()
    scan = segments(whole)[-1]
    end = scan + 2 + int.from_bytes(whole[scan + 2 : scan + 4], "big")
    spoilt = whole[: end - 3] + b"\0\0\0" + whole[end:]  # coefficients 0 to 0, by encoders that leave it unset
    np.testing.assert_array_equal(decoded(spoilt, tmp_path / "a.jpg"), decoded(whole, tmp_path / "a.jpg"))


def test_exif_that_is_damaged_is_no_reason_to_refuse(tmp_path):
    whole = encoded()
    for block in (b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(40)):
        tagged = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + whole[2:]
        np.testing.assert_array_equal(decoded(tagged, tmp_path / "a.jpg"), decoded(whole, tmp_path / "a.jpg"))


def test_what_is_not_read(tmp_path):
    whole = encoded()
    frame = whole.index(b"\xff\xc0")
    twelve = whole[: frame + 4] + b"\x0c" + whole[frame + 5 :]
    with pytest.raises(ValueError, match=r"a\.jpg is a JPEG of 3 channels of 12 bits, which is not read: take PNG"):
        decoded(twelve, tmp_path / "a.jpg")
    nothing = whole[: frame + 5] + bytes(4) + whole[frame + 9 :]
    with pytest.raises(ValueError, match=r"a\.jpg claims 0 x 0 pixels of 3 channels: there is no picture in it"):
        decoded(nothing, tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(whole)
    with pytest.raises(ValueError, match=r"a\.jpg is no label map: it is a JPEG, which blurs labels"):
        read_labels(tmp_path / "a.jpg")


def test_a_thousand_scans_are_refused(tmp_path):
    """Each goes over all pixels of a progressive picture again: a few kilobytes could take minutes."""
    whole = encoded(progressive=True)
    end = whole.rindex(b"\xff\xd9")
    scan = whole.rindex(b"\xff\xda", 0, end)
    (tmp_path / "a.jpg").write_bytes(whole[:end] + whole[scan:end] * 200 + whole[end:])
    with pytest.raises(ValueError, match=r"a\.jpg has 2\d\d scans of 320 x 160 pixels, which would take too long"):
        read_image(tmp_path / "a.jpg")
    large = bytearray(whole[:end] + whole[scan:end] * 20 + whole[end:])
    size = large.index(b"\xff\xc2") + 5
    large[size : size + 4] = struct.pack(">HH", 11_000, 11_000)
    (tmp_path / "b.jpg").write_bytes(large)
    with pytest.raises(ValueError, match=r"b\.jpg has \d\d scans of 11000 x 11000 pixels"):
        read_image(tmp_path / "b.jpg")
