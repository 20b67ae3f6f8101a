"""How far a device's numbers are from the CPU's, and how far they may be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Optional

import numpy as np

from gluon_pix2pix import nvidia
from gluon_pix2pix.runtime import mx

# The largest difference that passes, as a part of the largest true number (of all of them for a whole network's
# gradients), by what was computed. float32 has a rounding of 6e-8. "convolution" sums thousands of products in another
# order; "norm" divides by a deviation that can be small; a network's gradients have both, layer by layer, and jump
# where a relu's input is near 0; Adam turns the sign of a gradient near 0 into a step. oneDNN and MXNet's own kernels,
# on one CPU, stay within these.
TOLERANCES = {
    "moved": 0.0,  # values are copied, not computed
    "pointwise": 2e-6,
    "sum": 1e-5,
    "convolution": 5e-5,
    "norm": 1e-4,
    "network": 1e-4,
    "gradient": 1e-2,
    "loss": 5e-3,
    "steps": 5e-2,  # the mean way of a weight in some steps, and how far it ends from where it should
    "bits": 0.0,
    "float16 loss": 3e-2,
    "gray level": 1.0,  # of 255
}
# Ampere and later multiply float32 with 10 bits of mantissa in convolutions (TF32) unless NVIDIA_TF32_OVERRIDE is 0.
TF32_TOLERANCES = {"convolution": 5e-3, "network": 2e-2, "gradient": 1e-1, "loss": 2e-2, "steps": 3e-1, "gray level": 4}


DRAWS = 3


@dataclass(frozen=True)
class Row:
    """One comparison. `difference` is None where nothing was compared, and `note` says why, or what went wrong."""

    part: str
    name: str
    difference: Optional[float] = None
    allowed: float = 0.0
    note: str = ""
    failed: bool = False

    @property
    def state(self) -> str:
        """ "ok", "left out" or "FAILED"."""
        if self.failed or (self.difference is not None and not self.difference <= self.allowed):
            return "FAILED"
        return "left out" if self.difference is None else "ok"


def uses_tf32(device: mx.Context) -> bool:
    """Whether convolutions on this device are in TF32."""
    if device.device_type != "gpu" or os.environ.get("NVIDIA_TF32_OVERRIDE") == "0":
        return False
    gpus = nvidia.find_gpus()
    return device.device_id < len(gpus) and gpus[device.device_id].capability >= (8, 0)


def tolerance(kind: str, device: mx.Context) -> float:
    """Return the largest difference that passes for what was computed on `device`."""
    return TF32_TOLERANCES.get(kind, TOLERANCES[kind]) if uses_tf32(device) else TOLERANCES[kind]


def largest_difference(found: np.ndarray, true: np.ndarray) -> float:
    """Return the largest difference as a share of the largest true number; infinity where one is not finite."""
    found, true = np.asarray(found, np.float64), np.asarray(true, np.float64)
    if found.shape != true.shape or not np.isfinite(found).all():
        return float("inf")
    scale = np.abs(true).max(initial=0)
    return float(np.abs(found - true).max(initial=0) / (scale if scale > 0 else 1))


def distance(found: np.ndarray, true: np.ndarray) -> float:
    """Return the 2-norm of the difference as a part of the true one's; infinity where a number is not finite."""
    found, true = np.asarray(found, np.float64), np.asarray(true, np.float64)
    if found.shape != true.shape or not np.isfinite(found).all():
        return float("inf")
    return float(np.linalg.norm((found - true).ravel()) / (np.linalg.norm(true.ravel()) or 1))


def first_that_passes(rows_of: Callable[[int], Iterator[Row]]) -> Iterator[Row]:
    """Yield the rows of the first of some draws that passes, else of the last.

    Where the input of a relu is within rounding of 0, gradients may rightly go either way; that is rare in one draw,
    and what is wrong is so in all.
    """
    for draw in range(DRAWS):
        rows = list(rows_of(draw))
        if all(row.state != "FAILED" for row in rows):
            break
    yield from (replace(row, note=f"draw {draw + 1}") if draw else row for row in rows)


def compare(
    part: str, name: str, kinds: Mapping[str, str], found: Mapping, true: Mapping, device: mx.Context
) -> Iterator[Row]:
    """Yield a row for each named array of `true`; `kinds` has the kind of each, or of all others under ""."""
    for key, array in true.items():
        allowed = tolerance(kinds.get(key, kinds.get("", "")), device)
        yield Row(part, f"{name}: {key}" if key else name, largest_difference(found[key], array), allowed)


def guarded(part: str, name: str, rows: Callable[[], Iterator[Row]]) -> Iterator[Row]:
    """Yield the rows of a comparison, and a failed one with the reason if it cannot be finished."""
    try:
        yield from rows()
    except (mx.MXNetError, FloatingPointError, MemoryError, OSError, ValueError, AssertionError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        yield Row(part, name, note=reason, failed=True)
