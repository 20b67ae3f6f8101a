from __future__ import annotations

import shutil

import numpy as np
import pytest

from gluon_pix2pix.datasets.prepare.checking import check_splits, summarize
from gluon_pix2pix.datasets.prepare.contact_sheet import GAP, draw_contact_sheet
from gluon_pix2pix.pairs.coding import make_coding
from gluon_pix2pix.pairs.locate import pairs_of
from gluon_pix2pix.pictures.collage import CAPTION
from gluon_pix2pix.pictures.files import write_image


def check(folder, *, photos=False, **options):
    coding = make_coding("colorization") if photos else None
    return check_splits(pairs_of(folder, photos=photos), coding, **options)


def test_a_good_set(draw, tmp_path):
    for seed in range(3):
        draw(tmp_path / "train" / f"{seed}.png", seed)
    draw(tmp_path / "val" / "0.png", 9, size=(6, 6), channels=1)
    seen = []
    facts, problems, _ = check(tmp_path, progress=lambda *now: seen.append(now))
    assert problems == []
    assert summarize(facts["train"]) == "3 pictures: 10 x 8 (3); 3 channels; 8 bits"
    assert summarize(facts["val"]) == "1 picture: 6 x 6 (1); gray; 8 bits"
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_many_sizes_are_summed_up(draw, tmp_path):
    for width in (2, 4, 6, 8, 10, 12):
        draw(tmp_path / "train" / f"{width}.png", width, size=(4, width))
    draw(tmp_path / "train" / "again.png", 99, size=(4, 12))
    facts, _, _ = check(tmp_path)
    assert summarize(facts["train"]).startswith("7 pictures: 12 x 4 (2), ")
    assert "2 more sizes; 3 channels" in summarize(facts["train"])


def test_everything_wrong_is_one_line(draw, tmp_path):
    draw(tmp_path / "train" / "1.png", 1)
    draw(tmp_path / "train" / "odd.png", 2, size=(8, 9))
    (tmp_path / "train" / "bad.jpg").write_text("no picture")
    half = draw(tmp_path / "train" / "half.png", 3)
    half[:, 5:] = half[0, 5]
    write_image(tmp_path / "train" / "half.png", half)
    draw(tmp_path / "train" / "deep.png", 4, dtype=np.uint16)
    shutil.copy(tmp_path / "train" / "1.png", tmp_path / "train" / "2.png")
    (tmp_path / "val").mkdir()
    write_image(tmp_path / "val" / "1.bmp", draw(tmp_path / "x.png", 1))  # the same pixels in another format
    _, problems, _ = check(tmp_path)
    train, val = tmp_path / "train", tmp_path / "val"
    assert [line for line in problems if "bad.jpg" not in line] == [
        f"{train}/deep.png is uint16 and others are not: all files of a set have one depth",
        f"the right half of {train}/half.png is all one colour",
        f"{train}/odd.png is 9 pixels wide: a side-by-side pair needs two halves of the same width",
        f"{train}/1.png and {train}/2.png are the same picture (both in train)",
        f"{train}/1.png and {val}/1.bmp are the same picture (in train and val)",
    ]
    assert sum(f"{train}/bad.jpg" in line for line in problems) == 1


def test_photos_may_be_odd(draw, tmp_path):
    draw(tmp_path / "1.png", size=(8, 9))
    facts, problems, _ = check(tmp_path, photos=True)
    assert problems == []
    assert list(facts) == [""]


def test_two_folders(draw, tmp_path):
    for name, size in (("A/1", (8, 8)), ("B/1", (8, 8)), ("A/2", (8, 8)), ("B/2", (8, 6)), ("A/3", (8, 8))):
        draw(tmp_path / f"{name}.png", len(name) + ord(name[0]) + ord(name[2]), size=size)
    facts, problems, _ = check(tmp_path)
    assert problems == [
        f"{tmp_path}/A/3.png has no partner in {tmp_path}/B",
        f"{tmp_path}/A/2.png is 8 x 8 pixels and {tmp_path}/B/2.png is 6 x 8 pixels: the halves of a pair have one "
        "size",
    ]
    words = "2 pairs of files: 8 x 8 + 8 x 8 (1), 8 x 8 + 6 x 8 (1); 3 channels; 8 bits"
    assert summarize(facts[""]) == words
    (tmp_path / "A").rename(tmp_path / "trainA")
    (tmp_path / "B").rename(tmp_path / "trainB")
    assert list(check(tmp_path)[0]) == ["train"]


def test_a_plain_folder_of_pairs_and_none(draw, tmp_path):
    draw(tmp_path / "plain" / "1.png")
    assert list(pairs_of(tmp_path / "plain")) == [""]
    with pytest.raises(FileNotFoundError, match=r"there is no file or folder .*nowhere"):
        pairs_of(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty has no pairs: a data set is a folder with train/"):
        pairs_of(tmp_path / "empty")


def test_the_sheet_spreads_its_samples(tmp_path):
    paths = []
    for level in range(0, 200, 20):
        paths.append((tmp_path / f"{level}.png",))
        write_image(paths[-1][0], np.full((10, 20, 3), level, np.uint8))
    sheet = draw_contact_sheet({"train": paths, "": paths[:1]}, samples=3, height=20, width=120)
    rows = CAPTION + 2 * (20 + GAP) + GAP, CAPTION + GAP + 20
    assert sheet.shape == (sum(rows), 120, 3)
    first = CAPTION + GAP + 10
    assert [sheet[first, 20, 0], sheet[first, GAP + 40 + 20, 0]] == [0, 80]
    assert sheet[first + 20 + GAP, 20, 0] == 180
    assert sheet[first, -1].tolist() == [255, 255, 255]
    assert sheet[:CAPTION].min() < 100  # the caption is written


def test_the_sheet_shows_all_kinds(draw, tmp_path):
    draw(tmp_path / "a.png", channels=1, size=(20, 20))
    deep = draw(tmp_path / "b.png", dtype=np.uint16, size=(20, 20))
    draw(tmp_path / "n.tif", channels=5, size=(20, 20))
    draw(tmp_path / "two.tif", channels=2, size=(20, 20))
    draw(tmp_path / "wide.png", size=(2, 400))
    draw(tmp_path / "tall.png", size=(400, 2))
    singles = [(tmp_path / name,) for name in ("n.tif", "two.tif", "wide.png", "tall.png")]
    sheet = draw_contact_sheet({"val": [(tmp_path / "a.png", tmp_path / "b.png"), *singles]}, height=20, width=200)
    np.testing.assert_array_equal(sheet[CAPTION + GAP : CAPTION + GAP + 20, 20:40], (deep >> 8).astype(np.uint8))
    assert sheet.shape[1] == 200


def test_a_set_without_train_and_files_none_of_which_is_read(draw, tmp_path):
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "1.png").write_text("text")
    with pytest.raises(ValueError, match="train is missing"):
        check(tmp_path)
    (tmp_path / "val").rename(tmp_path / "train")
    assert summarize(check(tmp_path)[0]["train"]) == "1 picture: 1 cannot be read"


def test_pictures_that_may_be_photos_are_remarked(draw, tmp_path):
    draw(tmp_path / "photos" / "1.png", size=(8, 12))
    note = check(tmp_path / "photos")[2][0]
    assert note.startswith(f"{tmp_path}/photos/1.png, 12 x 8 pixels, is taken for a pair like all of its folder: the l")
    assert check(tmp_path / "photos", photos=True)[2] == []
