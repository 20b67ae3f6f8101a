"""What a picture file says of itself before it is decoded: its size, which way is up, and whether it is all there.

Whoever reads a picture asks `reader_of` and the reader's `read_header`: the check before a run, training, translating
and scoring agree because they ask the same.
"""

from __future__ import annotations

import io
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from gluon_pix2pix.pictures import jpeg, others, png, tiff
from gluon_pix2pix.pictures.arrays import array_header, open_array
from gluon_pix2pix.pictures.limits import MAX_PIXELS, Header, Unreadable, check_claims, check_regular
from gluon_pix2pix.writing import PathLike

_READERS = {
    jpeg: (b"\xff\xd8",),
    png: (png.SIGNATURE,),
    tiff: (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # the last two are those of BigTIFF
    others: (b"BM", b"GIF8", b"RIFF", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", *(b"P%d" % kind for kind in range(1, 7))),
}
_KNOWN = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF", b"avif": "AVIF", b"avis": "AVIF"}


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
        Look at the end of a JPEG too, which may have been cut off; of other files headers tell.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is no file, no picture that is read here, or several; if it claims more than the bounds in `limits`, its
        values are not 8 or 16 bits, or it is cut off.
    """
    if Path(path).suffix.lower() == ".npy":
        return array_header(open_array(path))
    check_regular(path)
    with open(path, "rb") as stream:
        return read_header(path, stream, whole=whole)


def read_header(path: PathLike, stream: BinaryIO, *, whole: bool = True) -> Header:
    """Read the header of an open picture file; `path` is for the messages. See `file_header` for the errors."""
    try:
        reader = reader_of(stream)
        header = check_claims(reader.read_header(stream))
        if whole and reader is jpeg:
            jpeg.check_end(stream)
        return header
    except Exception as error:  # damaged files raise nearly every kind
        raise refused(path, error) from error


def reader_of(stream: BinaryIO) -> ModuleType:
    """Return the module that reads a file with such a beginning, by `read_header` and `decode`.

    Raises
    ------
    Unreadable
        If there is none.
    """
    stream.seek(0)
    begin = stream.read(12)
    length = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if not begin:
        raise Unreadable("is empty (0 bytes)")
    for reader, beginnings in _READERS.items():
        if begin.startswith(beginnings):
            return reader
    if begin[4:8] == b"ftyp" and begin[8:] in _KNOWN:
        raise Unreadable(f"is a {_KNOWN[begin[8:]]} picture, which is not read: save it as PNG or JPEG first")
    raise Unreadable(f"is not a picture in a known format ({length} bytes)")


def refused(path: PathLike, error: Exception) -> Exception:
    """Return the error that says what is wrong with a file: ValueError, or what the disk said itself."""
    if isinstance(error, OSError) and error.errno:
        return error
    return ValueError(f"{path} {_reason(error)}")


def _reason(error: Exception) -> str:
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return "is not a picture: its header is damaged"
    if isinstance(error, Image.DecompressionBombError):
        return f"claims far more pixels than are decoded: {MAX_PIXELS:,} at most"
    if isinstance(error, MemoryError):
        return "is too large for the memory of this machine"
    text = " ".join(str(error).split())[:200]
    if "truncated" in text:  # Pillow's word
        return jpeg.CUT
    return f"is damaged: {text or type(error).__name__}"
