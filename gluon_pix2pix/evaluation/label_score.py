"""From pairs of pictures to confusion matrices of their labels, and to what scores.json and scores.csv say of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import numpy as np

from gluon_pix2pix.evaluation.pairing import Translated
from gluon_pix2pix.evaluation.palettes import Palette, labels_of
from gluon_pix2pix.evaluation.score import read_pair
from gluon_pix2pix.evaluation.segmentation import agreement, confusion_matrix
from gluon_pix2pix.pictures.files import PathLike, read_image

PROTOCOL = (
    "each pixel has the class of the nearest colour of the palette; counts of all pictures in one confusion matrix; "
    "Long et al. 2015: pixel accuracy, class accuracy and class IoU as means over the classes that occur"
)

Confusions = dict[str, np.ndarray]  # what was compared -> (K, K + 1) counts of one picture


def compare_labels(pair: Translated, palette: Palette) -> Confusions:
    """Compare a fake label picture with the true one: ``{"fake": counts}``.

    Raises
    ------
    ValueError
        If they do not compare, or one holds labels that the palette has not.
    OSError
        If one cannot be read.
    """
    target, fake = read_pair(pair)
    true, test = _labels(target, pair.target, palette), _labels(fake, pair.fake, palette)
    return {"fake": confusion_matrix(true, test, len(palette.names))}


def compare_photos(pair: Translated, palette: Palette, segmenter: Callable[[np.ndarray], np.ndarray]) -> Confusions:
    """Compare what a segmenter sees in the fake and in the true photo with the label picture that the fake is made of.

    Returns
    -------
    dict
        ``{"fake": counts, "real": counts}``.

    Raises
    ------
    ValueError
        If the pair has no source or more than one, or its pictures differ in size, or the source holds labels that
        the palette has not.
    OSError
        If one cannot be read.
    """
    if pair.source is None:
        raise ValueError(f"{pair.fake} has no source beside it, or more than one: there are no labels to look for")
    target, fake = read_pair(pair)
    source = read_image(pair.source)
    if source.shape[:2] != fake.shape[:2]:
        sizes = [f"{shape[1]} x {shape[0]} pixels" for shape in (fake.shape, source.shape)]
        raise ValueError(f"{pair.fake} is {sizes[0]} and its source {pair.source} {sizes[1]}")
    labels, classes = _labels(source, pair.source, palette), len(palette.names)
    return {
        "fake": confusion_matrix(labels, segmenter(fake), classes),
        "real": confusion_matrix(labels, segmenter(target), classes),
    }


def _labels(picture: np.ndarray, path: PathLike, palette: Palette) -> np.ndarray:
    try:
        return labels_of(picture, palette)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def columns_of(confusions: Confusions) -> dict[str, Any]:
    """Return one picture's pixel accuracy, class accuracy and class IoU, as ``fake_pixel_accuracy`` and so on."""
    return {
        f"{kind}_{name}": value
        for kind, counts in confusions.items()
        for name, value in agreement(counts).means().items()
    }


def summarise_labels(confusions: Sequence[np.ndarray], palette: Palette) -> dict[str, Any]:
    """Return the scores of all pictures' counts together, of each class, and the counts themselves.

    Classes have None for what they have no pixels to tell from.
    """
    total = np.sum(confusions, axis=0)
    scores = agreement(total)
    classes = [
        {"name": name, **{key: None if np.isnan(value) else float(value) for key, value in zip(_PER_CLASS, row)}}
        for name, *row in zip(palette.names, *(getattr(scores, key) for key in _PER_CLASS))
    ]
    absent = [palette.names[label] for label in scores.absent]
    return {**scores.means(), "absent": absent, "classes": classes, "confusion": total.tolist()}


_PER_CLASS = ("share", "accuracy", "iou")
