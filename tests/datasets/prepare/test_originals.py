"""The sets as their authors publish them: Cityscapes, the CMP Facade Database, Paris StreetView."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.datasets.prepare import cityscapes
from gluon_pix2pix.datasets.prepare.cityscapes import cityscapes_jobs
from gluon_pix2pix.datasets.prepare.cmp import cmp_jobs
from gluon_pix2pix.datasets.prepare.jobs import run_jobs
from gluon_pix2pix.datasets.prepare.paris import plan_paris
from gluon_pix2pix.evaluation.palettes import CMP_COLOURS
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


def facade(folder, name, draw, indices, size=(20, 30)):
    draw(folder / f"{name}.jpg", size=size)
    labels = np.resize(np.array(indices, np.uint8), size)
    image = Image.fromarray(labels)
    image.putpalette([value for index in range(256) for value in (index, 255 - index, 7)])  # any colours
    image.save(folder / f"{name}.png")
    (folder / f"{name}.xml").write_text("<object/>")
    return labels


def test_cmp_pairs_have_the_colours_of_facades(tmp_path, draw):
    labels = facade(tmp_path / "base", "cmp_b0001", draw, range(1, 13))
    jobs, problems = cmp_jobs([tmp_path / "base"], tmp_path / "out", size=20)
    assert (problems, run_jobs(jobs).made) == ([], 1)
    pair = read_image(tmp_path / "out" / "train" / "cmp_b0001.png")
    colours = np.array(list(CMP_COLOURS.values()))
    np.testing.assert_array_equal(pair[:, 20:], colours[labels[:, 5:25] - 1])
    np.testing.assert_array_equal(pair[:, :20], read_image(tmp_path / "base" / "cmp_b0001.jpg")[:, 5:25])


def test_cmp_pads(tmp_path, draw):
    facade(tmp_path / "base", "cmp_b0001", draw, [12])
    run_jobs(cmp_jobs([tmp_path / "base"], tmp_path / "out", size=30, how="pad")[0])
    pair = read_image(tmp_path / "out" / "train" / "cmp_b0001.png")
    assert pair[0, 0].tolist() == [0, 0, 0]
    assert pair[0, 30].tolist() == list(CMP_COLOURS["background"])
    assert pair[15, 30].tolist() == list(CMP_COLOURS["shop"])


def test_cmp_is_dealt_out_as_the_authors_count(tmp_path):
    for folder, letter, count in (("base", "b", 378), ("extended", "x", 228)):
        (tmp_path / folder / "deeper").mkdir(parents=True)
        for number in range(1, count + 1):
            for ending in ("jpg", "png"):
                (tmp_path / folder / "deeper" / f"cmp_{letter}{number:04d}.{ending}").touch()
    folders = [tmp_path / "base", tmp_path / "extended"]
    jobs, problems = cmp_jobs(folders, tmp_path / "out")
    splits = [job.output.parent.name for job in jobs]
    assert [splits.count(split) for split in ("train", "val", "test")] == [400, 100, 106]
    assert problems == []
    names = {job.output for job in jobs}
    assert len({path.name for path in names}) == 606
    assert names == {job.output for job in cmp_jobs(folders[::-1], tmp_path / "out")[0]}
    assert names != {job.output for job in cmp_jobs(folders, tmp_path / "out", seed=1)[0]}


def test_what_is_wrong_with_cmp_is_told(tmp_path, draw):
    for number, indices in enumerate(([1], [13], [0], [2], [3]), 1):
        facade(tmp_path / "base", f"cmp_b000{number}", draw, indices)
    draw(tmp_path / "base" / "cmp_b0004.png", size=(20, 30))  # colours
    draw(tmp_path / "base" / "cmp_b0005.jpg", size=(21, 30))
    draw(tmp_path / "base" / "cmp_b0006.jpg")
    draw(tmp_path / "base" / "cmp_b0007.png")
    jobs, problems = cmp_jobs([tmp_path / "base"], tmp_path / "out")
    assert [problem.split("/")[-1] for problem in problems] == [
        "cmp_b0006.jpg has no label map cmp_b0006.png",
        "cmp_b0007.png has no photo cmp_b0007.jpg",
    ]
    outcome = run_jobs(jobs)
    assert outcome.made == 2
    assert "cmp_b0002.png holds the label 13; the classes are 1 to 12" in outcome.problems[0]
    assert "cmp_b0004.png is no label map" in outcome.problems[1]
    assert "cmp_b0005.png differ in size" in outcome.problems[2]
    with pytest.raises(FileNotFoundError, match=r"nowhere: no cmp_\*\.jpg with its cmp_\*\.png"):
        cmp_jobs([tmp_path / "nowhere"], tmp_path / "out")
    with pytest.raises(ValueError, match="lies in the input"):
        cmp_jobs([tmp_path / "base"], tmp_path / "base" / "out")


def test_paris(tmp_path):
    for name in (
        "paris_train_original/paris_train_original/48.8_2.3_90_-004.JPG",
        "paris_eval/paris_eval_gt/001_im.png",
        "paris_eval/paris_eval_corrupted/001_im.png",
    ):
        (tmp_path / "sent" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sent" / name).touch()
    files = plan_paris(tmp_path / "sent", tmp_path / "out")
    assert list(files) == ["train/48.8_2.3_90_-004.JPG", "val/001_im.png"]
    assert files["val/001_im.png"].parent.name == "paris_eval_gt"
    with pytest.raises(FileNotFoundError, match="paris_eval has no paris_train_original/: unpack the archives"):
        plan_paris(tmp_path / "sent" / "paris_eval", tmp_path / "out")
    with pytest.raises(ValueError, match="lies in the input"):
        plan_paris(tmp_path / "sent", tmp_path / "sent")
