"""``eval_psnr.py`` as its users run it: files, figures, lines and exit codes."""

from __future__ import annotations

import csv
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from gluon_pix2pix.pictures.files import write_image

ROOT = Path(__file__).resolve().parents[2]


def save(path: Path, value: int, *, size: int = 16, dtype=np.uint8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.full((size, size, 3), value, dtype))


def save_run(folder: Path, differences) -> None:
    """Write pairs 0, 1, … whose fake is brighter than the target by each of `differences`."""
    for name, difference in enumerate(differences):
        save(folder / f"{name}_fake.png", 100 + difference)
        save(folder / f"{name}_target.png", 100)


@pytest.fixture
def evaluate(call):
    return functools.partial(call, "evaluate")


def report_of(folder: Path) -> dict:
    return json.loads((folder / "scores.json").read_text())


def test_one_run(tmp_path, evaluate):
    save_run(tmp_path, [1, 2, 4, 8])
    code, out, err = evaluate(tmp_path)
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert ["1", "42.11", "0.9998", "4.000", "2.000"] in lines  # 20 log10(255 / 2)
    # dB 48.131, 42.110, 36.090, 30.069; MSE 1, 4, 16, 64; MAE 1, 2, 4, 8
    assert [line[:2] + line[3:] for line in lines if line[:1] == ["mean"]] == [["mean", "39.10", "21.250", "3.750"]]
    assert [line[:2] for line in lines if line[:1] == ["median"]] == [["median", "39.10"]]
    assert "PSNR of the mean MSE (another number than the mean PSNR): 34.86 dB" in out
    assert "worst: 3 (30.07 dB), 2 (36.09 dB)\nbest: 0 (48.13 dB), 1 (42.11 dB)\n" in out
    assert "peak 255 (8 bits)" in out
    assert "11 x 11 Gaussian window" in out

    report = report_of(tmp_path)
    assert report["overall"]["psnr"]["mean"] == pytest.approx(39.0999, abs=1e-4)
    assert report["overall"]["mse"]["mean"] == 21.25
    assert [picture["name"] for picture in report["pictures"]] == ["0", "1", "2", "3"]
    assert report["left_out"] == []
    with open(tmp_path / "scores.csv", newline="") as stream:
        assert [float(row["mae"]) for row in csv.DictReader(stream)] == [1, 2, 4, 8]


def test_several_runs_have_their_means(tmp_path, evaluate):
    save_run(tmp_path / "facades", [1, 1])
    save(tmp_path / "maps/test_latest/images/9_fake_B.png", 102)
    save(tmp_path / "maps/test_latest/images/9_real_B.png", 100)
    save(tmp_path / "maps/grid.png", 0)
    code, out, _ = evaluate(tmp_path)
    assert code == 0
    lines = [line.split()[:5] for line in out.splitlines()]
    assert ["mean", "of", "facades", "(2)", "48.13"] in lines
    assert ["mean", "of", "maps/test_latest/images", "(1)", "42.11"] in lines
    assert f"not looked at: 1 picture of other names, such as {tmp_path}/maps/grid.png" in out
    report = report_of(tmp_path)
    assert list(report["folders"]) == ["facades", "maps/test_latest/images"]
    assert report["overall"]["psnr"]["mean"] == pytest.approx((2 * 48.1308 + 42.1102) / 3, abs=1e-4)


def test_identical_pictures_are_counted(tmp_path, evaluate):
    save_run(tmp_path, [0, 1, 2])
    code, out, _ = evaluate(tmp_path)
    assert code == 0
    assert "identical to their targets, PSNR inf: 1 of 3" in out
    assert "mean PSNR of the others: 45.12 dB" in out
    assert report_of(tmp_path)["overall"]["psnr"]["mean"] == "inf"


def test_only_identical_pictures(tmp_path, evaluate):
    save_run(tmp_path, [0])
    code, out, _ = evaluate(tmp_path)
    assert code == 0
    assert "PSNR inf: 1 of 1" in out
    assert "mean PSNR of the others" not in out
    assert "worst" not in out


def test_mixed_depths(tmp_path, evaluate):
    save_run(tmp_path, [1])
    save(tmp_path / "x_fake.png", 101, dtype=np.uint16)
    save(tmp_path / "x_target.png", 100, dtype=np.uint16)
    _, out, _ = evaluate(tmp_path)
    assert ["mean", "72.23", "-", "-"] in [line.split()[:2] + line.split()[3:] for line in out.splitlines()]
    assert report_of(tmp_path)["overall"]["mse"] is None


def test_many_pictures_are_left_to_the_csv(tmp_path, evaluate):
    save_run(tmp_path, range(1, 23))
    code, out, _ = evaluate(tmp_path, "--show", "1", "--workers", "2")
    assert code == 0
    assert "\n7  " not in out
    assert "worst: 21 (21.28 dB)\nbest: 0 (48.13 dB)\n" in out
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 23


def test_two_folders(tmp_path, evaluate):
    save(tmp_path / "fakes/a/1.png", 101)
    save(tmp_path / "true/a/1.tif", 100)
    code, out, _ = evaluate(tmp_path / "fakes", "--targets", tmp_path / "true", "--output", tmp_path / "out")
    assert code == 0
    assert "a/1" in out
    assert not (tmp_path / "fakes/scores.json").exists()
    picture = report_of(tmp_path / "out")["pictures"][0]
    assert (picture["fake"], picture["target"]) == ("a/1.png", "a/1.tif")
    assert picture["psnr"] == pytest.approx(48.1308, abs=1e-4)


@pytest.fixture
def damaged(tmp_path):
    """A folder of five pairs of which the last only is sound."""
    save_run(tmp_path, [1, 1, 1, 1, 1])
    (tmp_path / "0_target.png").unlink()
    save(tmp_path / "1_fake.png", 101, size=20)
    (tmp_path / "2_fake.png").write_bytes(b"not a picture")
    save(tmp_path / "3_target.png", 100, dtype=np.uint16)
    return tmp_path


def test_every_problem_is_named_and_nothing_written(damaged, evaluate):
    code, out, err = evaluate(damaged)
    assert (code, out) == (1, "")
    lines = err.splitlines()
    assert lines[0].startswith(f"{damaged}/0_fake.png has no target")
    assert lines[1].startswith(f"{damaged}/1_fake.png is 20 x 20 pixels and its target {damaged}/1_target.png 16 x 16")
    assert lines[2].startswith(f"{damaged}/2_fake.png is not a picture")
    assert lines[3].startswith(f"{damaged}/3_fake.png is of 8 bits")
    assert lines[4:] == [
        "error: 4 problems (above), and no scores written: mend them, or score the other 1 picture with --skip-bad"
    ]
    assert not (damaged / "scores.json").exists()


def test_skip_bad_scores_the_rest_and_still_exits_with_1(damaged, evaluate):
    code, out, err = evaluate(damaged, "--skip-bad")
    assert code == 1
    assert "48.13" in out
    assert "left out: 4" in err
    report = report_of(damaged)
    assert [picture["name"] for picture in report["pictures"]] == ["4"]
    assert report["left_out"] == err.splitlines()[:4]


def test_an_earlier_runs_scores_are_named_as_such(tmp_path, evaluate):
    save_run(tmp_path, [1, 1])
    evaluate(tmp_path)
    (tmp_path / "0_target.png").unlink()
    code, _, err = evaluate(tmp_path)
    assert code == 1
    assert f"no scores written; {tmp_path}/scores.json is an earlier run's: mend them" in err


def test_nothing_left_to_score(tmp_path, evaluate):
    save_run(tmp_path, [1])
    (tmp_path / "0_fake.png").write_bytes(b"")
    code, _, err = evaluate(tmp_path, "--skip-bad")
    assert code == 1
    assert err.endswith("error: 1 problem (above), and no scores written\n")


def test_a_full_disk_does_not_take_the_table(tmp_path, evaluate, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device", str(path))

    save_run(tmp_path, [1])
    monkeypatch.setattr("gluon_pix2pix.evaluation.score.write_json", full)
    code, out, err = evaluate(tmp_path)
    assert code == 1
    assert "48.13" in out
    assert err == f"error: {tmp_path}/scores.json: No space left on device\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "Missing"),
        (["absent"], 1, "error: there is no file or folder absent in "),
        ([".", "--workers", "0"], 2, "error: --workers is 1 or more and --show 0 or more, not 0 and 3\n"),
        ([".", "--show", "-1", "--workers", "2"], 2, "--show 0 or more, not 2 and -1"),
        ([".", "--metrics"], 2, "error: --metrics needs one or more of psnr ssim mse mae ms_ssim psnr_rgb psnr_y psnr"),
        ([".", "--metrics", "lpips"], 2, "lpips"),
        (["."], 1, "error: . holds no pictures (.png"),
        (["run", "--output", "run/0_fake.png"], 1, "error: cannot write scores.json in run/0_fake.png (File exists)"),
    ],
)
def test_error_lines(tmp_path, evaluate, monkeypatch, words, code, message):
    monkeypatch.chdir(tmp_path)
    if words[:1] == ["run"]:
        save_run(tmp_path / "run", [1])
    assert evaluate(*words)[0] == code
    assert message in evaluate(*words)[2]


def test_scores_without_mxnet(tmp_path):
    (tmp_path / "poison").mkdir()
    (tmp_path / "poison/mxnet.py").write_text("raise SystemExit('mxnet was imported')")
    save_run(tmp_path / "results", [2])
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "poison")}
    command = [sys.executable, str(ROOT / "eval_psnr.py"), "results/"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert "42.11" in done.stdout
    assert "wrote results/scores.json and results/scores.csv" in done.stdout
    probe = "import sys, mxnet"
    poisoned = subprocess.run(
        [sys.executable, "-c", probe], env=environment, capture_output=True, text=True, timeout=60
    )
    assert "mxnet was imported" in poisoned.stderr  # the poison works


def test_the_output_of_before_stays_word_for_word(tmp_path, evaluate):
    save_run(tmp_path, [1, 2])
    _, out, _ = evaluate(tmp_path)
    assert out.splitlines() == [
        "PSNR: dB, all pixels and channels of the saved files (integers, not cropped), peak 255 (8 bits) or 65535 (16)"
        ", per picture, then averaged",
        "SSIM: Wang et al. 2004, 11 x 11 Gaussian window of sigma 1.5, population covariance, mean of the channels; "
        "MSE, MAE: in pixel values",
        "",
        f"{tmp_path}: 2 pictures",
        "        PSNR (dB)    SSIM    MSE    MAE",
        "0           48.13  1.0000  1.000  1.000",
        "1           42.11  0.9998  4.000  2.000",
        "mean        45.12  0.9999  2.500  1.500",
        "median      45.12  0.9999  2.500  1.500",
        "min         42.11  0.9998  1.000  1.000",
        "max         48.13  1.0000  4.000  2.000",
        "",
        "PSNR of the mean MSE (another number than the mean PSNR): 44.15 dB",
        "worst: 1 (42.11 dB)",
        "best: 0 (48.13 dB)",
        f"wrote {tmp_path}/scores.json and {tmp_path}/scores.csv",
        f"page: {tmp_path}/index.html",
    ]


def test_chosen_metrics(tmp_path, evaluate):
    rng = np.random.default_rng(0)
    for name, size, channels in (("large", 176, 3), ("small", 16, 3), ("gray", 16, 1)):
        target = rng.integers(0, 200, (size, size, channels), np.uint8)
        write_image(tmp_path / f"{name}_target.png", target)
        write_image(tmp_path / f"{name}_fake.png", target + np.uint8(2))
    words = ("--metrics", "mae", "psnr_y", "psnr_rgb", "ms_ssim", "psnr_ab")
    code, out, err = evaluate(tmp_path, *words)
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert rows["gray"] == ["2.000", "42.11", "-", "-", "-", "-", "-"]
    assert rows["small"][:6] == ["2.000", "42.11", "42.11", "42.11", "42.11", "-"]
    assert float(rows["large"][5]) > 0.999
    assert "MS-SSIM: of 1 of 3 pictures; the others have none" in out
    assert "PSNR ab (dB): of 2 of 3 pictures; the others have none" in out
    assert "PSNR Y: dB, as PSNR, of the luminance Y of BT.601" in out
    assert "worst by MAE: " in out
    report = report_of(tmp_path)
    assert list(report["overall"]["ms_ssim"]) == ["mean", "median", "min", "max", "pictures"]
    gray = report["pictures"][0]
    assert list(gray)[-7:] == ["mae", "psnr_y", "psnr_r", "psnr_g", "psnr_b", "ms_ssim", "psnr_ab"]
    assert (gray["name"], gray["ms_ssim"]) == ("gray", None)
    assert "psnr" not in gray


def test_worst_and_best_by_another_metric(tmp_path, evaluate):
    save_run(tmp_path, [1, 2, 4, 8])
    _, out, _ = evaluate(tmp_path, "--metrics", "mse", "psnr", "--show", "1")
    assert "worst by MSE: 3 (64.000)\nbest by MSE: 0 (1.000)\n" in out


def test_sources_are_named(tmp_path, evaluate):
    save_run(tmp_path, [1, 1])
    save(tmp_path / "0_source.png", 9)
    evaluate(tmp_path)
    assert [picture["source"] for picture in report_of(tmp_path)["pictures"]] == ["0_source.png", None]


def test_real_facades_agree_with_opencv(tmp_path, facades, evaluate):
    expected = []
    for path in sorted((facades / "val").glob("*.jpg"))[:3]:
        photo = cv2.imread(str(path))[:, :256]
        blurred = cv2.GaussianBlur(photo, (0, 0), 3)
        cv2.imwrite(str(tmp_path / f"{path.stem}-targets.png"), photo)
        cv2.imwrite(str(tmp_path / f"{path.stem}-outputs.png"), blurred)
        expected.append(cv2.PSNR(photo, blurred))
    assert evaluate(tmp_path)[0] == 0
    psnr = report_of(tmp_path)["overall"]["psnr"]
    assert 10 < psnr["mean"] < 40
    assert psnr["mean"] == pytest.approx(np.mean(expected), abs=1e-9)
    assert psnr["min"] == pytest.approx(min(expected), abs=1e-9)
