"""Comparisons whose truth is known, and the interval against scipy's."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from gluon_pix2pix.evaluation.compare import (
    check_same_targets,
    compare_scores,
    match_sets,
    paired_bootstrap,
    pixel_digest,
)
from gluon_pix2pix.evaluation.pairing import Translated
from gluon_pix2pix.evaluation.score import Score
from gluon_pix2pix.pictures.files import write_image


def pair(name, folder="a"):
    return Translated(".", name, Path(folder, f"{name}_fake.png"), Path(folder, f"{name}_target.png"))


def scores_of(**columns):
    rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
    return [Score(pair(str(i)), 16, 16, 3, 8, 1.0, row) for i, row in enumerate(rows)]


def test_the_interval_is_scipys():
    differences = np.random.default_rng(1).gamma(2, size=37) - 1.5  # skewed
    ours = paired_bootstrap(differences, seed=3)
    theirs = stats.bootstrap(
        (differences,), np.mean, n_resamples=10_000, method="percentile", vectorized=True, random_state=8
    ).confidence_interval
    assert ours == pytest.approx(theirs, abs=0.02)  # 10,000 draws leave some 0.006 of chance in an end
    assert ours[1] - ours[0] == pytest.approx(2 * 1.96 * differences.std() / math.sqrt(37), rel=0.1)
    assert ours == paired_bootstrap(differences, seed=3)
    assert ours != paired_bootstrap(differences, seed=4)


def test_many_pictures_are_resampled_in_blocks():
    differences = np.random.default_rng(1).normal(0.1, 1, 3001)
    low, high = paired_bootstrap(differences, seed=0, resamples=1000)
    assert (low + high) / 2 == pytest.approx(differences.mean(), abs=0.01)
    assert high - low == pytest.approx(2 * 1.96 / math.sqrt(3001), rel=0.15)


def test_a_bootstrap_of_one_picture():
    with pytest.raises(ValueError, match="needs two pictures or more, not 1"):
        paired_bootstrap([1.0], seed=0)


def test_comparison_by_hand():
    (psnr, mae) = compare_scores(
        scores_of(psnr=[20.0, 22.0, 24.0], mae=[9.0, 8.0, 7.0]),
        scores_of(psnr=[21.0, 23.5, 24.0], mae=[8.0, 7.0, 6.5]),
    )
    assert psnr[:5] == ("psnr", 3, 22, pytest.approx(68.5 / 3), pytest.approx(2.5 / 3))
    assert (psnr.a_better, psnr.b_better, psnr.equal) == (0, 2, 1)
    assert psnr.largest == [("1", 1.5), ("0", 1.0), ("2", 0.0)]
    assert psnr.better is None  # all three resamples may be the picture without a difference
    assert psnr.low == 0
    assert (mae.a_better, mae.b_better, mae.equal) == (0, 3, 0)
    assert mae.high < 0
    assert mae.better is None  # of three pictures


def test_the_other_way_round():
    a, b = (scores_of(ssim=[s, s + 0.1] * 5, mse=[m, m - 1] * 5) for s, m in ((0.5, 9.0), (0.4, 10.5)))
    assert [row.better for row in compare_scores(a, b)] == ["A", "A"]
    assert [row.better for row in compare_scores(b, a)] == ["B", "B"]
    assert [row.better for row in compare_scores(a[:9], b[:9])] == [None, None]


def test_equals_are_undecided():
    noise = np.random.default_rng(0).normal(0, 1, 40)
    row = compare_scores(scores_of(psnr=20 + noise), scores_of(psnr=20 + noise[::-1]))[0]
    assert row.low < 0 < row.high
    assert row.better is None


def test_infinite_and_missing_values():
    a = scores_of(psnr=[math.inf, 20.0, 21.0, math.inf], ms_ssim=[None, None, 0.5, None])
    b = scores_of(psnr=[30.0, math.inf, 23.0, math.inf], ms_ssim=[None, None, 0.6, None])
    psnr, ms_ssim = compare_scores(a, b)
    assert psnr[:7] == ("psnr", 1, 21, 23, 2, None, None)
    assert (psnr.a_better, psnr.b_better, psnr.equal) == (1, 2, 1)
    assert psnr.better is None
    assert (ms_ssim.pictures, ms_ssim.b_better, ms_ssim.equal) == (1, 1, 0)
    empty = compare_scores(a[:1], b[:1])[1]
    assert empty[1:10] == (0, None, None, None, None, None, 0, 0, 0)


def test_pixel_values_of_two_depths_are_not_compared():
    a, b = scores_of(psnr=[20.0, 30.0], mae=[9.0, 8.0]), scores_of(psnr=[21.0, 31.0], mae=[8.0, 7.0])
    a[1] = a[1]._replace(bits=16)
    psnr, mae = compare_scores(a, b)
    assert (psnr.pictures, mae.pictures, mae.difference) == (2, 0, None)


def test_sets_match_by_name():
    a, b = [pair("1"), pair("2")], [pair("2", "b"), pair("1", "b")]
    assert [found.name for found in match_sets(a, b, folders=("a", "b"))] == ["1", "2"]
    with pytest.raises(ValueError, match=r"b lacks 4 of the pictures of a \(3, 4, 5, \.\.\.\): only translations of"):
        match_sets([*a, *map(pair, "3456")], b, folders=("a", "b"))
    with pytest.raises(ValueError, match=r"a lacks 1 of the pictures of b \(2\)"):
        match_sets(a[:1], b, folders=("a", "b"))


def test_targets_are_compared_pixel_by_pixel(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
    for folder in "abc":
        (tmp_path / folder).mkdir()
    a, b, c = (Translated(".", "1", tmp_path / folder, tmp_path / folder / "1_target.png") for folder in "abc")
    b = b._replace(target=tmp_path / "b" / "1_real_B.bmp")
    write_image(a.target, picture)
    write_image(b.target, picture)
    write_image(c.target, picture ^ (np.arange(720).reshape(12, 20, 3) == 700).astype(np.uint8))
    check_same_targets([a, a], [b, a], folders=("a", "b"), workers=2)
    with pytest.raises(
        ValueError, match=r"a and c have different targets for 1 of 2 pictures \(1\): only translations"
    ):
        check_same_targets([a, a], [b, c], folders=("a", "c"))
    write_image(c.target, picture.reshape(20, 12, 3))
    assert pixel_digest(c.target) != pixel_digest(a.target)
