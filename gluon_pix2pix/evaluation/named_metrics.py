"""The metrics by name: what each computes of two pictures, whether more is better, and its protocol in words.

`score_pair` is the one way from two pictures to numbers: scored folders, comparisons and validation during training
all go through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np

from gluon_pix2pix.evaluation.checkerboard import WINDOW, checkerboard
from gluon_pix2pix.evaluation.metrics import (
    MS_SSIM_SMALLEST,
    MS_SSIM_WEIGHTS,
    SSIM_SIGMA,
    SSIM_WINDOW,
    luminance,
    mae,
    ms_ssim,
    mse,
    psnr,
    ssim,
)
from gluon_pix2pix.evaluation.names import DEFAULT_METRICS, METRICS
from gluon_pix2pix.pairs.coding import to_lab

AB_RANGE = 220  # the a and b of CIE L*a*b* are taken to lie in [-110, 110]; sRGB's corners do

_COLUMNS = {"psnr_rgb": ("psnr_r", "psnr_g", "psnr_b")}
HEADINGS = {
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "mse": "MSE",
    "mae": "MAE",
    "ms_ssim": "MS-SSIM",
    "psnr_r": "PSNR R (dB)",
    "psnr_g": "PSNR G (dB)",
    "psnr_b": "PSNR B (dB)",
    "psnr_y": "PSNR Y (dB)",
    "psnr_ab": "PSNR ab (dB)",
    "checkerboard": "checkerboard (dB)",
}
PIXEL_VALUES = ("mse", "mae")
LOWER_IS_BETTER = (*PIXEL_VALUES, "checkerboard")

PROTOCOL = {
    "psnr": "dB, all pixels and channels of the saved files (integers, not cropped), peak 255 (8 bits) or 65535 (16), "
    "per picture, then averaged",
    "ssim": f"Wang et al. 2004, {SSIM_WINDOW} x {SSIM_WINDOW} Gaussian window of sigma "
    f"{SSIM_SIGMA}, population covariance, mean of the channels",
    "mse_mae": "in pixel values",
    "ms_ssim": "Wang et al. 2003, the window of SSIM at 5 scales halved by 2 x 2 averages, weights "
    f"{' '.join(str(weight) for weight in MS_SSIM_WEIGHTS)}, mean of the channels; none for pictures with a "
    f"side below {MS_SSIM_SMALLEST} pixels",
    "psnr_rgb": "dB, as PSNR, of the red, green and blue channel alone; none for gray pictures",
    "psnr_y": "dB, as PSNR, of the luminance Y of BT.601 = 0.299 R + 0.587 G + 0.114 B, full range, not rounded",
    "psnr_ab": "dB, of a and b of CIE L*a*b* (D65) together, peak to peak 220; none for gray pictures",
    "checkerboard": "dB by which the frequencies of a 4-pixel grid stand out of those beside them (Welch spectrum, "
    f"Hann windows of {WINDOW} pixels), less the same of the target: 0 for no more of a grid than it has; none for "
    f"pictures with a side below {WINDOW} pixels, or of one colour",
    "psnr_of_mean_mse": "dB, from the mean of MSE / peak^2: another number than the mean PSNR, and never above it",
    "psnr_mean_of_finite": "dB, the mean PSNR without identical pictures; null if there are no others",
    "inf": "the PSNR of identical pictures, and so of any mean over them",
    "null": "what a picture has no value of; MSE and MAE are not averaged over pictures of different bit depths",
}


def columns(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that metrics fill, each once: their own names, but psnr_r, psnr_g and psnr_b for psnr_rgb.

    Raises
    ------
    ValueError
        If one is not of `METRICS`.
    """
    for name in names:
        if name not in METRICS:
            raise ValueError(f"there is no metric {name!r}; the metrics are {', '.join(METRICS)}")
    return tuple(dict.fromkeys(column for name in names for column in _COLUMNS.get(name, (name,))))


def score_pair(
    image_true: np.ndarray,
    image_test: np.ndarray,
    metrics: Sequence[str] = DEFAULT_METRICS,
    data_range: Optional[float] = None,
) -> dict[str, Optional[float]]:
    """Score a picture against the true one.

    Parameters
    ----------
    image_true, image_test
        (H, W, C), uint8 or uint16, RGB if C is 3 and gray if it is 1, of one shape and dtype.
    metrics
        Some of `METRICS`.
    data_range
        The largest possible value minus the smallest; None for what the dtype can hold, 255 or 65535.

    Returns
    -------
    dict
        `columns(metrics)` to numbers: PSNRs in dB (inf for identical pictures), MSE and MAE in pixel values. None
        where the picture has no such value: MS-SSIM of a small one, colours of a gray one.

    Raises
    ------
    ValueError
        If a metric has no such name, the pictures differ in shape or dtype, or are smaller than SSIM's window.
    """
    peak = np.iinfo(image_true.dtype).max if data_range is None else data_range
    return {column: _score(column, image_true, image_test, peak) for column in columns(metrics)}


def _score(column: str, image_true: np.ndarray, image_test: np.ndarray, peak: float) -> Optional[float]:
    if column in ("mse", "mae"):
        return (mse if column == "mse" else mae)(image_true, image_test)
    if column in ("psnr", "ssim"):
        return (psnr if column == "psnr" else ssim)(image_true, image_test, data_range=peak)
    if column == "ms_ssim":
        fits = min(image_true.shape[:2]) >= MS_SSIM_SMALLEST
        return ms_ssim(image_true, image_test, data_range=peak) if fits else None
    if column == "checkerboard":
        return _checkerboard(image_true, image_test)
    channels = image_true.shape[2]
    if column == "psnr_y":
        is_seen = channels in (1, 3)
        return psnr(luminance(image_true), luminance(image_test), data_range=peak) if is_seen else None
    if channels != 3:
        return None
    if column == "psnr_ab":
        ab_true, ab_test = (to_lab(image)[:, :, 1:] for image in (image_true, image_test))
        return psnr(ab_true, ab_test, data_range=AB_RANGE)
    channel = "rgb".index(column[-1])
    return psnr(image_true[:, :, channel], image_test[:, :, channel], data_range=peak)


def _checkerboard(image_true: np.ndarray, image_test: np.ndarray) -> Optional[float]:
    if min(image_true.shape[:2]) < WINDOW:
        return None
    difference = checkerboard(image_test) - checkerboard(image_true)
    return float(difference) if np.isfinite(difference) else None
