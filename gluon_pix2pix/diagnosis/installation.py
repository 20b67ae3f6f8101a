"""Python and the packages: which are there, and whether they work together."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from gluon_pix2pix import check_python
from gluon_pix2pix.diagnosis.check import Check
from gluon_pix2pix.installing import EXTRAS, install_line

# What the program imports beside numpy, OpenCV and MXNet: distribution -> module.
PACKAGES = {"pillow": "PIL", "tifffile": "tifffile", "imagecodecs": "imagecodecs", "simplejpeg": "simplejpeg"}
PACKAGES |= {"dominate": "dominate", "tqdm": "tqdm", "psutil": "psutil"}
# What comes with extras: distribution -> module.
OF_EXTRAS = {"scikit-image": "skimage", "matplotlib": "matplotlib", "numba": "numba"}
OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")
MXNETS = ("mxnet", "mxnet-cu112")
FEATURES = ("CUDA", "CUDNN", "NCCL", "MKLDNN", "OPENMP", "DIST_KVSTORE")

# In a process of its own: a library that ends its process shall not end the doctor's.
_PROBE = """
import ctypes, json, pathlib
from gluon_pix2pix import nvidia
from gluon_pix2pix.runtime import gpu_problem, mx, threads
def convolve(ctx):
    ones = mx.nd.ones((1, 3, 8, 8), ctx=ctx)
    weight = mx.nd.ones((16, 3, 3, 3), ctx=ctx)
    y = mx.nd.Convolution(ones, weight, kernel=(3, 3), num_filter=16, no_bias=True)
    return float(y.sum().asscalar()) == 16 * 6 * 6 * 27
problem = gpu_problem(0)
openmp = ctypes.CDLL(str(pathlib.Path(mx.__file__).with_name("libmxnet.so")))
print(json.dumps({
    "version": mx.__version__,
    "features": [name for name, feature in mx.runtime.Features().items() if feature.enabled],
    "convolves": convolve(mx.cpu()),
    "threads": threads(),
    "openmp": openmp.omp_get_max_threads() if hasattr(openmp, "omp_get_max_threads") else threads(),
    "gpu_problem": problem and {"why": problem.why, "remedy": problem.remedy, "is_absent": problem.is_absent},
    "gpu_convolves": None if problem else convolve(mx.gpu(0)),
    "cuda": nvidia.loaded_libraries(),
}))
"""


def probe_mxnet() -> dict[str, Any]:
    """Import MXNet and compute with it in another process; what that finds, or {"error": why not}."""
    ran = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, errors="replace")
    if ran.returncode == 0:
        return json.loads(ran.stdout.splitlines()[-1])
    if ran.returncode < 0:
        return {"error": f"the process that imports it died of {signal.Signals(-ran.returncode).name}"}
    last = (ran.stderr.strip() or "no message").splitlines()[-1]
    return {"error": last.partition("Error: ")[2] or last}


def check_installation(probe: dict[str, Any]) -> Iterator[Check]:
    """Yield what there is to say of Python and the packages; `probe` is from `probe_mxnet`."""
    yield _check_python()
    yield _check_import("numpy", "numpy", install_line("cpu"))
    yield _check_mxnet(probe)
    yield _check_opencv()
    yield _check_packages()


def _check_python() -> Check:
    where = f"{platform.python_implementation()}, {platform.system()} {platform.machine()}"
    where += ", an environment of its own" if sys.prefix != sys.base_prefix else ", no virtual environment"
    found = f"{platform.python_version()} ({where})"
    try:
        check_python()
    except ImportError as error:
        return Check("Python", found, "fault", str(error))
    if platform.system() != "Linux":
        return Check("Python", found, "note", "Linux is what this program is tested on; on Windows take WSL2")
    return Check("Python", found)


def _check_import(name: str, module: str, remedy: str) -> Check:
    try:
        return Check(name, str(importlib.import_module(module).__version__))
    except Exception as error:  # whatever an installation that is broken raises
        return Check(name, f"does not import: {_line(error)}", "fault", remedy)


def _check_mxnet(probe: dict[str, Any]) -> Check:
    if "error" in probe:
        why, _, remedy = probe["error"].partition(": pip ")
        if _version("onnxruntime") and not any(map(_version, MXNETS)):
            return Check("MXNet", "not installed; .onnx files run without", "note", f"to train: {install_line('cpu')}")
        return Check("MXNet", why, "fault", f"pip {remedy}" if remedy else install_line("cpu"))
    features = [name for name in FEATURES if name in probe["features"]]
    kind = "the build for NVIDIA GPUs" if "CUDA" in features else "the CPU build"
    found = f"{probe['version']}, {kind} ({', '.join(features)})"
    if not probe["convolves"]:
        remedy = "install it anew: pip install --force-reinstall --no-deps mxnet==1.9.1"
        return Check("MXNet", f"{found}; a convolution gives wrong numbers", "fault", remedy)
    return Check("MXNet", f"{found}; a convolution is right")


def _check_opencv() -> Check:
    installed = [f"{name} {version}" for name in OPENCV if (version := _version(name))]
    check = _check_import("OpenCV", "cv2", "pip install --force-reinstall opencv-python-headless")
    if len(installed) > 1:
        words = " ".join(name.split()[0] for name in installed)
        remedy = f"pip uninstall {words}, then pip install opencv-python-headless"
        found = f"{check.found}; {' and '.join(installed)} overwrite each other's files"
        return Check("OpenCV", found, "fault" if check.state == "fault" else "note", remedy)
    if check.state == "ok" and installed:
        return Check("OpenCV", f"{check.found} ({installed[0].split()[0]})")
    return check


def _check_packages() -> Check:
    lacking, broken, there = [], [], []
    for name, module in {**PACKAGES, **OF_EXTRAS}.items():
        version = _version(name)
        if version is None:
            lacking.append(name)
            continue
        try:
            importlib.import_module(module)
            there.append(f"{name} {version}")
        except Exception as error:  # as above
            broken.append(f"{name} {version} ({_line(error)})")
    if lacking and not broken and not set(lacking) - set(OF_EXTRAS):
        extras = ",".join(sorted({EXTRAS[OF_EXTRAS[name]] for name in lacking}))
        return Check("packages", f"{', '.join(there)}; not {', '.join(lacking)}", "note", install_line(extras))
    if lacking or broken:
        words = [f"not installed: {', '.join(lacking)}"] * bool(lacking)
        words += [f"does not import: {', '.join(broken)}"] * bool(broken)
        return Check("packages", "; ".join(words), "fault", install_line("cpu"))
    return Check("packages", ", ".join(there))


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
