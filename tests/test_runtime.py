"""What happens before ``import mxnet``, and what ``--gpu`` names, on machines that this one is not."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from gluon_pix2pix import check_python, runtime
from gluon_pix2pix.runtime import devices, mx


@pytest.mark.parametrize("python", [(3, 13), (3, 8), (2, 7)])
def test_pythons_that_mxnet_cannot_live_with(python):
    message = rf"runs on Python 3\.9 to 3\.12 and this is {python[0]}\.{python[1]}: make a virtual environment"
    with pytest.raises(ImportError, match=message):
        check_python(python)


def test_numpy_that_mxnet_cannot_live_with():
    with pytest.raises(ImportError, match=r"needs numpy 1 and this is 2\.0\.1: pip install 'numpy<2'"):
        runtime.check_numpy("2.0.1")


@pytest.mark.parametrize("minor", [9, 10, 11, 12])
def test_versions_that_it_can_live_with(minor):
    check_python((3, minor))
    check_python((3, minor, 4))
    runtime.check_numpy("1.23.5")


def test_numpy_has_its_old_names_back(monkeypatch):
    names = ("bool", "int", "float", "complex", "object", "str")
    for name in names:
        monkeypatch.setattr(np, name, None)
        monkeypatch.delattr(np, name)
    runtime.set_numpy_aliases()
    assert [getattr(np, name) for name in names] == [bool, int, float, complex, object, str]


def test_a_name_that_numpy_still_has_stays(monkeypatch):
    monkeypatch.setattr(np, "bool", np.bool_)
    runtime.set_numpy_aliases()
    assert np.bool is np.bool_


PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
# The answer of the OpenMP that MXNet itself is linked to.
PROBE = """
import ctypes, os, pathlib
from gluon_pix2pix.runtime import mx, threads
openmp = ctypes.CDLL(str(pathlib.Path(mx.__file__).with_name("libmxnet.so")))
print(openmp.omp_get_max_threads(), threads(), os.environ["MXNET_CPU_WORKER_NTHREADS"])
"""


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({}, [PROCESSORS, PROCESSORS, 1]),
        ({"OMP_NUM_THREADS": "3", "MXNET_CPU_WORKER_NTHREADS": "2"}, [3, 3, 2]),
    ],
)
def test_mxnet_runs_on_all_processors_or_as_the_user_has_set(user, expected):
    ours = ("OMP_NUM_THREADS", "MXNET_CPU_WORKER_NTHREADS")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    ran = subprocess.run([sys.executable, "-c", PROBE], env={**environment, **user}, capture_output=True, text=True)
    assert ran.stderr == ""
    assert [int(word) for word in ran.stdout.split()] == expected


@pytest.fixture
def loaded(monkeypatch):
    """The libraries that are asked for, none of which is really loaded."""
    calls = []
    monkeypatch.setattr(runtime.ctypes, "CDLL", lambda name, mode=0: calls.append((name, mode)))
    return calls


def test_cuda_libraries_are_loaded_in_the_order_in_which_they_link(tmp_path, monkeypatch, loaded):
    for name in reversed(runtime.CUDA_LIBRARIES):
        if "curand" not in name:  # what is not installed is left to the system
            (tmp_path / "nvidia" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "nvidia" / name).touch()
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path / "nvidia")])
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: spec if name == "nvidia" else None)
    returned = runtime.load_cuda_libraries()
    names = [name.split("/")[-1].split(".")[0] for name, _ in loaded]
    first, second = ["libcudart", "libnvrtc", "libnvToolsExt"], ["libcublasLt", "libcublas", "libcufft"]
    assert names == [*first, *second, "libcusolver", "libcudnn", "libnccl"]
    assert returned == [name for name, _ in loaded]
    assert {mode for _, mode in loaded} == {ctypes.RTLD_GLOBAL}


def test_without_the_nvidia_packages_nothing_is_loaded(monkeypatch, loaded):
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: None)
    assert runtime.load_cuda_libraries() == loaded == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("No module", name="mxnet"), r"MXNet is not installed: pip install -e '\.\[cpu\]'"),
        (ModuleNotFoundError("No module", name="distutils"), "pip install setuptools"),
        (OSError("libcuda.so.1: cannot open shared object file"), "needs the NVIDIA driver and libcuda"),
        (OSError("libnccl.so.2: cannot open shared object file"), r"\(libnccl\.so\.2: .*'\.\[cu112\]'"),
        (ImportError("something else"), "MXNet does not import: something else"),
    ],
)
def test_a_failed_import_says_what_to_do(monkeypatch, error, message):
    def fail():
        raise error

    monkeypatch.setattr(runtime, "load_cuda_libraries", fail)
    with pytest.raises(ImportError, match=message):
        runtime._import_mxnet()


@pytest.fixture
def machine(monkeypatch):
    """Let MXNet be a build with or without CUDA, and see these GPUs."""

    def pretend(*, cuda: bool = True, gpus=()):
        features = SimpleNamespace(is_enabled=lambda name: name == "CUDA" and cuda)
        monkeypatch.setattr(mx.runtime, "Features", lambda: features)
        monkeypatch.setattr(mx.context, "num_gpus", lambda: len(gpus))
        monkeypatch.setattr(runtime, "gpu_capabilities", lambda: [gpu for gpu in gpus if gpu])

    return pretend


def test_cpu(machine):
    machine(cuda=False)
    assert devices("-1") == ([mx.cpu()], f"CPU with {runtime.threads()} threads, as asked")
    assert devices() == ([mx.cpu()], f"CPU with {runtime.threads()} threads: no GPU")
    machine(gpus=[])
    assert devices() == ([mx.cpu()], f"CPU with {runtime.threads()} threads: no GPU")


def test_gpus(machine):
    machine(gpus=[("Quadro M2000", (5, 0)), ("L4", (8, 9))])
    assert devices() == ([mx.gpu(0)], "GPU 0, the first that MXNet sees (--gpu -1 for the CPU)")
    assert devices("1") == ([mx.gpu(1)], "GPU 1, as asked")
    assert devices("0,1") == ([mx.gpu(0), mx.gpu(1)], "GPU 0, 1, as asked")


def test_a_driver_that_does_not_answer_is_no_reason_to_refuse(machine):
    machine(gpus=[None])
    assert devices("0")[0] == [mx.gpu(0)]


def test_a_gpu_that_mxnet_has_no_code_for_is_passed_over(machine):
    machine(gpus=[("NVIDIA H100", (9, 0))])
    ctx, reason = devices()
    assert ctx == [mx.cpu()]
    assert "NVIDIA H100" in reason
    assert "9.0" in reason
    assert "pass" not in reason


@pytest.mark.parametrize(
    ("words", "gpus", "message"),
    [
        ("x", [], "takes numbers such as 0 or 0,1, or -1 for the CPU, and got 'x'"),
        ("", [], "and got ''"),
        ("0,0", [("T4", (7, 5))], "takes different numbers such as 0 or 0,1, or -1 alone for the CPU, and got '0,0'"),
        ("0,-1", [("T4", (7, 5))], "and got '0,-1'"),
        ("-2", [], "and got '-2'"),
        ("0", [], "GPU 0 was asked for and MXNet sees 0"),
        ("0,2", [("T4", (7, 5))] * 2, "GPU 2 was asked for and MXNet sees 2"),
        ("0", [("NVIDIA H100", (9, 0))], r"GPU 0 \(NVIDIA H100\) has compute capability 9\.0 .* 5\.0 to 8\.9"),
        ("1", [("T4", (7, 5)), ("Tesla K40", (3, 5))], r"GPU 1 \(Tesla K40\) has compute capability 3\.5"),
    ],
)
def test_gpus_that_cannot_be(machine, words, gpus, message):
    machine(gpus=gpus)
    with pytest.raises(ValueError, match=message):
        devices(words)


def test_a_gpu_on_the_cpu_build(machine):
    machine(cuda=False)
    with pytest.raises(ValueError, match=r"GPU 0 was asked for and this MXNet is the CPU build: .*--gpu -1"):
        devices("0")


class Driver:
    """NVIDIA's libcuda with two GPUs, as far as it is asked."""

    gpus = ((b"T4", 7, 5), (b"H100", 9, 0))

    def __init__(self, initialised: int = 0):
        self._initialised = initialised

    def cuInit(self, flags):  # noqa: N802
        return self._initialised

    def cuDeviceGetCount(self, count):  # noqa: N802
        count._obj.value = len(self.gpus)
        return 0

    def cuDeviceGet(self, device, ordinal):  # noqa: N802
        device._obj.value = ordinal

    def cuDeviceGetName(self, name, length, device):  # noqa: N802
        name.value = self.gpus[device.value][0]

    def cuDeviceGetAttribute(self, value, attribute, device):  # noqa: N802
        value._obj.value = self.gpus[device.value][{75: 1, 76: 2}[attribute]]


def test_capabilities_are_the_drivers(monkeypatch):
    monkeypatch.setattr(runtime.ctypes, "CDLL", lambda name: Driver())
    assert runtime.gpu_capabilities() == [("T4", (7, 5)), ("H100", (9, 0))]
    monkeypatch.setattr(runtime.ctypes, "CDLL", lambda name: Driver(initialised=100))
    assert runtime.gpu_capabilities() == []


def test_no_driver_no_capabilities(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(runtime.ctypes, "CDLL", missing)
    assert runtime.gpu_capabilities() == []
