from __future__ import annotations

import re

import pytest

from gluon_pix2pix.datasets.catalogue import CATALOGUE, MIRROR, NotOnDiskError, count_pictures, locate


def make(folder, **splits):
    for split, count in splits.items():
        (folder / split).mkdir(parents=True)
        for number in range(count):
            (folder / split / f"{number}.JPG").touch()
    return folder


def test_the_published_sets():
    # The pictures that each split of the authors' archives has; their sum is what others count in the whole set.
    sums = {name: sum(entry.splits.values()) for name, entry in CATALOGUE.items() if entry.urls and not entry.raw}
    assert sums == {
        "facades": 606,
        "maps": 2194,
        "cityscapes": 3475,
        "edges2shoes": 50025,
        "edges2handbags": 138767,
        "night2day": 20120,
    }
    assert CATALOGUE["facades"].splits == {"train": 400, "val": 100, "test": 106}
    directions = {name: entry.direction for name, entry in CATALOGUE.items()}
    assert directions.pop("maps") == directions.pop("edges2shoes") == directions.pop("edges2handbags") == "AtoB"
    assert directions.pop("paris_streetview") == "AtoB"
    assert set(directions.values()) == {"BtoA"}


def test_addresses(monkeypatch):
    monkeypatch.delenv(MIRROR, raising=False)
    for entry in CATALOGUE.values():
        name = entry.name.replace("cmp_", "CMP_facade_DB_")
        assert all(re.fullmatch(rf"https?://\S+/{name}\.(tar\.gz|zip)", url) for url in entry.addresses())
        # A set comes from one place, and one that has addresses has a size, which bounds the download.
        assert [bool(entry.urls), bool(entry.made_of), bool(entry.request), entry.drawn].count(True) == 1
        assert bool(entry.urls) == bool(entry.download_bytes)
        assert entry.origin
        assert entry.terms
    assert "http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/maps.tar.gz" in CATALOGUE["maps"].addresses()


def test_a_mirror_stands_in_for_the_addresses(monkeypatch):
    monkeypatch.setenv(MIRROR, "http://intranet/sets/")
    assert CATALOGUE["maps"].addresses() == ("http://intranet/sets/maps.tar.gz",)
    assert CATALOGUE["demo"].drawn
    for name in ("demo", "paris_streetview", "cmp"):
        assert CATALOGUE[name].addresses() == ()


def test_what_is_by_request_says_whom_to_ask(tmp_path):
    with pytest.raises(
        NotOnDiskError,
        match=rf"{tmp_path}/paris_streetview is not there; it is by request: ask Deepak Pathak .* then: python -m "
        rf"gluon_pix2pix data get paris_streetview --from FOLDER --data-root {tmp_path}$",
    ):
        locate("paris_streetview", tmp_path)
    with pytest.raises(NotOnDiskError, match=rf"by registration at .* data cityscapes FOLDER {tmp_path}/cityscapes$"):
        locate("cityscapes_raw", tmp_path)
    make(tmp_path / "paris_streetview", train=3, val=1)
    assert locate("paris_streetview", tmp_path).splits == {"train": 3, "val": 1}


def test_raw_sets_say_how_to_prepare_them(tmp_path):
    make(tmp_path / "cmp_base", base=2)
    with pytest.raises(ValueError, match=r"cmp_base is raw, not pairs; to prepare it: .* data get cmp --data-root /"):
        locate("cmp_base", tmp_path)


def test_locates_by_name(tmp_path):
    folder = make(tmp_path / "maps", train=3, val=2)
    located = locate("maps", tmp_path)
    assert (located.folder, located.name, located.direction) == (folder, "maps", "AtoB")
    assert located.splits == {"train": 3, "val": 2}
    assert located.entry is CATALOGUE["maps"]


def test_a_set_may_differ_from_the_published_one(tmp_path):
    make(tmp_path / "facades", train=400, val=1)
    assert locate("facades", tmp_path).differences() == [
        f"{tmp_path}/facades/val holds 1 pictures, published are 100",
        f"{tmp_path}/facades has no test split, published are 106 pictures",
    ]


def test_locates_a_folder(tmp_path, monkeypatch):
    folder = make(tmp_path / "mine" / "maps", train=1, test=2)
    located = locate(folder, "elsewhere")
    assert (located.folder, located.name, located.direction) == (folder, "maps", "AtoB")
    assert located.splits == {"train": 1, "test": 2}
    assert located.entry is None
    assert located.differences() == []
    monkeypatch.chdir(folder)
    assert locate(".").name == "maps"


def test_locates_a_set_of_ones_own_in_the_data_root(tmp_path):
    folder = make(tmp_path / "cats", train=1)
    assert locate("cats", tmp_path).folder == folder


def test_a_name_goes_before_a_folder_of_that_name(tmp_path, monkeypatch):
    make(tmp_path / "facades", train=1)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotOnDiskError, match=r"data/facades is not there; to get it: python -m .* data get facades"):
        locate("facades")
    assert locate("./facades").splits == {"train": 1}


def test_an_empty_folder_is_not_the_set(tmp_path):
    (tmp_path / "facades").mkdir()
    with pytest.raises(NotOnDiskError, match="is not there"):
        locate("facades", tmp_path)


def test_neither_name_nor_folder(tmp_path):
    with pytest.raises(
        ValueError, match=r"no data set and no folder 'facade'; the data sets are facades, maps, .*, demo"
    ):
        locate("facade", tmp_path)


def test_no_train_split(tmp_path):
    make(tmp_path / "facades", val=1)
    with pytest.raises(
        ValueError, match=r"facades/train is missing: a data set is a folder with train/ .*left half is A"
    ):
        locate("facades", tmp_path)
    make(tmp_path / "empty", train=0)
    with pytest.raises(ValueError, match=r"empty/train holds no pictures: .*\.png \.jpg"):
        locate(tmp_path / "empty")


def test_counts_pictures_only(tmp_path):
    make(tmp_path, train=2)
    for name in (".1.jpg", "notes.txt", "SHA256SUMS", "2.webp"):
        (tmp_path / "train" / name).touch()
    assert count_pictures(tmp_path / "train") == 3


def test_the_real_facades(facades):
    located = locate("facades", facades.parent)
    assert located.splits["train"] == 400
    assert located.splits["val"] == 100
    assert located.direction == "BtoA"
