from __future__ import annotations

import errno
import os

import pytest

from gluon_pix2pix.datasets.prepare.copying import put_files
from gluon_pix2pix.datasets.prepare.split import plan_split, split_counts
from gluon_pix2pix.pairs.holdout import deal


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(1, 21):
        (tmp_path / "photos" / f"{number}.jpg").write_text(str(number))
    return tmp_path / "photos"


@pytest.mark.parametrize(
    ("total", "fractions", "counts"),
    [
        (606, (400 / 606, 100 / 606, 106 / 606), [400, 100, 106]),
        (10, (0.8, 0.1, 0.1), [8, 1, 1]),
        (11, (0.5, 0.25, 0.25), [5, 3, 3]),
        (5, (0.8, 0.1, 0.1), [3, 1, 1]),
        (20, (0.99, 0.01, 0), [19, 1, 0]),
        (2, (0.8, 0.1, 0.1), [1, 1, 0]),
        (1, (0.1, 0.8, 0.1), [0, 1, 0]),
        (7, (1, 0, 0), [7, 0, 0]),
    ],
)
def test_counts(total, fractions, counts):
    assert split_counts(total, fractions) == counts


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.2), (1.2, -0.2, 0), (0, 0, 0)])
def test_fractions_that_are_none(fractions):
    with pytest.raises(ValueError, match=r"sum to .*: they are 0 or more and sum to 1"):
        split_counts(10, fractions)


def test_deals_everything_once_by_seed():
    names = [str(i) for i in range(100)]
    dealt = deal(names, [80, 20, 0], seed=1)
    assert list(dealt) == ["train", "val"]
    assert sorted(dealt["train"] + dealt["val"], key=int) == names
    assert dealt["val"] == sorted(dealt["val"], key=int)
    assert deal(names, [80, 20, 0], seed=1) == dealt != deal(names, [80, 20, 0], seed=2)


def test_the_folders_order_does_not_matter(photos, tmp_path):
    first, found = plan_split(photos, tmp_path / "out", seed=4)
    other = tmp_path / "other"
    other.mkdir()
    for name in sorted(os.listdir(photos), reverse=True):
        (other / name).touch()
    second, _ = plan_split(other, tmp_path / "out", seed=4)
    assert found.problems == []
    assert list(first) == list(second)
    assert sorted(path.name for path in first.values()) == sorted(os.listdir(photos))
    assert [sum(name.startswith(split) for name in first) for split in ("train/", "val/", "test/")] == [16, 2, 2]


def test_pairs_stay_together(tmp_path):
    for number in range(10):
        for side, ending in (("A", "jpg"), ("B", "png")):
            (tmp_path / "in" / side).mkdir(parents=True, exist_ok=True)
            (tmp_path / "in" / side / f"{number}.{ending}").touch()
    (tmp_path / "in" / "A" / "lone.jpg").touch()
    files, found = plan_split(tmp_path / "in", tmp_path / "out", fractions=(0.5, 0.3, 0.2))
    assert found.problems == [f"{tmp_path}/in/A/lone.jpg has no partner in {tmp_path}/in/B"]
    assert len(files) == 20
    for split, count in (("train", 5), ("val", 3), ("test", 2)):
        sides = [{name[len(split) + 2 : -4] for name in files if name.startswith(f"{split}{side}/")} for side in "AB"]
        assert sides[0] == sides[1]
        assert len(sides[0]) == count
    assert all(path.suffix == name[-4:] for name, path in files.items())


def test_folders_in_the_folder(photos, tmp_path):
    (photos / "train").mkdir()
    (photos / "train" / "1.jpg").touch()
    with pytest.raises(ValueError, match=r"has pictures in folders \(train/1.jpg\): only those directly in it"):
        plan_split(photos, tmp_path / "out")
    with pytest.raises(ValueError, match="is or lies in the input"):
        plan_split(photos, photos / "out")


@pytest.mark.parametrize("way", ["copy", "link", "move"])
def test_places(photos, tmp_path, way):
    before = {path.name: path.stat().st_ino for path in photos.iterdir()}
    files, _ = plan_split(photos, tmp_path / "new" / "out")
    seen = []
    put_files(files, tmp_path / "new" / "out", way=way, workers=2, progress=lambda *now: seen.append(now))
    assert tree(tmp_path / "new") == sorted(f"out/{name}" for name in files)
    for name in files:
        placed = tmp_path / "new" / "out" / name
        assert placed.read_text() == placed.stem
        assert (placed.stat().st_ino == before[placed.name]) == (way != "copy")
    assert len(list(photos.iterdir())) == (0 if way == "move" else 20)
    assert seen[-1] == (20, 20)


def test_moves_to_another_file_system(photos, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    files, _ = plan_split(photos, tmp_path / "out")
    with pytest.raises(OSError, match="cross-device"):
        put_files(files, tmp_path / "out", way="link")
    assert not (tmp_path / "out").exists()
    put_files(files, tmp_path / "out", way="move")
    assert len(tree(tmp_path / "out")) == 20
    assert list(photos.iterdir()) == []


def test_places_all_or_nothing(photos, tmp_path):
    files, _ = plan_split(photos, tmp_path / "out")
    (photos / "7.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"7\.jpg"):
        put_files(files, tmp_path / "out", way="move")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    assert len(list(photos.iterdir())) == 19


def test_does_not_mix_two_splits(photos, tmp_path):
    files, _ = plan_split(photos, tmp_path / "out")
    (tmp_path / "out").mkdir()
    put_files(files, tmp_path / "out")  # empty is as good as absent
    with pytest.raises(FileExistsError, match="out is there already: name a new folder, or remove it"):
        put_files(files, tmp_path / "out")
