"""What a word of --input stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from gluon_pix2pix.translation.inputs import find_inputs, is_video


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a/10.png", "a/2.png", "b c/ü.jpg", "clip.mp4", "notes.md", ".hidden.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    return tmp_path / "in"


def test_a_folder_with_its_subfolders(folder):
    inputs = find_inputs(folder)
    assert inputs.root == folder
    assert inputs.names == ["a/2", "a/10", "b c/ü", "clip"]
    assert [path.name for path in inputs.paths] == ["2.png", "10.png", "ü.jpg", "clip.mp4"]
    assert is_video(inputs.paths[-1])
    assert not is_video(inputs.paths[0])


def test_a_picture(folder):
    assert find_inputs(folder / "a" / "2.png").names == ["2"]


def test_a_pattern(folder):
    inputs = find_inputs(str(folder / "**" / "*.png"))
    assert (inputs.root, inputs.names) == (folder, ["a/2", "a/10"])
    with pytest.raises(FileNotFoundError, match=r"no picture matches '.*\*\.bmp'"):
        find_inputs(str(folder / "*.bmp"))


@pytest.mark.parametrize(
    ("name", "text"), [("l.txt", "a/2.png\n# no\n\nb c/ü.jpg\n"), ("l.csv", "A,B\na/2.png,x\nb c/ü.jpg")]
)
def test_a_list(folder, name, text):
    (folder / name).write_text(text)
    assert find_inputs(folder / name).names == ["a/2", "b c/ü"]


def test_a_list_from_elsewhere_shares_a_root(folder):
    (folder / "b c" / "l.tsv").write_text(f"ü.jpg\tx\n../a/10.png\n{folder / 'a' / '2.png'}\n")
    assert [Path(name).name for name in find_inputs(folder / "b c" / "l.tsv").names] == ["ü", "10", "2"]


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("l.txt", b"a/2.png\nnone.png\n", r"none.png is listed in .*l.txt and not there \(1 of 2 are not\)"),
        ("l.txt", b"\n", "lists no pictures"),
        ("l.csv", b"\xff\xd8\xff", "no list of paths: it is not UTF-8 text"),
    ],
)
def test_a_bad_list(folder, name, data, error):
    (folder / name).write_bytes(data)
    with pytest.raises((FileNotFoundError, ValueError), match=error):
        find_inputs(folder / name)


def test_nothing_there(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="neither a picture nor a folder nor a pattern"):
        find_inputs(folder / "none.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no pictures"):
        find_inputs(tmp_path / "empty")
    (tmp_path / "empty" / "a.avi").touch()
    assert find_inputs(tmp_path / "empty").names == ["a"]


def test_results_of_one_name(folder):
    (folder / "a" / "2.jpg").touch()
    with pytest.raises(ValueError, match="would have results of the same name: rename one"):
        find_inputs(folder)
