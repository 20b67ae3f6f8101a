"""Label pictures of any kind, palettes, grays or colours, into label maps of one palette, as training takes them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np
from PIL import Image

from gluon_pix2pix import processors
from gluon_pix2pix.datasets.prepare.jobs import Job, Progress, refuse_inside
from gluon_pix2pix.evaluation.palettes import Palette, labels_of
from gluon_pix2pix.pictures.arithmetic import with_channels
from gluon_pix2pix.pictures.files import read_image, read_label_palette
from gluon_pix2pix.pictures.folders import list_images
from gluon_pix2pix.threads import in_threads
from gluon_pix2pix.writing import PathLike, write_atomically

MOST = 256  # labels of one byte


class Plan(NamedTuple):
    """The jobs that make the maps, the colour of each label, (N, 3) uint8 RGB, and a line on what was left out."""

    jobs: list[Job]
    colours: np.ndarray
    notes: list[str]


def plan_labels(
    folder: PathLike,
    output: PathLike,
    *,
    palette: Optional[Palette] = None,
    nearest: bool = False,
    workers: Optional[int] = None,
    progress: Optional[Progress] = None,
) -> Plan:
    """Plan a label map for each label picture below `folder`, at the same place below `output`.

    A label is a colour, however a file stores it. Without a palette, those of the first palette picture count first, in
    its order, and then the others by their red, green and blue: so a mask of 0 and 255 becomes one of 0 and 1.

    Parameters
    ----------
    palette
        Which colour is which label; what belongs to none becomes the label after the last.
    nearest
        With a palette: take the nearest colour, for pictures that JPEG or resizing has blurred.

    Raises
    ------
    FileNotFoundError
        If there is no picture.
    ValueError
        If there are more than 256 colours, `output` is or lies in `folder`, or a file cannot be read.
    """
    folder, output = Path(folder), Path(output)
    refuse_inside(output, folder)
    listing = list_images(folder)
    if palette:
        colours = _keys(np.array([[*palette.colours, *palette.void]], np.uint8))[0]
    else:
        colours = _collect(listing.pictures, workers or processors(), progress)
    count = len(palette.names) + bool(palette.void) if palette else len(colours)

    def make(path: Path) -> np.ndarray:
        picture = read_image(path)
        labels = labels_of(with_channels(picture, 3), palette) if nearest else _number(picture, colours)
        return np.minimum(labels, count - 1)[:, :, None]

    jobs = [
        Job((output / path.relative_to(folder)).with_suffix(".png"), (path,), lambda path=path: make(path))
        for path in listing.pictures
    ]
    note = listing.note()
    return Plan(jobs, _shown(colours[:count]), [note] if note else [])


def write_labels(path: Path, labels: np.ndarray, *, colours: np.ndarray) -> None:
    """Write a label map (H, W, 1) uint8 as a palette PNG, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture, stream = Image.fromarray(labels[:, :, 0]), io.BytesIO()
    picture.putpalette(colours.astype(np.uint8).tobytes())
    picture.save(stream, "PNG")
    write_atomically(path, stream.getvalue())


def palette_text(colours: np.ndarray) -> str:
    """Return colours as the file that --palette reads: a name and three numbers on each line."""
    return "".join(f"label{number}, {red}, {green}, {blue}\n" for number, (red, green, blue) in enumerate(colours))


def _collect(paths: Iterable[Path], workers: int, progress: Optional[Progress]) -> np.ndarray:
    """Return the colours of all pictures as keys, (N,), in the order of their labels."""
    first: list[int] = []
    found: set[int] = set()
    paths = list(paths)
    for done, (keys, own) in enumerate(in_threads(_colours_of, paths, workers=workers), 1):
        found.update(keys)
        first = first or own
        if len(found) > MOST:
            raise ValueError(
                f"the pictures up to {paths[done - 1]} have more than {MOST} colours, and a label is a colour: blurred "
                "ones, such as JPEGs, take --palette and --nearest"
            )
        if progress:
            progress(done, len(paths))
    return np.array([*(key for key in first if key in found), *sorted(found.difference(first))], np.int64)


def _colours_of(path: Path) -> tuple[list[int], list[int]]:
    """Return the colours that a picture shows, and those of its palette in their order, as keys."""
    shown = np.unique(_keys(read_image(path)))[: MOST + 1].tolist()
    palette = read_label_palette(path)
    return shown, [] if palette is None else list(dict.fromkeys(_keys(palette[None])[0].tolist()))


def _keys(picture: np.ndarray) -> np.ndarray:
    """Return the colours of (H, W, 1 or 3), uint8 or uint16, each as one number; gray is RGB."""
    red, green, blue = np.moveaxis(with_channels(picture, 3).astype(np.int64), 2, 0)
    deep = np.int64(picture.dtype == np.uint16) << 48  # no value of 16 bits is one of 8
    return deep | red << 32 | green << 16 | blue


def _shown(keys: np.ndarray) -> np.ndarray:
    """Return keys as colours to look at, (N, 3) uint8; of 16 bits the upper half."""
    colours = np.stack([keys >> shift & 0xFFFF for shift in (32, 16, 0)], axis=1)
    return np.where((keys >> 48)[:, None] > 0, colours >> 8, colours).astype(np.uint8)


def _number(picture: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return the label of each pixel, (H, W) uint8."""
    keys, order = _keys(picture), np.argsort(colours)
    places = np.searchsorted(colours, keys, sorter=order).clip(max=len(colours) - 1)
    labels = order[places]
    strange = keys[colours[labels] != keys]
    if strange.size:
        colour = _shown(strange[:1])[0].tolist()
        raise ValueError(f"it has the colour {colour}, and the palette has not; --nearest takes the nearest one")
    return labels.astype(np.uint8)
