import numpy as np
import pytest
import scipy.signal

from gluon_pix2pix.evaluation.checkerboard import WINDOW, checkerboard, welch_power


def grid(period: int, size: int = 256) -> np.ndarray:
    """Return one wave of that period along the columns and one along the rows, multiplied: corners of squares."""
    wave = np.cos(2 * np.pi * np.arange(size) / period)
    return np.outer(wave, wave)


def test_the_power_spectrum_is_scipys():
    picture = np.random.default_rng(0).uniform(0, 255, (64, 80))
    along_rows = {"window": "hann", "nperseg": WINDOW, "noverlap": WINDOW // 2, "return_onesided": False}
    # scipy has no Welch of two axes: its short-time transform of the rows, then of those numbers along the columns.
    _, _, rows = scipy.signal.stft(picture, axis=1, boundary=None, padded=False, scaling="spectrum", **along_rows)
    _, _, both = scipy.signal.stft(rows, axis=0, boundary=None, padded=False, scaling="spectrum", **along_rows)
    expected = np.mean(np.abs(both) ** 2, axis=(2, 3)) * (WINDOW / 2) ** 4  # (frequency down, frequency across)
    found = welch_power(picture)
    assert expected.shape == found.shape
    away = np.s_[2 : WINDOW - 1, 2 : WINDOW - 1]  # where a window's mean, which scipy leaves in, does not reach
    np.testing.assert_allclose(found[away], expected[away], rtol=1e-9)


def test_noise_has_no_grid():
    values = [checkerboard(np.random.default_rng(seed).normal(size=(256, 256))) for seed in range(5)]
    assert np.abs(values).max() < 0.3


def test_a_grid_in_noise_is_what_the_windows_sums_say():
    """A wave of amplitude a has the power (a/2 sum(w))**2 there, noise of variance v has v sum(w**2) everywhere.

    For the two-dimensional Hann window the sums are 16**2 and 12**2. At half the sampling rate a wave is real alone:
    (a sum(w))**2 in place of (a/2 ...)**2, along each axis.
    """
    picture = grid(2, 512) * 0.5 + np.random.default_rng(0).normal(size=(512, 512))
    at_the_corner = 10 * np.log10(1 + (0.5 * 16**2) ** 2 / 12**2)
    assert checkerboard(picture, period=2) == pytest.approx(at_the_corner / 3, abs=0.3)  # of three frequencies


def test_stronger_grids_have_more_of_it_and_scale_and_offset_do_not_matter():
    noise = np.random.default_rng(0).normal(size=(128, 128, 3))
    values = [checkerboard(noise + amplitude * grid(4, 128)[:, :, None]) for amplitude in (0, 0.2, 0.4, 0.8)]
    assert np.all(np.diff(values) > 0.3)
    assert checkerboard(100 + 7 * noise) == pytest.approx(checkerboard(noise))


def test_straight_edges_are_no_grid():
    stripes = np.random.default_rng(0).normal(size=(1, 256)).repeat(256, axis=0)
    noise = 0.01 * np.random.default_rng(1).normal(size=(256, 256))
    assert abs(checkerboard(stripes + noise)) < 1.5
    assert checkerboard(stripes + noise + grid(4)) > 5


def test_a_picture_of_one_colour_has_no_value():
    assert np.isnan(checkerboard(np.full((64, 64, 3), 7, np.uint8)))


def test_refusals():
    with pytest.raises(ValueError, match="31 x 40 pixels is smaller than 32"):
        checkerboard(np.zeros((31, 40)))
    with pytest.raises(ValueError, match="2, 4 or 8 pixels here, not 3"):
        checkerboard(np.zeros((64, 64)), period=3)
