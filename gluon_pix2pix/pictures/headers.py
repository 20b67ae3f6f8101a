"""What a picture file says of itself before it is decoded: its size, which way is up, and whether it is all there."""

from __future__ import annotations

import io
import os
import stat
import warnings
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from gluon_pix2pix.writing import PathLike

# Pillow's remarks on sizes and tags; whoever decodes the file judges it. Files are read in threads, and to change the
# filters there for a while would change them for all.
warnings.filterwarnings("ignore", module=r"PIL\.")

# 11,585 pixels squared: 0.4 GB as RGB, 1.6 GB as the networks' float32. A few kilobytes can claim more than that.
MAX_PIXELS = 1 << 27

JPEG, PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two are those of BigTIFF
_FORMATS = ("BMP", "JPEG", "JPEG2000", "PNG", "PPM", "WEBP")  # of Pillow's, those that OpenCV decodes too
_JPEG_END, _PNG_END = b"\xff\xd9", b"IEND\xaeB\x60\x82"


class Header(NamedTuple):
    """Size in pixels as stored, EXIF's number of the orientation, and numpy's name of the decoded pixels' type.

    From orientation 5 on, the picture lies on its side.
    """

    height: int
    width: int
    orientation: int = 1
    dtype: str = "uint8"

    @property
    def shown(self) -> tuple[int, int]:
        """(height, width) of the picture as people see it."""
        return (self.width, self.height) if self.orientation >= 5 else (self.height, self.width)


def image_size(path: PathLike) -> tuple[int, int]:
    """Return (height, width) in pixels of a picture or an .npy array, EXIF orientation applied; nothing is decoded.

    See `file_header` for the errors; the end of the file is not looked at.
    """
    return file_header(path, whole=False).shown


def file_header(path: PathLike, *, whole: bool = True) -> Header:
    """Read the header of a picture file or an .npy array; nothing is decoded.

    Parameters
    ----------
    path
        A picture, or an .npy array.
    whole
        Look at the end of the file too: whether a JPEG or PNG has been cut off.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is no file, the header is not a picture's, it claims more than `MAX_PIXELS`, its values are not 8 or 16
        bits, or the file is cut off.
    """
    if Path(path).suffix.lower() == ".npy":
        array = open_array(path)
        return Header(*array.shape[:2], dtype=str(array.dtype))
    check_regular(path)
    with open(path, "rb") as stream:
        header = read_header(path, stream)
        if whole:
            _check_end(path, stream)
    return header


def check_regular(path: PathLike) -> None:
    """Raise ValueError if `path` is a pipe, a socket or a device: to open a pipe waits for its other end, for ever."""
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a folder says what it is
        raise ValueError(f"{path} is a pipe or a device, not a file")


def read_header(path: PathLike, stream: BinaryIO) -> Header:
    """Read the header of an open picture file; `path` is for the messages. See `file_header` for the errors."""
    begin = stream.read(12)
    if not begin:
        raise ValueError(f"{path} is empty (0 bytes)")
    stream.seek(0)
    try:
        header = _tiff_header(stream) if begin.startswith(TIFF) else _pillow_header(stream)
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path} claims far more pixels than are decoded: {MAX_PIXELS:,} at most") from error
    except UnidentifiedImageError:
        length = stream.seek(0, io.SEEK_END)
        raise ValueError(f"{path} is not a picture that OpenCV can decode ({length} bytes)") from None
    except Exception as error:  # damaged files raise nearly every kind
        raise ValueError(f"{path} is not a picture: {_reason(error)}") from error
    return _checked(path, header)


def read_header_of(path: PathLike, data: bytes) -> Header:
    """Read the header of a file's bytes, and see that it is whole; several times faster than Pillow for plain JPEG."""
    if not data.startswith(JPEG):
        header = read_header(path, io.BytesIO(data))
        _check_end(path, io.BytesIO(data))
        return header
    height, width, tagged, scan = _walk_jpeg(path, data)
    if data.rfind(_JPEG_END, scan) < 0:
        raise ValueError(_cut(path))
    return read_header(path, io.BytesIO(data)) if tagged else _checked(path, Header(height, width))


def open_array(path: PathLike) -> np.ndarray:
    """Map an .npy file of (H, W) or (H, W, C) uint8 or uint16 into memory, unread; nothing is unpickled.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is no such array, or has more than `MAX_PIXELS`.
    """
    check_regular(path)
    if not Path(path).stat().st_size:
        raise ValueError(f"{path} is empty (0 bytes)")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, TypeError, OverflowError) as error:
        raise ValueError(f"{path} is not an array of numbers that numpy has saved: {_reason(error)}") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise ValueError(f"{path} is an archive of numpy's, not an array: save one array with numpy.save")
    if array.ndim not in (2, 3) or array.dtype not in (np.uint8, np.uint16) or not array.size:
        raise ValueError(f"{path} holds {array.dtype} {array.shape}: pictures are (H, W) or (H, W, C) uint8 or uint16")
    _checked(path, Header(*array.shape[:2]))
    return array


def _checked(path: PathLike, header: Header) -> Header:
    if header.dtype not in ("uint8", "uint16"):
        raise ValueError(f"{path} holds {header.dtype} values; pictures here have 8 or 16 bits a channel")
    if header.height * header.width > MAX_PIXELS:
        raise ValueError(
            f"{path} claims {header.width} x {header.height} pixels: more than {MAX_PIXELS:,} are not decoded"
        )
    return header


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _cut(path: PathLike) -> str:
    return f"{path} is cut off: the end of the picture is missing"


def _pillow_header(stream: BinaryIO) -> Header:
    begin = stream.read(25)
    stream.seek(0)
    with Image.open(stream, formats=_FORMATS) as image:
        wide = begin[24:] == b"\x10" if image.format == "PNG" else image.mode.startswith("I")  # IHDR's bit depth
        # PNG's own getexif would decode the whole picture first.
        return Header(*image.size[::-1], Image.Image.getexif(image).get(0x0112, 1), "uint16" if wide else "uint8")


def _tiff_header(stream: BinaryIO) -> Header:
    import tifffile  # here, where it is needed: it takes a tenth of a second

    with tifffile.TiffFile(stream) as tiff:
        page = tiff.pages[0]
        tag = page.tags.get(274)
        dtype = "uint8" if page.bitspersample < 8 else str(page.dtype)
        return Header(page.imagelength, page.imagewidth, tag.value if tag else 1, dtype)


def _check_end(path: PathLike, stream: BinaryIO) -> None:
    """See that a JPEG or PNG goes on to its end; after that, anything may follow."""
    stream.seek(0)
    begin = stream.read(12)
    length = stream.seek(0, io.SEEK_END)
    stream.seek(max(length - 12, 0))
    tail = stream.read()
    if begin.startswith(JPEG):
        if tail.endswith(_JPEG_END):
            return
        stream.seek(0)
        data = stream.read()
        there = data.rfind(_JPEG_END, _walk_jpeg(path, data)[3]) >= 0
    elif begin.startswith(PNG):
        if tail.endswith(_PNG_END):
            return
        stream.seek(0)
        there = _PNG_END in stream.read()
    else:
        return
    if not there:
        raise ValueError(_cut(path))


def _walk_jpeg(path: PathLike, data: bytes) -> tuple[int, int, bool, int]:
    """Return a JPEG's height and width, whether it has EXIF or XMP, and where its first scan begins.

    ITU-T T.81, annex B. An end marker before that scan is a thumbnail's; within scans FF D9 is nothing else.
    """
    height = width = 0
    at, tagged = 2, False
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == 0xE1:
            tagged = True
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
        elif marker == 0xDA:
            return height, width, tagged, at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise ValueError(_cut(path))
