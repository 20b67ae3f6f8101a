"""How well label maps agree: pixel accuracy, class accuracy and class IoU from a confusion matrix. numpy alone.

The definitions are those of the FCN-score (J. Long, E. Shelhamer, T. Darrell, Fully convolutional networks for semantic
segmentation, CVPR 2015, section 5), which the paper's tables report (arXiv 1611.07004, section 4.1).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

VOID = 255  # the label of pixels that belong to no class


class Agreement(NamedTuple):
    """What a confusion matrix says; nan where a class, or every class, has no pixels to tell from.

    `accuracy` and `iou` are (K,) float64, one a class; `share` is each class's part of the true pixels. `absent` are
    the classes that neither side has: no mean includes them. A class that only the other side has is wrong wherever
    it is, IoU 0, and has no accuracy.
    """

    pixel_accuracy: float
    class_accuracy: float
    class_iou: float
    accuracy: np.ndarray
    iou: np.ndarray
    share: np.ndarray
    absent: list[int]

    def means(self) -> dict[str, Any]:
        """Return the three numbers of the paper's tables by their names, None where there is none."""
        return {name: _none_for_nan(getattr(self, name)) for name in MEANS}


MEANS = ("pixel_accuracy", "class_accuracy", "class_iou")


def confusion_matrix(labels_true: np.ndarray, labels_test: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of each true class that were given each label.

    Parameters
    ----------
    labels_true, labels_test
        Whole numbers of one shape: classes from 0 to `classes` - 1, or `VOID`. Truly void pixels are not counted.
    classes
        How many there are, below `VOID`.

    Returns
    -------
    numpy.ndarray
        (classes, classes + 1) int64, [true, given]; the last column counts the pixels that were given void. The
        matrices of several pictures add up.

    Raises
    ------
    ValueError
        If the shapes differ, or there is another label.
    """
    if labels_true.shape != labels_test.shape:
        raise ValueError(f"label maps to compare have one shape, not {labels_true.shape} and {labels_test.shape}")
    for labels in (labels_true, labels_test):
        wrong = labels[(labels != VOID) & ((labels < 0) | (labels >= classes))]
        if wrong.size:
            raise ValueError(f"there is a label {wrong.flat[0]}, and {classes} classes count from 0")
    counted = labels_true != VOID
    given = np.where(labels_test == VOID, classes, labels_test)[counted].astype(np.int64)
    cells = labels_true[counted].astype(np.int64) * (classes + 1) + given
    return np.bincount(cells, minlength=classes * (classes + 1)).reshape(classes, classes + 1)


def agreement(confusion: np.ndarray) -> Agreement:
    """Work out accuracies and IoUs from (K, K + 1) counts of `confusion_matrix`.

    With n_ij pixels of class i given label j and t_i = sum_j n_ij: pixel accuracy sum_i n_ii / sum_i t_i, class
    accuracy the mean of n_ii / t_i, class IoU the mean of n_ii / (t_i + sum_j n_ji - n_ii).
    """
    right = np.diag(confusion).astype(np.float64)
    true, given = confusion.sum(axis=1), confusion.sum(axis=0)[:-1]
    total, union = confusion.sum(), true + given - right
    accuracy, iou, share = _divide(right, true), _divide(right, union), _divide(true, total)
    return Agreement(
        pixel_accuracy=float(_divide(right.sum(), total)),
        class_accuracy=_mean(accuracy),
        class_iou=_mean(iou),
        accuracy=accuracy,
        iou=iou,
        share=share,
        absent=np.flatnonzero(union == 0).tolist(),
    )


def _divide(counts: np.ndarray, by: np.ndarray) -> np.ndarray:
    counts, by = np.broadcast_arrays(np.asarray(counts, np.float64), np.asarray(by, np.float64))
    return np.divide(counts, by, out=np.full(counts.shape, np.nan), where=by > 0)


def _mean(values: np.ndarray) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")


def _none_for_nan(value: float) -> Any:
    return None if np.isnan(value) else float(value)
