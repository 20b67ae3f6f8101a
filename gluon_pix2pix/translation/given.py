"""From a file to what the generator is given of it and, where that is known, what the answer should be."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np

from gluon_pix2pix.pairs.coding import Coding, OneHot, Pixels
from gluon_pix2pix.pairs.matching import by_stem
from gluon_pix2pix.pictures.arithmetic import split_pair
from gluon_pix2pix.pictures.files import image_size, read_image, read_labels
from gluon_pix2pix.pictures.folders import find_images, normal

# What a file is: half of it is given and the other half true; all of it is true, and its gray or holed self given; or
# it is given and nothing more is known.
KINDS = ("pair", "photo", "single")


class Given(NamedTuple):
    """What the generator is given, (H, W, C), and the true answer if it is known."""

    picture: np.ndarray
    true: Optional[np.ndarray] = None


def guess_kind(paths: Sequence[Path], coding: Coding) -> str:
    """Tell what all files are, by headers: pairs, if each is twice as wide as high.

    For colourisation, pictures with colours are photos that one wants to compare with; the files' first few tell.
    """
    if coding.task == "colorization":
        return "photo" if any(_has_colours(path) for path in paths[:8]) else "single"
    if coding.task != "pairs" or isinstance(coding.source, OneHot):
        return "single"
    shapes = []
    for path in paths:
        with contextlib.suppress(ValueError, OSError):  # reported when it is translated
            shapes.append(image_size(path))
    return "pair" if shapes and all(width == 2 * height for height, width in shapes) else "single"


def _has_colours(path: Path) -> bool:
    with contextlib.suppress(ValueError, OSError):
        picture = read_image(path)
        return picture.shape[2] >= 3 and bool(np.ptp(picture[:, :, :3].astype(int), axis=2).max() > 8)
    return False


def read_given(path: Path, coding: Coding, *, kind: str, direction: str, target: Optional[Path] = None) -> Given:
    """Read a file.

    Parameters
    ----------
    path
        A picture.
    coding
        The task's.
    kind
        One of `KINDS`.
    direction
        For pairs: "AtoB" if the left half is given.
    target
        The file of the true answer, if it is one of its own.

    Raises
    ------
    OSError, ValueError
        If a file cannot be read, or does not hold what the task takes; the line names it.
    """
    if kind == "pair":
        source, true = split_pair(read_image(path), direction, path=path)
        return Given(source, _as_target(true, coding))
    if kind == "photo":
        photo = read_image(path, channels=3)
        return Given(coding.given(photo), photo)
    if isinstance(coding.source, OneHot):
        picture = read_labels(path)
    else:
        usual = coding.source.channels in (1, 3)
        picture = read_image(path, channels=None if usual else coding.source.channels)
    if target is None:
        return Given(picture)
    true = read_labels(target) if isinstance(coding.target, OneHot) else _as_target(read_image(target), coding)
    (height, width), (true_height, true_width) = picture.shape[:2], true.shape[:2]
    if abs(height * true_width - width * true_height) > max(height, width):  # more than a pixel is rounded by
        sizes = [f"{width} x {height} pixels", f"{true_width} x {true_height}"]
        raise ValueError(f"{path} is {sizes[0]} and its target {target} {sizes[1]}: it would be stretched")
    return Given(picture, true)


def _as_target(true: np.ndarray, coding: Coding) -> np.ndarray:
    """Give a true picture the channels of the answer, as in training: gray and colour could not be compared."""
    return coding.target.values(true) if isinstance(coding.target, Pixels) else true


def match_targets(names: Sequence[str], folder: Path) -> list[Path]:
    """Return each picture's target: the one of its name, whatever the extension, below a folder.

    Raises
    ------
    FileNotFoundError
        If a picture has none, or the folder no pictures.
    ValueError
        If one has two.
    """
    targets = by_stem(folder, find_images(folder))
    found = [targets.get(normal(name), []) for name in names]
    missing = [name for name, paths in zip(names, found) if not paths]
    if missing:
        raise FileNotFoundError(f"{missing[0]} has no target in {folder} ({len(missing)} of {len(names)} have none)")
    for name, paths in zip(names, found):
        if len(paths) > 1:
            raise ValueError(f"{' and '.join(map(str, paths))} would each be the target of {name!r}: keep one")
    return [paths[0] for paths in found]
