"""The CMP Facade Database as its authors publish it, into pairs in the look of pix2pix's facades.

Its archives hold NAME.jpg, a photo, and NAME.png, a palette picture whose indices 1 to 12 are the classes (https://
cmp.felk.cvut.cz/~tylecr1/facade, label_names.txt in the archives). The classes get the colours that they have in the
pix2pix authors' facades. How these cut theirs from the photos, which have all aspects, is not published; nor is which
photo went where. Here the center square of a photo is scaled, and a seed deals out 400, 100 and 106.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gluon_pix2pix.datasets.prepare.jobs import Job, refuse_inside
from gluon_pix2pix.datasets.prepare.operations import fit, side_by_side
from gluon_pix2pix.datasets.prepare.split import split_counts
from gluon_pix2pix.evaluation.palettes import CMP_COLOURS
from gluon_pix2pix.pairs.holdout import deal
from gluon_pix2pix.pictures.files import read_image, read_labels
from gluon_pix2pix.pictures.folders import natural_key
from gluon_pix2pix.writing import PathLike

COUNTS = (400, 100, 106)  # train, val, test of the pix2pix authors' 606
_COLOURS = np.array([CMP_COLOURS["background"], *CMP_COLOURS.values()], np.uint8)  # index 0, no class, is background


def cmp_jobs(
    folders: Sequence[PathLike],
    output: PathLike,
    *,
    size: int = 256,
    how: str = "crop",
    seed: int = 0,
    format: str = "png",
) -> tuple[list[Job], list[str]]:
    """Return the jobs that make `output`/train/NAME.png, val/ and test/ of the photos and labels below `folders`.

    Parameters
    ----------
    folders
        The unpacked base and extended archives, in any order, at any depth.
    size
        Side of photo and label map in pixels.
    how
        As in `fit`: "crop" to the center square, "pad" with black and background, or "stretch".
    seed
        Deals out train, val and test; in the proportion of 400 to 100 to 106 where there are not 606.

    Returns
    -------
    list[Job], list[str]
        And a line for each photo or label map whose partner is missing.

    Raises
    ------
    FileNotFoundError
        If there is no photo with labels.
    ValueError
        If `output` is or lies in a folder.
    """
    refuse_inside(output, *folders)
    photos, labels = ({p.stem: p for f in folders for p in Path(f).rglob(f"cmp_*{end}")} for end in (".jpg", ".png"))
    problems = [f"{photos[name]} has no label map {name}.png" for name in sorted(photos.keys() - labels.keys())]
    problems += [f"{labels[name]} has no photo {name}.jpg" for name in sorted(labels.keys() - photos.keys())]
    names = sorted(photos.keys() & labels.keys(), key=natural_key)
    if not names:
        raise FileNotFoundError(f"{' and '.join(map(str, folders))}: no cmp_*.jpg with its cmp_*.png")
    counts = split_counts(len(names), [count / sum(COUNTS) for count in COUNTS])
    jobs = []
    for split, members in deal(names, counts, seed=seed).items():
        for name in members:
            ends = (photos[name], labels[name])
            jobs.append(Job(Path(output, split, f"{name}.{format}"), ends, lambda ends=ends: _pair(*ends, size, how)))
    return jobs, problems


def _pair(photo_path: Path, labels_path: Path, size: int, how: str) -> np.ndarray:
    photo, labels = read_image(photo_path, channels=3), read_labels(labels_path)
    if photo.shape[:2] != labels.shape[:2]:
        raise ValueError(f"{photo_path} and {labels_path} differ in size")
    if labels.max() >= len(_COLOURS):
        raise ValueError(f"{labels_path} holds the label {labels.max()}; the classes are 1 to {len(_COLOURS) - 1}")
    photo = fit(photo, size, size, how=how)
    return side_by_side(photo, _COLOURS[fit(labels, size, size, how=how, nearest=True)[:, :, 0]])
