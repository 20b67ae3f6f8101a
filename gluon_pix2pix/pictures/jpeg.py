"""JPEG files (ITU-R T.81, annex B): their segments, and their pixels by libjpeg-turbo, whose warnings are heeded.

libjpeg goes on where data are damaged, with gray or with what it has, and merely warns. Here a warning is an error,
but for those about what browsers pass over: stray bytes between the segments, and padding before the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from PIL import Image

from gluon_pix2pix.pictures.limits import Header, Unreadable, upright

CUT = "is cut off: the end of the picture is missing"
_END = b"\xff\xd9"
_FIRST = 1 << 16  # bytes: most headers are shorter
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_NEEDED = {0xEE, 0xC4, 0xCC, 0xDB, 0xDD, *_FRAMES}  # what decoding needs: Adobe's word on colours, tables, frames
_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"  # of a version that libjpeg knows; it means luma and chroma
# A progressive picture has about ten scans; each goes over all pixels again.
_MOST_SCANS, _MOST_SCANNED = 100, 1 << 31
_HARMLESS = re.compile(r"Unknown Adobe color transform|Invalid SOS parameters for sequential")
_EXTRA = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


@dataclass
class _Segments:
    height: int = 0
    width: int = 0
    components: int = 0
    bits: int = 8
    exif: bytes = b""
    jfif: bool = False
    needed: list[slice] = field(default_factory=list)
    scan: int = 0  # where the first scan's marker is: what precedes it may hold a thumbnail, with an end of its own


def read_header(stream: BinaryIO) -> Header:
    """Read the segments up to the first scan."""
    data = stream.read(_FIRST)
    try:
        found = _walk(data)
    except Unreadable:
        data += stream.read()
        found = _walk(data)
    if found.bits != 8 or found.components not in (1, 3, 4):
        raise Unreadable(f"is a JPEG of {found.components} channels of {found.bits} bits, which is not read: take PNG")
    return Header(found.height, found.width, orientation_of(found.exif), channels=min(found.components, 3))


def check_end(stream: BinaryIO) -> None:
    """See that the file goes on to an end marker; after that, anything may follow.

    Raises
    ------
    Unreadable
        If it does not.
    """
    length = stream.seek(0, 2)
    stream.seek(max(length - 2, 0))
    if stream.read() != _END:
        stream.seek(0)
        _last_end(data := stream.read(), _walk(data).scan)


def decode(data: bytes, header: Header, *, gray: bool = False) -> np.ndarray:
    """Return (H, W, C); `gray` gives the luma of a colour picture, (H, W, 1).

    Raises
    ------
    Unreadable
        If the picture is damaged.
    """
    found = _walk(data)
    end = _last_end(data, found.scan)
    scans = data.count(b"\xff\xda", found.scan, end)
    if scans > _MOST_SCANS or scans * found.height * found.width > _MOST_SCANNED:
        raise Unreadable(f"has {scans} scans of {found.width} x {found.height} pixels, which would take too long")
    # Without what was between the segments, and without texts and profiles.
    head = [b"\xff\xd8", _JFIF if found.jfif else b"", *(data[part] for part in found.needed)]
    clean = b"".join([*head, data[found.scan : end + 2]])
    if found.components == 4:
        return from_cmyk(_strict(clean, "CMYK"), inverted=True)
    return _strict(clean, "GRAY" if gray or found.components == 1 else "RGB")


def decode_labels(data: bytes) -> np.ndarray:
    """Refuse: JPEG blurs labels into others."""
    raise Unreadable("is a JPEG, which blurs labels into others: take PNG")


def palette(data: bytes) -> None:
    """Return None: JPEG has no palettes."""


def check_part(data: bytes) -> None:
    """See that a JPEG without colours of its own, such as a TIFF's tile, decodes without a warning.

    Raises
    ------
    Unreadable
        If it does not.
    """
    found = _walk(data)
    if found.bits == 8 and found.components in (1, 3):
        _strict(data, "GRAY")


def orientation_of(exif: bytes) -> int:
    """Return the orientation that a block of EXIF tells, 1 if it tells none."""
    tags = Image.Exif()
    try:
        tags.load(exif)
        return upright(tags.get(0x0112, 1))
    except Exception:  # a damaged block raises nearly every kind, and is no reason to refuse the picture
        return 1


def from_cmyk(inks: np.ndarray, *, inverted: bool) -> np.ndarray:
    """Return the colours, (H, W, 3), of inks (H, W, 4), without a profile, as Pillow and browsers without one do.

    `inverted` means that 0 is full ink, as JPEGs have it.
    """
    peak = np.iinfo(inks.dtype).max
    light = (inks if inverted else peak - inks).astype(np.uint32)
    return ((light[:, :, :3] * light[:, :, 3:] + peak // 2) // peak).astype(inks.dtype)


def _strict(data: bytes, colours: str) -> np.ndarray:
    import simplejpeg  # here, where it is needed: pages and scores of other files go without

    try:
        return simplejpeg.decode_jpeg(data, colours)
    except ValueError as error:
        said = str(error)
    extra = _EXTRA.search(said)
    padding = extra and len(set(data[-2 - int(extra[1]) : -2])) == 1
    if padding or _HARMLESS.search(said):
        return simplejpeg.decode_jpeg(data, colours, strict=False)
    if "Premature end of JPEG file" in said:
        raise Unreadable(CUT)
    raise Unreadable(f"is damaged: {said}")


def _last_end(data: bytes, scan: int) -> int:
    end = data.rfind(_END, scan)
    if end < 0:
        raise Unreadable(CUT)
    return end


def _walk(data: bytes) -> _Segments:
    """Read what precedes the first scan, over stray bytes as browsers do."""
    found, at = _Segments(), 2
    while True:
        at = data.find(b"\xff", at)
        while at >= 0 and data[at : at + 2] == b"\xff\xff":  # padding
            at += 1
        if at < 0 or at + 4 > len(data):
            raise Unreadable(CUT)
        marker = data[at + 1]
        if marker == 0xDA:
            found.scan = at
            return found
        if marker == 0 or marker in _ALONE:
            at += 2
            continue
        if marker == 0xD9:
            raise Unreadable(CUT)
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        after = at + 2 + length
        if after > len(data):
            raise Unreadable(CUT)
        if marker in _NEEDED:
            found.needed.append(slice(at, after))
        if marker in _FRAMES and length >= 8:
            found.bits, found.components = data[at + 4], data[at + 9]
            found.height = int.from_bytes(data[at + 5 : at + 7], "big")
            found.width = int.from_bytes(data[at + 7 : at + 9], "big")
        elif marker == 0xE0:
            found.jfif |= data[at + 4 : at + 9] == b"JFIF\0"
        elif marker == 0xE1 and not found.exif and data[at + 4 : at + 10] == b"Exif\0\0":
            found.exif = data[at + 4 : after]
        at = after
