"""BMP, GIF, WebP, JPEG 2000 and PNM files: headers by Pillow, and pixels by it where it keeps all of their bits."""

from __future__ import annotations

import io
from typing import BinaryIO

import numpy as np
from PIL import Image

from gluon_pix2pix.pictures.jpeg import CUT
from gluon_pix2pix.pictures.limits import MAX_BYTES, TAKE_ONE, Header, Unreadable, spread, upright

_FORMATS = ("BMP", "GIF", "JPEG2000", "PPM", "WEBP")
_MODES = {"1": (1, False), "L": (1, False), "LA": (1, True), "P": (3, False), "RGB": (3, False), "RGBA": (3, True)}
_MODES |= dict.fromkeys(("I", "I;16", "I;16B"), (1, False))
_CODESTREAM = b"\xff\x4f\xff\x51"  # where a JPEG 2000 says what its samples are (ITU-T T.800, A.5.1)


def read_header(stream: BinaryIO) -> Header:
    """Read what Pillow reads without decoding."""
    _check_riff(stream)
    with Image.open(stream, formats=_FORMATS) as image:
        if getattr(image, "is_animated", False):
            raise Unreadable(f"holds several pictures (an animation): {TAKE_ONE}")
        if image.mode not in _MODES:
            raise Unreadable(f"has the colours {image.mode}, which are not read: save it as RGB or gray")
        channels, alpha = _MODES[image.mode]
        if image.format == "JPEG2000" and image.height * image.width * (channels + alpha) * 4 > MAX_BYTES:
            # Its decoder takes four bytes for each, and gives what is not there as 0.
            raise Unreadable(f"claims {image.width} x {image.height} pixels: so large a JPEG 2000 is not decoded")
        alpha |= image.mode == "P" and "transparency" in image.info
        wide = image.mode.startswith("I") or _wide_colours(image) or (image.format == "JPEG2000" and _bits(stream) > 8)
        orientation = upright(Image.Image.getexif(image).get(0x0112, 1))
        return Header(image.height, image.width, orientation, "uint16" if wide else "uint8", channels, alpha)


def decode(data: bytes, header: Header) -> np.ndarray:
    """Return (H, W, C), alpha included; palettes are colours."""
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        if image.format == "WEBP":
            return _by_imagecodecs(data, "webp")
        if image.format == "JPEG2000" and header.dtype == "uint16":
            return spread(_by_imagecodecs(data, "jpeg2k"), _bits(io.BytesIO(data)))
        if _wide_colours(image):
            samples = np.frombuffer(data, ">u2", count=header.height * header.width * 3, offset=image.tile[0][2])
            return (samples.astype(np.uint32) * 65535 // _peak(image)).astype(np.uint16).reshape(header.shape)
        if image.mode == "P":
            image = image.convert("RGBA" if header.alpha else "RGB")
        pixels = np.array(image)
    if pixels.dtype == bool:
        return pixels.astype(np.uint8)[:, :, None] * np.uint8(255)
    return pixels.astype(header.dtype)


def decode_labels(data: bytes) -> np.ndarray:
    """Return the values of a palette or gray picture as stored, (H, W) uint8.

    Raises
    ------
    Unreadable
        If it has colours or 16 bits.
    """
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        if image.mode not in ("P", "L", "1"):
            raise Unreadable(f"has the colours {image.mode}, not a palette or one channel of 8 bits")
        return np.array(image, np.uint8)


def palette(data: bytes) -> np.ndarray | None:
    """Return a palette picture's colours, (N, 3) uint8, and None of others."""
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        return np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3) if image.mode == "P" else None


def _check_riff(stream: BinaryIO) -> None:
    """See that a WebP file is as long as it says."""
    begin, length = stream.read(8), stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if begin[:4] == b"RIFF" and int.from_bytes(begin[4:], "little") + 8 > length:
        raise Unreadable(CUT)


def _wide_colours(image: Image.Image) -> bool:
    """Tell whether a PPM has colours of more than 8 bits, which Pillow would cut."""
    if image.format != "PPM" or image.mode != "RGB":
        return False
    decoder = image.tile[0][0]
    if decoder == "raw" or _peak(image) <= 255:
        return False
    if decoder == "ppm_plain":
        raise Unreadable("is a PPM of text with more than 8 bits a channel, which is not read: save it as PNG")
    return True


def _peak(image: Image.Image) -> int:
    """Return the largest value that a PPM says it may have."""
    told = image.tile[0][3]  # a number, or a tuple with it at the end, in one version of Pillow or the other
    return int(told[-1] if isinstance(told, tuple) else told)


def _bits(stream: BinaryIO) -> int:
    """Return how many bits the samples of a JPEG 2000 have."""
    stream.seek(0)
    data = stream.read()
    at = data.find(_CODESTREAM)
    if at < 0:
        raise Unreadable("is not a picture: its codestream is missing")
    count = int.from_bytes(data[at + 40 : at + 42], "big")
    kinds = {data[at + 42 + 3 * component : at + 45 + 3 * component] for component in range(min(count, 4))}
    bits = {kind[0] + 1 for kind in kinds}
    if max(bits) > 8 and (len(kinds) > 1 or bits > {16} or kinds.pop()[1:] != b"\1\1"):
        raise Unreadable("is a JPEG 2000 whose channels differ or have signs, which is not read: save it as PNG")
    return max(bits)


def _by_imagecodecs(data: bytes, codec: str) -> np.ndarray:
    import imagecodecs

    try:
        return getattr(imagecodecs, f"{codec}_decode")(data)
    except Exception as error:  # each codec has a kind of its own
        raise Unreadable(f"is damaged: {error}") from error
