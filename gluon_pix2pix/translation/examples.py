"""From a file to the picture that is translated and, where it is known, the true answer."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Optional

import numpy as np

from gluon_pix2pix.pairs.coding import Coding, OneHot, Pixels
from gluon_pix2pix.pairs.holes import read_with_hole
from gluon_pix2pix.pairs.label_colours import read_labels_by_colour
from gluon_pix2pix.pairs.matching import by_stem
from gluon_pix2pix.pictures.arithmetic import has_colours, split_pair
from gluon_pix2pix.pictures.files import image_size, read_image
from gluon_pix2pix.pictures.folders import list_images, normal

# What a file is: half of it is translated, and the other half is the true answer; all of it is true, and in black and
# white or with a hole it is translated; or it is translated, and if there is a true answer, another file has it.
KINDS = ("pair", "photo", "single")


class Example(NamedTuple):
    """A picture to translate, (H, W, C), with alpha where it has a hole; and the true answer if it is known."""

    source: np.ndarray
    target: Optional[np.ndarray] = None


def guess_kind(paths: Sequence[Path], coding: Coding, layout: Optional[Mapping] = None) -> str:
    """Tell what all files are.

    Files are pairs if, by their headers, each is as wide for its height as the pairs of training, or twice as wide as
    high, unless the network was not trained on pairs side by side. For colourisation, pictures with colours are photos
    that one wants to compare with; the files' first few tell.

    Parameters
    ----------
    layout
        How the pairs of training lay on disk, as `pairs.layouts.describe_layout` tells; None where that is not known.
    """
    if coding.task == "colorization":
        return "photo" if any(_is_in_colour(path) for path in paths[:8]) else "single"
    if coding.task != "pairs" or (layout and not layout["side_by_side"]):
        return "single"
    if isinstance(coding.source, OneHot) and not layout:
        return "single"
    trained, shapes = (layout or {}).get("width_to_height"), []
    for path in paths:
        with contextlib.suppress(ValueError, OSError):  # reported when it is translated
            shapes.append(image_size(path))
    return "pair" if shapes and all(_is_as_wide_as_a_pair(*shape, trained) for shape in shapes) else "single"


def _is_as_wide_as_a_pair(height: int, width: int, trained: Optional[float]) -> bool:
    return width == 2 * height or (trained is not None and abs(width - trained * height) < 1)


def _is_in_colour(path: Path) -> bool:
    with contextlib.suppress(ValueError, OSError):
        return has_colours(read_image(path))
    return False


def read_example(
    path: Path,
    coding: Coding,
    *,
    kind: str,
    direction: str,
    target: Optional[Path] = None,
    mask: Optional[Path] = None,
    label_colours: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Example:
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
        For pairs: "AtoB" if the left half is translated.
    target
        The file of the true answer, if it is one of its own.
    mask
        For inpainting: a picture of the same size, white where the photo is to be painted.
    label_colours
        The colours that the labels of "source" and "target" had in training.

    Raises
    ------
    OSError, ValueError
        If a file cannot be read, or does not hold what the task takes; the line names it.
    """
    if kind == "pair":
        both = _read(path, coding.source, coding.target, colours=label_colours.get("source", {}))
        source, true = split_pair(both, direction, path=path)
        return Example(source, _as_target(true, coding))
    if kind == "photo":
        photo = read_image(path, channels=3)
        return Example(coding.source_of(photo), photo)
    if coding.task == "inpainting" and target is None and coding.source.channels in (1, 3):
        return Example(read_with_hole(path, mask))
    picture = _read(path, coding.source, colours=label_colours.get("source", {}))
    if target is None:
        return Example(picture)
    true = _as_target(_read(target, coding.target, colours=label_colours.get("target", {})), coding)
    (height, width), (true_height, true_width) = picture.shape[:2], true.shape[:2]
    if abs(height * true_width - width * true_height) > max(height, width):  # more than a pixel is rounded by
        sizes = [f"{width} x {height} pixels", f"{true_width} x {true_height}"]
        raise ValueError(f"{path} is {sizes[0]} and its target {target} {sizes[1]}: it would be stretched")
    return Example(picture, true)


def _read(path: Path, *coders: object, colours: Mapping[str, str]) -> np.ndarray:
    """Read a file for one or two coders: labels as indices, gray and colour as they are, else so many channels."""
    if any(isinstance(coder, OneHot) for coder in coders):
        return read_labels_by_colour(path, colours)
    channels = max((coder.channels for coder in coders if isinstance(coder, Pixels)), default=3)
    return read_image(path, channels=None if channels in (1, 3) else channels)


def _as_target(true: np.ndarray, coding: Coding) -> np.ndarray:
    """Give a true picture the channels of the answer, as in training: gray and colour could not be compared."""
    return coding.target.values(true) if isinstance(coding.target, Pixels) else true


def match_targets(names: Sequence[str], folder: Path, *, what: str = "target") -> list[Path]:
    """Return each picture's target, or mask: the one of its name, whatever the extension, below a folder.

    Raises
    ------
    FileNotFoundError
        If a picture has none, or the folder no pictures.
    ValueError
        If one has two.
    """
    targets = by_stem(list_images(folder, arrays=True))
    found = [targets.get(normal(name), []) for name in names]
    missing = [name for name, paths in zip(names, found) if not paths]
    if missing:
        raise FileNotFoundError(f"{missing[0]} has no {what} in {folder} ({len(missing)} of {len(names)} have none)")
    for name, paths in zip(names, found):
        if len(paths) > 1:
            raise ValueError(f"{' and '.join(map(str, paths))} would each be the {what} of {name!r}: keep one")
    return [paths[0] for paths in found]
