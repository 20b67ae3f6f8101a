"""How far a picture is from the true one: PSNR, SSIM, multi-scale SSIM, MSE and MAE of numpy arrays.

Everything is computed in float64, so that the difference of two uint8 values never wraps around.
"""

from __future__ import annotations

import numpy as np
from skimage.metrics import structural_similarity

# Wang et al. 2004 weigh each window with a Gaussian of this width, cut to 11 x 11 pixels.
SSIM_SIGMA = 1.5
SSIM_WINDOW = 11

# Wang et al. 2003 weigh five scales, the finest first; the coarsest has to hold one window.
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MS_SSIM_SMALLEST = SSIM_WINDOW * 2 ** (len(MS_SSIM_WEIGHTS) - 1)

# ITU-R BT.601: what red, green and blue add to the luminance Y.
BT601 = (0.299, 0.587, 0.114)


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
    _check_pictures("SSIM", image_true, data_range, smallest=SSIM_WINDOW)
    return float(np.mean(_ssim_of_channels(image_true, image_test, data_range)))


def ms_ssim(image_true: np.ndarray, image_test: np.ndarray, *, data_range: float) -> float:
    """Return the multi-scale structural similarity of two pictures, by the protocol of Wang et al. 2003.

    The contrast and structure terms at full size and after one, two and three halvings by averages of 2 x 2 pixels,
    and the whole SSIM after four, each the mean over its windows (see `ssim`), to the powers of `MS_SSIM_WEIGHTS`,
    multiplied. Negative terms, which have no such powers, count as 0; a side of odd length gets its last row or column
    twice before it is halved. A colour picture's value is the mean of its channels'.

    Parameters
    ----------
    image_true, image_test
        (H, W) or (H, W, C) arrays of one shape and dtype, H and W at least 176.
    data_range
        As in `psnr`.

    Returns
    -------
    float
        Between 0 and 1; 1 for identical pictures.

    Raises
    ------
    ValueError
        If shapes or dtypes differ, a side is too short, the arrays are not pictures or `data_range` is not positive.

    References
    ----------
    Z. Wang, E. P. Simoncelli, A. C. Bovik, Multi-scale structural similarity for image quality assessment, 37th
    Asilomar Conference on Signals, Systems and Computers (2003), DOI 10.1109/ACSSC.2003.1292216.
    """
    image_true, image_test = _as_float64(image_true, image_test)
    _check_pictures("MS-SSIM", image_true, data_range, smallest=MS_SSIM_SMALLEST)
    product: np.ndarray = np.ones(1)
    for weight in MS_SSIM_WEIGHTS[:-1]:
        terms = _ssim_of_channels(image_true, image_test, data_range, luminance=False)
        product = product * np.maximum(terms, 0) ** weight
        image_true, image_test = _halve(image_true), _halve(image_test)
    coarsest = _ssim_of_channels(image_true, image_test, data_range)
    return float(np.mean(product * np.maximum(coarsest, 0) ** MS_SSIM_WEIGHTS[-1]))


def luminance(image: np.ndarray) -> np.ndarray:
    """Return the luminance Y of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, in the full range of the pixel values.

    Parameters
    ----------
    image
        (H, W, 3) RGB, or (H, W, 1) gray, which is its own luminance.

    Returns
    -------
    numpy.ndarray
        (H, W) float64, not rounded: 0 to the largest pixel value, not the 16 to 235 of video.

    Raises
    ------
    ValueError
        If the picture has neither 1 nor 3 channels.
    """
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"luminance is of pictures (H, W, 1 or 3), not of arrays of shape {image.shape}")
    return image[:, :, 0].astype(np.float64) if image.shape[2] == 1 else image.astype(np.float64) @ np.array(BT601)


def _ssim_of_channels(
    image_true: np.ndarray, image_test: np.ndarray, data_range: float, *, luminance: bool = True
) -> np.ndarray:
    """Return each channel's mean SSIM, (C,), or without `luminance` the mean of its contrast and structure terms."""
    # K1 = 1e9 drowns the means in C1 = (K1 * data_range)^2: the luminance term is 1 to the last bit of a float64.
    constants = {} if luminance else {"K1": 1e9}
    channels = [image_true[..., None], image_test[..., None]] if image_true.ndim == 2 else [image_true, image_test]
    return np.array(
        [
            structural_similarity(
                *(np.ascontiguousarray(image[..., channel]) for image in channels),
                data_range=data_range,
                gaussian_weights=True,
                sigma=SSIM_SIGMA,
                use_sample_covariance=False,
                **constants,
            )
            for channel in range(channels[0].shape[2])
        ]
    )


def _halve(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    padding = [(0, height % 2), (0, width % 2)] + [(0, 0)] * (image.ndim - 2)
    image = np.pad(image, padding, mode="edge")
    return (image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) / 4


def _check_pictures(metric: str, image: np.ndarray, data_range: float, *, smallest: int) -> None:
    _check_range(data_range)
    if image.ndim not in (2, 3):
        raise ValueError(f"{metric} takes pictures, (H, W) or (H, W, C), not arrays of shape {image.shape}")
    height, width = image.shape[:2]
    if min(height, width) < smallest:
        raise ValueError(f"{metric} needs at least {smallest} x {smallest} pixels, and this is {width} x {height}")


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
