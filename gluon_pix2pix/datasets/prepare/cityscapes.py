"""Cityscapes as its authors publish it, into pairs: photo and label map, as the pix2pix authors' script makes them.

That script, datasets/prepare_cityscapes_dataset.py of github.com/junyanz/pytorch-CycleGAN-and-pix2pix, shrinks both to
256 x 256 by Pillow and writes JPEGs of quality 100 with full colour, numbered in the order of the names. Here val stays
val (there it is written as test), numbers begin with 1 as in the published archive, frames.csv tells which frame is
which, and labels are shrunk by nearest pixels, so that no pixel has a colour between two classes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from gluon_pix2pix.datasets.prepare.jobs import Job, refuse_inside
from gluon_pix2pix.pictures.files import PathLike, read_image

COUNTS = {"train": 2975, "val": 500}  # https://www.cityscapes-dataset.com/dataset-overview
PHOTO, LABELS = "_leftImg8bit.png", "_gtFine_color.png"


def cityscapes_jobs(
    folder: PathLike, output: PathLike, *, size: int = 256, smooth_labels: bool = False, format: str = "jpg"
) -> tuple[list[Job], dict[str, str], list[str]]:
    """Return the jobs that make `output`/train/1.jpg ... and val/1.jpg ..., photo on the left.

    Parameters
    ----------
    folder
        Holds leftImg8bit/ and gtFine/, directly or one folder below, each with train/CITY/ and val/CITY/.
    size
        Side of photo and label map in pixels.
    smooth_labels
        Shrink the label maps by averages too, as the authors' script does.

    Returns
    -------
    list[Job], dict[str, str], list[str]
        The jobs; which frame each output is ("train/1.jpg": "aachen_000000_000019"); and a line for each frame that
        lacks its photo or label map, and for each split that has other than the published number of frames.

    Raises
    ------
    FileNotFoundError
        If leftImg8bit or gtFine is missing, or there is no frame.
    ValueError
        If `output` is or lies in `folder`.
    """
    folder, output = Path(folder), Path(output)
    refuse_inside(output, folder)
    photos_dir, labels_dir = _find(folder, "leftImg8bit"), _find(folder, "gtFine")
    jobs, frames, problems = [], {}, []
    for split, published in COUNTS.items():
        photos, labels = _frames(photos_dir / split, PHOTO), _frames(labels_dir / split, LABELS)
        lone = [f"{photos[name]} has no label map below {labels_dir / split}" for name in photos.keys() - labels.keys()]
        lone += [f"{labels[name]} has no photo below {photos_dir / split}" for name in labels.keys() - photos.keys()]
        problems += sorted(lone)
        both = sorted(photos.keys() & labels.keys())
        if len(both) != published:
            problems.append(f"{photos_dir / split} has {len(both)} frames with labels, published are {published}")
        for number, name in enumerate(both, 1):
            made, ends = f"{split}/{number}.{format}", (photos[name], labels[name])
            frames[made] = name
            jobs.append(Job(output / made, ends, lambda ends=ends: _pair(*ends, size, smooth_labels)))
    if not jobs:
        raise FileNotFoundError(f"{photos_dir} and {labels_dir} have no frame in common (train/CITY/*{PHOTO})")
    return jobs, frames, problems


def _find(folder: Path, kind: str) -> Path:
    for path in (folder / kind, *sorted(folder.glob(f"*/{kind}"))):
        if path.is_dir():
            return path
    raise FileNotFoundError(
        f"{folder} has no {kind}/: unpack leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip of "
        "https://www.cityscapes-dataset.com (on registration) there"
    )


def _frames(folder: Path, ending: str) -> dict[str, Path]:
    return {path.name[: -len(ending)]: path for path in folder.glob(f"*/*{ending}")}


def _pair(photo: Path, labels: Path, size: int, smooth_labels: bool) -> np.ndarray:
    ways = (Image.BICUBIC, Image.BICUBIC if smooth_labels else Image.NEAREST)
    halves = []
    for path, way in zip((photo, labels), ways):
        halves.append(np.asarray(Image.fromarray(read_image(path, channels=3)).resize((size, size), way)))
    return np.hstack(halves)
