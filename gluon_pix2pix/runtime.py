"""What has to happen before ``import mxnet``, and the devices that ``--gpu`` names.

Every module that needs MXNet takes it from here, ``from gluon_pix2pix.runtime import mx``, so that MXNet 1.9.1
always finds numpy's old names, all processors and the CUDA libraries in place.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import warnings
from pathlib import Path
from typing import Optional

import numpy as np

from gluon_pix2pix import check_python, processors

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

# mxnet-cu112 1.9.1 carries machine code for 5.0 to 8.6, which 8.9 runs too, and no PTX for later ones.
OLDEST_CAPABILITY = (5, 0)
NEWEST_CAPABILITY = (8, 9)


def check_numpy(version: str = np.__version__) -> None:
    """Refuse a numpy that MXNet 1.9.1 cannot live with.

    Raises
    ------
    ImportError
        If it is numpy 2 or later.
    """
    if int(version.split(".")[0]) >= 2:
        raise ImportError(f"MXNet 1.9.1 needs numpy 1 and this is {version}: pip install 'numpy<2'")


def set_numpy_aliases() -> None:
    """Give numpy back the names of Python's types that 1.24 removed and MXNet 1.9.1 still reads."""
    for python_type in (bool, int, float, complex, object, str):
        if python_type.__name__ not in vars(np):
            setattr(np, python_type.__name__, python_type)


def set_threads() -> None:
    """Let MXNet's operators use every processor that this process may run on.

    MXNet starts OpenMP with half of them (on two processors that is one thread, and training takes 1.8 times as
    long). What the user has set stays.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(processors()))
    # One operator at a time, each on all processors: two workers would share the same processors and slow both.
    os.environ.setdefault("MXNET_CPU_WORKER_NTHREADS", "1")
    # One operator at a time needs one space for what it computes on the way; MXNet keeps four, 80 MB more in training.
    if os.environ["MXNET_CPU_WORKER_NTHREADS"] == "1":
        os.environ.setdefault("MXNET_CPU_TEMP_COPY", "1")


def load_cuda_libraries() -> list[str]:
    """Load the CUDA libraries of the ``nvidia-*-cu11`` packages, so that mxnet-cu112 needs none from the system.

    Returns
    -------
    list of str
        The files loaded; a library that is not installed is left for the system's loader to find.
    """
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(folder) for folder in spec.submodule_search_locations] if spec else []
    loaded = []
    for name in CUDA_LIBRARIES:
        for path in (folder / name for folder in folders):
            if path.exists():
                ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
                loaded.append(str(path))
    return loaded


def explain_import_failure(error: Exception) -> str:
    """Say in one line what to do about an MXNet that does not import."""
    text = str(error)
    if isinstance(error, ModuleNotFoundError) and error.name == "mxnet":
        return "MXNet is not installed: pip install -e '.[cpu]', or '.[cu112]' on a machine with an NVIDIA GPU"
    if isinstance(error, ModuleNotFoundError) and error.name == "distutils":
        return "MXNet 1.9.1 imports distutils, which Python 3.12 dropped: pip install setuptools brings it back"
    if "libcuda.so" in text:
        return (
            "mxnet-cu112 needs the NVIDIA driver and libcuda.so.1 is not there: install the driver, "
            "or use the CPU build: pip uninstall mxnet-cu112 and pip install -e '.[cpu]'"
        )
    if ".so" in text:
        return f"a library that MXNet needs is missing ({text}): pip install -e '.[cu112]' brings the CUDA libraries"
    return f"MXNet does not import: {text}"


def _import_mxnet():
    check_python()
    check_numpy()
    set_numpy_aliases()
    set_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MXNet 1.9.1 touches names that numpy and setuptools have deprecated since
        # In the role of a server this import would never return, and run what is sent to it; see training/cluster.py.
        role = os.environ.pop("DMLC_ROLE", None)
        try:
            load_cuda_libraries()
            import mxnet
        except (ImportError, OSError) as error:
            raise ImportError(explain_import_failure(error)) from error
        finally:
            if role is not None:
                os.environ["DMLC_ROLE"] = role
    return mxnet


mx = _import_mxnet()


def threads() -> int:
    """Return the number of OpenMP threads that operators use; sums, and so results, differ between counts."""
    return int(os.environ["OMP_NUM_THREADS"].split(",")[0])


def gpu_capabilities() -> list[tuple[str, tuple[int, int]]]:
    """Ask the NVIDIA driver for each GPU's name and compute capability; an empty list without a driver."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return []
    count = ctypes.c_int()
    if cuda.cuInit(0) != 0 or cuda.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return []
    gpus = []
    for ordinal in range(count.value):
        device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
        name = ctypes.create_string_buffer(128)
        cuda.cuDeviceGet(ctypes.byref(device), ordinal)
        cuda.cuDeviceGetName(name, len(name), device)
        cuda.cuDeviceGetAttribute(ctypes.byref(major), 75, device)  # COMPUTE_CAPABILITY_MAJOR
        cuda.cuDeviceGetAttribute(ctypes.byref(minor), 76, device)  # COMPUTE_CAPABILITY_MINOR
        gpus.append((name.value.decode(errors="replace"), (major.value, minor.value)))
    return gpus


def _unusable(ordinal: int) -> Optional[str]:
    """Say why GPU `ordinal` cannot run MXNet 1.9.1, or None if it can."""
    if not mx.runtime.Features().is_enabled("CUDA"):
        return (
            f"GPU {ordinal} was asked for and this MXNet is the CPU build: "
            "pip uninstall mxnet and pip install -e '.[cu112]', or pass --gpu -1"
        )
    count = mx.context.num_gpus()
    if ordinal >= count:
        return f"GPU {ordinal} was asked for and MXNet sees {count} GPU(s): pass a number below {count}, or --gpu -1"
    gpus = gpu_capabilities()
    if ordinal < len(gpus):
        name, capability = gpus[ordinal]
        if not OLDEST_CAPABILITY <= capability <= NEWEST_CAPABILITY:
            return (
                f"GPU {ordinal} ({name}) has compute capability {capability[0]}.{capability[1]} and mxnet-cu112 1.9.1 "
                "runs on 5.0 to 8.9 (Maxwell to Ada; not Hopper or Blackwell): pass --gpu -1"
            )
    return None


def devices(gpu: Optional[str] = None) -> tuple[list[mx.Context], str]:
    """Turn the words of ``--gpu`` into MXNet contexts.

    Parameters
    ----------
    gpu
        ``"0"``, ``"0,1"``, ``"-1"`` for the CPU, or None for the first GPU if there is a usable one, else the CPU.

    Returns
    -------
    contexts : list of mx.Context
    reason : str
        One line for the log that says what was chosen and why.

    Raises
    ------
    ValueError
        If `gpu` does not parse, names a GPU twice, or names one that is absent or that MXNet cannot run on.
    """
    if gpu is None:
        problem = _unusable(0)
        if problem is None:
            return [mx.gpu(0)], "GPU 0, the first that MXNet sees (--gpu -1 for the CPU)"
        why = "no GPU" if "asked for" in problem else problem.replace(": pass --gpu -1", "")
        return [mx.cpu()], f"CPU with {threads()} threads: {why}"
    try:
        ordinals = [int(word) for word in str(gpu).split(",")]
    except ValueError:
        raise ValueError(f"--gpu takes numbers such as 0 or 0,1, or -1 for the CPU, and got {gpu!r}") from None
    if ordinals == [-1]:
        return [mx.cpu()], f"CPU with {threads()} threads, as asked"
    if min(ordinals) < 0 or len(set(ordinals)) < len(ordinals):
        raise ValueError(f"--gpu takes different numbers such as 0 or 0,1, or -1 alone for the CPU, and got {gpu!r}")
    for ordinal in ordinals:
        problem = _unusable(ordinal)
        if problem is not None:
            raise ValueError(problem)
    return [mx.gpu(ordinal) for ordinal in ordinals], "GPU " + ", ".join(map(str, ordinals)) + ", as asked"
