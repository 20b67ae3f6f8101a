"""Confusion matrices and what is made of them, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gluon_pix2pix.evaluation.segmentation import VOID, agreement, confusion_matrix


def test_counts_by_hand():
    true = np.array([[0, 0, 0, 1], [1, 2, VOID, VOID]], np.uint8)
    test = np.array([[0, 0, 1, 1], [VOID, 0, 0, VOID]], np.uint8)
    #                              given 0  1  2  void
    assert confusion_matrix(true, test, 3).tolist() == [[2, 1, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0]]


def test_scores_by_hand():
    scores = agreement(np.array([[2, 1, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0]]))
    assert scores.pixel_accuracy == pytest.approx(3 / 6)
    assert scores.accuracy.tolist() == pytest.approx([2 / 3, 1 / 2, 0])
    assert scores.class_accuracy == pytest.approx((2 / 3 + 1 / 2) / 3)
    assert scores.iou.tolist() == pytest.approx([2 / (3 + 3 - 2), 1 / (2 + 2 - 1), 0])
    assert scores.class_iou == pytest.approx((1 / 2 + 1 / 3) / 3)
    assert scores.share.tolist() == pytest.approx([3 / 6, 2 / 6, 1 / 6])
    assert scores.absent == []
    assert scores.means() == {name: getattr(scores, name) for name in ("pixel_accuracy", "class_accuracy", "class_iou")}


def test_absent_classes_are_in_no_mean():
    # class 1 is nowhere; class 2 is not true, and given once
    scores = agreement(np.array([[3, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))
    assert scores.absent == [1]
    assert scores.pixel_accuracy == scores.class_accuracy == 0.75
    assert scores.class_iou == pytest.approx((0.75 + 0) / 2)
    assert np.isnan(scores.accuracy[1:]).all()
    assert math.isnan(scores.iou[1])


def test_matrices_add_up_and_are_no_mean_of_pictures():
    rng = np.random.default_rng(0)
    maps = rng.integers(0, 4, (2, 5, 8, 8))
    each = [confusion_matrix(true, test, 4) for true, test in zip(*maps)]
    assert np.array_equal(np.sum(each, axis=0), confusion_matrix(*maps, 4))
    assert agreement(np.sum(each, axis=0)).class_iou != pytest.approx(
        np.mean([agreement(counts).class_iou for counts in each]), abs=1e-6
    )


def test_a_void_picture_says_nothing():
    void = np.full((2, 2), VOID, np.uint8)
    scores = agreement(confusion_matrix(void, np.zeros_like(void), 2))
    assert scores.means() == {"pixel_accuracy": None, "class_accuracy": None, "class_iou": None}
    assert scores.absent == [0, 1]


def test_refuses_what_does_not_compare():
    with pytest.raises(ValueError, match=r"label maps to compare have one shape, not \(2, 2\) and \(2, 3\)"):
        confusion_matrix(np.zeros((2, 2), int), np.zeros((2, 3), int), 2)
    with pytest.raises(ValueError, match="there is a label 2, and 2 classes count from 0"):
        confusion_matrix(np.zeros((2, 2), int), np.full((2, 2), 2), 2)
    with pytest.raises(ValueError, match="there is a label -1"):
        confusion_matrix(np.full((2, 2), -1), np.zeros((2, 2), int), 2)
