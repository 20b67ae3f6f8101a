"""Data sets on disk in every layout: found, counted, or missed in one line that says what was looked for."""

from __future__ import annotations

import pytest

from gluon_pix2pix.datasets.catalogue import locate


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_folders_of_halves(tmp_path):
    located = locate(touch(tmp_path / "cats", "trainA/1.jpg", "trainB/1.png", "valA/1.jpg", "valB/1.png", "valB/2.png"))
    assert (located.name, located.direction, located.splits) == ("cats", "AtoB", {"train": 1, "val": 1})
    assert located.pairs["val"].lonely == [f"{tmp_path}/cats/valB/2.png has no partner in {tmp_path}/cats/valA"]


def test_a_list(tmp_path):
    (tmp_path / "my pairs.tsv").write_text("1.png\t2.png\n3.png\t4.png\n")
    located = locate(tmp_path / "my pairs.tsv")
    assert (located.folder, located.name) == (tmp_path / "my pairs.tsv", "my pairs")
    assert located.splits == {"train": 2}
    assert locate("my pairs.tsv", tmp_path).splits == {"train": 2}


def test_a_list_without_a_train_split(tmp_path):
    (tmp_path / "pairs.csv").write_text("1.png,2.png,val\n")
    with pytest.raises(ValueError, match=r"pairs\.csv lists no pairs for train"):
        locate(tmp_path / "pairs.csv")


def test_photos(tmp_path):
    touch(tmp_path / "photos", "1.jpg", "2.jpg")
    assert locate(tmp_path / "photos", photos=True).splits == {"train": 2}
    with pytest.raises(
        ValueError,
        match=r"photos/train is missing: a data set is a folder with train/ of pictures whose left half is A and right "
        r"half B, or train/A/ and train/B/, or A/train/ and B/train/, or trainA/ and trainB/, or train\.csv \(\.png",
    ):
        locate(tmp_path / "photos")
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        ValueError, match=r"empty/train is missing: .* pictures in train/, or without splits in the folder \(\.png"
    ):
        locate(tmp_path / "empty", photos=True)


def test_another_kind_of_file(tmp_path):
    (tmp_path / "pairs.zip").touch()
    with pytest.raises(ValueError, match=r"there is no data set and no folder '.*pairs\.zip'"):
        locate(tmp_path / "pairs.zip")
