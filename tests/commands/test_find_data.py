"""What --dataset may name: a folder or list of one's own, or a set of the catalogue, got if it is not there."""

from __future__ import annotations

import sys

import pytest

from gluon_pix2pix.commands.find_data import find_data
from gluon_pix2pix.datasets import fetch
from gluon_pix2pix.datasets.catalogue import NotOnDiskError


def make(folder, count=1):
    (folder / "train").mkdir(parents=True)
    for number in range(count):
        (folder / "train" / f"{number}.png").touch()
    return folder


@pytest.fixture
def got(monkeypatch):
    """The names that were asked for from the web; each is then there, with two pictures."""
    names = []

    def get(name, data_root, progress):
        names.append(name)
        progress("connect", 0, None)
        progress("download", 1, 1)
        make(data_root / name, 2)

    monkeypatch.setattr(fetch, "get", get)
    return names


def test_a_name_that_is_not_on_disk_is_got_once(tmp_path, got, capsys):
    for _ in range(2):
        located = find_data("facades", tmp_path, get=True)
        assert (located.folder, located.counts, located.direction) == (tmp_path / "facades", {"train": 2}, "BtoA")
    assert got == ["facades"]
    assert "downloading facades (30 MB)" in capsys.readouterr().err
    assert located.differences[0] == f"{tmp_path}/facades/train holds 2 pictures, published are 400"


def test_nothing_is_got_unasked(tmp_path, got):
    with pytest.raises(NotOnDiskError, match="facades is not there; to get it: python -m gluon_pix2pix data get"):
        find_data("facades", tmp_path)
    with pytest.raises(ValueError, match=rf"cmp_base is raw, not pairs; .* data get cmp --data-root {tmp_path}"):
        find_data("cmp_base", tmp_path, get=True)
    assert got == []


def test_a_folder_of_ones_own(tmp_path, monkeypatch, got):
    folder = make(tmp_path / "cats")
    assert find_data(str(folder), tmp_path / "nowhere", get=True).folder == folder
    assert find_data("cats", tmp_path, get=True).folder == folder
    monkeypatch.chdir(tmp_path)
    assert find_data("cats", tmp_path / "nowhere", get=True).counts == {"train": 1}
    with pytest.raises(
        ValueError, match=r"no data set and no folder 'cat', here or in .*; the data sets are facades, maps, .*, demo$"
    ):
        find_data("cat", tmp_path, get=True)
    assert got == []


def test_a_name_goes_before_a_folder_of_that_name(tmp_path, monkeypatch):
    make(tmp_path / "facades")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotOnDiskError, match="data/facades is not there"):
        find_data("facades", tmp_path / "data")
    for spelt in ("./facades", "facades/"):
        assert (find_data(spelt, tmp_path / "data").direction, find_data(spelt, tmp_path / "data").name) == (
            "AtoB",
            "facades",
        )
    monkeypatch.chdir("/")
    assert find_data("facades/", tmp_path).direction == "BtoA"


def test_the_catalogue_is_not_asked_about_a_path(tmp_path, monkeypatch):
    folder = make(tmp_path / "cats")
    monkeypatch.setitem(sys.modules, "gluon_pix2pix.datasets.catalogue", None)
    assert find_data(str(folder), tmp_path).folder == folder
    with pytest.raises(ImportError):
        find_data("cats", tmp_path)
