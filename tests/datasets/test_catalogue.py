from __future__ import annotations

import re

import pytest

from gluon_pix2pix.datasets.catalogue import CATALOGUE, MIRROR, NotOnDiskError, count_pictures, find_named


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
        find_named("paris_streetview", tmp_path)
    with pytest.raises(NotOnDiskError, match=rf"by registration at .* data cityscapes FOLDER {tmp_path}/cityscapes$"):
        find_named("cityscapes_raw", tmp_path)
    make(tmp_path / "paris_streetview", train=3, val=1)
    assert find_named("paris_streetview", tmp_path).counts == {"train": 3, "val": 1}


def test_raw_sets_say_how_to_prepare_them(tmp_path):
    make(tmp_path / "cmp_base", base=2)
    with pytest.raises(ValueError, match=r"cmp_base is raw, not pairs; to prepare it: .* data get cmp --data-root /"):
        find_named("cmp_base", tmp_path)


def test_locates_by_name(tmp_path):
    folder = make(tmp_path / "maps", train=3, val=2)
    located = find_named("maps", tmp_path)
    assert (located.folder, located.name, located.direction) == (folder, "maps", "AtoB")
    assert located.counts == {"train": 3, "val": 2}


def test_a_set_may_differ_from_the_published_one(tmp_path):
    make(tmp_path / "facades", train=400, val=1)
    assert find_named("facades", tmp_path).differences == [
        f"{tmp_path}/facades/val holds 1 picture, published are 100",
        f"{tmp_path}/facades has no test split, published are 106 pictures",
    ]


def test_an_empty_folder_is_not_the_set(tmp_path):
    (tmp_path / "facades").mkdir()
    with pytest.raises(NotOnDiskError, match="is not there"):
        find_named("facades", tmp_path)


def test_no_train_split(tmp_path):
    make(tmp_path / "facades", val=1)
    with pytest.raises(ValueError, match="facades/train is missing: a data set is a folder with train/"):
        find_named("facades", tmp_path)


def test_counts_pictures_only(tmp_path):
    make(tmp_path, train=2)
    for name in (".1.jpg", "notes.txt", "SHA256SUMS", "2.webp"):
        (tmp_path / "train" / name).touch()
    assert count_pictures(tmp_path / "train") == 3


def test_the_real_facades(facades):
    located = find_named("facades", facades.parent)
    assert located.counts["train"] == 400
    assert located.counts["val"] == 100
    assert located.direction == "BtoA"
