"""Pictures of any number of channels: .npy arrays, and what is written as .npy or TIFF. numpy and tifffile."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Optional

import numpy as np

from gluon_pix2pix.pictures.limits import Header, Unreadable, check_claims, check_regular
from gluon_pix2pix.writing import PathLike

TIFF_SUFFIXES = (".tif", ".tiff")


def read_array(path: PathLike, data: Optional[bytes] = None) -> np.ndarray:
    """Read an .npy file, or its bytes, as (H, W, C) uint8 or uint16; see `open_array` for the errors."""
    array = open_array(path) if data is None else _checked(path, lambda: _from_bytes(data))
    array = array.astype(array.dtype.newbyteorder("="))
    return array[:, :, None] if array.ndim == 2 else array


def open_array(path: PathLike) -> np.ndarray:
    """Map an .npy file of (H, W) or (H, W, C) uint8 or uint16 into memory, unread; nothing is unpickled.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is no such array, or is larger than the bounds in `limits`.
    """
    check_regular(path)
    with open(path, "rb") as stream:  # what cannot be opened says so itself
        if not stream.read(1):
            raise ValueError(f"{path} is empty (0 bytes)")
    return _checked(path, lambda: np.load(path, mmap_mode="r", allow_pickle=False))


def _from_bytes(data: bytes) -> np.ndarray:
    """Return the array of an .npy file's bytes, which are its memory; nothing is unpickled."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read_header(stream)
    array = np.frombuffer(data, dtype, count=math.prod(shape), offset=stream.tell())
    return array.reshape(shape, order="F" if by_columns else "C")


def _checked(path: PathLike, read: Callable[[], np.ndarray]) -> np.ndarray:
    try:
        array = read()
    except Exception as error:  # whatever Python's parser raises of a damaged header comes through
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} is not an array of numbers that numpy has saved: {reason}") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise ValueError(f"{path} is an archive of numpy's, not an array: save one array with numpy.save")
    kind = array.dtype.newbyteorder("=")
    if array.ndim not in (2, 3) or kind not in (np.uint8, np.uint16) or not array.size:
        raise ValueError(f"{path} holds {array.dtype} {array.shape}: pictures are (H, W) or (H, W, C) uint8 or uint16")
    try:
        check_claims(array_header(array))
    except Unreadable as error:
        raise ValueError(f"{path} {error}") from error
    return array


def array_header(array: np.ndarray) -> Header:
    """Return what `Header` says of an array of `open_array`."""
    channels = array.shape[2] if array.ndim == 3 else 1
    return Header(*array.shape[:2], dtype=f"uint{8 * array.itemsize}", channels=channels)


def encode_array(path: PathLike, image: np.ndarray) -> bytes:
    """Return (H, W, C) as the bytes of an .npy or .tif file.

    Raises
    ------
    ValueError
        If `path` names another format.
    """
    suffix, stream = Path(path).suffix.lower(), io.BytesIO()
    if suffix == ".npy":
        np.save(stream, image, allow_pickle=False)
    elif suffix in TIFF_SUFFIXES:
        import tifffile  # here, where it is needed: it takes a tenth of a second

        tifffile.imwrite(stream, image, photometric="minisblack", planarconfig="contig", metadata=None)
    else:
        raise ValueError(f"cannot write {path}: {suffix} does not hold {image.shape[2]} channels; use .npy or .tif")
    return stream.getvalue()
