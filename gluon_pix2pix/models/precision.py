"""Convolutions that compute in 16 bits where they are told to; weights, and all between them, stay float32."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Optional

import numpy as np

from gluon_pix2pix.runtime import mx

nn = mx.gluon.nn

PRECISIONS = ("float32", "bfloat16", "float16")

_BFLOAT16 = np.dtype([("bfloat16", np.uint16)])  # as MXNet names it to numpy, which has none
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
_CPUINFO = Path("/proc/cpuinfo")


def check_precision(precision: str, device_type: str) -> None:
    """Refuse a precision that a device cannot compute in, or only more slowly than in float32.

    Parameters
    ----------
    precision
        One of `PRECISIONS`.
    device_type
        "cpu" or "gpu".

    Raises
    ------
    ValueError
        If there is no such precision, or it is not for this device.
    """
    _check_name(precision)
    if precision == "float16" and device_type != "gpu":
        raise ValueError("precision float16 is for GPUs; on this CPU take float32, or bfloat16 if it has it")
    if precision == "bfloat16" and device_type != "cpu":
        raise ValueError("precision bfloat16 is for CPUs, MXNet 1.9.1 has none on a GPU: take float16 there")
    if precision == "bfloat16" and not has_bfloat16():
        raise ValueError("precision bfloat16 needs a processor with AVX512-BF16, and this one has none: take float32")


def _check_name(precision: str) -> None:
    if precision not in PRECISIONS:
        raise ValueError(f"there is no precision {precision!r}; choose from {', '.join(PRECISIONS)}")


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 (Linux says so in /proc/cpuinfo)."""
    lines = _CPUINFO.read_text().splitlines() if _CPUINFO.is_file() else []
    return any(_BFLOAT16_FLAGS & set(line.split()) for line in lines if line.startswith("flags"))


def set_precision(net: mx.gluon.Block, precision: str) -> None:
    """Let the convolutions in `net` compute in a precision of `PRECISIONS`; hybridise it afterwards.

    Raises
    ------
    ValueError
        If there is no such precision.
    """
    _check_name(precision)
    net.apply(lambda block: block.set_precision(precision) if isinstance(block, InPrecision) else None)


class InPrecision:
    """A block with a weight whose arrays can be cast before its operator, and the result back to float32."""

    precisions = PRECISIONS
    _low: Optional[object] = None

    def set_precision(self, precision: str) -> None:
        """Compute in `precision`, or in float32 if this block cannot."""
        low = {"bfloat16": _BFLOAT16, "float16": "float16"}.get(precision)
        self._low = low if precision in self.precisions else None

    def in_precision(self, F, operator, x, *parameters):
        """Return operator(x, *parameters), (N, C, H, W) float32, computed in the precision that was set.

        A parameter that is None is left out.
        """
        parameters = [parameter for parameter in parameters if parameter is not None]
        if self._low is None:
            return operator(x, *parameters)
        if self.weight.grad_req == "add":
            # MXNet 1.9.1 loses an amp_cast's gradient that is to be added to another; identity's is added.
            parameters = [F.identity(parameter) for parameter in parameters]
        arrays = [F.amp_cast(array, dtype=self._low) for array in (x, *parameters)]
        return F.amp_cast(operator(*arrays), dtype="float32")


class Conv2D(InPrecision, nn.Conv2D):
    """Gluon's, in the precision that `set_precision` sets."""

    def hybrid_forward(self, F, x, weight, bias=None):
        return self.in_precision(F, partial(super().hybrid_forward, F), x, weight, bias)


class Conv2DTranspose(InPrecision, nn.Conv2DTranspose):
    """Gluon's, in the precision that `set_precision` sets; never bfloat16, which ends MXNet's process."""

    precisions = ("float32", "float16")

    def hybrid_forward(self, F, x, weight, bias=None):
        return self.in_precision(F, partial(super().hybrid_forward, F), x, weight, bias)
