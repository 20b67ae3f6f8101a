"""Confusion matrices of files, and what is written of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.evaluation.label_score import columns_of, compare_labels, compare_photos, summarise_labels
from gluon_pix2pix.evaluation.pairing import Translated
from gluon_pix2pix.evaluation.palettes import Palette
from gluon_pix2pix.evaluation.score import map_pairs
from gluon_pix2pix.pictures.files import write_image

PALETTE = Palette(("sky", "wall", "door"), ((0, 0, 255), (255, 0, 0), (0, 255, 0)))


def save(folder: Path, **labels) -> Translated:
    """Write label maps in the colours of `PALETTE`, fake, target and source."""
    paths = {role: folder / f"1_{role}.png" for role in labels}
    for role, rows in labels.items():
        write_image(paths[role], np.array(PALETTE.colours, np.uint8)[np.array(rows)])
    return Translated(".", "1", **paths)


def test_label_pictures(tmp_path):
    pair = save(tmp_path, fake=[[0, 0, 1], [1, 1, 1]], target=[[0, 0, 0], [1, 1, 1]])
    confusions = compare_labels(pair, PALETTE)
    assert confusions["fake"].tolist() == [[2, 1, 0, 0], [0, 3, 0, 0], [0, 0, 0, 0]]
    columns = columns_of(confusions)
    assert columns == pytest.approx(
        {"fake_pixel_accuracy": 5 / 6, "fake_class_accuracy": 5 / 6, "fake_class_iou": (2 / 3 + 3 / 4) / 2}
    )
    summary = summarise_labels([confusions["fake"]] * 2, PALETTE)
    assert summary["pixel_accuracy"] == columns["fake_pixel_accuracy"]
    assert summary["absent"] == ["door"]
    assert summary["classes"][0] == {"name": "sky", "share": 0.5, "accuracy": 2 / 3, "iou": 2 / 3}
    assert summary["classes"][2] == {"name": "door", "share": 0, "accuracy": None, "iou": None}
    assert summary["confusion"] == [[4, 2, 0, 0], [0, 6, 0, 0], [0, 0, 0, 0]]


def brighter_is_wall(photo: np.ndarray) -> np.ndarray:
    return (photo[:, :, 0] > 100).astype(np.uint8)


def test_photos(tmp_path):
    pair = save(tmp_path, fake=[[0, 1]], target=[[0, 0]], source=[[0, 1]])
    write_image(pair.fake, np.array([[[50] * 3, [60] * 3]], np.uint8))  # shows no wall where there should be one
    write_image(pair.target, np.array([[[50] * 3, [160] * 3]], np.uint8))
    confusions = compare_photos(pair, PALETTE, brighter_is_wall)
    assert confusions["fake"].tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert confusions["real"].tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    columns = columns_of(confusions)
    assert (columns["fake_pixel_accuracy"], columns["real_class_iou"]) == (0.5, 1)


def test_names_what_does_not_compare(tmp_path):
    pair = save(tmp_path, fake=[[0, 1]], target=[[0, 0]], source=[[0, 1, 1]])
    with pytest.raises(ValueError, match=r"1_fake.png is 2 x 1 pixels and its source .*1_source.png 3 x 1 pixels"):
        compare_photos(pair, PALETTE, brighter_is_wall)
    with pytest.raises(ValueError, match=r"1_fake\.png has no source beside it, or more than one"):
        compare_photos(pair._replace(source=None), PALETTE, brighter_is_wall)
    for path in (pair.fake, pair.target):
        write_image(path, np.full((1, 2, 1), 7, np.uint8))
    (problem,) = map_pairs(lambda pair: compare_labels(pair, PALETTE), [pair], workers=1)
    assert problem.startswith(f"{pair.target}: a gray picture is taken for a map of labels from 0 to 2")
