"""How far a picture is from the true one: PSNR, SSIM, MSE and MAE of numpy arrays.

Everything is computed in float64, so that the difference of two uint8 values never wraps around.
"""

from __future__ import annotations

import numpy as np
from skimage.metrics import structural_similarity

# Wang et al. 2004 weigh each window with a Gaussian of this width, cut to 11 x 11 pixels.
SSIM_SIGMA = 1.5
SSIM_WINDOW = 11


def psnr(image_true: np.ndarray, image_test: np.ndarray, *, data_range: float) -> float:
    """Return the peak signal-to-noise ratio of two pictures.

    Parameters
    ----------
    image_true, image_test
        Arrays of one shape and dtype, any number of axes.
    data_range
        The largest possible value minus the smallest: 255 for 8 bits, 65535 for 16.

    Returns
    -------
    float
        ``10 log10(data_range**2 / MSE)`` in dB, with the MSE over all pixels and channels; inf for identical pictures.

    Raises
    ------
    ValueError
        If shapes or dtypes differ, the arrays are empty or `data_range` is not positive.
    """
    return psnr_of_mean_mse([mse(image_true, image_test)], data_range=data_range)


def psnr_of_mean_mse(errors: np.ndarray, *, data_range: np.ndarray) -> float:
    """Return the PSNR of a set of pictures from the mean of their mean squared errors.

    This is the PSNR of all pictures' pixels taken as one large picture. The mean of the pictures' own PSNRs is
    another number, never below this one: the logarithm is concave.

    Parameters
    ----------
    errors
        (N,) mean squared errors, one a picture.
    data_range
        The pictures' range as in `psnr`: one number, or (N,) of them where the pictures' bit depths differ.

    Returns
    -------
    float
        ``-10 log10(mean(errors / data_range**2))`` in dB; inf if every error is 0.

    Raises
    ------
    ValueError
        If `errors` is empty or `data_range` is not positive.
    """
    if np.size(errors) == 0:
        raise ValueError("there is no PSNR of no pictures")
    _check_range(data_range)
    mean = np.mean(np.asarray(errors, np.float64) / np.square(np.asarray(data_range, np.float64)))
    return float(-10 * np.log10(mean)) if mean > 0 else float("inf")


def mse(image_true: np.ndarray, image_test: np.ndarray) -> float:
    """Return the mean squared difference of two arrays of one shape and dtype, in squared pixel values.

    Raises
    ------
    ValueError
        If shapes or dtypes differ, or the arrays are empty.
    """
    image_true, image_test = _as_float64(image_true, image_test)
    return float(np.mean(np.square(image_true - image_test)))


def mae(image_true: np.ndarray, image_test: np.ndarray) -> float:
    """Return the mean absolute difference of two arrays of one shape and dtype, in pixel values.

    Raises
    ------
    ValueError
        If shapes or dtypes differ, or the arrays are empty.
    """
    image_true, image_test = _as_float64(image_true, image_test)
    return float(np.mean(np.abs(image_true - image_test)))


def ssim(image_true: np.ndarray, image_test: np.ndarray, *, data_range: float) -> float:
    """Return the mean structural similarity of two pictures, by the protocol of Wang et al. 2004.

    An 11 x 11 Gaussian window of sigma 1.5, population (not sample) covariances, K1 = 0.01, K2 = 0.03, no
    downsampling; the mean over all windows that lie wholly inside the picture. A colour picture's value is the mean
    of its channels' (Wang et al. score luminance only).

    Parameters
    ----------
    image_true, image_test
        (H, W) or (H, W, C) arrays of one shape and dtype, H and W at least 11.
    data_range
        As in `psnr`.

    Returns
    -------
    float
        Between -1 and 1; 1 for identical pictures.

    Raises
    ------
    ValueError
        If shapes or dtypes differ, a side is shorter than the window, the arrays are not pictures or `data_range`
        is not positive.

    References
    ----------
    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, Image quality assessment: from error visibility to
    structural similarity, IEEE Transactions on Image Processing 13 (2004), DOI 10.1109/TIP.2003.819861.
    """
    image_true, image_test = _as_float64(image_true, image_test)
    _check_range(data_range)
    if image_true.ndim not in (2, 3):
        raise ValueError(f"SSIM takes pictures, (H, W) or (H, W, C), not arrays of shape {image_true.shape}")
    height, width = image_true.shape[:2]
    if min(height, width) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs at least {SSIM_WINDOW} x {SSIM_WINDOW} pixels, and this is {width} x {height}")
    value = structural_similarity(
        image_true,
        image_test,
        data_range=data_range,
        channel_axis=2 if image_true.ndim == 3 else None,
        gaussian_weights=True,
        sigma=SSIM_SIGMA,
        use_sample_covariance=False,
    )
    return float(value)


def _as_float64(image_true: np.ndarray, image_test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if image_true.shape != image_test.shape:
        raise ValueError(f"pictures to compare have one shape, not {image_true.shape} and {image_test.shape}")
    if image_true.dtype != image_test.dtype:
        raise ValueError(f"pictures to compare have one dtype, not {image_true.dtype} and {image_test.dtype}")
    if image_true.size == 0:
        raise ValueError(f"there is nothing to compare in arrays of shape {image_true.shape}")
    return image_true.astype(np.float64), image_test.astype(np.float64)


def _check_range(data_range: np.ndarray) -> None:
    if not np.all(np.asarray(data_range) > 0):
        raise ValueError(f"data_range must be positive, not {data_range}")
