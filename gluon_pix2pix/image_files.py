"""Picture files to arrays of RGB pixels and back, written whole or not at all. numpy, OpenCV and Pillow.

This module alone knows that OpenCV keeps colours as BGR.
"""

from __future__ import annotations

import os
import struct
import tempfile
import warnings
from pathlib import Path
from typing import Optional, Union

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")

_UMASK = os.umask(0o022)  # can only be read by setting it, which is for the whole process: once, before any thread
os.umask(_UMASK)

PathLike = Union[str, Path]


def find_images(folder: PathLike, *, recursive: bool = False) -> list[Path]:
    """List the picture files of a folder in natural order (2.jpg before 10.jpg).

    Raises
    ------
    FileNotFoundError
        If `folder` is not a folder, or holds no picture.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder")
    found = folder.rglob("*") if recursive else folder.iterdir()
    paths = [path for path in found if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")]
    if not paths:
        raise FileNotFoundError(f"{folder} holds no pictures ({' '.join(EXTENSIONS)})")
    return sorted(paths, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def natural_key(name: str) -> tuple:
    """Return a sorting key under which numbers inside `name` count as numbers."""
    words, digits = [""], False
    for letter in name:
        if letter.isdecimal() == digits:
            words[-1] += letter
        else:
            words.append(letter)
            digits = not digits
    return [int(word) if index % 2 else word for index, word in enumerate(words)], name


def image_size(path: PathLike) -> tuple[int, int]:
    """Return (height, width) in pixels from a picture file's header, EXIF orientation applied; nothing is decoded.

    Raises
    ------
    ValueError
        If the header is not a picture's.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on sizes and tags; whoever decodes the file judges it
            with Image.open(path) as image:
                width, height = image.size
                turned = image.getexif().get(0x0112, 1) >= 5  # Orientation: 5 to 8 lie on their side
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, struct.error) as error:
        raise ValueError(f"{path} is not a picture: {error}") from error
    return (width, height) if turned else (height, width)


def read_image(path: PathLike, *, channels: Optional[int] = None) -> np.ndarray:
    """Read a picture file; EXIF orientation is applied, alpha is dropped.

    Parameters
    ----------
    path
        Any file that OpenCV decodes.
    channels
        3 for RGB, 1 for gray, None for what the file holds.

    Returns
    -------
    numpy.ndarray
        (H, W, channels) uint8 or uint16, RGB order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file does not decode as a picture of 8 or 16 bits.
    """
    flag = {None: cv2.IMREAD_ANYCOLOR, 1: cv2.IMREAD_GRAYSCALE, 3: cv2.IMREAD_COLOR}[channels]
    # Read the bytes ourselves: cv2.imread is silent about the cause and cannot open some non-ASCII names.
    data = np.frombuffer(Path(path).read_bytes(), np.uint8)
    try:
        image = cv2.imdecode(data, flag | cv2.IMREAD_ANYDEPTH) if data.size else None
    except cv2.error as error:
        raise ValueError(f"{path} does not decode: {error.err}") from error
    if image is None:
        raise ValueError(f"{path} is not a picture that OpenCV can decode ({data.size} bytes)")
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{path} holds {image.dtype} values; pictures here have 8 or 16 bits a channel")
    if image.ndim == 2:
        return image[:, :, None]
    return np.ascontiguousarray(image[:, :, ::-1])


def write_image(path: PathLike, image: np.ndarray) -> None:
    """Write (H, W, C) uint8 or uint16 RGB (or gray, C = 1) to a file whose format its name tells, whole or not at all.

    Raises
    ------
    ValueError
        If `image` has another shape or dtype, or OpenCV knows no format of that name, or the format cannot hold it.
    """
    path = Path(path)
    if image.ndim != 3 or image.shape[2] not in (1, 3) or image.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"cannot write {path}: pictures are (H, W, 1 or 3) uint8 or uint16, not {image.shape} {image.dtype}"
        )
    if image.dtype == np.uint16 and path.suffix.lower() not in (".png", ".tif", ".tiff"):
        raise ValueError(f"cannot write {path}: {path.suffix} would cut 16 bits to 8; use .png or .tif")
    try:
        encoded, data = cv2.imencode(path.suffix, np.ascontiguousarray(image[:, :, ::-1]))
    except cv2.error:
        raise ValueError(f"cannot write {path}: OpenCV knows no format {path.suffix!r}; use .png or .jpg") from None
    if not encoded:
        raise ValueError(f"cannot write {path}: {path.suffix} does not hold {image.shape[1]} x {image.shape[0]} pixels")
    write_atomically(path, data.tobytes())


def write_atomically(path: PathLike, data: bytes) -> None:
    """Write a file beside its final name and rename it, so that nobody ever sees half of it."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, 0o666 & ~_UMASK)  # mkstemp makes files for the owner alone
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
