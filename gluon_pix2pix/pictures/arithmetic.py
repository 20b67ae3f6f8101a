"""Pictures as arrays: their pixel types, sizes and channels, and the networks' [-1, 1] and back. numpy and OpenCV.

`to_signed` and `to_image` are the way to [-1, 1], which networks see, and back; `pairs.coding` has the way for colours.
"""

from __future__ import annotations

import cv2
import numpy as np

from gluon_pix2pix.wording import count


def peak_of(image: np.ndarray) -> int:
    """Return the largest value of an array's pixel type: 255 for uint8, 65535 for uint16."""
    return int(np.iinfo(image.dtype).max)


def has_colours(image: np.ndarray) -> bool:
    """Tell whether any pixel of (H, W, C) has a colour: its channels differ by more than JPEG's of a gray one do."""
    return image.shape[2] >= 3 and bool(np.ptp(image[:, :, :3].astype(int), axis=2).max() > 8 * peak_of(image) / 255)


def resize(image: np.ndarray, height: int, width: int, *, nearest: bool = False) -> np.ndarray:
    """Resize (H, W, C), each axis by itself: averages of areas to shrink, bilinear to enlarge.

    So nothing thinner than a pixel of the result is lost, whichever way the other axis goes. Averages are those of
    Pillow's BOX where the lengths divide; elsewhere pixels count by the part that lies within, which BOX rounds.

    `nearest` takes the pixel whose place is nearest instead, for labels, whose averages would be other labels.
    """
    if image.shape[:2] == (height, width):
        return image
    channels = image.shape[2]
    if channels > 4:  # more cv2 does not average
        parts = np.split(image, range(4, channels, 4), axis=2)
        return np.concatenate([resize(part, height, width, nearest=nearest) for part in parts], axis=2)
    if nearest:
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    else:
        # OpenCV averages where both axes shrink, and otherwise interpolates both: two steps.
        shrunk = min(height, image.shape[0]), min(width, image.shape[1])
        if shrunk != image.shape[:2]:
            image = cv2.resize(image, shrunk[::-1], interpolation=cv2.INTER_AREA)
        if shrunk != (height, width):
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return image.reshape(height, width, channels)  # cv2 drops an axis of length 1


def split_pair(image: np.ndarray, direction: str, *, path: object = "the picture") -> tuple[np.ndarray, np.ndarray]:
    """Cut (H, 2W, C) into its halves and return them as (source, target), each (H, W, C).

    Raises
    ------
    ValueError
        If the width is odd; `path` is named in the message.
    """
    width = image.shape[1]
    if width % 2 or width < 2:
        raise ValueError(odd_width(path, width))
    a, b = image[:, : width // 2], image[:, width // 2 :]
    return (a, b) if direction == "AtoB" else (b, a)


def odd_width(path: object, width: int) -> str:
    """Say that a side-by-side file cannot be halved."""
    return f"{path} is {count(width, 'pixel')} wide: a side-by-side pair needs two halves of the same width"


def with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """Turn (H, W, 3) RGB into gray, or (H, W, 1) gray into RGB, where that gives the number of `channels` asked for.

    Raises
    ------
    ValueError
        If `image` has another number of channels, and these are not 1 and 3.
    """
    if image.shape[2] == channels:
        return image
    if {image.shape[2], channels} != {1, 3}:
        raise ValueError(f"it has {count(image.shape[2], 'channel')}, and {channels} are asked for")
    if channels == 1:
        return cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)[:, :, None]
    return np.repeat(image, channels, axis=2)


def visible(image: np.ndarray) -> np.ndarray:
    """Return what can be looked at of (H, W, C): gray, RGB, the first three channels of more, or the first of two."""
    return image if image.shape[2] in (1, 3) else image[:, :, : 3 if image.shape[2] > 3 else 1]


def to_signed(batch, low: float = 0, high: float = 255):
    """Scale pictures to the networks' range: (N, H, W, C) values in [low, high] to (N, C, H, W) float32 in [-1, 1].

    `batch` may be a numpy array or an NDArray; an NDArray is converted on its own device.
    """
    return batch.astype("float32").transpose((0, 3, 1, 2)) / ((high - low) / 2) - (high + low) / (high - low)


def to_image(signed: np.ndarray, peak: int = 255) -> np.ndarray:
    """Scale networks' outputs to pictures: (N, C, H, W) float32 in [-1, 1] to (N, H, W, C) integers in [0, peak].

    The result is uint8 for peak 255, uint16 for 65535. Rounds to nearest: truncation would lose 63 of the 256 values.
    """
    scaled = np.rint((np.asarray(signed, np.float64).transpose(0, 2, 3, 1) + 1) * (peak / 2))
    return np.clip(scaled, 0, peak).astype(np.uint8 if peak == 255 else np.uint16)
