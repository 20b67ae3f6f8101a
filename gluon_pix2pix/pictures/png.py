"""PNG files (ISO/IEC 15948): their chunks and checksums, and their pixels by libpng.

The decoder is given the chunks that make the picture and no others: large texts and colour profiles, which one reader
or the other refuses, are nobody's concern.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from gluon_pix2pix.pictures.jpeg import CUT, orientation_of
from gluon_pix2pix.pictures.limits import Header, Unreadable

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = {0: (1, False), 2: (3, False), 3: (3, False), 4: (1, True), 6: (3, True)}  # channels, and whether alpha
_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def read_header(stream: BinaryIO) -> Header:
    """Read the chunks' names from the first to the last, and what is in the few that matter."""
    height = width = bits = 0
    channels, alpha, exif = 0, False, b""
    for name, start, length in _chunks(stream):
        if name == b"IHDR" and length >= 13:
            fields = _content(stream, start, 13)
            width, height = int.from_bytes(fields[:4], "big"), int.from_bytes(fields[4:8], "big")
            bits = fields[8]
            channels, alpha = _COLOURS.get(fields[9], (0, False))
        elif name == b"tRNS":
            alpha = True
        elif name == b"eXIf":
            exif = _content(stream, start, min(length, 1 << 16))
        elif name == b"acTL" and (frames := int.from_bytes(_content(stream, start, 4), "big")) > 1:
            raise Unreadable(
                f"holds {frames:,} pictures (an animation): save the one that you want as a file of its own"
            )
    if not channels:
        raise Unreadable("is not a picture: its first chunk is damaged")
    return Header(height, width, orientation_of(exif), "uint16" if bits == 16 else "uint8", channels, alpha)


def decode(data: bytes, header: Header) -> np.ndarray:
    """Return (H, W, C), alpha included; 1, 2 and 4 bits are spread over 0 to 255, palettes are colours.

    Raises
    ------
    Unreadable
        If a checksum is wrong or the data do not decode.
    """
    return _decode(SIGNATURE + b"".join(_checked(data)))


def decode_labels(data: bytes) -> np.ndarray:
    """Return the values of a palette or gray picture as stored, (H, W) uint8: 0 to 3 if there are 2 bits, and so on.

    Raises
    ------
    Unreadable
        As `decode` does, and for colours, alpha channels and 16 bits.
    """
    chunks = [chunk for chunk in _checked(data) if chunk[4:8] not in (b"PLTE", b"tRNS")]
    bits, colour = chunks[0][16:18]
    if colour not in (0, 3) or bits > 8:
        what = "16 bits a channel" if bits > 8 else "colours"
        raise Unreadable(f"has {what}, not a palette or one channel of 8 bits")
    # Called gray, a palette's indices are decoded as they are.
    fields = b"IHDR" + chunks[0][8:17] + b"\0" + chunks[0][18:21]
    chunks[0] = len(fields[4:]).to_bytes(4, "big") + fields + zlib.crc32(fields).to_bytes(4, "big")
    return _decode(SIGNATURE + b"".join(chunks)) // (255 // ((1 << bits) - 1))


def palette(data: bytes) -> np.ndarray | None:
    """Return a palette picture's colours, (N, 3) uint8, and None of others."""
    for chunk in _checked(data):
        if chunk[4:8] == b"IHDR" and chunk[17] != 3:
            return None
        if chunk[4:8] == b"PLTE":
            return np.frombuffer(chunk[8:-4], np.uint8).reshape(-1, 3)
    return None


def _decode(data: bytes) -> np.ndarray:
    import imagecodecs

    try:
        return imagecodecs.png_decode(data)
    except imagecodecs.PngError as error:
        raise Unreadable(f"is damaged: {error}") from error


def _checked(data: bytes) -> list[bytes]:
    """Return the chunks that make the picture, whole, their checksums compared."""
    needed, at = [], len(SIGNATURE)
    view = memoryview(data)
    while at < len(data):
        after = at + 12 + int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        if name in _NEEDED:
            if zlib.crc32(view[at + 4 : after - 4]) != int.from_bytes(data[after - 4 : after], "big"):
                raise Unreadable(f"is damaged: the checksum of its {name.decode()} is wrong")
            needed.append(data[at:after])
        if name == b"IEND":
            break
        at = after
    return needed


def _chunks(stream: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, place and length of each chunk up to the last, and see that they are all there."""
    size = stream.seek(0, 2)
    at = len(SIGNATURE)
    while True:
        head = _content(stream, at, 8)
        length, name = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or at + 12 + length > size:
            raise Unreadable(CUT)
        if at == len(SIGNATURE) and name != b"IHDR":
            raise Unreadable("is not a picture: its first chunk is damaged")
        yield name, at + 8, length
        if name == b"IEND":
            return
        at += 12 + length


def _content(stream: BinaryIO, start: int, length: int) -> bytes:
    stream.seek(start)
    return stream.read(length)
