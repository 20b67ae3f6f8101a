"""``evaluate --palette`` and ``evaluate --segmenter`` as their users run them."""

from __future__ import annotations

import csv
import functools
import json
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.datasets.demo.pairs import draw_facade
from gluon_pix2pix.evaluation import segmenter_files
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.pictures.folders import find_images


@pytest.fixture
def evaluate(call):
    return functools.partial(call, "evaluate")


def report_of(folder: Path) -> dict:
    return json.loads((folder / "scores.json").read_text())


def words_of(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines()]


@pytest.fixture
def label_pictures(tmp_path):
    """Two results of photo to labels, 16 x 16: in one a quarter of the wall has become sky, one is as it should be."""
    (tmp_path / "palette.csv").write_text("sky,0,0,255\nwall,255,0,0\ndoor,0,255,0\n")
    target = np.full((16, 16, 3), (255, 0, 0), np.uint8)
    fake = target.copy()
    fake[:4] = (20, 30, 240)
    folder = tmp_path / "results"
    folder.mkdir()
    for name, picture in (("1", fake), ("2", target)):
        write_image(folder / f"{name}_fake.png", picture)
        write_image(folder / f"{name}_target.png", target)
    return folder


def test_label_pictures(label_pictures, evaluate):
    code, out, err = evaluate(label_pictures, "--palette", label_pictures.parent / "palette.csv")
    assert (code, err) == (0, "")
    lines = words_of(out)
    # 2 x 256 pixels of wall, of which 64 were given to sky: sky 0 of 64, wall 448 of 512
    assert ["label", "pictures", "0.8750", "0.8750", "0.4375"] in lines
    assert ["wall", "100.00", "%", "0.8750", "0.8750"] in lines
    assert ["sky", "0.00", "%", "-", "0.0000"] in lines
    assert "label pictures: in no mean, as neither they nor the truth have any: door" in out
    assert "PSNR (dB)" in out
    labels = report_of(label_pictures)["labels"]
    assert labels["fake"]["confusion"] == [[0, 0, 0, 0], [64, 448, 0, 0], [0, 0, 0, 0]]
    assert labels["palette"].endswith("palette.csv")
    assert "Long et al. 2015" in labels["protocol"]
    with open(label_pictures / "scores.csv", newline="") as stream:
        assert [float(row["fake_pixel_accuracy"]) for row in csv.DictReader(stream)] == [0.75, 1]


def test_pictures_that_are_no_label_pictures(label_pictures, evaluate):
    code, out, err = evaluate(label_pictures, "--palette", "cityscapes")
    assert code == 0  # pure red is Cityscapes' rider
    assert ["rider", "100.00", "%", "0.8750", "0.8750"] in words_of(out)
    for path in find_images(label_pictures):
        write_image(path, np.full((16, 16, 3), (60, 200, 90), np.uint8))
    code, out, err = evaluate(label_pictures, "--palette", "cityscapes")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: the targets in {label_pictures} are not label pictures of this palette: only 0 %")


def test_labels_that_the_palette_has_not(label_pictures, evaluate):
    for role in ("fake", "target"):
        write_image(label_pictures / f"1_{role}.png", np.full((16, 16, 1), 12, np.uint8))
    words = (label_pictures, "--palette", "facades")
    code, _, err = evaluate(*words)
    assert code == 1
    assert err.splitlines()[0].startswith(f"{label_pictures}/1_target.png: a gray picture is taken for a map of labels")
    assert "1 problem (above), and no scores written: mend them, or score the other 1 picture" in err
    code, out, err = evaluate(*words, "--skip-bad")
    assert code == 1
    report = report_of(label_pictures)
    assert [picture["name"] for picture in report["pictures"]] == ["2"]
    assert report["left_out"] == err.splitlines()[:1]
    assert "label pictures" in out


@pytest.fixture
def photos(tiny_pairs, tmp_path, monkeypatch):
    """Results of labels to photo for the validation pairs of `tiny_pairs`, the second with another house for a fake."""
    monkeypatch.setattr(segmenter_files, "NETWORK", {"size": 32, "width": 16, "num_downs": 3})
    monkeypatch.setattr(segmenter_files, "LOAD_SIZE", 36)
    monkeypatch.setattr(segmenter_files, "TRAINING", {"batch_size": 2, "learning_rate": 2e-3})
    folder = tmp_path / "results"
    folder.mkdir()
    for path in find_images(tiny_pairs / "val"):
        picture = read_image(path)
        write_image(folder / f"{path.stem}_target.png", picture[:, :64])
        write_image(folder / f"{path.stem}_source.png", picture[:, 64:])
        write_image(folder / f"{path.stem}_fake.png", picture[:, :64] if path.stem == "1" else draw_facade(99, 64)[0])
    return folder


@pytest.fixture
def segment(evaluate, photos, tiny_pairs, tmp_path):
    def run(*words, direction="BtoA", epochs=1):
        asked = ["--segmenter", "--dataset", tiny_pairs, "--palette", "facades", "--gpu", "-1"]
        asked += ["--segmenter-dir", tmp_path / "kept", "--segmenter-epochs", epochs, "--direction", direction]
        return evaluate(photos, *asked, *words)

    return run


def test_photos(segment, photos):
    code, out, err = segment(epochs=50)
    assert (code, err) == (0, "")
    assert "training a segmenter on" in out
    labels = report_of(photos)["labels"]
    commonest = max(row["share"] for row in labels["real"]["classes"])
    assert commonest < labels["real"]["pixel_accuracy"] <= 1
    assert labels["fake"]["pixel_accuracy"] < labels["real"]["pixel_accuracy"]
    assert labels["segmenter"]["pairs"] == 4
    first, second = report_of(photos)["pictures"]
    assert first["fake_pixel_accuracy"] == first["real_pixel_accuracy"]  # the fake is the photo itself
    assert second["fake_pixel_accuracy"] < second["real_pixel_accuracy"]
    share = 100 * labels["fake"]["pixel_accuracy"] / labels["real"]["pixel_accuracy"]
    lines = words_of(out)
    assert [*["of", "the", "ceiling"], f"{share:.0f}", "%"] in [line[:5] for line in lines]
    assert ["real", "photos", "(the", "ceiling)", f"{labels['real']['pixel_accuracy']:.4f}"] in [
        line[:5] for line in lines
    ]
    assert "fake IoU" in out

    code, out, _ = segment(epochs=50)  # the second time it is read, and the scores are the same
    assert code == 0
    assert "training" not in out
    assert "segmenter: " in out
    assert report_of(photos)["labels"] == labels


def test_a_lacking_source_is_noticed_before_training(segment, photos, tmp_path):
    (photos / "1_source.png").unlink()
    code, _, err = segment()
    assert code == 1
    assert err.startswith(f"{photos}/1_fake.png has no source beside it, or several, and a segmenter looks for its")
    assert not (tmp_path / "kept").exists()
    code, _, err = segment("--skip-bad")
    assert code == 1
    assert [picture["name"] for picture in report_of(photos)["pictures"]] == ["2"]


def test_an_unreadable_source_is_named(segment, photos):
    (photos / "2_source.png").write_bytes(b"nothing")
    code, _, err = segment("--skip-bad")
    assert code == 1
    assert err.startswith(f"{photos}/2_source.png ")
    assert [picture["name"] for picture in report_of(photos)["pictures"]] == ["1"]


def test_the_wrong_direction(segment, tmp_path):
    code, _, err = segment(direction="AtoB")
    assert code == 1
    assert "the sources (AtoB) of the pairs in" in err
    assert "are not label pictures of this palette: only" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--dataset", "demo"], "--dataset is for --segmenter"),
        (["--direction", "AtoB"], "--direction is for --segmenter"),
        (["--palette", "ade20k"], "there is no palette and no file 'ade20k'"),
        (["--segmenter"], "--segmenter needs --dataset"),
        (
            ["--segmenter", "--dataset", "{pairs}"],
            "--segmenter on tiny needs --palette: facades, cityscapes, or a file",
        ),
        (["--segmenter", "--dataset", "nowhere"], "there is no data set and no folder 'nowhere'"),
        (["--segmenter", "--dataset", "{pairs}", "--segmenter-epochs", "0"], "--segmenter-epochs is 1 or more"),
        (["--segmenter", "--dataset", "{pairs}", "--palette", "facades", "--gpu", "x"], "--gpu takes numbers such as"),
    ],
)
def test_options_that_do_not_fit(photos, tiny_pairs, evaluate, words, message):
    code, out, err = evaluate(photos, *[word.format(pairs=tiny_pairs) for word in words])
    assert (code, out) == (2, "")
    assert message in err


def test_several_devices_are_refused(segment, monkeypatch):
    monkeypatch.setattr("gluon_pix2pix.commands.evaluate_segmenter.devices", lambda gpu: (["one", "two"], "both"))
    code, _, err = segment()
    assert code == 2
    assert "a segmenter runs on one device, not on --gpu -1" in err
