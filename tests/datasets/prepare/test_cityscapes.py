"""Cityscapes as its authors publish it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.datasets.prepare import cityscapes
from gluon_pix2pix.datasets.prepare.cityscapes import cityscapes_jobs
from gluon_pix2pix.datasets.prepare.jobs import run_jobs
from gluon_pix2pix.pictures.files import read_image


def frame(folder, split, city, name, draw, seed=0, kinds=("leftImg8bit", "gtFine")):
    for kind in kinds:
        end = "leftImg8bit" if kind == "leftImg8bit" else "gtFine_color"
        draw(folder / kind / split / city / f"{name}_{end}.png", seed + len(end), size=(64, 128))
    (folder / kinds[-1] / split / city / f"{name}_gtFine_labelIds.png").touch()  # others lie beside it


@pytest.fixture
def cities(tmp_path, draw, monkeypatch):
    monkeypatch.setattr(cityscapes, "COUNTS", {"train": 3, "val": 1})
    for seed, (split, city, name) in enumerate(
        [("train", "ulm", "ulm_000000"), ("train", "aachen", "aachen_000001"), ("train", "aachen", "aachen_000000")]
    ):
        frame(tmp_path / "cs" / "unpacked", split, city, name, draw, 10 * seed)
    frame(tmp_path / "cs" / "unpacked", "val", "bonn", "bonn_000000", draw, 90)
    return tmp_path / "cs"


@pytest.mark.parametrize("smooth", [False, True])
def test_cityscapes_are_pillows_pixels(cities, tmp_path, smooth):
    jobs, frames, problems = cityscapes_jobs(cities, tmp_path / "out", size=32, smooth_labels=smooth, format="png")
    assert problems == []
    assert frames == {
        "train/1.png": "aachen_000000",
        "train/2.png": "aachen_000001",
        "train/3.png": "ulm_000000",
        "val/1.png": "bonn_000000",
    }
    assert run_jobs(jobs).made == 4
    pair = read_image(tmp_path / "out" / "train" / "3.png")
    photo, labels = (
        Image.open(cities / "unpacked" / kind / "train" / "ulm" / f"ulm_000000_{end}.png")
        for kind, end in (("leftImg8bit", "leftImg8bit"), ("gtFine", "gtFine_color"))
    )
    halves = [
        np.asarray(photo.resize((32, 32), Image.BICUBIC)),
        np.asarray(labels.resize((32, 32), Image.BICUBIC if smooth else Image.NEAREST)),
    ]
    np.testing.assert_array_equal(pair, np.hstack(halves))


def test_what_cityscapes_lacks_is_told(cities, tmp_path, draw):
    frame(cities / "unpacked", "train", "ulm", "ulm_000009", draw, kinds=("leftImg8bit",))
    frame(cities / "unpacked", "val", "ulm", "ulm_000008", draw, kinds=("gtFine",))
    frame(cities / "unpacked", "val", "ulm", "ulm_000007", draw)
    jobs, _, problems = cityscapes_jobs(cities, tmp_path / "out")
    assert len(jobs) == 5
    assert len(problems) == 3
    assert problems[0].endswith(f"ulm_000009_leftImg8bit.png has no label map below {cities}/unpacked/gtFine/train")
    assert problems[1].endswith(f"ulm_000008_gtFine_color.png has no photo below {cities}/unpacked/leftImg8bit/val")
    assert problems[2].endswith("leftImg8bit/val has 2 frames with labels, published are 1")


def test_no_cityscapes(cities, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"x has no leftImg8bit/: unpack .*cityscapes-dataset\.com"):
        cityscapes_jobs(tmp_path / "x", tmp_path / "out")
    for kind in ("leftImg8bit", "gtFine"):
        (tmp_path / "empty" / kind).mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="have no frame in common"):
        cityscapes_jobs(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(ValueError, match="lies in the input"):
        cityscapes_jobs(cities, cities / "out")
