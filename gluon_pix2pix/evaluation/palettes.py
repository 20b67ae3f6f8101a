"""Which colour of a label picture stands for which class: the palettes of facades and Cityscapes, or a file's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np

from gluon_pix2pix.evaluation.segmentation import VOID
from gluon_pix2pix.pictures.arithmetic import peak_of
from gluon_pix2pix.pictures.files import PathLike
from gluon_pix2pix.reading import open_file, read_json

_LONGEST = 1 << 20  # bytes of a text file that are read: many times what 255 classes take
NEAR = 30  # a label picture's colours, JPEG and all, are mostly within this distance of the palette's

# The 12 classes of the CMP Facade Database (Tylecek and Sara, GCPR 2013) in its order, in the colours of pix2pix's
# "facades" pictures: every fifth of a 64-step jet map. JPEG moves them by 2 at most (medians over its 400 pictures).
CMP_COLOURS = {
    "background": (0, 0, 223),
    "facade": (0, 48, 255),
    "window": (0, 128, 255),
    "door": (0, 207, 255),
    "cornice": (32, 255, 223),
    "sill": (112, 255, 143),
    "balcony": (191, 255, 64),
    "blind": (255, 239, 0),
    "deco": (255, 159, 0),
    "molding": (255, 80, 0),
    "pillar": (255, 0, 0),
    "shop": (175, 0, 0),
}

# The 19 classes that count in Cityscapes, and the colours of those that do not ("ignoreInEval"), from
# github.com/mcordts/cityscapesScripts, cityscapesscripts/helpers/labels.py at 4b83263. By colour alone, polegroup
# (ignored) cannot be told from pole, nor license plate (ignored) from car.
_CITYSCAPES = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
_CITYSCAPES_VOID = (
    (0, 0, 0),  # unlabeled, ego vehicle, rectification border, out of roi, static
    (111, 74, 0),  # dynamic
    (81, 0, 81),  # ground
    (250, 170, 160),  # parking
    (230, 150, 140),  # rail track
    (180, 165, 180),  # guard rail
    (150, 100, 100),  # bridge
    (150, 120, 90),  # tunnel
    (0, 0, 90),  # caravan
    (0, 0, 110),  # trailer
)


class Palette(NamedTuple):
    """The classes' names, and the 8-bit RGB colours of classes and of what belongs to none."""

    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    void: tuple[tuple[int, int, int], ...] = ()


PALETTES = {
    "facades": Palette(tuple(CMP_COLOURS), tuple(CMP_COLOURS.values())),
    "cityscapes": Palette(tuple(_CITYSCAPES), tuple(_CITYSCAPES.values()), _CITYSCAPES_VOID),
}

# Of these sets half B is label pictures, and the "demo" is drawn in the colours of facades.
LABELS_ARE_B = {"facades": "facades", "demo": "facades", "cityscapes": "cityscapes"}


def palette_of_set(dataset: str, direction: str) -> Optional[Palette]:
    """Return the palette of what a run on a published set translates; None if that is no label pictures.

    Parameters
    ----------
    dataset
        A set's name, or the path of a folder of that name.
    direction
        "AtoB" or "BtoA".
    """
    name = Path(dataset).name
    return PALETTES[LABELS_ARE_B[name]] if name in LABELS_ARE_B and direction == "BtoA" else None


def palette_of_model(description: Mapping[str, Any]) -> Optional[Palette]:
    """Return the palette of the label pictures that a model takes, if its own files tell of one.

    Parameters
    ----------
    description
        A run's options.json, or an export's model.json.

    Raises
    ------
    ValueError
        If what they tell is no palette.
    """
    if description.get("palette"):
        return palette_from(description["palette"])
    options = description.get("options", {})
    return palette_of_set(str(options.get("dataset", "")), options.get("direction", ""))


def labels_of(picture: np.ndarray, palette: Palette) -> np.ndarray:
    """Give each pixel the class of the nearest colour (Euclidean distance in RGB).

    Parameters
    ----------
    picture
        (H, W, 3) RGB, uint8 or uint16: a label picture, JPEG noise and blur included. Or (H, W, 1) uint8, a map of the
        labels themselves.
    palette
        Of equally near colours the first wins.

    Returns
    -------
    numpy.ndarray
        (H, W) uint8, the place of the class in the palette, or `VOID`.

    Raises
    ------
    ValueError
        If a map holds a label that the palette has not, or the picture has neither 1 nor 3 channels.
    """
    if picture.shape[2] == 1:
        labels = picture[:, :, 0]
        wrong = labels[(labels != VOID) & (labels >= len(palette.names))]
        if wrong.size or picture.dtype != np.uint8:
            found = f"holds the value {wrong.flat[0]}" if wrong.size else f"is of {picture.dtype}"
            raise ValueError(
                f"a gray picture is taken for a map of labels from 0 to {len(palette.names) - 1} (and {VOID} for "
                f"none), and this one {found}"
            )
        return labels
    if picture.shape[2] != 3:
        raise ValueError(f"label pictures have 1 or 3 channels, not {picture.shape[2]}")
    return _nearest(picture, palette)[0]


def check_colours(pictures: Sequence[np.ndarray], palette: Palette, *, what: str) -> None:
    """See that pictures look like label pictures of a palette; a gray one is a map of labels and always does.

    Raises
    ------
    ValueError
        If more than half of all pixels are farther than `NEAR` from every colour of the palette; `what` is named.
    """
    near = [near_share(picture, palette) for picture in pictures if picture.shape[2] == 3]
    if near and np.mean(near) < 0.5:
        raise ValueError(
            f"{what} are not label pictures of this palette: only {100 * np.mean(near):.0f} % of their pixels are near "
            "one of its colours; is it the right palette, and the right direction?"
        )


def near_share(picture: np.ndarray, palette: Palette) -> float:
    """Return which part of a picture, (H, W, C) uint8 or uint16, is within `NEAR` of one of a palette's colours.

    Of other than three channels the first three count, or the first for all.
    """
    pixels = picture[:, :, :3] if picture.shape[2] >= 3 else picture[:, :, [0, 0, 0]]
    return float(np.mean(_nearest(pixels, palette)[1] <= NEAR**2))


def _nearest(picture: np.ndarray, palette: Palette) -> tuple[np.ndarray, np.ndarray]:
    """Return each pixel's label and its squared distance to that colour, in 8-bit values."""
    pixels = picture.astype(np.float32) * np.float32(255 / peak_of(picture))
    labels = np.full(picture.shape[:2], VOID, np.uint8)
    nearest = np.full(picture.shape[:2], np.inf, np.float32)
    kinds = [*enumerate(palette.colours), *((VOID, colour) for colour in palette.void)]
    for label, colour in kinds:
        distance = np.square(pixels - np.array(colour, np.float32)).sum(axis=2)
        closer = distance < nearest
        labels[closer], nearest[closer] = label, distance[closer]
    return labels, nearest


def read_palette(name: PathLike) -> Palette:
    """Return the palette of that name, or read one from a file.

    A text file has a class a line, its name and its red, green and blue from 0 to 255, separated by commas or blanks
    (a name may have blanks); ``#`` begins a comment. A JSON file has an object of names to [red, green, blue]. Classes
    count in the file's order. The name ``void`` is for colours that belong to no class; a text file may repeat it.

    Raises
    ------
    ValueError
        If there is neither a palette nor a file of that name, or the file does not say that.
    OSError
        If the file cannot be read.
    """
    if str(name) in PALETTES:
        return PALETTES[str(name)]
    path = Path(name)
    if not path.is_file():
        raise ValueError(f"there is no palette and no file {str(name)!r}; the palettes are {', '.join(PALETTES)}")
    try:
        if path.suffix.lower() == ".json":
            return palette_from(read_json(path, object, what="a palette"))
        with open_file(path) as stream:
            return _checked(_from_lines(stream.read(_LONGEST).decode("utf-8-sig")))
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path} is not a palette: {error}") from error


def palette_from(colours: Any) -> Palette:
    """Return the palette that a JSON object of names to [red, green, blue] stands for.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if not isinstance(colours, dict):
        raise ValueError("it should be an object of names to [red, green, blue]")
    return _checked(list(colours.items()))


def _from_lines(text: str) -> list[tuple[str, list[Any]]]:
    entries = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].replace(",", " ").replace("\t", " ").split()
        if not words or [word.lower() for word in words] == ["name", "r", "g", "b"]:
            continue
        if len(words) < 4 or not all(word.isdecimal() for word in words[-3:]):
            raise ValueError(f"line {number} is {line.strip()!r}, and should be a name and three numbers")
        entries.append((" ".join(words[:-3]), [int(word) for word in words[-3:]]))
    return entries


def _checked(entries: list[tuple[str, Any]]) -> Palette:
    classes: dict[str, tuple[int, int, int]] = {}
    void, seen = [], {}
    for name, colour in entries:
        if (
            not isinstance(colour, list)
            or len(colour) != 3
            or not all(type(value) is int and 0 <= value <= 255 for value in colour)
        ):
            raise ValueError(f"the colour of {name!r} is {colour}, and should be three whole numbers from 0 to 255")
        if tuple(colour) in seen:
            raise ValueError(f"{seen[tuple(colour)]!r} and {name!r} have the same colour {colour}")
        if name in classes:
            raise ValueError(f"there are two classes {name!r}")
        seen[tuple(colour)] = name
        if name.lower() == "void":
            void.append(tuple(colour))
        else:
            classes[name] = tuple(colour)
    if not 2 <= len(classes) < VOID:
        raise ValueError(f"it has {len(classes)} classes, and 2 to {VOID - 1} can be told apart")
    return Palette(tuple(classes), tuple(classes.values()), tuple(void))
