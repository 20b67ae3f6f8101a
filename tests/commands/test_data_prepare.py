"""Every `data` subcommand that makes or checks pictures, as it is typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.datasets.prepare import cityscapes
from gluon_pix2pix.pictures.files import read_image, write_image


@pytest.fixture
def data(call, tmp_path, monkeypatch):
    """Run `data` with words in a folder."""
    monkeypatch.chdir(tmp_path)
    return lambda words: call("data", *words.split())


@pytest.fixture
def photos(tmp_path):
    """Four photos of 12 x 8 pixels in photos/, and eight pairs of gray ones in A/ and B/."""
    rng = np.random.default_rng(0)
    for name in ("photos/1.png", "photos/2.png", "photos/sub/1.bmp", "photos/sub/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / name, rng.integers(0, 255, (8, 12, 3), np.uint8))
    for side in "AB":
        (tmp_path / "two" / side).mkdir(parents=True)
        for number in range(8):
            write_image(tmp_path / "two" / side / f"{number}.png", rng.integers(0, 255, (8, 12, 1), np.uint8))
    return tmp_path


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


SHAPES = {
    "resize photos out --size 6": (6, 6, 3),
    "resize photos out --size 6 5 --pad --fill 9": (5, 6, 3),
    "resize photos out --size 5 --crop": (5, 5, 3),
    "resize photos out --size 6 --halves --nearest": (6, 12, 3),
    "crop photos out": (8, 8, 3),
    "crop photos out --size 6 4": (4, 6, 3),
    "crop photos out --halves": (6, 12, 3),
    "grayscale photos out": (8, 12, 1),
    "grayscale photos out --pairs": (8, 24, 3),
    "blank photos out": (8, 12, 3),
    "blank photos out --mask random --seed 3 --pairs": (8, 24, 3),
    "edges photos out": (8, 12, 1),
    "edges photos out --pairs --low 10 --high 20 --blur 0": (8, 24, 3),
}


@pytest.mark.parametrize(("words", "shape"), SHAPES.items())
def test_each_picture(data, photos, words, shape):
    code, out, err = data(words)
    assert (code, out, err) == (0, "out: 4 written\n", "write out\n")
    assert tree(photos / "out") == ["1.png", "2.png", "sub/1.png", "sub/3.png"]
    made, photo = read_image(photos / "out" / "2.png"), read_image(photos / "photos" / "2.png")
    assert made.shape == shape
    if "--pairs" in words:
        np.testing.assert_array_equal(made[:, 12:], photo)
        assert (made[:, :12] != photo).any()
    if "--fill" in words:
        assert (made[4] == 9).all()
    code, out, _ = data(words)
    assert (code, out) == (0, "out: 0 written, 4 were there already (--overwrite makes them again)\n")


def test_jpegs(data, photos):
    code, out, _ = data("resize photos out --size 64 --format jpg --quality 60 --overwrite --workers 1")
    assert (code, out) == (0, "out: 4 written\n")
    assert "sub/1.jpg" in tree(photos / "out")


def test_combines_and_reports(data, photos):
    (photos / "two" / "B" / "3.png").unlink()
    write_image(photos / "two" / "B" / "5.png", np.zeros((4, 6, 1), np.uint8))
    code, out, err = data("combine two/A two/B pairs")
    assert (code, out) == (1, "pairs: 6 written, 2 errors\n")
    assert err.splitlines() == [
        "write pairs",
        "error: two/A/3.png has no partner in two/B",
        "error: two/A/5.png and two/B/5.png: A and B differ in size: 12 x 8 and 6 x 4 pixels",
    ]
    code, out, _ = data("combine two/A two/B pairs --resize --nearest")
    assert code == 1
    assert out == "pairs: 1 written, 6 were there already (--overwrite makes them again), 1 errors\n"
    assert read_image(photos / "pairs" / "5.png").shape == (8, 24, 1)


def test_splits(data, photos):
    code, out, err = data("split two dealt --fractions 0.5 0.25 0.25 --seed 2")
    assert (code, err) == (0, "copy dealt\n")
    assert out == "dealt: trainA 4, trainB 4, valA 2, valB 2, testA 2, testB 2\n"
    (photos / "two" / "A" / "0.png").unlink()
    code, out, err = data("split two moved --move")
    assert (code, err) == (1, "move moved\nerror: two/B/0.png has no partner in two/A\n")
    assert tree(photos / "two") == ["B/0.png"]
    assert data("split two/B linked --link --fractions 1 0 0")[1] == "linked: train 1\n"
    code, _, err = data("split two/B linked")
    assert (code, err) == (1, "error: linked is there already: name a new folder, or remove it\n")


def test_checks(data, photos):
    data("split two dealt")
    code, out, _ = data("check dealt --sheet check.png --samples 2")
    assert code == 0
    assert out.splitlines() == [
        "train: 6 pairs of files: 12 x 8 + 12 x 8 (6); gray; 8 bits",
        "val: 1 pair of files: 12 x 8 + 12 x 8 (1); gray; 8 bits",
        "test: 1 pair of files: 12 x 8 + 12 x 8 (1); gray; 8 bits",
        "samples: check.png",
        "nothing is wrong",
    ]
    assert read_image("check.png").shape[2] == 3
    (photos / "photos" / "1.png").write_text("text")
    code, out, _ = data("check photos --photos --sheet none.png")
    assert code == 1
    assert out.splitlines()[1].startswith("in training: 4 photos: all train, no val, ")
    assert out.splitlines()[2].startswith("wrong: photos/1.png ")
    assert out.splitlines()[-1] == "1 thing is wrong"
    for name in ("photos/2.png", "photos/sub/1.bmp", "photos/sub/3.png", "none.png"):
        (photos / name).unlink()
    assert data("check photos --sheet none.png")[0] == 1
    assert not (photos / "none.png").exists()


def test_labels_and_what_check_says_of_them(data, tmp_path):
    rng = np.random.default_rng(0)
    for side in "AB":
        (tmp_path / "set" / "train" / side).mkdir(parents=True)
    for number in range(2):
        mask = rng.integers(0, 2, (8, 8, 1), np.uint8) * np.uint8(255)
        write_image(tmp_path / "set" / "train" / "A" / f"{number}.png", mask)
        write_image(tmp_path / "set" / "train" / "B" / f"{number}.png", rng.integers(0, 255, (8, 8, 3), np.uint8))
    assert data("check set")[0] == 0
    code, out, _ = data("check set --labels 2")
    assert (code, out.splitlines()[-1]) == (1, "2 things are wrong")
    remedy = out.splitlines()[1].split("; python -m gluon_pix2pix data ")[1].split(" makes such")[0]
    assert remedy == "labels set/train/A OUTPUT"
    code, out, _ = data(remedy.replace("OUTPUT", "fixed/train/A"))
    assert (code, out.splitlines()) == (
        0,
        [
            "fixed/train/A: 2 written",
            "palette: fixed/train/A.palette.txt (for further folders: --palette fixed/train/A.palette.txt)",
            "2 labels: train with --labels 2, or --output-labels",
        ],
    )
    (tmp_path / "set" / "train" / "B").rename(tmp_path / "fixed" / "train" / "B")
    assert data("check fixed --labels 2")[0] == 0
    assert data("check fixed --output-labels 2 --direction BtoA")[0] == 0
    assert data("check fixed --output-labels 2")[0] == 1
    assert data("labels fixed/train/A again --palette fixed/train/A.palette.txt")[0] == 0
    code, _, err = data("labels fixed/train/A again --nearest")
    assert (code, err) == (2, "error: --nearest takes the nearest colour of a --palette: give both\n")
    code, _, err = data("check fixed --labels 1")
    assert (code, "2 to 256 of them" in err) == (2, True)
    assert data("check fixed --photos --labels 2")[0] == 2


def test_cityscapes(data, tmp_path, monkeypatch):
    monkeypatch.setattr(cityscapes, "COUNTS", {"train": 1, "val": 1})
    for split in ("train", "val"):
        for kind, end in (("leftImg8bit", "leftImg8bit"), ("gtFine", "gtFine_color")):
            folder = tmp_path / "cs" / kind / split / "ulm"
            folder.mkdir(parents=True)
            write_image(folder / f"ulm_1_{end}.png", np.full((8, 16, 3), 50, np.uint8))
    code, out, _ = data("cityscapes cs data/cityscapes --size 16")
    assert (code, out) == (0, "data/cityscapes: 2 written\n")
    assert (
        tmp_path / "data/cityscapes/frames.csv"
    ).read_text() == "picture,frame\ntrain/1.jpg,ulm_1\nval/1.jpg,ulm_1\n"
    assert read_image(tmp_path / "data/cityscapes/val/1.jpg").shape == (16, 32, 3)
    (tmp_path / "cs/leftImg8bit/val/ulm/ulm_1_leftImg8bit.png").write_text("text")
    code, out, err = data("cityscapes cs again --size 16")
    assert (code, out) == (1, "again: 1 written, 1 errors\n")
    assert "ulm_1_leftImg8bit.png is not a picture in a known format (4 bytes)" in err
    assert (tmp_path / "again/frames.csv").read_text() == "picture,frame\ntrain/1.jpg,ulm_1\n"


@pytest.mark.parametrize("fit", ["", "--pad", "--stretch"])
def test_cmp(data, tmp_path, fit):
    (tmp_path / "base").mkdir()
    write_image(tmp_path / "base" / "cmp_b0001.jpg", np.full((8, 16, 3), 50, np.uint8))
    write_image(tmp_path / "base" / "cmp_b0001.png", np.full((8, 16, 1), 2, np.uint8))
    code, out, _ = data(f"cmp base --size 16 {fit}")
    assert (code, out) == (0, "data/cmp: 1 written\n")
    pair = read_image(tmp_path / "data/cmp/train/cmp_b0001.png")
    assert pair[8, 24].tolist() == [0, 48, 255]  # facade
    assert pair[0, 24].tolist() == ([0, 0, 223] if fit == "--pad" else [0, 48, 255])


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("resize photos out --size 0", "--size is a side, or width and height, of 1 pixel or more, not '0'"),
        ("crop photos out --size 1 2 3", "--size is a side, or width and height, of 1 pixel or more, not '1 2 3'"),
        ("resize photos out --pad --crop", "--pad adds and --crop cuts off: give one"),
        ("resize photos out --fill 256", "--fill is 0 to 255, not 256"),
        ("resize photos out --quality 0", "--quality is 1 to 100, not 0"),
        ("grayscale photos out --workers -1", "--workers is 0 or more, not -1"),
        ("blank photos out --seed -1", "--seed is 0 or more, not -1"),
        ("edges photos out --low 9 --high 8", "--low 9 is 0 or more and at most --high 8, and --blur 0 or more"),
        ("combine two/A two/B out --nearest", "--nearest says how to --resize: give both"),
        ("split two out --link --move", "--link keeps the originals and --move removes them: give one"),
        ("split two out --fractions 1 1 0", "the fractions 1 1 0 sum to 2: they are 0 or more and sum to 1"),
        ("cmp two --pad --stretch", "--pad adds and --stretch squeezes: give one"),
        ("cmp two --seed -1", "--seed is 0 or more, not -1"),
        ("split two out --seed -1", "--seed is 0 or more, not -1"),
        (
            "resize photos out --size 20000",
            "--size 20000 x 20000 is over 134,217,728 pixels, the most that is read",
        ),
        ("cmp", "cmp needs the folders of the unpacked base and extended archives"),
        ("resize photos photos/x", "the output photos/x is or lies in the input photos: name a folder outside of it"),
        ("combine two/A two/B two/B", "the output two/B is or lies in the input two/B: name a folder outside of it"),
        ("check two --samples 0", "--samples is 1 or more, --workers 0 or more, not 0 and 0"),
    ],
)
def test_usage_errors(data, photos, words, error):
    assert data(words) == (2, "", f"error: {error}\n")
    assert not (photos / "out").exists()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("crop nowhere out", "there is no file or folder nowhere in {}"),
        ("check photo", "there is no file or folder photo in {}; did you mean photos?"),
        ("check photos/1.png", "photos/1.png is neither a folder of pictures nor a list of pairs (.csv .tsv)"),
        ("grayscale two/A photos/1.png/x", "photos/1.png/x: Not a directory"),
        ("cmp two", "two: no cmp_*.jpg with its cmp_*.png"),
    ],
)
def test_errors(data, photos, words, error):
    assert data(words) == (1, "", f"error: {error.format(Path.cwd())}\n")


def test_help_names_every_subcommand(data):
    code, out, _ = data("--help")
    assert code == 0
    words = ["list", "get", "check", "combine", "split", "resize", "crop", "grayscale", "blank", "edges"]
    listed = [line.split()[0] for line in out.splitlines() if line[:2] == "  " and line[2:3].isalpha()]
    assert listed == [*words, "labels", "cityscapes", "cmp"]
    code, out, _ = data("blank --help")
    assert (code, "usage: python -m gluon_pix2pix data blank INPUT OUTPUT [options]" in out) == (0, True)
