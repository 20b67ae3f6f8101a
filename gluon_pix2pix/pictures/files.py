"""Picture files to arrays of RGB pixels and back, written whole or not at all. numpy, OpenCV and Pillow.

This module alone knows that OpenCV keeps colours as BGR.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Optional

import cv2
import numpy as np
from PIL import Image

from gluon_pix2pix.pictures.arrays import TIFF_SUFFIXES, encode_array, read_array, read_tiff, tiff_has_bands
from gluon_pix2pix.pictures.folders import EXTENSIONS, find_images, natural_key
from gluon_pix2pix.pictures.headers import JPEG, TIFF, check_regular, image_size, read_header_of
from gluon_pix2pix.writing import PathLike, write_atomically

__all__ = [
    "EXTENSIONS",
    "PathLike",
    "find_images",
    "image_size",
    "natural_key",
    "read_image",
    "read_labels",
    "save_picture",
    "write_atomically",
    "write_image",
]

_RGB = getattr(cv2, "IMREAD_COLOR_RGB", None)  # from OpenCV 4.11 on: a tenth of the time of a JPEG saved
# Silent: what it cannot decode is said here, in one line. OpenCV 5 has but the second name, old ones but the first.
(getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel)(0)


def read_image(path: PathLike, *, channels: Optional[int] = None) -> np.ndarray:
    """Read a picture file; EXIF orientation is applied.

    Parameters
    ----------
    path
        Any file that OpenCV decodes, a TIFF of any number of channels, or an .npy array (H, W) or (H, W, C).
    channels
        3 for RGB, 1 for gray, without alpha; another number for files that have exactly so many; None for what the
        file holds, alpha dropped.

    Returns
    -------
    numpy.ndarray
        (H, W, channels) uint8 or uint16, RGB order.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be opened.
    ValueError
        If the file does not decode as a picture of 8 or 16 bits, is cut off, claims to be huge (`image_headers`), or
        has not the number of channels asked for.
    """
    if Path(path).suffix.lower() == ".npy":
        return _with_channels(path, read_array(path), channels)
    check_regular(path)
    data = Path(path).read_bytes()  # ourselves: cv2.imread is silent about causes, and fails on some non-ASCII names
    header = read_header_of(path, data)
    tiff = data.startswith(TIFF)
    if tiff and (channels not in (None, 1, 3) or tiff_has_bands(data)):  # OpenCV would multiply colours by their alpha
        return _with_channels(path, _turn(_of_depth(path, read_tiff(path, data)), header.orientation), channels)
    flag = {None: cv2.IMREAD_ANYCOLOR, 1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR}.get(channels)
    flag = cv2.IMREAD_UNCHANGED if flag is None else flag | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    straight = _RGB is not None and channels == 3 and data.startswith(JPEG)
    flag = _RGB | cv2.IMREAD_IGNORE_ORIENTATION if straight else flag
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except cv2.error as error:
        raise ValueError(f"{path} does not decode: {error.err}") from error
    if image is None:
        raise ValueError(f"{path} is not a picture that OpenCV can decode ({len(data)} bytes)")
    image = image if straight else _to_rgb(_of_depth(path, image))
    if not tiff:  # those OpenCV always turns
        image = _turn(image, header.orientation)
    return _with_channels(path, image, channels)


def read_labels(path: PathLike) -> np.ndarray:
    """Read a label map as indices: a palette picture's, or the values of one with a single channel.

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
        indices = read_array(path)
    else:
        check_regular(path)
        data = Path(path).read_bytes()
        header = read_header_of(path, data)
        try:
            with Image.open(io.BytesIO(data)) as image:
                if image.format == "JPEG":
                    raise ValueError("it is a JPEG, which blurs labels into others: take PNG")
                if image.mode not in ("P", "L", "1"):
                    raise ValueError(f"it has the colours {image.mode}, not a palette or one channel of 8 bits")
                indices = _turn(np.asarray(image, np.uint8)[:, :, None], header.orientation)
        except (ValueError, OSError, SyntaxError) as error:
            raise ValueError(f"{path} is no label map: {error}") from error
    if indices.shape[2] != 1 or indices.dtype != np.uint8:
        raise ValueError(f"{path} is no label map: it is {indices.shape} {indices.dtype}, not (H, W) uint8")
    return indices


def write_image(path: PathLike, image: np.ndarray) -> None:
    """Write (H, W, C) uint8 or uint16 RGB to a file whose format its name tells, whole or not at all.

    C is 1 for gray or 3 for RGB; .npy and .tif files hold any number.

    Raises
    ------
    ValueError
        If `image` has another shape or dtype, or OpenCV knows no format of that name, or the format cannot hold it.
    """
    path = Path(path)
    if image.ndim != 3 or image.shape[2] < 1 or image.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"cannot write {path}: pictures are (H, W, C) uint8 or uint16, not {image.shape} {image.dtype}"
        )
    if path.suffix.lower() == ".npy" or image.shape[2] not in (1, 3):
        write_atomically(path, encode_array(path, image))
        return
    if image.dtype == np.uint16 and path.suffix.lower() not in (".png", *TIFF_SUFFIXES):
        raise ValueError(f"cannot write {path}: {path.suffix} would cut 16 bits to 8; use .png or .tif")
    try:
        encoded, data = cv2.imencode(path.suffix, np.ascontiguousarray(image[:, :, ::-1]))
    except cv2.error:
        raise ValueError(f"cannot write {path}: OpenCV knows no format {path.suffix!r}; use .png or .jpg") from None
    if not encoded:
        raise ValueError(f"cannot write {path}: {path.suffix} does not hold {image.shape[1]} x {image.shape[0]} pixels")
    write_atomically(path, data.tobytes())


def save_picture(path: PathLike, picture: np.ndarray, *, quality: int = 95) -> None:
    """Write (H, W, C) as `write_image` does, folders included; JPEGs in a quality of one's own, 4:4:4."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".jpg" or picture.dtype != np.uint8 or picture.shape[2] not in (1, 3):
        write_image(path, picture)
        return
    stream = io.BytesIO()
    pixels = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else np.ascontiguousarray(picture))
    pixels.save(stream, "JPEG", quality=quality, subsampling=0)
    write_atomically(path, stream.getvalue())


def _of_depth(path: PathLike, image: np.ndarray) -> np.ndarray:
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{path} holds {image.dtype} values; pictures here have 8 or 16 bits a channel")
    return image


def _to_rgb(image: np.ndarray) -> np.ndarray:
    """Turn what OpenCV decodes, (H, W), BGR or BGRA, into (H, W, C) in RGB order."""
    if image.ndim == 2:
        return image[:, :, None]
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB if image.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


def _turn(image: np.ndarray, orientation: int) -> np.ndarray:
    """Turn a picture upright, by EXIF's number of how it is stored (EXIF 2.32, 4.6.4, tag 274)."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def _with_channels(path: PathLike, image: np.ndarray, channels: Optional[int]) -> np.ndarray:
    """See that a picture has the channels asked for; gray and colour become each other, nothing else does."""
    found = image.shape[2]
    if channels in (None, found):
        return image
    if (found, channels) == (1, 3):
        return np.repeat(image, 3, axis=2)
    if (found, channels) == (3, 1):
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None]
    raise ValueError(f"{path} has {found} channels, and {channels} are asked for")
