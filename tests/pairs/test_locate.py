"""Data sets on disk in every layout: found, counted, or missed in one line that says what was looked for."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.pairs.locate import locate
from gluon_pix2pix.pictures.files import write_image


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 6)])
def test_photos_and_halves_are_not_cut_in_the_middle(tmp_path, height, width):
    for side in ("A", "B"):
        (tmp_path / side).mkdir()
        write_image(tmp_path / side / "1.png", np.zeros((height, width, 3), np.uint8))
    with pytest.raises(ValueError, match=rf"too narrow for A and B side by side: {tmp_path} has A/ and B/: pass that"):
        locate(tmp_path / "A")
    (tmp_path / "A").rename(tmp_path / "photos")
    with pytest.raises(ValueError, match=rf"1\.png is {width} x {height} pixels, .*, put them into .*/photos/train"):
        locate(tmp_path / "photos")
    assert locate(tmp_path / "photos", photos=True).counts == {"train": 1}
    (tmp_path / "photos").rename(tmp_path / "train")
    assert locate(tmp_path).counts == {"train": 1}  # who says that it is a data set may have what he likes


def test_folders_of_halves(tmp_path):
    located = locate(touch(tmp_path / "cats", "trainA/1.jpg", "trainB/1.png", "valA/1.jpg", "valB/1.png", "valB/2.png"))
    assert (located.name, located.direction, located.counts) == ("cats", "AtoB", {"train": 1, "val": 1})
    assert located.splits["val"].problems == [f"{tmp_path}/cats/valB/2.png has no partner in {tmp_path}/cats/valA"]


def test_a_list(tmp_path):
    (tmp_path / "my pairs.tsv").write_text("1.png\t2.png\n3.png\t4.png\n")
    located = locate(tmp_path / "my pairs.tsv")
    assert (located.folder, located.name) == (tmp_path / "my pairs.tsv", "my pairs")
    assert located.counts == {"train": 2}
    assert locate("my pairs.tsv", tmp_path).counts == {"train": 2}


def test_a_list_without_a_train_split(tmp_path):
    (tmp_path / "pairs.csv").write_text("1.png,2.png,val\n")
    with pytest.raises(ValueError, match=r"pairs\.csv lists no pairs for train"):
        locate(tmp_path / "pairs.csv")


def test_photos(tmp_path):
    touch(tmp_path / "photos" / "2019", "1.jpg", "2.jpg")
    located = locate(tmp_path / "photos", photos=True)
    assert (located.counts, located.undivided) == ({"train": 2}, True)
    with pytest.raises(
        ValueError,
        match=r"photos has no pairs: a data set is a folder with train/ of pictures whose left half is A and right "
        r"half B, or train/A/ and train/B/, or A/train/ and B/train/, or trainA/ and trainB/, or train\.csv; or, with",
    ):
        locate(tmp_path / "photos")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        ValueError, match=r"empty has no pictures: .* pictures in train/, or without splits in the folder \(\.png"
    ):
        locate(tmp_path / "empty", photos=True)


def test_another_kind_of_file(tmp_path):
    (tmp_path / "pairs.zip").touch()
    with pytest.raises(ValueError, match=r"there is no data set and no folder '.*pairs\.zip', here or in"):
        locate(tmp_path / "pairs.zip")


def make(folder, **splits):
    for split, count in splits.items():
        (folder / split).mkdir(parents=True)
        touch(folder / split, *(f"{number}.JPG" for number in range(count)))
    return folder


def test_a_folder(tmp_path, monkeypatch):
    folder = make(tmp_path / "mine" / "maps", train=1, test=2)
    located = locate(folder, "elsewhere")
    assert (located.folder, located.name, located.direction) == (folder, "maps", "AtoB")
    assert located.counts == {"train": 1, "test": 2}
    assert located.differences == []
    monkeypatch.chdir(folder)
    assert locate(".").name == "maps"


def test_a_set_of_ones_own_in_the_data_root(tmp_path):
    folder = make(tmp_path / "cats", train=1)
    assert locate("cats", tmp_path).folder == folder


def test_neither_name_nor_folder(tmp_path):
    with pytest.raises(ValueError, match=r"no folder 'facade', here or in .*; `python -m .* data list` lists those$"):
        locate("facade", tmp_path)
    with pytest.raises(ValueError, match=r"no folder 'facade', here .*; the data sets are maps, demo$"):
        locate("facade", tmp_path, names=["maps", "demo"])
    with pytest.raises(ValueError, match=r"the data sets are maps, facades; did you mean facades\?$"):
        locate("facade", tmp_path, names=["maps", "facades"])


def test_no_train_split(tmp_path):
    make(tmp_path / "mine", val=1)
    with pytest.raises(ValueError, match=r"mine/train is missing: a data set is a folder with train/ .*left half is A"):
        locate(tmp_path / "mine")
    make(tmp_path / "empty", train=0)
    with pytest.raises(ValueError, match=r"empty/train holds no pictures: .*\.png \.jpg"):
        locate(tmp_path / "empty")
