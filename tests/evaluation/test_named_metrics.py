"""Metrics by name: columns, and the values of luminance and colours against numbers worked out elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from gluon_pix2pix.evaluation.checkerboard import checkerboard
from gluon_pix2pix.evaluation.named_metrics import HEADINGS, columns, score_pair
from gluon_pix2pix.evaluation.names import DEFAULT_METRICS, METRICS


def a_pair(shape=(40, 30, 3), dtype=np.uint8):
    rng = np.random.default_rng(5)
    return [rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True) for _ in range(2)]


def test_columns():
    assert columns(("mae", "psnr_rgb", "psnr", "mae")) == ("mae", "psnr_r", "psnr_g", "psnr_b", "psnr")
    assert set(columns(METRICS)) == set(HEADINGS)
    with pytest.raises(ValueError, match=r"there is no metric 'lpips'; the metrics are psnr, ssim, mse, mae, ms_ssim"):
        columns(("psnr", "lpips"))


def test_the_default_four():
    true, test = a_pair()
    assert list(score_pair(true, test)) == list(DEFAULT_METRICS) == ["psnr", "ssim", "mse", "mae"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_channels_are_scored_alone(dtype):
    true, test = a_pair(dtype=dtype)
    scores = score_pair(true, test, ("psnr_rgb",))
    for index, letter in enumerate("rgb"):
        expected = peak_signal_noise_ratio(true[..., index], test[..., index], data_range=np.iinfo(dtype).max)
        assert scores[f"psnr_{letter}"] == pytest.approx(expected, abs=1e-9)


def test_luminance():
    true, test = a_pair()
    weights = [0.299, 0.587, 0.114]
    expected = 10 * np.log10(255**2 / np.mean(((true.astype(float) - test) @ weights) ** 2))
    assert score_pair(true, test, ("psnr_y",))["psnr_y"] == pytest.approx(expected, abs=1e-9)
    gray_true, gray_test = true[:, :, :1], test[:, :, :1]
    assert score_pair(gray_true, gray_test, ("psnr_y", "psnr"))["psnr_y"] == pytest.approx(
        score_pair(gray_true, gray_test, ("psnr",))["psnr"]
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_agree_with_scikit_image(dtype):
    true, test = a_pair(dtype=dtype)
    ab_true, ab_test = (rgb2lab(image)[:, :, 1:] for image in (true, test))
    expected = 10 * np.log10(220**2 / np.mean((ab_true - ab_test) ** 2))
    assert score_pair(true, test, ("psnr_ab",))["psnr_ab"] == pytest.approx(expected, abs=0.02)  # OpenCV's tables


def test_the_same_colours_in_another_light():
    grays = [np.full((16, 16, 3), value, np.uint8) for value in (80, 200)]
    assert score_pair(*grays, ("psnr_ab",))["psnr_ab"] > 100
    assert score_pair(grays[0], grays[0], ("psnr_ab",))["psnr_ab"] == math.inf


def test_what_a_picture_has_no_value_of_is_none():
    true, test = a_pair((175, 180, 1))
    assert score_pair(true, test, ("ms_ssim", "psnr_rgb", "psnr_ab")) == dict.fromkeys(
        ("ms_ssim", "psnr_r", "psnr_g", "psnr_b", "psnr_ab")
    )
    bands = a_pair((16, 16, 4))
    assert score_pair(*bands, ("psnr_y", "psnr_ab")) == {"psnr_y": None, "psnr_ab": None}
    assert score_pair(*bands, ("ssim",))["ssim"] is not None


def test_a_grid_counts_as_much_as_there_is_more_of_it_than_in_the_target():
    rng = np.random.default_rng(0)
    true = rng.integers(100, 150, (64, 64, 3), np.uint8)
    fake = true.copy()
    fake[::2, ::2] += 40
    score = score_pair(true, fake, ("checkerboard",))["checkerboard"]
    assert score == pytest.approx(checkerboard(fake) - checkerboard(true))
    assert score > 2
    assert score_pair(true, true, ("checkerboard",)) == {"checkerboard": 0}
    assert score_pair(true[:31], fake[:31], ("checkerboard",)) == {"checkerboard": None}
    assert score_pair(true, np.zeros_like(true), ("checkerboard",)) == {"checkerboard": None}


def test_another_range():
    true, test = a_pair()
    wider = score_pair(true, test, ("psnr",), data_range=510)["psnr"]
    assert wider == pytest.approx(score_pair(true, test, ("psnr",))["psnr"] + 20 * math.log10(2))
