"""Picture files to arrays of RGB pixels and back, written whole or not at all.

The modules `jpeg`, `png`, `tiff` and `others` give the pixels as stored; here they are turned upright and given the
channels asked for. OpenCV writes, and its order of colours, BGR, this module alone knows; Pillow
writes JPEG files with a quality, tifffile and numpy those of other channel counts.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Optional

import cv2
import numpy as np
from PIL import Image

from gluon_pix2pix.pictures import jpeg
from gluon_pix2pix.pictures.arithmetic import with_channels
from gluon_pix2pix.pictures.arrays import TIFF_SUFFIXES, encode_array, read_array
from gluon_pix2pix.pictures.folders import EXTENSIONS, find_images, natural_key
from gluon_pix2pix.pictures.headers import image_size, read_header, reader_of, refused
from gluon_pix2pix.pictures.limits import Header, Unreadable, check_regular
from gluon_pix2pix.wording import count
from gluon_pix2pix.writing import PathLike, write_atomically

__all__ = [
    "EXTENSIONS",
    "PathLike",
    "encode_image",
    "find_images",
    "image_size",
    "natural_key",
    "read_image",
    "read_label_palette",
    "read_labels",
    "save_picture",
    "write_atomically",
    "write_image",
]


def read_image(path: PathLike, *, channels: Optional[int] = None, data: Optional[bytes] = None) -> np.ndarray:
    """Read a picture file: its pixels upright, none of them guessed.

    Colours are never multiplied by alpha: it is left off, or kept where so many channels are asked for. Palettes are
    colours, white is the largest value, and fewer than 8 or 16 bits are spread over 8 or 16.

    Parameters
    ----------
    path
        JPEG, PNG, TIFF, WebP, BMP, GIF, JPEG 2000, PNM, whatever its name; or an .npy array (H, W) or (H, W, C).
    channels
        3 for RGB, 1 for gray, without alpha; another number for files that have exactly so many, alpha included; None
        for what the file holds, alpha left off.
    data
        The file's bytes, where they are at hand; then `path` is only its name.

    Returns
    -------
    numpy.ndarray
        (H, W, channels) uint8 or uint16, RGB order.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be opened.
    ValueError
        If the file is not a picture of 8 or 16 bits, holds several, is damaged or cut off, claims more than the bounds
        in `limits`, or has not the number of channels asked for.
    """
    if Path(path).suffix.lower() == ".npy":
        image = read_array(path, data)
    else:
        header, data = _opened(path, data)
        try:
            reader = reader_of(io.BytesIO(data))
            options = {"gray": True} if reader is jpeg and channels == 1 else {}  # the file's own luma
            image = reader.decode(data, header, **options)
            if image.ndim == 2:
                image = image[:, :, None]
            if image.shape[:2] != header.shape[:2] or image.dtype != header.dtype:
                raise Unreadable(f"is damaged: it holds {image.shape} {image.dtype}, and its header tells otherwise")
        except Exception as error:  # damaged files raise nearly every kind
            raise refused(path, error) from error
        if channels in (None, 1, 3):
            image = image[:, :, : header.channels]
        image = _turn(image, header.orientation)
    try:
        return image if channels is None else with_channels(image, channels)
    except ValueError:
        raise ValueError(f"{path} has {count(image.shape[2], 'channel')}, and {channels} are asked for") from None


def read_labels(path: PathLike, *, data: Optional[bytes] = None) -> np.ndarray:
    """Read a label map as indices: a palette picture's, or the values of one with a single channel, as stored.

    Values of 1, 2 and 4 bits are 0 and 1, 0 to 3, 0 to 15. `data` is the file's bytes, where they are at hand.

    Returns
    -------
    numpy.ndarray
        (H, W, 1) uint8.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be opened.
    ValueError
        If the file is no picture, a colour picture, has 16 bits, or is a JPEG, which blurs indices.
    """
    if Path(path).suffix.lower() == ".npy":
        indices = read_array(path, data)
        if indices.shape[2] != 1 or indices.dtype != np.uint8:
            raise ValueError(f"{path} is no label map: it is {indices.shape} {indices.dtype}, not (H, W) uint8")
        return indices
    header, data = _opened(path, data)
    try:
        indices = reader_of(io.BytesIO(data)).decode_labels(data)
    except Exception as error:  # damaged files raise nearly every kind
        raise refused(f"{path} is no label map: it", error) from error
    return _turn(indices[:, :, None], header.orientation)


def read_label_palette(path: PathLike) -> Optional[np.ndarray]:
    """Return the colours of a palette picture, (N, 3) uint8 RGB; None of another picture.

    Raises
    ------
    OSError, ValueError
        As `read_labels` does for what is no picture.
    """
    if Path(path).suffix.lower() == ".npy":
        return None
    _, data = _opened(path)
    try:
        return reader_of(io.BytesIO(data)).palette(data)
    except Exception as error:  # damaged files raise nearly every kind
        raise refused(path, error) from error


def write_image(path: PathLike, image: np.ndarray) -> None:
    """Write (H, W, C) uint8 or uint16 RGB to a file, whole or not at all; see `encode_image`."""
    write_atomically(path, encode_image(path, image))


def save_picture(path: PathLike, picture: np.ndarray, *, quality: int = 95) -> None:
    """Write (H, W, C) as `write_image` does, folders included; JPEGs in a quality of one's own, 4:4:4."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, encode_image(path, picture, quality=quality))


def encode_image(path: PathLike, image: np.ndarray, *, quality: Optional[int] = None) -> bytes:
    """Return (H, W, C) uint8 or uint16 RGB as the bytes of a file, whose name tells the format.

    C is 1 for gray or 3 for RGB; .npy and .tif files hold any number. With a `quality`, 1 to 100, a JPEG keeps its
    colours at full resolution (4:4:4); without, it is OpenCV's own.

    Raises
    ------
    ValueError
        If `image` has another shape or dtype, or OpenCV knows no format of that name, or the format cannot hold it.
    """
    suffix = Path(path).suffix.lower()
    if image.ndim != 3 or image.shape[2] < 1 or image.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"cannot write {path}: pictures are (H, W, C) uint8 or uint16, not {image.shape} {image.dtype}"
        )
    if suffix == ".npy" or image.shape[2] not in (1, 3):
        return encode_array(path, image)
    if image.dtype == np.uint16 and suffix not in (".png", *TIFF_SUFFIXES):
        raise ValueError(f"cannot write {path}: {suffix} would cut 16 bits to 8; use .png or .tif")
    if suffix == ".gif":  # OpenCV 5 writes some, and changes colours without a word
        raise ValueError(f"cannot write {path}: a .gif holds 256 colours; use .png or .jpg")
    if quality is not None and suffix in (".jpg", ".jpeg", ".jpe", ".jfif"):
        stream = io.BytesIO()
        pixels = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else np.ascontiguousarray(image))
        pixels.save(stream, "JPEG", quality=quality, subsampling=0)
        return stream.getvalue()
    try:
        encoded, data = cv2.imencode(suffix, np.ascontiguousarray(image[:, :, ::-1]))
    except cv2.error:
        raise ValueError(f"cannot write {path}: OpenCV knows no format {suffix!r}; use .png or .jpg") from None
    if not encoded:
        raise ValueError(f"cannot write {path}: {suffix} does not hold {image.shape[1]} x {image.shape[0]} pixels")
    return data.tobytes()


def _opened(path: PathLike, data: Optional[bytes] = None) -> tuple[Header, bytes]:
    """Return what a file's header says, and all of its bytes."""
    if data is None:
        check_regular(path)
        data = Path(path).read_bytes()
    return read_header(path, io.BytesIO(data)), data


def _turn(image: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture upright, by EXIF's number of how it is stored (EXIF 2.32, 4.6.4, tag 274)."""
    if orientation >= 5:
        image = image.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)
