"""What has to happen before ``import mxnet``, and the devices that ``--gpu`` names.

Every module that needs MXNet takes it from here, ``from gluon_pix2pix.runtime import mx``, so that MXNet 1.9.1
always finds numpy's old names, all processors and the CUDA libraries in place.
"""

from __future__ import annotations

import os
import warnings
from typing import NamedTuple, Optional

import numpy as np

from gluon_pix2pix import check_python, nvidia, processors
from gluon_pix2pix.installing import install_line
from gluon_pix2pix.numpy_names import NUMPY_AFTER_THE_NEWEST_TRIED, names_of_old


def set_environment() -> None:
    """Let MXNet's operators use every processor that this process may run on, and each GPU one random state.

    MXNet starts OpenMP with half of the processors (on two that is one thread, and training takes 1.8 times as long).
    What the user has set stays.
    """
    os.environ.setdefault("OMP_NUM_THREADS", str(processors()))
    # One operator at a time, each on all processors: two workers would share the same processors and slow both.
    os.environ.setdefault("MXNET_CPU_WORKER_NTHREADS", "1")
    # One operator at a time needs one space for what it computes on the way; MXNet keeps four, 80 MB more in training.
    if os.environ["MXNET_CPU_WORKER_NTHREADS"] == "1":
        os.environ.setdefault("MXNET_CPU_TEMP_COPY", "1")
    # oneDNN's code for each size of picture is kept for good (6 MiB a size for a small resnet): keep 64 of each kind of
    # operator. A network at one size has fewer, so that nothing is made twice.
    os.environ.setdefault("MXNET_MKLDNN_CACHE_NUM", "64")
    # MXNet keeps four on a GPU, each seeded otherwise, and takes the next in turn: what a layer drops would depend on
    # how many were asked for before it (src/resource.cc).
    os.environ.setdefault("MXNET_GPU_PARALLEL_RAND_COPY", "1")


def explain_import_failure(error: Exception) -> str:
    """Say in one line what to do about an MXNet that does not import."""
    text = str(error)
    if isinstance(error, ModuleNotFoundError) and error.name == "mxnet":
        return f"MXNet is not installed: {install_line('cpu')}, or [cu112] for [cpu] where there is an NVIDIA GPU"
    if isinstance(error, ModuleNotFoundError) and error.name == "distutils":
        return "MXNet 1.9.1 imports distutils, which Python 3.12 dropped: pip install setuptools brings it back"
    if "libcuda.so" in text:
        return (
            "mxnet-cu112 needs the NVIDIA driver and libcuda.so.1 is not there: install the driver, "
            f"or use the CPU build: pip uninstall mxnet-cu112 and {install_line('cpu')}"
        )
    if ".so" in text:
        return f"a library that MXNet needs is missing ({text}): {install_line('cu112')} brings the CUDA libraries"
    if "numpy" in text or "`np." in text:
        return (
            f"numpy {np.__version__} is too new for MXNet 1.9.1 ({text.splitlines()[0]}): "
            f"pip install 'numpy<{NUMPY_AFTER_THE_NEWEST_TRIED}'"
        )
    return f"MXNet does not import: {text}"


def _import_mxnet():
    check_python()
    set_environment()
    with warnings.catch_warnings(), names_of_old():
        warnings.simplefilter("ignore")  # MXNet 1.9.1 touches names that numpy and setuptools have deprecated since
        # In the role of a server this import would never return, and run what is sent to it; see distributed/cluster.
        role = os.environ.pop("DMLC_ROLE", None)
        try:
            nvidia.load_cuda_libraries()
            import mxnet
            import mxnet.contrib.amp.loss_scaler  # which it does not import by itself
        except (ImportError, OSError, AttributeError, RuntimeError) as error:
            raise ImportError(explain_import_failure(error)) from error
        finally:
            if role is not None:
                os.environ["DMLC_ROLE"] = role
    return mxnet


mx = _import_mxnet()


def threads() -> int:
    """Return the number of OpenMP threads that operators use; sums, and so results, differ between counts."""
    return int(os.environ["OMP_NUM_THREADS"].split(",")[0])


class Problem(NamedTuple):
    """Why a GPU cannot be used, and what to do about it."""

    why: str
    remedy: str
    is_absent: bool = False

    def __str__(self) -> str:
        return f"{self.why}: {self.remedy}"


def gpu_problem(ordinal: int) -> Optional[Problem]:
    """Say why GPU `ordinal` cannot run MXNet 1.9.1, or return None if it can."""
    if not mx.runtime.Features().is_enabled("CUDA"):
        if not nvidia.find_gpus():
            return Problem(f"there is no GPU {ordinal} here", "leave --gpu out, and the CPU is used", is_absent=True)
        remedy = f"pip uninstall mxnet and {install_line('cu112')}, or pass --gpu -1"
        return Problem(f"GPU {ordinal} was asked for and this MXNet is the CPU build", remedy, is_absent=True)
    too_old = nvidia.driver_problem()
    if too_old:
        return Problem(too_old, f"{nvidia.DRIVER_REMEDY}, or pass --gpu -1")
    gpus = nvidia.find_gpus()
    if ordinal < len(gpus) and not gpus[ordinal].runs_mxnet:
        name, (major, minor), generation = gpus[ordinal].name, gpus[ordinal].capability, gpus[ordinal].generation
        return Problem(
            f"GPU {ordinal} ({name}, {generation}) has compute capability {major}.{minor} and mxnet-cu112 1.9.1 "
            "runs on 5.0 to 8.9 (Maxwell to Ada; not Hopper or Blackwell)",
            "pass --gpu -1; docs/gpus.md has other ways",
        )
    mixed = nvidia.library_problem() if gpus else None
    if mixed:
        return Problem(mixed, nvidia.LIBRARY_REMEDY)
    try:
        count = mx.context.num_gpus()
    except mx.MXNetError as error:
        reason = str(error).strip().splitlines()[-1]
        return Problem(f"CUDA does not answer MXNet ({reason})", "see what nvidia-smi says, or pass --gpu -1")
    if ordinal >= count:
        if not count:
            return Problem(f"there is no GPU {ordinal} here", "leave --gpu out, and the CPU is used", is_absent=True)
        seen = "GPU 0 alone" if count == 1 else f"GPUs 0 to {count - 1}"
        return Problem(f"there is no GPU {ordinal} here", f"MXNet sees {seen}; --gpu -1 is the CPU", is_absent=True)
    return None


def _count_threads() -> str:
    return f"{threads()} thread" + ("" if threads() == 1 else "s")


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
        problem = gpu_problem(0)
        if problem is None:
            return [mx.gpu(0)], "GPU 0, the first that MXNet sees (--gpu -1 for the CPU)"
        why = "no GPU" if problem.is_absent else problem.why
        return [mx.cpu()], f"CPU with {_count_threads()}: {why}"
    try:
        ordinals = [int(word) for word in str(gpu).split(",")]
    except ValueError:
        raise ValueError(f"--gpu takes numbers such as 0 or 0,1, or -1 for the CPU, and got {gpu!r}") from None
    if ordinals == [-1]:
        return [mx.cpu()], f"CPU with {_count_threads()}, as asked"
    if min(ordinals) < 0 or len(set(ordinals)) < len(ordinals):
        raise ValueError(f"--gpu takes different numbers such as 0 or 0,1, or -1 alone for the CPU, and got {gpu!r}")
    for ordinal in ordinals:
        problem = gpu_problem(ordinal)
        if problem is not None:
            raise ValueError(str(problem))
    return [mx.gpu(ordinal) for ordinal in ordinals], "GPU " + ", ".join(map(str, ordinals)) + ", as asked"
