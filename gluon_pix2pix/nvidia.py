"""NVIDIA's driver, GPUs and CUDA libraries, asked without MXNet."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
from pathlib import Path
from typing import NamedTuple, Optional

# The order matters: each library finds those it links to already loaded.
CUDA_LIBRARIES = (
    "cuda_runtime/lib/libcudart.so.11.0",
    "cuda_nvrtc/lib/libnvrtc.so.11.2",
    "nvtx/lib/libnvToolsExt.so.1",
    "cublas/lib/libcublasLt.so.11",
    "cublas/lib/libcublas.so.11",
    "cufft/lib/libcufft.so.10",
    "curand/lib/libcurand.so.10",
    "cusolver/lib/libcusolver.so.11",
    "cudnn/lib/libcudnn.so.8",
    "nccl/lib/libnccl.so.2",
)
# Packages that put files of the same names into the same folder, whatever CUDA they are for: the last installed stays.
_SHARED_FOLDERS = ("nvidia-cudnn", "nvidia-nccl")

# mxnet-cu112 1.9.1 carries machine code for 5.0 to 8.6, which 8.9 runs too, and no PTX for later ones.
OLDEST_CAPABILITY = (5, 0)
NEWEST_CAPABILITY = (8, 9)
# What a driver has to support for CUDA 11 libraries of any minor version; that is 450.80.02 and later on Linux
# (NVIDIA, CUDA Compatibility, "Minor Version Compatibility").
OLDEST_DRIVER = (11, 0)

_MAPS = Path("/proc/self/maps")
_GENERATIONS = {(5, 0): "Maxwell", (6, 0): "Pascal", (7, 0): "Volta", (7, 5): "Turing", (8, 0): "Ampere"}
_GENERATIONS |= {(8, 9): "Ada", (9, 0): "Hopper", (10, 0): "Blackwell", (13, 0): "a later generation"}


class Gpu(NamedTuple):
    """A GPU as the driver names it; memory in bytes."""

    name: str
    capability: tuple[int, int]
    memory: int = 0

    @property
    def generation(self) -> str:
        """NVIDIA's name of its architecture."""
        known = [name for capability, name in _GENERATIONS.items() if capability <= self.capability]
        return known[-1] if known else "before Maxwell"

    @property
    def runs_mxnet(self) -> bool:
        """Whether mxnet-cu112 1.9.1 has machine code for it."""
        return OLDEST_CAPABILITY <= self.capability <= NEWEST_CAPABILITY


def load_cuda_libraries() -> list[str]:
    """Load the CUDA libraries of the ``nvidia-*-cu11`` packages, so that mxnet-cu112 needs none from the system.

    Returns
    -------
    list of str
        The files loaded; a library that is not installed is left for the system's loader to find.
    """
    loaded = find_cuda_libraries()
    for path in loaded:
        ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    return loaded


def find_cuda_libraries() -> list[str]:
    """List the files of the ``nvidia-*-cu11`` packages that MXNet links to, in the order in which they load."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(folder) for folder in spec.submodule_search_locations] if spec else []
    return [str(folder / name) for name in CUDA_LIBRARIES for folder in folders if (folder / name).exists()]


def mixed_packages() -> list[str]:
    """List packages of other CUDA versions that have overwritten files of the cu11 ones, or will be."""
    installed = {(d.metadata["Name"] or "").lower(): d.version for d in importlib.metadata.distributions()}
    mixed = []
    for name in _SHARED_FOLDERS:
        versions = [package for package in installed if package.startswith(f"{name}-cu")]
        if f"{name}-cu11" in versions and len(versions) > 1:
            mixed += sorted(versions)
    return mixed


def cudnn_is_for() -> Optional[tuple[int, int]]:
    """Return the version of CUDA that the installed libcudnn.so.8 was built for, or None without one."""
    files = [path for path in find_cuda_libraries() if path.endswith("libcudnn.so.8")]
    if not files:
        return None
    try:
        ask = ctypes.CDLL(files[0], mode=ctypes.RTLD_GLOBAL).cudnnGetCudartVersion
    except (OSError, AttributeError):
        return None
    ask.restype = ctypes.c_size_t
    return _version(ask())


def find_driver() -> Optional[ctypes.CDLL]:
    """Return the driver's library, or None where there is none."""
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None


def driver_cuda() -> Optional[tuple[int, int]]:
    """Return the newest CUDA version that the driver supports, or None without a driver."""
    driver, version = find_driver(), ctypes.c_int()
    if driver is None or driver.cuDriverGetVersion(ctypes.byref(version)) != 0:
        return None
    return _version(version.value)


def _version(number: int) -> tuple[int, int]:
    return number // 1000, number % 1000 // 10


def driver_name() -> Optional[str]:
    """Return the kernel driver's own version, such as "535.129.03", where Linux tells it."""
    try:
        words = Path("/proc/driver/nvidia/version").read_text().split()
    except OSError:
        return None
    return next((word for word in words if word.count(".") >= 1 and word.replace(".", "").isdigit()), None)


def find_gpus() -> list[Gpu]:
    """Ask the driver for the GPUs that this process may use, in MXNet's order; an empty list without a driver."""
    driver, count = find_driver(), ctypes.c_int()
    if driver is None or driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return []
    gpus = []
    for ordinal in range(count.value):
        device, major, minor, memory = ctypes.c_int(), ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
        name = ctypes.create_string_buffer(128)
        driver.cuDeviceGet(ctypes.byref(device), ordinal)
        driver.cuDeviceGetName(name, len(name), device)
        driver.cuDeviceGetAttribute(ctypes.byref(major), 75, device)  # COMPUTE_CAPABILITY_MAJOR
        driver.cuDeviceGetAttribute(ctypes.byref(minor), 76, device)  # COMPUTE_CAPABILITY_MINOR
        driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
        gpus.append(Gpu(name.value.decode(errors="replace"), (major.value, minor.value), memory.value))
    return gpus


def driver_problem() -> Optional[str]:
    """Say why the driver is too old for mxnet-cu112, or return None."""
    supports = driver_cuda()
    if supports is None or supports >= OLDEST_DRIVER:
        return None
    have, need = (".".join(map(str, version)) for version in (supports, OLDEST_DRIVER))
    named = f" {driver_name()}" if driver_name() else ""
    return f"the NVIDIA driver{named} is too old: it supports CUDA up to {have}, and mxnet-cu112 needs {need}"


def library_problem() -> Optional[str]:
    """Say which CUDA libraries are of two versions, or return None."""
    mixed, built_for = mixed_packages(), cudnn_is_for()
    if not mixed and (built_for is None or built_for[0] == 11):
        return None
    packages = ", ".join(mixed) if mixed else f"a cuDNN for CUDA {built_for[0]}"
    return f"CUDA libraries of two versions are installed in one place ({packages}), and mxnet-cu112 needs those of 11"


LIBRARY_REMEDY = (
    "make a virtual environment for this program alone, or pip uninstall those that are not cu11 and "
    "pip install --force-reinstall --no-deps nvidia-cudnn-cu11==8.9.6.50 nvidia-nccl-cu11"
)
DRIVER_REMEDY = "update the driver to 450.80.02 or later"


def loaded_libraries() -> dict[str, list[str]]:
    """List where the CUDA libraries of this process were loaded from, by their names; Linux tells it."""
    words = ("libcudart", "libcublas", "libcudnn", "libnccl", "libcurand", "libcufft", "libcusolver", "libcuda.")
    found: dict[str, set[str]] = {}
    for line in _MAPS.read_text().splitlines() if _MAPS.is_file() else ():
        path = line.split(maxsplit=5)[-1]
        name = path.rpartition("/")[2]
        if path.startswith("/") and name.startswith(words):
            found.setdefault(name.partition(".so")[0], set()).add(path)
    return {name: sorted(paths) for name, paths in sorted(found.items())}
