"""Rows, means and files of scores, with values worked out by hand."""

from __future__ import annotations

import csv
import json
import math
import time
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.evaluation.named_metrics import score_pair
from gluon_pix2pix.evaluation.names import METRICS
from gluon_pix2pix.evaluation.pairing import Translated
from gluon_pix2pix.evaluation.score import (
    Score,
    check_writable,
    score_files,
    score_pairs,
    summarise,
    summarise_folders,
    write_scores,
)
from gluon_pix2pix.pictures.files import write_image


def constant(value, *, size=(16, 12), channels=3, dtype=np.uint8):
    return np.full((*size[::-1], channels), value, dtype)


def save_pair(folder: Path, name: str, fake: np.ndarray, target: np.ndarray) -> Translated:
    folder.mkdir(exist_ok=True)
    pair = Translated(".", name, folder / f"{name}_fake.png", folder / f"{name}_target.png")
    write_image(pair.fake, fake)
    write_image(pair.target, target)
    return pair


def a_score(name="1", *, folder=".", bits=8, psnr=20.0, ssim=0.5, mse=650.25, mae=20.0) -> Score:
    pair = Translated(folder, name, Path(folder) / f"{name}_fake.png", Path(folder) / f"{name}_target.png")
    return Score(pair, 16, 12, 3, bits, mse, {"psnr": psnr, "ssim": ssim, "mse": mse, "mae": mae})


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("dtype", "bits", "psnr"), [(np.uint8, 8, 42.1102), (np.uint16, 16, 90.3089)])
def test_scores_a_pair_by_its_own_depth(tmp_path, channels, dtype, bits, psnr):
    # a difference of 2 everywhere: 20 log10(peak / 2)
    fake, target = (constant(value, channels=channels, dtype=dtype) for value in (102, 100))
    score = score_files(save_pair(tmp_path, "1", fake, target))
    assert score[1:6] == (16, 12, channels, bits, 4)
    assert list(score.values) == ["psnr", "ssim", "mse", "mae"]
    assert score.values["psnr"] == pytest.approx(psnr, abs=1e-4)
    assert (score.values["mse"], score.values["mae"]) == (4, 2)
    assert 0.99 < score.values["ssim"] < 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_files_have_the_scores_of_their_arrays(tmp_path, dtype):
    rng = np.random.default_rng(4)
    target, fake = (rng.integers(0, np.iinfo(dtype).max, (180, 176, 3), dtype, endpoint=True) for _ in range(2))
    score = score_files(save_pair(tmp_path, "1", fake, target), metrics=METRICS)
    assert score.values == score_pair(target, fake, METRICS)
    assert None not in score.values.values()
    assert score.error == score.values["mse"]


@pytest.mark.parametrize(
    ("fake", "target", "message"),
    [
        (constant(1, size=(16, 12)), constant(1, size=(12, 16)), "is 16 x 12 pixels and its target .* 12 x 16 pixels"),
        (constant(1, channels=1), constant(1), "of 1 channel .1 is gray, 3 colour. and its target .* of 3 channels"),
        (constant(1), constant(1, dtype=np.uint16), "of 8 bits a channel and its target .* of 16 bits a channel"),
        (constant(1, size=(16, 10)), constant(1, size=(16, 10)), "1_fake.png: SSIM needs at least 11 x 11 pixels"),
    ],
)
def test_names_pictures_that_do_not_compare(tmp_path, fake, target, message):
    pair = save_pair(tmp_path, "1", fake, target)
    with pytest.raises(ValueError, match=message) as caught:
        score_files(pair)
    assert str(pair.fake) in str(caught.value)


@pytest.mark.parametrize("workers", [1, 3])
def test_scores_in_order_and_says_why_not(tmp_path, workers):
    pairs = [save_pair(tmp_path, str(i), constant(100 + i), constant(100)) for i in range(6)]
    pairs[2].fake.write_bytes(b"not a picture")
    pairs[4].target.unlink()
    results = list(score_pairs(pairs, workers=workers))
    assert [result.values["mae"] for result in results if isinstance(result, Score)] == [0, 1, 3, 5]
    assert results[2] == f"{pairs[2].fake} is not a picture in a known format (13 bytes)"
    assert results[4] == f"{pairs[4].target}: No such file or directory"


def test_an_interrupt_does_not_wait_for_the_pictures_to_come(monkeypatch):
    begun = []

    def slow(function, pair):
        begun.append(pair)
        time.sleep(0.01)
        return "no score"

    monkeypatch.setattr("gluon_pix2pix.evaluation.score._result_or_problem", slow)
    results = score_pairs([a_score().pair] * 50)
    next(results)
    results.close()
    assert len(begun) < 10


def test_names_the_pair_of_an_error_without_a_file_name(monkeypatch):
    def fail(path):
        raise OSError("the device went away")

    monkeypatch.setattr("gluon_pix2pix.evaluation.score.read_image", fail)
    assert list(score_pairs([a_score().pair])) == ["1_fake.png: the device went away"]


def test_summary_by_hand():
    # MSE 1 and 100
    scores = [a_score(psnr=48.1308, ssim=0.9, mse=1, mae=1), a_score(psnr=28.1308, ssim=0.2, mse=100, mae=10)]
    summary = summarise([*scores, scores[1]])
    assert summary["pictures"] == 3
    assert summary["identical"] == 0
    assert summary["psnr"] == pytest.approx({"mean": 34.7975, "median": 28.1308, "min": 28.1308, "max": 48.1308})
    assert summary["mse"] == pytest.approx({"mean": 67, "median": 100, "min": 1, "max": 100})
    assert summary["mae"]["mean"] == pytest.approx(7)
    assert summary["ssim"]["mean"] == pytest.approx(1.3 / 3)
    assert summary["psnr_mean_of_finite"] == pytest.approx(summary["psnr"]["mean"], abs=1e-4)
    assert summary["psnr_of_mean_mse"] == pytest.approx(10 * math.log10(65025 / 67))


def test_summary_with_identical_pictures():
    summary = summarise([a_score(psnr=math.inf, ssim=1, mse=0, mae=0), a_score(psnr=20, mse=650.25)])
    assert summary["identical"] == 1
    assert summary["psnr"] == {"mean": math.inf, "median": math.inf, "min": 20, "max": math.inf}
    assert summary["psnr_mean_of_finite"] == 20
    assert summary["psnr_of_mean_mse"] == pytest.approx(20 + 10 * math.log10(2))


def test_summary_of_identical_pictures_only():
    summary = summarise([a_score(psnr=math.inf, ssim=1, mse=0, mae=0)] * 2)
    assert summary["psnr"]["mean"] == summary["psnr_of_mean_mse"] == math.inf
    assert summary["psnr_mean_of_finite"] is None


def test_pixel_values_of_two_depths_are_not_averaged():
    summary = summarise([a_score(), a_score(bits=16, mse=6553.5**2, mae=6553.5)])
    assert summary["mse"] is None
    assert summary["mae"] is None
    assert summary["psnr"]["mean"] == 20
    assert summary["psnr_of_mean_mse"] == pytest.approx(20)


def test_pictures_without_a_value_are_left_out_and_counted():
    scores = [a_score()._replace(values={"psnr": 20.0, "ms_ssim": value}) for value in (None, 0.5, 0.9)]
    summary = summarise(scores)
    assert summary["ms_ssim"] == pytest.approx({"mean": 0.7, "median": 0.7, "min": 0.5, "max": 0.9, "pictures": 2})
    assert "pictures" not in summary["psnr"]
    assert summarise(scores[:1])["ms_ssim"] is None


def test_identical_pictures_are_counted_without_their_psnr():
    scores = [a_score(mse=0.0), a_score(mse=650.25)]
    summary = summarise([score._replace(values={"mae": 1.0}) for score in scores])
    assert summary["identical"] == 1
    assert summary["psnr_mean_of_finite"] == pytest.approx(20)


def test_folders_have_their_own_means():
    scores = [a_score(folder="b", psnr=10), a_score(folder="a", psnr=20), a_score("2", folder="b", psnr=13)]
    means = {folder: summary["psnr"]["mean"] for folder, summary in summarise_folders(scores).items()}
    assert list(means.items()) == [("b", 11.5), ("a", 20)]


def test_files_are_strict_and_complete(tmp_path):
    scores = [a_score("café", folder="a", psnr=math.inf, ssim=1.0, mse=0.0, mae=0.0), a_score("2", folder="b")]
    write_scores(tmp_path, scores, folder=".", left_out=["b/3_fake.png has no target"], ignored=[Path("b/grid.png")])

    def refuse(name):
        pytest.fail(f"{name} is not JSON")

    report = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert report["overall"]["psnr"] == {"mean": "inf", "median": "inf", "min": 20, "max": "inf"}
    assert report["overall"]["psnr_mean_of_finite"] == 20
    assert report["folders"]["b"]["psnr"]["mean"] == 20
    assert report["metrics"]["psnr"] == {"title": "PSNR (dB)", "better": "higher"}
    assert report["metrics"]["mae"]["better"] == "lower"
    assert report["pictures"][0] == {
        "folder": "a",
        "name": "café",
        "fake": "a/café_fake.png",
        "target": "a/café_target.png",
        "source": None,
        "width": 16,
        "height": 12,
        "channels": 3,
        "bits": 8,
        "psnr": "inf",
        "ssim": 1.0,
        "mse": 0.0,
        "mae": 0.0,
    }
    assert report["left_out"] == ["b/3_fake.png has no target"]
    assert report["ignored"] == ["b/grid.png"]
    assert {"gluon-pix2pix", "numpy", "opencv", "scikit-image"} < set(report["versions"])
    assert "11 x 11" in report["protocol"]["ssim"]

    with open(tmp_path / "scores.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == list(report["pictures"][0])
    assert [float(row["psnr"]) for row in rows] == [math.inf, 20]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.csv", "scores.json"]


def test_sources_and_more_are_written(tmp_path):
    scores = [a_score("1"), a_score("2")]
    scores[0] = scores[0]._replace(pair=scores[0].pair._replace(source=Path("1_source.png")))
    columns = [{"fake_class_iou": 0.5}, {"fake_class_iou": None}]
    write_scores(tmp_path, scores, folder=".", more_columns=columns, more_sections={"labels": {"palette": "facades"}})
    report = json.loads((tmp_path / "scores.json").read_text())
    assert [picture["source"] for picture in report["pictures"]] == ["1_source.png", None]
    assert [picture["fake_class_iou"] for picture in report["pictures"]] == [0.5, None]
    assert report["labels"] == {"palette": "facades"}
    with open(tmp_path / "scores.csv", newline="") as stream:
        assert [row["fake_class_iou"] for row in csv.DictReader(stream)] == ["0.5", ""]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@sum", "\t=1"])
def test_no_name_is_a_formula_in_a_spreadsheet(tmp_path, name):
    write_scores(tmp_path, [a_score(name, psnr=-3.0)], folder=".")
    with open(tmp_path / "scores.csv", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["name"], row["psnr"]) == (f"'{name}", "-3.0")
    assert json.loads((tmp_path / "scores.json").read_text())["pictures"][0]["name"] == name


def test_refuses_a_folder_that_cannot_be_written(tmp_path):
    check_writable(tmp_path / "new" / "folder")
    assert not list((tmp_path / "new" / "folder").iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot write scores.json in .*file \(File exists\): --output"):
        check_writable(tmp_path / "file")
