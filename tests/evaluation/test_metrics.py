"""The metrics against scikit-image, OpenCV and values worked out by hand."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

from gluon_pix2pix.evaluation.metrics import (
    MS_SSIM_SMALLEST,
    luminance,
    mae,
    ms_ssim,
    mse,
    psnr,
    psnr_of_mean_mse,
    ssim,
)


def noisy_pair(dtype, shape=(40, 56, 3)):
    random = np.random.default_rng(3)
    peak = np.iinfo(dtype).max
    true = random.integers(0, peak, shape, endpoint=True)
    test = np.clip(true + random.normal(0, peak / 20, shape), 0, peak)
    return true.astype(dtype), test.astype(dtype), peak


def constant(value, dtype=np.uint8, shape=(16, 16, 3)):
    return np.full(shape, value, dtype)


@pytest.mark.parametrize(("darker", "lighter"), [(100, 101), (0, 1), (254, 255)])
def test_a_difference_of_one_everywhere(darker, lighter):
    for true, test in ((darker, lighter), (lighter, darker)):  # in uint8, 0 - 1 would be 255
        assert mse(constant(true), constant(test)) == 1
        assert mae(constant(true), constant(test)) == 1
        assert psnr(constant(true), constant(test), data_range=255) == pytest.approx(48.1308036, abs=1e-6)


def test_black_against_white():
    black, white = constant(0, np.uint16), constant(65535, np.uint16)
    assert psnr(black, white, data_range=65535) == 0
    assert mse(black, white) == 65535**2
    assert mae(black, white) == 65535


def test_a_difference_of_one_in_16_bits():
    # 20 log10(65535)
    value = psnr(constant(7, np.uint16), constant(8, np.uint16), data_range=65535)
    assert value == pytest.approx(96.3294661, abs=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_agrees_with_scikit_image_and_opencv(dtype):
    true, test, peak = noisy_pair(dtype)
    expected = peak_signal_noise_ratio(true, test, data_range=peak)
    assert psnr(true, test, data_range=peak) == pytest.approx(expected, abs=1e-10)
    assert psnr(true, test, data_range=peak) == pytest.approx(cv2.PSNR(true, test, float(peak)), abs=1e-9)
    assert mse(true, test) == pytest.approx(mean_squared_error(true, test), rel=1e-12)
    assert mae(true, test) == pytest.approx(cv2.norm(true, test, cv2.NORM_L1) / true.size, rel=1e-12)


def ssim_by_opencv(true, test, peak):
    """SSIM as the paper's equation 13, with OpenCV's filters, for one channel: mean SSIM, mean of its second factor."""
    window = cv2.getGaussianKernel(11, 1.5, cv2.CV_64F)
    true, test = true.astype(np.float64), test.astype(np.float64)
    x, y, xx, yy, xy = (
        cv2.sepFilter2D(image, cv2.CV_64F, window, window)[5:-5, 5:-5]
        for image in (true, test, true * true, test * test, true * test)
    )
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    luminance = (2 * x * y + c1) / (x * x + y * y + c1)
    contrast_structure = (2 * (xy - x * y) + c2) / (xx - x * x + yy - y * y + c2)
    return (luminance * contrast_structure).mean(), contrast_structure.mean()


def ms_ssim_by_opencv(true, test, peak):
    """Multi-scale SSIM as equation 7 of Wang et al. 2003 (the means as in its authors' program), for one channel."""
    value = 1
    for weight in (0.0448, 0.2856, 0.3001, 0.2363):
        value *= max(ssim_by_opencv(true, test, peak)[1], 0) ** weight
        height, width = (side // 2 for side in true.shape)
        true, test = (
            cv2.resize(image.astype(np.float64), (width, height), interpolation=cv2.INTER_AREA)
            for image in (true, test)
        )
    return value * ssim_by_opencv(true, test, peak)[0] ** 0.1333


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ssim_is_the_published_protocol(dtype):
    true, test, peak = noisy_pair(dtype)
    by_channel = [ssim_by_opencv(true[..., i], test[..., i], peak)[0] for i in range(3)]
    assert by_channel[0] < 0.99
    assert ssim(true, test, data_range=peak) == pytest.approx(np.mean(by_channel), abs=1e-9)
    assert ssim(true[..., 0], test[..., 0], data_range=peak) == pytest.approx(by_channel[0], abs=1e-9)
    assert ssim(true[..., :1], test[..., :1], data_range=peak) == pytest.approx(by_channel[0], abs=1e-9)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ms_ssim_is_the_published_protocol(dtype):
    # both even at every scale; flat patches and edges, which noise alone has not
    true, test, peak = noisy_pair(dtype, (192, 208, 3))
    true = cv2.boxFilter(true, -1, (9, 9))
    test = (cv2.boxFilter(test, -1, (5, 5)) * 0.9).astype(dtype)
    by_channel = [ms_ssim_by_opencv(true[..., i], test[..., i], peak) for i in range(3)]
    assert 0.2 < by_channel[0] < 0.95
    assert ms_ssim(true, test, data_range=peak) == pytest.approx(np.mean(by_channel), abs=1e-9)
    assert ms_ssim(true[..., 0], test[..., 0], data_range=peak) == pytest.approx(by_channel[0], abs=1e-9)


def test_ms_ssim_of_constant_pictures_is_the_coarsest_luminance_term():
    true, test = constant(100, shape=(177, 179, 3)), constant(120, shape=(177, 179, 3))
    assert ms_ssim(true, test, data_range=255) == pytest.approx((24006.5025 / 24406.5025) ** 0.1333, abs=1e-9)


def test_ms_ssim_of_opposites_is_nothing():
    true = noisy_pair(np.uint8, (176, 176))[0]
    assert ms_ssim(true, 255 - true, data_range=255) == 0


def test_odd_sides_are_halved_with_their_last_row_twice():
    true, test, _ = noisy_pair(np.uint8, (351, 352))
    doubled = [np.concatenate([image, image[-1:]]) for image in (true, test)]
    # the finest scale alone sees the row more: 341 rows of windows or 342
    assert ms_ssim(true, test, data_range=255) == pytest.approx(ms_ssim(*doubled, data_range=255), rel=1e-3)
    assert ms_ssim(true, true.copy(), data_range=255) == pytest.approx(1)


def test_luminance_is_full_range_bt_601():
    colours = np.array([[[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255], [1, 0, 0]]], np.uint8)
    assert luminance(colours)[0].tolist() == pytest.approx([255, 76.245, 149.685, 29.07, 0.299])
    rgb = noisy_pair(np.uint8)[0]
    assert np.abs(luminance(rgb) - cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)).max() < 0.51  # OpenCV rounds
    assert np.array_equal(luminance(rgb[:, :, :1]), rgb[:, :, 0])
    with pytest.raises(ValueError, match=r"luminance is of pictures .* not of arrays of shape \(16, 16, 2\)"):
        luminance(constant(1, shape=(16, 16, 2)))


def test_ssim_of_constant_pictures_is_the_luminance_term():
    # no variance: (2 * 100 * 120 + C1) / (100**2 + 120**2 + C1) with C1 = 2.55**2
    expected = (24000 + 6.5025) / (24400 + 6.5025)
    assert ssim(constant(100), constant(120), data_range=255) == pytest.approx(expected, abs=1e-9)


def test_identical_pictures():
    true, _, _ = noisy_pair(np.uint8)
    assert psnr(true, true.copy(), data_range=255) == math.inf
    assert ssim(true, true.copy(), data_range=255) == pytest.approx(1)
    assert mse(true, true.copy()) == mae(true, true.copy()) == 0


def test_the_psnr_of_the_mean_mse_is_another_number_than_the_mean_psnr():
    # MSE 1 and 100: 48.13 and 28.13 dB, mean 38.13; mean MSE 50.5: 10 log10(65025 / 50.5)
    assert psnr_of_mean_mse([1, 100], data_range=255) == pytest.approx(31.0979, abs=1e-4)
    assert psnr_of_mean_mse([0, 0], data_range=255) == math.inf


def test_the_psnr_of_the_mean_mse_weighs_depths_alike():
    # both pictures are a tenth of their peak off
    value = psnr_of_mean_mse([25.5**2, 6553.5**2], data_range=np.array([255, 65535]))
    assert value == pytest.approx(20, abs=1e-9)


@pytest.mark.parametrize("metric", [mse, mae, psnr, ssim, ms_ssim])
def test_refuses_what_does_not_compare(metric):
    options = {"data_range": 255} if metric in (psnr, ssim, ms_ssim) else {}
    with pytest.raises(ValueError, match=r"one shape, not \(16, 16, 3\) and \(16, 16, 1\)"):
        metric(constant(1), constant(1, shape=(16, 16, 1)), **options)
    with pytest.raises(ValueError, match="one dtype, not uint8 and uint16"):
        metric(constant(1), constant(1, np.uint16), **options)
    with pytest.raises(ValueError, match="nothing to compare"):
        metric(constant(1, shape=(0, 16, 3)), constant(1, shape=(0, 16, 3)), **options)


@pytest.mark.parametrize("metric", [psnr, ssim, ms_ssim])
def test_refuses_a_range_that_is_not_positive(metric):
    with pytest.raises(ValueError, match="data_range must be positive, not 0"):
        metric(constant(1), constant(2), data_range=0)


def test_refuses_no_pictures():
    with pytest.raises(ValueError, match="no PSNR of no pictures"):
        psnr_of_mean_mse([], data_range=255)


def test_ssim_refuses_what_its_window_does_not_fit():
    ssim(constant(1, shape=(11, 11, 1)), constant(1, shape=(11, 11, 1)), data_range=255)
    with pytest.raises(ValueError, match="SSIM needs at least 11 x 11 pixels, and this is 64 x 10"):
        ssim(constant(1, shape=(10, 64, 3)), constant(1, shape=(10, 64, 3)), data_range=255)
    with pytest.raises(ValueError, match="SSIM takes pictures"):
        ssim(constant(1, shape=(2, 16, 16, 3)), constant(1, shape=(2, 16, 16, 3)), data_range=255)


def test_ms_ssim_refuses_what_its_coarsest_window_does_not_fit():
    assert MS_SSIM_SMALLEST == 176
    ms_ssim(constant(1, shape=(176, 176, 1)), constant(1, shape=(176, 176, 1)), data_range=255)
    with pytest.raises(ValueError, match="MS-SSIM needs at least 176 x 176 pixels, and this is 175 x 300"):
        ms_ssim(constant(1, shape=(300, 175, 3)), constant(1, shape=(300, 175, 3)), data_range=255)
