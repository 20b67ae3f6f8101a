"""PNG files of every kind, and what is wrong within them."""

from __future__ import annotations

import io
import itertools
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from gluon_pix2pix.pictures.files import read_image, read_label_palette, read_labels
from gluon_pix2pix.pictures.headers import file_header

KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16)]
KINDS += [(6, 8), (6, 16)]  # colour types and bits: all that there are


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(samples: np.ndarray, colour: int, bits: int, *, before: bytes = b"", interlaced: bool = False) -> bytes:
    """Write samples (H, W, C), of whichever bits, by the standard's own words."""
    height, width, _ = samples.shape

    def rows(part: np.ndarray) -> bytes:
        if bits == 16:
            packed = part.astype(">u2").reshape(len(part), -1).view(np.uint8)
        else:
            digits = part[:, :, :, None] >> np.arange(bits)[::-1] & 1
            packed = np.packbits(digits.reshape(len(part), -1).astype(np.uint8), axis=1)
        return b"".join(b"\0" + row.tobytes() for row in packed) if part.size else b""

    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [samples[top::down, left::right] for top, left, down, right in passes] if interlaced else [samples]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    body = zlib.compress(b"".join(map(rows, parts)))
    half = len(body) // 2
    data = chunk(b"IDAT", body[:half]) + chunk(b"IDAT", body[half:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + data + chunk(b"IEND", b"")


def samples_of(colour: int, bits: int, height: int = 9, width: int = 13) -> np.ndarray:
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    return np.random.default_rng(bits).integers(0, 1 << bits, (height, width, channels), np.uint16)


def colours_of(bits: int) -> np.ndarray:
    return np.random.default_rng(9).integers(0, 256, (1 << bits, 3), np.uint8)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("colour", "bits"), KINDS)
def test_every_kind_of_pixel(tmp_path, colour, bits, interlaced):
    samples = samples_of(colour, bits)
    before = chunk(b"PLTE", colours_of(bits).tobytes()) if colour == 3 else b""
    (tmp_path / "a.png").write_bytes(png(samples, colour, bits, before=before, interlaced=interlaced))
    peak, dtype = (65535, np.uint16) if bits == 16 else (255, np.uint8)
    expected = np.rint(samples * (peak / ((1 << bits) - 1))).astype(dtype)
    expected = colours_of(bits)[samples[:, :, 0]] if colour == 3 else expected
    whole = expected.shape[2]
    shown = expected[:, :, :-1] if colour in (4, 6) else expected
    header, image = file_header(tmp_path / "a.png"), read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image, shown)
    assert (*header.shown, header.channels, header.dtype) == (*image.shape, image.dtype)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", channels=whole), expected if whole != 3 else shown)
    if colour in (0, 3) and bits <= 8:
        np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), samples)
        colours = read_label_palette(tmp_path / "a.png")
        np.testing.assert_array_equal(colours, colours_of(bits)) if colour == 3 else pytest.approx(None) == colours
    else:
        with pytest.raises(
            ValueError, match=r"a\.png is no label map: it has (colours|16 bits a channel), not a palette"
        ):
            read_labels(tmp_path / "a.png")


@pytest.mark.parametrize(("colour", "tail"), [(0, b"\0\5"), (2, bytes(6)), (3, b"\0\x80")])
def test_transparent_colours_stay_what_they_are(tmp_path, colour, tail):
    samples = samples_of(colour, 8)
    plain = chunk(b"PLTE", colours_of(8).tobytes()) if colour == 3 else b""
    (tmp_path / "a.png").write_bytes(png(samples, colour, 8, before=plain))
    (tmp_path / "b.png").write_bytes(png(samples, colour, 8, before=plain + chunk(b"tRNS", tail)))
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), image)
    both = read_image(tmp_path / "b.png", channels=image.shape[2] + 1)
    np.testing.assert_array_equal(both[:, :, :-1], image)
    assert both[:, :, -1].max() == 255


def test_large_texts_and_profiles_are_nobodys_concern(tmp_path):
    """Pillow takes no text of more than a megabyte, for fear of bombs; programs for drawing write such."""
    image, info = np.random.default_rng(0).integers(0, 256, (9, 13, 3), np.uint8), PngImagePlugin.PngInfo()
    info.add_text("workflow", "x" * 1_400_000, zip=True)
    Image.fromarray(image).save(tmp_path / "a.png", pnginfo=info, icc_profile=b"no profile" * 200_000)
    with pytest.raises(ValueError, match=r"(?i)too large"):
        Image.open(tmp_path / "a.png").load()
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), image)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"tEXt", b"iCCP", b"gAMA", b"eXIf", b"pHYs", b"zzZz", b"sBIT"]), st.binary(max_size=60)
        )
    )
)
def test_other_chunks_change_nothing(tmp_path_factory, chunks):
    samples = samples_of(2, 8)
    before = b"".join(itertools.starmap(chunk, chunks))
    path = tmp_path_factory.mktemp("chunks") / "a.png"
    path.write_bytes(png(samples, 2, 8, before=before))
    np.testing.assert_array_equal(read_image(path), samples)


@pytest.mark.parametrize("checksum", [True, False])
def test_what_is_damaged_is_named(tmp_path, checksum):
    """A checksum that is wrong; and one that is right, of a stream that does not decode."""
    samples = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = bytearray(png(samples, 2, 8))
    at = data.index(b"IDAT") + 4
    for place in (at + 50, at + 2000):
        spoilt = bytearray(data)
        spoilt[place] ^= 0x20
        if checksum:
            body = spoilt[at : at + int.from_bytes(data[at - 8 : at - 4], "big")]
            spoilt[at + len(body) : at + len(body) + 4] = struct.pack(">I", zlib.crc32(b"IDAT" + body))
        (tmp_path / "a.png").write_bytes(spoilt)
        message = "is damaged: " + ("" if checksum else "the checksum of its IDAT is wrong")
        for look in (read_image, read_labels) if not checksum else (read_image,):
            with pytest.raises(ValueError, match=rf"a\.png .*{message}"):
                look(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(
        png(samples[:40], 2, 8).replace(struct.pack(">II", 64, 40), struct.pack(">II", 64, 64))
    )
    with pytest.raises(ValueError, match=r"a\.png is damaged: the checksum of its IHDR is wrong"):
        read_image(tmp_path / "a.png")


def test_too_few_rows_are_not_filled_up(tmp_path):
    samples = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0))
    half = png(samples[:32], 2, 8)
    (tmp_path / "a.png").write_bytes(half[:8] + header + half[8 + 25 :])
    with pytest.raises(ValueError, match=r"a\.png is damaged: Not enough image data"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", [".png", ".webp", ".gif"])
def test_animations_are_refused(tmp_path, suffix):
    frames = [Image.fromarray(np.random.default_rng(n).integers(0, 256, (9, 13, 3), np.uint8)) for n in range(3)]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    for look in (file_header, read_image, read_labels):
        with pytest.raises(ValueError, match=rf"a\{suffix} holds (3|several) pictures \(an animation\): save the one"):
            look(tmp_path / f"a{suffix}")
    frames[0].save(tmp_path / f"one{suffix}", save_all=True)
    assert read_image(tmp_path / f"one{suffix}").shape == (9, 13, 3)


def test_a_picture_that_ends_early(tmp_path):
    data = png(samples_of(2, 8), 2, 8)
    for length in range(len(data)):
        (tmp_path / "a.png").write_bytes(data[:length])
        for look in (file_header, read_image):
            with pytest.raises(ValueError, match=r"a\.png is (cut off|empty|not a picture)"):
                look(tmp_path / "a.png")


def test_what_precedes_the_first_chunk(tmp_path):
    data = png(samples_of(2, 8), 2, 8)
    for spoilt in (data[:8] + chunk(b"tEXt", b"a") + data[8:], data.replace(b"IHDR", b"IHDX")):
        (tmp_path / "a.png").write_bytes(spoilt)
        with pytest.raises(ValueError, match=r"a\.png is not a picture: its first chunk is damaged"):
            file_header(tmp_path / "a.png")
    colour = chunk(b"IHDR", struct.pack(">IIBBBBB", 13, 9, 8, 5, 0, 0, 0))
    (tmp_path / "a.png").write_bytes(data[:8] + colour + data[8 + 25 :])
    with pytest.raises(ValueError, match=r"a\.png is not a picture: its first chunk is damaged"):
        file_header(tmp_path / "a.png")
    assert io.BytesIO(data).read(8) == data[:8]
