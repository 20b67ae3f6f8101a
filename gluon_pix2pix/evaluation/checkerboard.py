"""How much of a checkerboard a picture has: the grid that layers of stride 2 leave in it (Odena et al. 2016).

Their article, DOI 10.23915/distill.00003, shows the grids and gives no measure; this one is ours.
"""

from __future__ import annotations

import numpy as np

WINDOW = 32  # pixels: 8 frequencies between two multiples of 1/4, and windows enough in a small picture


def checkerboard(image: np.ndarray, *, period: int = 4) -> float:
    """Return by how much the frequencies of a grid of `period` pixels stand out of those beside them.

    The power spectrum is Welch's: windows of 32 x 32 pixels, overlapping by half, each less its mean and weighed by a
    Hann window, their powers averaged; the mean over the channels. Of it, each frequency (m, n) / period other than
    (0, 0) is set against the geometric mean of those half-way to the next ones: along an axis where it is on that axis,
    along both where it is on none. Photos of straight things have strong axes, and that is not taken for a grid.

    Parameters
    ----------
    image
        (H, W) or (H, W, C), sides of 32 pixels or more. Its scale does not matter.
    period
        Pixels, a power of two up to 8: 4 sees the grids of the last two layers of stride 2, 2 that of the last alone.

    Returns
    -------
    float
        The mean of those ratios in dB: about 0 where nothing stands out, NaN for a picture of one colour.

    Raises
    ------
    ValueError
        If the picture is too small, or the period not one of 2, 4 and 8.
    """
    if period not in (2, 4, 8):
        raise ValueError(f"the period of a grid is 2, 4 or 8 pixels here, not {period}")
    power = welch_power(image)
    spacing = WINDOW // period
    places = [(m, n) for m in range(0, WINDOW, spacing) for n in range(0, WINDOW, spacing) if m or n]
    ratios = [_standing_out(power, m, n, spacing // 2) for m, n in places]
    return float(np.mean(ratios))


def welch_power(image: np.ndarray) -> np.ndarray:
    """Return the power spectrum of a picture, (32, 32), the mean over half-overlapping Hann windows and channels.

    Raises
    ------
    ValueError
        If the picture is smaller than a window.
    """
    planes = np.atleast_3d(np.asarray(image, np.float64))
    height, width = planes.shape[:2]
    if min(height, width) < WINDOW:
        raise ValueError(f"a picture of {height} x {width} pixels is smaller than {WINDOW} x {WINDOW}")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    windows = np.lib.stride_tricks.sliding_window_view(planes, (WINDOW, WINDOW), axis=(0, 1))
    windows = windows[:: WINDOW // 2, :: WINDOW // 2]  # (rows, columns, C, 32, 32)
    windows = windows - windows.mean(axis=(-2, -1), keepdims=True)
    return np.mean(np.abs(np.fft.fft2(windows * np.outer(hann, hann))) ** 2, axis=(0, 1, 2))


def _standing_out(power: np.ndarray, m: int, n: int, step: int) -> float:
    """Return the ratio of a frequency's power to the geometric mean of those `step` away, in dB."""
    beside = []
    for sign in (-step, step):
        beside += [power[(m + sign) % WINDOW, n]] if m else []
        beside += [power[m, (n + sign) % WINDOW]] if n else []
    with np.errstate(divide="ignore", invalid="ignore"):
        return 10 * (np.log10(power[m, n]) - np.mean(np.log10(beside)))
