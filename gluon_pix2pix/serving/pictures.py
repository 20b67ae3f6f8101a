"""Bodies of requests and answers: pictures as bytes, none of them on disk."""

from __future__ import annotations

import io

import numpy as np

from gluon_pix2pix.errors import one_line
from gluon_pix2pix.pairs.coding import Coding, OneHot, gray_of
from gluon_pix2pix.pairs.holes import read_with_hole, split_hole
from gluon_pix2pix.pictures.files import encode_image, read_image, read_labels
from gluon_pix2pix.pictures.headers import read_header
from gluon_pix2pix.serving.limits import Limits, RefusedError

# Word of a request -> the answer's media type.
MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "tiff": "image/tiff"}

_NAME = "what was sent"  # in errors: what was sent has no file's name
_NPY = b"\x93NUMPY"


def decode(data: bytes, coding: Coding, limits: Limits) -> np.ndarray:
    """Return what was sent as the picture that a model is given, (H, W, C) uint8 or uint16.

    Raises
    ------
    RefusedError
        With 413 if it has too many pixels, with 415 if it is no picture of the kind that the model takes.
    """
    array = data.startswith(_NPY)
    name = f"{_NAME}.npy" if array else _NAME
    try:
        if not array:
            check_pixels(*read_header(name, io.BytesIO(data)).shown, limits)
        if isinstance(coding.source, OneHot):
            picture = read_labels(name, data=data)
        elif coding.task == "inpainting":
            picture = read_with_hole(name, data=data)
        else:
            usual = coding.source.channels in (1, 3)
            picture = read_image(name, data=data, channels=None if usual else coding.source.channels)
        check_pixels(*picture.shape[:2], limits)
        seen = split_hole(picture, coding.source.channels)[0] if coding.task == "inpainting" else picture
        coding.source.values(seen[:1, :1])  # refuses other channels
    except (ValueError, OSError, MemoryError) as error:
        raise RefusedError(415, one_line(error).replace(name, _NAME)) from error
    if coding.task == "colorization" and picture.shape[2] == 3:
        return gray_of(picture)  # as `translate` takes the colours from a photo first
    return picture


def check_pixels(height: int, width: int, limits: Limits) -> None:
    """Refuse with 413 what has more pixels than the limits allow."""
    if height * width > limits.max_pixels:
        raise RefusedError(413, f"{width} x {height} pixels: no more than {limits.max_pixels:,} are taken here")


def encode(picture: np.ndarray, format: str, quality: int) -> tuple[bytes, str]:
    """Return (H, W, C) uint8 or uint16 as a file's bytes, and their media type.

    Raises
    ------
    RefusedError
        With 422 if the format cannot hold it.
    """
    name = f"answer.{format}"
    try:
        return encode_image(name, picture, quality=quality), MEDIA_TYPES[format]
    except ValueError as error:
        raise RefusedError(422, one_line(error).replace(f"cannot write {name}: ", "the answer: ")) from error
