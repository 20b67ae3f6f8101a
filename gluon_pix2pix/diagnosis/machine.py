"""The machine: processors, memory, disk, GPUs and what drives them."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gluon_pix2pix import nvidia, processors
from gluon_pix2pix.diagnosis.check import Check
from gluon_pix2pix.installing import install_line

# A run at full width: training takes 1.6 GB of memory (docs/performance.md), a checkpoint 690 MB of disk, three stay.
ENOUGH_MEMORY, ENOUGH_DISK = 2 << 30, 3 << 30

_CPUINFO = Path("/proc/cpuinfo")
_KINDS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX512-BF16", "amx_bf16": "AMX-BF16"}


def check_machine(probe: dict[str, Any], folder: Path) -> Iterator[Check]:
    """Yield what there is to say of this machine; runs are written into `folder`."""
    yield _check_threads(probe)
    yield _check_processor()
    yield _check_memory()
    yield _check_disk(folder)
    yield _check_gpu(probe)
    yield _check_cuda(probe)
    yield check_onnxruntime()


def _check_threads(probe: dict[str, Any]) -> Check:
    usable, used = processors(), probe.get("openmp", probe.get("threads"))
    if used is None:
        return Check("threads", f"{usable} processors may be used", "note", "MXNet would say how many it takes")
    found = f"{used} for {usable} processors that may be used"
    if used < usable and "OMP_NUM_THREADS" in os.environ:
        return Check("threads", found, "note", "OMP_NUM_THREADS says so: without it there would be one for each")
    if used > usable:
        return Check("threads", found, "note", f"more threads than processors are slow: OMP_NUM_THREADS={usable}")
    return Check("threads", found)


def _check_processor() -> Check:
    lines = _CPUINFO.read_text(errors="replace").splitlines() if _CPUINFO.is_file() else []
    flags = {flag for line in lines if line.startswith(("flags", "Features")) for flag in line.split()}
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown model")
    kinds = [word for flag, word in _KINDS.items() if flag in flags]
    found = f"{model}: {', '.join(kinds) or 'none of ' + ', '.join(_KINDS.values())}"
    if lines and "avx2" not in flags:
        return Check("processor", found, "note", "without AVX2 everything is several times as slow")
    if {"avx512_bf16", "amx_bf16"} & flags:
        return Check("processor", f"{found} (--precision bfloat16 is faster)")
    return Check("processor", found)


def _check_memory() -> Check:
    try:
        import psutil  # here: without it the line on packages tells
    except ImportError:
        return Check("memory", "not known", "note", "psutil would tell: pip install psutil")
    memory = psutil.virtual_memory()
    found = f"{_gigabytes(memory.total)}, of which {_gigabytes(memory.available)} are free"
    if memory.available < ENOUGH_MEMORY:
        remedy = "training at full width takes 1.6 GB: --ngf 32 --ndf 32, or smaller --crop-size, take less"
        return Check("memory", found, "note", remedy)
    return Check("memory", found)


def _check_disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    found = f"{_gigabytes(free)} free in this folder"
    if free < ENOUGH_DISK:
        return Check("disk", found, "note", "a checkpoint at full width takes 0.7 GB, and three are kept: make room")
    return Check("disk", found)


def _check_gpu(probe: dict[str, Any]) -> Check:
    gpus, problem = nvidia.find_gpus(), probe.get("gpu_problem")
    has_cuda = "CUDA" in probe.get("features", ())
    if not gpus:
        driver = "no NVIDIA driver (libcuda.so.1)" if nvidia.find_driver() is None else "the driver shows none"
        found, too_old = f"none: {driver}", nvidia.driver_problem()
        if too_old:
            return Check("GPU", too_old, "fault" if has_cuda else "note", nvidia.DRIVER_REMEDY)
        remedy = "all runs on the CPU; docs/gpus.md says what a GPU needs" if has_cuda else ""
        return Check("GPU", found, "note" if has_cuda else "ok", remedy)
    words = [f"{i}: {g.name}, {g.capability[0]}.{g.capability[1]} {g.generation}" for i, g in enumerate(gpus)]
    words = [f"{word}, {_gigabytes(gpu.memory)}" if gpu.memory else word for word, gpu in zip(words, gpus)]
    supports = nvidia.driver_cuda()
    driver = f"driver {nvidia.driver_name() or 'of unknown version'}, CUDA {'.'.join(map(str, supports or ('?',)))}"
    found = f"{'; '.join(words)} ({driver})"
    if "error" in probe:
        return Check("GPU", found, "note", "whether MXNet runs on it shows once MXNet imports")
    if problem and not has_cuda:
        usable = any(gpu.runs_mxnet for gpu in gpus)
        how = f"to use it: pip uninstall mxnet and {install_line('cu112')}" if usable else "MXNet cannot use it"
        return Check("GPU", f"{found}; this MXNet is the CPU build", "note", f"{how}; docs/gpus.md")
    if problem:
        return Check("GPU", f"{found}; {problem['why']}", "fault", problem["remedy"])
    if not probe.get("gpu_convolves"):
        return Check("GPU", f"{found}; a convolution gives wrong numbers", "fault", "see what selftest --gpu 0 says")
    return Check("GPU", f"{found}; a convolution is right")


def _check_cuda(probe: dict[str, Any]) -> Check:
    has_cuda, installed, loaded = (
        "CUDA" in probe.get("features", ()),
        nvidia.find_cuda_libraries(),
        probe.get("cuda", {}),
    )
    problem = nvidia.library_problem()
    if problem:
        fault = has_cuda or "error" in probe
        return Check("CUDA", problem, "fault" if fault else "note", nvidia.LIBRARY_REMEDY)
    if not has_cuda:
        words = f"{len(installed)} libraries of the nvidia-*-cu11 packages"
        return Check("CUDA", f"{words}; the CPU build needs none" if "error" not in probe else words)
    twice = [f"{name} ({' and '.join(paths)})" for name, paths in loaded.items() if len(paths) > 1]
    if twice:
        remedy = "leave the second out of LD_LIBRARY_PATH, or make a virtual environment for this program alone"
        return Check("CUDA", f"loaded from two places: {', '.join(twice)}", "fault", remedy)
    folders: dict[str, list[str]] = {}
    for name, paths in loaded.items():
        folder = Path(paths[0]).parent
        folder = folder.parents[1] if folder.name == "lib" and folder.parents[1].name == "nvidia" else folder
        folders.setdefault(str(folder), []).append(name)
    return Check("CUDA", "; ".join(f"{', '.join(names)} from {folder}" for folder, names in folders.items()))


def check_onnxruntime() -> Check:
    """Say which ONNX Runtime there is, and on what it can compute."""
    name = "ONNX Runtime"
    try:
        onnxruntime = importlib.import_module("onnxruntime")
        providers = [provider[: -len("ExecutionProvider")] for provider in onnxruntime.get_available_providers()]
    except ModuleNotFoundError:
        return Check(name, "not installed", "note", f"to run .onnx files: {install_line('onnxruntime')}")
    except Exception as error:  # whatever an installation that is broken raises
        return Check(name, f"does not import: {error}", "fault", "pip install --force-reinstall onnxruntime")
    return Check(name, f"{onnxruntime.__version__}: {', '.join(providers)}")


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
