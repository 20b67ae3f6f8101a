"""``compare`` as its users run it, on sets whose truth is known."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.pictures.files import write_image
from gluon_pix2pix.pictures.folders import find_images

COUNT = 12


@pytest.fixture
def compare(call):
    return functools.partial(call, "compare")


def save_results(folder: Path, seed: int, noise: float) -> Path:
    """Write COUNT targets, the same whatever `seed`, and fakes which are the targets with noise of that deviation."""
    folder.mkdir()
    targets, rng = np.random.default_rng(0), np.random.default_rng(seed)
    for name in range(COUNT):
        target = targets.integers(60, 196, (24, 24, 3))
        fake = np.rint(target + rng.normal(0, noise * (1 + 0.3 * rng.standard_normal()), target.shape))
        write_image(folder / f"{name}_target.png", target.astype(np.uint8))
        write_image(folder / f"{name}_fake.png", np.clip(fake, 0, 255).astype(np.uint8))
    return folder


def row_of(out: str, name: str) -> list[str]:
    return next(line.split() for line in out.splitlines() if line.startswith(name))


def test_more_noise_is_worse(tmp_path, compare):
    a, b = save_results(tmp_path / "a", 1, 4), save_results(tmp_path / "b", 2, 12)
    code, out, err = compare(a, b, "--output", tmp_path / "difference.json")
    assert (code, err) == (0, "")
    assert f"A: {a}\nB: {b}\n{COUNT} pictures, the same targets\n" in out
    for name in ("PSNR", "SSIM", "MSE", "MAE"):
        assert row_of(out, name)[-3:] == ["A", "is", "better"]
    report = json.loads((tmp_path / "difference.json").read_text())
    psnr = report["metrics"][0]
    assert (psnr["column"], psnr["better"], psnr["pictures"]) == ("psnr", "A", COUNT)
    # three times the noise is 20 log10(3) = 9.54 dB
    assert psnr["low"] < -20 * np.log10(3) < psnr["high"] < 0
    assert psnr["a_better"] + psnr["b_better"] == COUNT
    assert len(psnr["largest"]) == COUNT
    assert report["bootstrap"] == {"resamples": 10000, "confidence": 0.95, "seed": 0}
    largest = next(iter(psnr["largest"]))
    assert f"largest differences in PSNR (dB): {largest} ({psnr['largest'][largest]:+.2f}), " in out


def test_a_page_of_a_b_and_target(tmp_path, compare):
    a, b = save_results(tmp_path / "a", 1, 4), save_results(tmp_path / "b", 2, 12)
    code, out, _ = compare(a, b, "--metrics", "psnr", "mae")
    page = tmp_path / "a_vs_b" / "index.html"
    assert (code, out.splitlines()[-1]) == (0, f"page: {page}")
    data = json.loads(page.read_text().partition('type="application/json">')[2].partition("</script>")[0])
    assert [metric["title"] for metric in data["metrics"]] == ["PSNR B - A", "MAE B - A"]
    first = data["pictures"][0]
    assert list(first["files"].items()) == [
        ("A", "../a/0_fake.png"),
        ("B", "../b/0_fake.png"),
        ("target", "../a/0_target.png"),
    ]
    assert first["scores"][0] < 0 < first["scores"][1]
    assert "A is better" in page.read_text()
    code, out, _ = compare(a, b, "--page", tmp_path / "here")
    assert (code, (tmp_path / "here/index.html").exists()) == (0, True)


def test_few_pictures_give_no_verdict(tmp_path, compare):
    a, b = save_results(tmp_path / "a", 1, 4), save_results(tmp_path / "b", 2, 12)
    for path in [p for folder in (a, b) for p in folder.iterdir() if int(p.name.partition("_")[0]) > 8]:
        path.unlink()
    code, out, _ = compare(a, b)
    assert (code, row_of(out, "PSNR")[-2:]) == (0, ["no", "verdict"])
    assert "no verdict: of fewer than 10 pictures the interval is too narrow to be relied on" in out


def test_the_same_noise_is_undecided(tmp_path, compare):
    a, b = save_results(tmp_path / "a", 1, 8), save_results(tmp_path / "b", 2, 8)
    code, out, _ = compare(a, b, "--show", "0")
    assert code == 0
    for name in ("PSNR", "SSIM", "MSE", "MAE"):
        assert row_of(out, name)[-1] == "undecided"
    assert "largest" not in out


def test_identical_and_small_pictures_are_counted_apart(tmp_path, compare):
    a, b = save_results(tmp_path / "a", 1, 4), save_results(tmp_path / "b", 2, 12)
    (a / "0_fake.png").write_bytes((a / "0_target.png").read_bytes())
    code, out, _ = compare(a, b, "--metrics", "psnr", "ms_ssim", "--output", tmp_path / "x.json")
    assert code == 0
    assert f"PSNR (dB): means, difference and interval are of {COUNT - 1} of {COUNT} pictures" in out
    assert row_of(out, "MS-SSIM") == ["MS-SSIM", "-", "-", "-", "-", "to", "-", "0", "0", "0", "no", "verdict"]
    assert "largest differences in MS-SSIM" not in out


def test_two_folders_against_a_third(tmp_path, compare):
    a, b = save_results(tmp_path / "a", 1, 4), save_results(tmp_path / "b", 2, 12)
    (tmp_path / "true").mkdir()
    for path in find_images(a):
        if path.stem.endswith("_target"):
            path.rename(tmp_path / "true" / path.name.replace("_target", ""))
    code, out, _ = compare(a, b, "--targets", tmp_path / "true")
    assert code == 0
    assert row_of(out, "PSNR")[-3:] == ["A", "is", "better"]


def test_sets_that_do_not_match(tmp_path, compare):
    a, b = save_results(tmp_path / "a", 1, 4), save_results(tmp_path / "b", 2, 4)
    write_image(b / "3_target.png", np.full((24, 24, 3), 7, np.uint8))
    code, out, err = compare(a, b)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {a} and {b} have different targets for 1 of {COUNT} pictures (3): only translations")
    for role in ("fake", "target"):
        (b / f"3_{role}.png").unlink()
    code, _, err = compare(a, b)
    assert code == 1
    assert err.startswith(f"error: {b} lacks 1 of the pictures of {a} (3): only translations of the same pictures")


def test_problems_stop_it(tmp_path, compare):
    a, b = save_results(tmp_path / "a", 1, 4), save_results(tmp_path / "b", 2, 4)
    (b / "5_fake.png").write_bytes(b"nothing")
    code, out, err = compare(a, b)
    assert (code, out) == (1, "")
    assert err.startswith(f"{b}/5_fake.png ")
    assert err.endswith("error: 1 problem (above): mend them, then compare\n")
    (a / "5_target.png").unlink()
    assert compare(a, b)[2].startswith(f"{a}/5_fake.png has no target beside it")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a", "a"], "a and a are the same folder: every difference would be 0"),
        (["a", "b", "--workers", "0"], "--workers is 1 or more"),
        (["a", "b", "--metrics"], "--metrics needs one or more of psnr ssim mse mae ms_ssim"),
        (["a", "b", "--output", "nowhere/x.json"], "--output nowhere/x.json: there is no folder nowhere"),
    ],
)
def test_options_that_cannot_be(tmp_path, compare, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = compare(*words)
    assert (code, out) == (2, "")
    assert message in err
