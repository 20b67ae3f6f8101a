"""One picture to one file: `translate --output out.png`."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.translation.translator import Translator


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with pictures, in which the command runs."""
    rng = np.random.default_rng(0)
    for name, width in (("1", 56), ("2", 56), ("pair", 80)):
        write_image(tmp_path / f"{name}.png", rng.integers(0, 256, (40, width, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def translate(call, tiny_run):
    return lambda *words: call("translate", "--model", tiny_run, "--gpu", "-1", *words)


def test_a_picture_becomes_a_picture(translate, folder, tiny_run):
    code, out, err = translate("--input", "1.png", "--output", "deep/out.png", "--no-dropout")
    assert (code, err, out.splitlines()[-1]) == (0, "", "picture: deep/out.png")
    assert "1 picture (no pairs; " in out
    assert "56x40 -> 32x32, the size of training; --keep-size keeps it\n" in out
    assert [path.name for path in (folder / "deep").iterdir()] == ["out.png"]
    fake = Translator.load(tiny_run, dropout=False)(read_image("1.png"))
    np.testing.assert_array_equal(read_image("deep/out.png"), fake)
    code, out, _ = translate("--input", "1.png", "--output", "own.png", "--no-dropout", "--keep-size")
    assert (code, read_image("own.png").shape, "->" in out) == (0, (40, 56, 3), False)


def test_of_a_pair_the_source_is_translated(translate, folder, tiny_run):
    assert translate("--input", "pair.png", "--output", "out.jpeg", "--no-dropout", "--quality", "100")[0] == 0
    with Image.open("out.jpeg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (32, 32))
    fake = Translator.load(tiny_run, dropout=False)(read_image("pair.png")[:, 40:]).astype(int)  # BtoA
    assert np.abs(read_image("out.jpeg") - fake).max() < 8


def test_what_is_there_is_replaced_when_told(translate, folder):
    assert translate("--input", "1.png", "--output", "out.png")[0] == 0
    first = read_image("out.png")
    code, _, err = translate("--input", "2.png", "--output", "out.png")
    assert (code, err) == (2, "error: out.png is there already: pass --overwrite, or another --output\n")
    assert translate("--input", "2.png", "--output", "out.png", "--overwrite")[0] == 0
    assert (read_image("out.png") != first).any()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--input", "."], "--output out.png is one picture, and --input . has 3: name a folder"),
        (["--input", "1.png", "--output", "1.png", "--overwrite"], "--output 1.png is the picture that is translated"),
        (["--input", "1.png", "--output", "out.mp4"], "--output out.mp4 names a video: videos are written into a fo"),
        (["--input", "1.mp4"], "--output out.png is a picture, and --input 1.mp4 a video: name a folder"),
        (["--input", "1.png", "--output", "out.gif"], "--output: cannot write out.gif: a .gif holds 256 colours"),
        (["--input", "1.png", "--side-by-side"], "--side-by-side writes several files, and --output out.png is one"),
        (["--input", "1.png", "--format", "jpg"], "--format jpg and --output out.png say two things"),
    ],
)
def test_what_one_file_cannot_be(translate, folder, words, line):
    (folder / "1.mp4").touch()
    if "." in words:
        (folder / "1.mp4").unlink()
    code, _, err = translate("--output", "out.png", *words)
    assert code == 2
    assert err.startswith(f"error: {line}")
    assert not (folder / "out.png").exists()


def test_a_picture_that_cannot_be_read(translate, folder):
    (folder / "bad.png").write_bytes(b"x")
    code, _, err = translate("--input", "bad.png", "--output", "out.png")
    assert (code, err.count("\n")) == (1, 1)
    assert "bad.png" in err
