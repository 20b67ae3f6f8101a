"""What the devices of a run can compute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gluon_pix2pix.runtime import mx

_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}
_CPUINFO = Path("/proc/cpuinfo")


def check_precision(precision: str, device_type: str) -> None:
    """Refuse a precision that a device cannot compute in, or only more slowly than in float32.

    `precision` is one of `operators.PRECISIONS`, `device_type` "cpu" or "gpu".
    """
    if precision == "float16" and device_type != "gpu":
        raise ValueError("precision float16 is for GPUs; on this CPU take float32, or bfloat16 if it has it")
    if precision == "bfloat16" and device_type != "cpu":
        raise ValueError("precision bfloat16 is for CPUs, MXNet 1.9.1 has none on a GPU: take float16 there")
    if precision == "bfloat16" and not has_bfloat16():
        raise ValueError("precision bfloat16 needs a processor with AVX512-BF16, and this one has none: take float32")


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 (Linux says so in /proc/cpuinfo)."""
    lines = _CPUINFO.read_text().splitlines() if _CPUINFO.is_file() else []
    return any(_BFLOAT16_FLAGS & set(line.split()) for line in lines if line.startswith("flags"))


def synchronise(net: mx.gluon.Block, ctx: Sequence[mx.Context]) -> None:
    """Tell each synchronised batch norm in `net` how many devices share its statistics. Not tested on GPUs."""
    layers = []
    net.apply(lambda block: layers.append(block) if isinstance(block, mx.gluon.contrib.nn.SyncBatchNorm) else None)
    if layers and any(device.device_type != "gpu" for device in ctx):
        raise ValueError("norm syncbatch runs on GPUs alone: MXNet's hangs on the CPU; choose batch, or pass --gpu 0,1")
    for layer in layers:
        layer._kwargs["ndev"] = len(ctx)
