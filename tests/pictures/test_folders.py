"""The walk over folders: what is data and what is not, in which order, and what is said of the rest."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gluon_pix2pix.pictures.folders import EXTENSIONS, find_images, list_folder, natural_key, normal


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def found(folder, **options):
    return [path.relative_to(folder).as_posix() for path in find_images(folder, **options)]


def test_people_count_so(tmp_path):
    touch(tmp_path, "10.jpg", "2.png", "1.JPG", "a/3.png", "b10/1.png", "b9/1.png", "notes.txt")
    assert found(tmp_path) == ["1.JPG", "2.png", "10.jpg", "a/3.png", "b9/1.png", "b10/1.png"]


def test_arrays_count_where_nothing_else_is(tmp_path):
    touch(tmp_path, "2.npy", "10.npy", "notes.txt")
    assert found(tmp_path, arrays=True) == ["2.npy", "10.npy"]
    with pytest.raises(FileNotFoundError, match="holds no pictures"):
        find_images(tmp_path)
    touch(tmp_path, "1.png")
    assert found(tmp_path, arrays=True) == ["1.png"]


def test_what_is_no_folder_and_what_is_empty(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file or folder .*nowhere"):
        find_images(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"test_folders\.py is not a folder"):
        find_images(__file__)
    with pytest.raises(FileNotFoundError, match=r"holds no pictures \(\.png \.jpg[^)]*\)$"):
        find_images(tmp_path)
    touch(tmp_path, "1.heic", "2.txt")
    with pytest.raises(FileNotFoundError, match=r"no pictures .*; left out of .*: 1 \.txt, 1\.heic, whose format"):
        find_images(tmp_path)


@pytest.mark.parametrize(
    "folder", [".ipynb_checkpoints", ".thumbnails", "@eaDir", "__MACOSX", "Thumbs", "thumbnails", ".git/deep/er"]
)
def test_what_other_programs_leave_is_no_data(tmp_path, folder):
    touch(tmp_path, "1.png", f"{folder}/1.png", f"below/{folder}/2.png", ".3.png", "below/._4.jpg")
    assert found(tmp_path) == ["1.png"]
    assert found(touch(tmp_path / folder / "..", folder.split("/")[-1] + "/1.png") / folder.split("/")[-1]) == ["1.png"]


def test_what_is_left_out_is_said_in_one_line(tmp_path):
    assert list_folder(touch(tmp_path, "1.png", ".hidden")).note() is None
    touch(tmp_path, "a.txt", "b.TXT", "LICENSE", "x/IMG_3.HEIC", "4.avif", "@eaDir/1.png", "x/thumbs/1.png", "v.mp4")
    assert list_folder(tmp_path).note() == (
        f"left out of {tmp_path}: 1 .mp4, 2 .txt, 1 without extension, what is in @eaDir/, what is in x/thumbs/, "
        "4.avif, x/IMG_3.HEIC, whose format cannot be read here: save it as PNG or JPEG"
    )
    listing = list_folder(tmp_path, also=(".mp4",))
    assert [path.name for path in listing.pictures] == ["1.png", "v.mp4"]
    assert ".mp4" not in listing.note()
    for number in range(9):
        touch(tmp_path, f"{number}.heic", f"{number}/thumbs/1.png")
    assert "0.heic, 1.heic, 2.heic, 3.heic, 4.avif and 6 more, whose" in list_folder(tmp_path).note()
    assert "what is in 8 more such folders" in list_folder(tmp_path).note()


def test_links_are_followed_and_loops_are_not(tmp_path):
    touch(tmp_path, "in/1.png", "in/city/2.png", "elsewhere/3.png", "elsewhere/deep/4.png", "one.png")
    (tmp_path / "in" / "away").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "5.png").symlink_to(tmp_path / "one.png")
    (tmp_path / "in" / "city" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "in")
    (tmp_path / "elsewhere" / "self").symlink_to(tmp_path / "elsewhere")
    once = ["1.png", "5.png", "again/3.png", "again/deep/4.png", "away/3.png", "away/deep/4.png", "city/2.png"]
    assert found(tmp_path / "in") == once
    (tmp_path / "linked").symlink_to(tmp_path / "in")
    assert found(tmp_path / "linked") == once


def test_a_folder_is_no_picture_and_a_dead_link_is_one_that_cannot_be_read(tmp_path):
    touch(tmp_path, "folder.png/1.png")
    (tmp_path / "dead.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "me.png").symlink_to(tmp_path / "me.png")
    assert found(tmp_path) == ["dead.png", "folder.png/1.png", "me.png"]
    for name in ("city", "town"):
        (tmp_path / name).symlink_to(tmp_path / "unmounted" / name)
    assert list_folder(tmp_path).note() == f"left out of {tmp_path}: city, town, which leads nowhere"


def test_very_deep_folders_are_walked(tmp_path):
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(300):
            os.mkdir("d")
            os.chdir("d")
        touch(tmp_path / "/".join(["d"] * 300), "1.png")
    finally:
        os.chdir(here)
    assert len(find_images(tmp_path)) == 1


NAMES = st.text(
    st.one_of(st.characters(codec="utf-8", exclude_characters="/\0"), st.sampled_from("0123456789.é²٣")),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in (".", ".."))


def test_natural_key_never_compares_words_with_numbers():
    names = ["a", "7", "a10b2", "a9", "", "a10", "07", "²"]
    assert sorted(names, key=natural_key) == ["", "07", "7", "a", "a9", "a10", "a10b2", "²"]


@given(st.lists(NAMES), st.randoms())
def test_natural_order_is_one_order(names, random):
    ordered = sorted(set(names), key=natural_key)
    random.shuffle(names)
    assert sorted(set(names), key=natural_key) == ordered


@given(st.integers(0, 10**12), st.integers(0, 10**12), NAMES)
def test_natural_order_counts(one, other, name):
    name = name.rstrip("0123456789٣").join("ab")
    keys = [natural_key(f"{name}{number}.png") for number in (one, other)]
    assert (keys[0] < keys[1]) == (one < other)


@given(NAMES)
def test_names_are_equal_however_they_are_spelt(name):
    spelt = [unicodedata.normalize(form, name) for form in ("NFC", "NFD")]
    assert normal(spelt[0]) == normal(spelt[1])
    assert natural_key(spelt[0])[0] == natural_key(spelt[1])[0]


def test_names_below_the_folder(tmp_path):
    touch(tmp_path, "a/fac\u0327ade.v2.png", os.fsdecode(b"\xff.png"))
    assert list_folder(tmp_path).names == ["a/fa\u00e7ade.v2.png", os.fsdecode(b"\xff.png")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=8), st.sampled_from(EXTENSIONS))
@example({"a", "a/b"}, ".png")
def test_every_file_is_a_picture_or_left_out_or_no_data(tmp_path_factory, names, extension):
    folder = tmp_path_factory.mktemp("walk")
    written = set()
    for name in names:
        path = folder / (name + extension)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        except OSError:  # too long, or a file where a folder should be
            continue
        written.add(path)
    listing = list_folder(folder)
    assert listing.pictures == sorted(listing.pictures, key=lambda p: natural_key(p.relative_to(folder).as_posix()))
    seen = set(listing.pictures) | set(listing.others)
    for path in written:
        parts = path.relative_to(folder).parts
        no_data = any(part.startswith(".") for part in parts) or any(
            part.lower() in ("@eadir", "__macosx", "thumbs", "thumbnails") for part in parts[:-1]
        )
        assert (path in seen) != no_data
