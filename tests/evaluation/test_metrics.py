"""The metrics against scikit-image, OpenCV and values worked out by hand."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

from gluon_pix2pix.evaluation.metrics import mae, mse, psnr, psnr_of_mean_mse, ssim


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
    """SSIM as the paper's equation 13, with OpenCV's filters, for one channel."""
    window = cv2.getGaussianKernel(11, 1.5, cv2.CV_64F)
    true, test = true.astype(np.float64), test.astype(np.float64)
    x, y, xx, yy, xy = (
        cv2.sepFilter2D(image, cv2.CV_64F, window, window)[5:-5, 5:-5]
        for image in (true, test, true * true, test * test, true * test)
    )
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    luminance = (2 * x * y + c1) / (x * x + y * y + c1)
    return (luminance * (2 * (xy - x * y) + c2) / (xx - x * x + yy - y * y + c2)).mean()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_ssim_is_the_published_protocol(dtype):
    true, test, peak = noisy_pair(dtype)
    by_channel = [ssim_by_opencv(true[..., i], test[..., i], peak) for i in range(3)]
    assert by_channel[0] < 0.99
    assert ssim(true, test, data_range=peak) == pytest.approx(np.mean(by_channel), abs=1e-9)
    assert ssim(true[..., 0], test[..., 0], data_range=peak) == pytest.approx(by_channel[0], abs=1e-9)
    assert ssim(true[..., :1], test[..., :1], data_range=peak) == pytest.approx(by_channel[0], abs=1e-9)


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


@pytest.mark.parametrize("metric", [mse, mae, psnr, ssim])
def test_refuses_what_does_not_compare(metric):
    options = {"data_range": 255} if metric in (psnr, ssim) else {}
    with pytest.raises(ValueError, match=r"one shape, not \(16, 16, 3\) and \(16, 16, 1\)"):
        metric(constant(1), constant(1, shape=(16, 16, 1)), **options)
    with pytest.raises(ValueError, match="one dtype, not uint8 and uint16"):
        metric(constant(1), constant(1, np.uint16), **options)
    with pytest.raises(ValueError, match="nothing to compare"):
        metric(constant(1, shape=(0, 16, 3)), constant(1, shape=(0, 16, 3)), **options)


@pytest.mark.parametrize("metric", [psnr, ssim])
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
