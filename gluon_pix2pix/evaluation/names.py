"""The metrics' names, told without what computes them."""

from __future__ import annotations

METRICS = ("psnr", "ssim", "mse", "mae", "ms_ssim", "psnr_rgb", "psnr_y", "psnr_ab", "checkerboard")
DEFAULT_METRICS = ("psnr", "ssim", "mse", "mae")
