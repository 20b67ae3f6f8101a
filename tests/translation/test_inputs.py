"""What a word of --input stands for: which files, by which names, or which line refuses it."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gluon_pix2pix.pictures.folders import NO_DATA
from gluon_pix2pix.translation.inputs import find_inputs, is_video, refuse_both_sides, results_are_inputs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/10.png", "a/2.png", "b c/ü.jpg", "clip.mp4", "notes.md", ".hidden.png"):
        touch(tmp_path / "in" / name)
    return tmp_path / "in"


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def names(given: object, **options: object) -> list[str]:
    return [file.name for file in find_inputs(given, **options).files]


def test_a_folder_with_its_subfolders(folder):
    inputs = find_inputs(folder)
    assert [(file.path.relative_to(folder).as_posix(), file.name) for file in inputs.files] == [
        ("a/2.png", "a/2"),
        ("a/10.png", "a/10"),
        ("b c/ü.jpg", "b c/ü"),
        ("clip.mp4", "clip"),
    ]
    assert [file.name for file in inputs.videos] == ["clip"]
    assert len(inputs.pictures) == 3
    assert is_video(Path("CLIP.MOV"))
    assert inputs.notes == [f"left out of {folder}: 1 .md"]


def test_arrays_alone_are_pictures(tmp_path):
    touch(tmp_path / "in/1.npy")
    assert names(tmp_path / "in") == names(tmp_path / "in/*.npy") == ["1"]


def test_a_picture(folder):
    assert names(folder / "a" / "2.png") == ["2"]


def test_a_pattern(folder, monkeypatch):
    assert names(folder / "**" / "*.png") == ["a/2", "a/10"]
    monkeypatch.chdir(folder)
    assert names("**/**/*.png") == ["a/2", "a/10"]  # glob finds each twice
    assert names("../in/*/*") == ["a/2", "a/10", "b c/ü"]
    with pytest.raises(FileNotFoundError, match=r"no picture matches '.*\*\.bmp'"):
        find_inputs(str(folder / "*.bmp"))
    with pytest.raises(ValueError, match=r"the pattern 'a/\*/\.\./\*\.png' has \.\. behind a wildcard"):
        find_inputs("a/*/../*.png")


def test_a_pattern_says_what_it_leaves_out(folder):
    touch(folder / "a/@eaDir/2.png")
    inputs = find_inputs(str(folder / "**" / "*"))
    assert [file.name for file in inputs.files] == ["a/2", "a/10", "b c/ü", "clip"]
    assert inputs.notes == [f"left out of {folder}: 1 .md, what is in a/@eaDir/"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.txt", "a/2.png\n# no\n\nb c/ü.jpg\n"),
        ("l.csv", "A\na/2.png\nb c/ü.jpg"),
        ("l.csv", "\ufeffa/2.png\r\n\r\n b c/ü.jpg"),
        ("l.tsv", "a/2.png\nb c/ü.jpg\n"),
    ],
)
def test_a_list(folder, name, text):
    (folder / name).write_text(text)
    assert names(folder / name) == ["a/2", "b c/ü"]


def test_a_list_of_pairs(folder):
    touch(folder / "s, 1.png")
    (folder / "l.csv").write_text(
        'A,B,split\n"s, 1.png",a/2.png,train\nb c/ü.jpg,a/10.png,val\n'.replace("A,B,split\n", "")
    )
    for direction, (sources, targets) in {
        "AtoB": (["s, 1", "b c/ü"], ["2.png", "10.png"]),
        "BtoA": (["2", "10"], ["s, 1.png", "ü.jpg"]),
    }.items():
        inputs = find_inputs(folder / "l.csv", direction=direction)
        assert [file.name for file in inputs.files] == sources
        assert [file.target.name for file in inputs.files] == targets
    assert names(folder / "l.csv", split="val") == ["ü"]
    with pytest.raises(ValueError, match=r"l\.csv has no pairs of the split test, but of train, val"):
        find_inputs(folder / "l.csv", split="test")
    with pytest.raises(ValueError, match="the split val is for a list of pairs"):
        find_inputs(folder, split="val")


def test_a_list_of_paths_and_something_else(folder):
    (folder / "l.csv").write_text("a/2.png,a house\nb c/ü.jpg,a shop\n")
    inputs = find_inputs(folder / "l.csv", pairs=False)
    assert [(file.name, file.target) for file in inputs.files] == [("a/2", None), ("b c/ü", None)]
    with pytest.raises(
        FileNotFoundError, match=r"a house is listed in .*l\.csv and not there \(2 of 4 are not\); --pairs no"
    ):
        find_inputs(folder / "l.csv")


def test_a_list_with_paths_from_elsewhere(folder):
    """Relative ones with .. in them, and absolute ones: all below the folder that they share."""
    (folder / "b c" / "l.txt").write_text(f"ü.jpg\n../a/10.png\n{folder / 'a' / '2.png'}\n")
    assert names(folder / "b c" / "l.txt") == ["b c/ü", "a/10", "a/2"]


def test_a_list_that_names_a_file_again(folder):
    (folder / "l.txt").write_text(f"a/2.png\nb c/../a/2.png\n{folder}/a/2.png\na/10.png\n")
    inputs = find_inputs(folder / "l.txt")
    assert [file.name for file in inputs.files] == ["2", "10"]
    assert inputs.notes == [f"2 of the 4 lines of {folder / 'l.txt'} repeat another"]
    (folder / "l.csv").write_text("a/2.png,a/10.png\na/2.png,b c/ü.jpg\n")
    with pytest.raises(ValueError, match=r"names two true answers for .*2\.png, .*10\.png and .*ü\.jpg: keep one"):
        find_inputs(folder / "l.csv")


def test_a_list_through_a_link(folder, tmp_path):
    """The folder above a linked folder is that of where it is."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other/link").symlink_to(folder / "a")
    (tmp_path / "other/l.txt").write_text("link/../b c/ü.jpg\nlink/2.png\n")
    assert names(tmp_path / "other/l.txt") == ["b c/ü", "a/2"]


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("l.txt", b"a/2.png\nnone.png\n", r"none.png is listed in .*l.txt and not there \(1 of 2 are not\)"),
        ("l.txt", b"\n", "lists no pictures"),
        ("l.csv", b"\n", "lists no pictures"),
        ("l.txt", b"\xff\xd8\xff", "no list of paths: it is not UTF-8 text"),
        ("l.csv", b"\xff\xd8\xff", "no list of paths in UTF-8"),
        ("l.csv", b"a/2.png,b\na/10.png\n", r"l\.csv, line 2, has 1 column"),
        ("l.txt", b".hidden.png\n", r"\.hidden\.png would have the results \.hidden_fake, which scoring passes over"),
    ],
)
def test_a_bad_list(folder, name, data, error):
    (folder / name).write_bytes(data)
    with pytest.raises((FileNotFoundError, ValueError), match=error):
        find_inputs(folder / name)


def test_nothing_there(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file or folder"):
        find_inputs(folder / "none.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no pictures"):
        find_inputs(tmp_path / "empty")
    (tmp_path / "empty" / "a.avi").touch()
    assert names(tmp_path / "empty") == ["a"]


@pytest.mark.parametrize("other", ["a/2.jpg", "b c/u\u0308.png"])
def test_results_of_one_name(folder, other):
    touch(folder / other)
    with pytest.raises(ValueError, match="would have results of the same name: rename one"):
        find_inputs(folder)


@pytest.mark.parametrize(
    ("given", "output", "inside"),
    [
        ("in", "in", True),
        ("in", "in/a/results", True),
        ("in", "in2", False),
        ("in/**/*.png", "in/results", True),
        ("in/*.png", "in", True),
        ("in/*.png", "in/results", False),
        ("in/*/*.png", "in/results", False),
        ("in/**/*.png", "results", False),
        ("in/a/2.png", "in/a", False),
        ("in/l.txt", "in", False),
    ],
)
def test_results_that_would_be_translated_the_next_time(folder, tmp_path, monkeypatch, given, output, inside):
    (folder / "l.txt").write_text("a/2.png\n")
    monkeypatch.chdir(tmp_path)
    assert results_are_inputs(given, Path(output)) == inside


# Files of a few folders and stems, so that names meet; in every spelling that leads to them.
PARTS = st.sampled_from(["a", "b", "é", "e\u0301", "x.y", ".h", "@eaDir", "z\nz", 'q"q,'])
FILES = st.tuples(st.lists(PARTS, max_size=2), PARTS, st.sampled_from([".png", ".JPG", ".tif"]))
WAYS = st.sampled_from(["{}", "./{}", "x.y/../{}", "{root}/{}"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.tuples(FILES, WAYS), min_size=1, max_size=6), as_table=st.booleans())
def test_each_file_of_a_list_has_one_result_or_is_refused(tmp_path_factory, files, as_table):
    root = tmp_path_factory.mktemp("list")
    (root / "x.y").mkdir()
    paths, lines = set(), []
    for (folders, stem, suffix), way in files:
        path = touch(root.joinpath(*folders) / f"{stem}{suffix}")
        relative = path.relative_to(root).as_posix()
        paths.add(path)
        lines.append(way.replace("{root}", str(root)).replace("{}", relative))
    text = io.StringIO()
    if as_table:
        csv.writer(text).writerows([line] for line in lines)
    else:
        assume(not any("\n" in line or line.startswith("#") for line in lines))
        text.write("\n".join(lines))
    listed = root / f"list{'.csv' if as_table else '.txt'}"
    listed.write_text(text.getvalue())
    try:
        inputs = find_inputs(listed)
    except ValueError as error:
        assert "rename" in str(error)  # noqa: PT017
        return
    assert {Path(os.path.normpath(file.path)) for file in inputs.files} == paths
    assert len({file.name for file in inputs.files}) == len(inputs.files) == len(paths)
    for file in inputs.files:
        parts = file.name.split("/")
        assert ".." not in parts
        assert not any(part.startswith(".") for part in parts)
        assert not any(part.lower() in NO_DATA for part in parts[:-1])


@pytest.mark.parametrize(("direction", "source", "target"), [("AtoB", "A", "B"), ("BtoA", "B", "A")])
def test_a_folder_of_both_sides_is_refused_with_the_words_for_it(tmp_path, direction, source, target):
    for side in ("A", "B"):
        (tmp_path / side).mkdir()
    words = rf"has A/ and B/: --input {tmp_path}/{source} --targets {tmp_path}/{target} translates the sources"
    with pytest.raises(ValueError, match=words):
        refuse_both_sides(tmp_path, direction)
    (tmp_path / "1.png").touch()
    refuse_both_sides(tmp_path, direction)  # A/ and B/ are names like any there
    refuse_both_sides(tmp_path / "A", direction)
