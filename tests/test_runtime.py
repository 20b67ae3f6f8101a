"""What happens before ``import mxnet``, and what ``--gpu`` names, on machines that this one is not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from gluon_pix2pix import check_python, nvidia, runtime
from gluon_pix2pix.runtime import devices, mx

THREADS = "1 thread" if runtime.threads() == 1 else f"{runtime.threads()} threads"


@pytest.mark.parametrize("python", [(3, 14), (3, 8), (2, 7)])
def test_pythons_that_mxnet_cannot_live_with(python):
    message = rf"3\.9 to 3\.13 and this is {python[0]}\.{python[1]}: make a virtual .*`uv venv --python 3\.12` or from"
    with pytest.raises(ImportError, match=message):
        check_python(python)


@pytest.mark.parametrize("minor", [9, 10, 11, 12, 13])
def test_versions_that_it_can_live_with(minor):
    check_python((3, minor))
    check_python((3, minor, 4))


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


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("No module", name="mxnet"), r"MXNet is not installed: pip install -e '\.\[cpu\]'"),
        (ModuleNotFoundError("No module", name="distutils"), "pip install setuptools"),
        (OSError("libcuda.so.1: cannot open shared object file"), "needs the NVIDIA driver and libcuda"),
        (OSError("libnccl.so.2: cannot open shared object file"), r"\(libnccl\.so\.2: .*'\.\[cu112\]'"),
        (
            AttributeError("module 'numpy' has no attribute 'ptp'"),
            r"numpy \S+ is too new .*'ptp'\): .*'numpy<2\.6'",
        ),
        (RuntimeError("failed with exception `np.ptp` was removed"), r"numpy \S+ is too new for MXNet 1\.9\.1"),
        (ImportError("something else"), "MXNet does not import: something else"),
    ],
)
def test_a_failed_import_says_what_to_do(monkeypatch, error, message):
    def fail():
        raise error

    monkeypatch.setattr(nvidia, "load_cuda_libraries", fail)
    with pytest.raises(ImportError, match=message):
        runtime._import_mxnet()


@pytest.fixture
def machine(monkeypatch):
    """Let MXNet be a build with or without CUDA, and see these GPUs, with this driver and these libraries."""

    def pretend(*, cuda: bool = True, gpus=(), driver=(12, 2), mixed=(), answers=True):
        def count():
            if not answers:
                raise mx.MXNetError("Traceback\nMXNetError: CUDA: unknown error")
            return len(gpus)

        features = SimpleNamespace(is_enabled=lambda name: name == "CUDA" and cuda)
        monkeypatch.setattr(mx.runtime, "Features", lambda: features)
        monkeypatch.setattr(mx.context, "num_gpus", count)
        monkeypatch.setattr(nvidia, "find_gpus", lambda: [nvidia.Gpu(*gpu) for gpu in gpus if gpu])
        monkeypatch.setattr(nvidia, "driver_cuda", lambda: driver)
        monkeypatch.setattr(nvidia, "mixed_packages", lambda: list(mixed))

    return pretend


def test_cpu(machine):
    machine(cuda=False)
    assert devices("-1") == ([mx.cpu()], f"CPU with {THREADS}, as asked")
    assert devices() == ([mx.cpu()], f"CPU with {THREADS}: no GPU")
    machine(gpus=[])
    assert devices() == ([mx.cpu()], f"CPU with {THREADS}: no GPU")


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
        ("0", [], "^there is no GPU 0 here: leave --gpu out, and the CPU is used$"),
        ("7", [("T4", (7, 5))] * 2, "^there is no GPU 7 here: MXNet sees GPUs 0 to 1; --gpu -1 is the CPU$"),
        ("1", [("T4", (7, 5))], "^there is no GPU 1 here: MXNet sees GPU 0 alone; --gpu -1 is the CPU$"),
        ("0", [("NVIDIA H100", (9, 0))], r"GPU 0 \(NVIDIA H100, Hopper\) has .* 9\.0 .* 5\.0 to 8\.9.*docs/gpus\.md"),
        ("0", [("NVIDIA B200", (10, 0))], r"\(NVIDIA B200, Blackwell\)"),
        ("0", [("RTX 5090", (12, 0))], r"\(RTX 5090, Blackwell\) has compute capability 12\.0"),
        ("1", [("T4", (7, 5)), ("Tesla K40", (3, 5))], r"GPU 1 \(Tesla K40, before Maxwell\) has .* 3\.5"),
    ],
)
def test_gpus_that_cannot_be(machine, words, gpus, message):
    machine(gpus=gpus)
    with pytest.raises(ValueError, match=message):
        devices(words)


def test_a_gpu_on_the_cpu_build(machine):
    machine(cuda=False, gpus=[("T4", (7, 5))])
    with pytest.raises(ValueError, match=r"GPU 0 was asked for and this MXNet is the CPU build: .*--gpu -1"):
        devices("0")
    machine(cuda=False)
    with pytest.raises(ValueError, match=r"^there is no GPU 0 here: leave --gpu out, and the CPU is used$"):
        devices("0")


T4 = [("T4", (7, 5))]


@pytest.mark.parametrize(
    ("pretended", "message"),
    [
        ({"gpus": T4, "driver": (10, 2)}, r"driver.* is too old: it supports CUDA up to 10\.2, .* needs 11\.0: update"),
        ({"gpus": T4, "mixed": ["nvidia-cudnn-cu11", "nvidia-cudnn-cu12"]}, r"two versions.*cu12\).*cu11==8\.9"),
        ({"gpus": T4, "answers": False}, r"does not answer MXNet \(MXNetError: CUDA: unknown error\): see what"),
    ],
)
def test_drivers_and_libraries_that_do_not_go_with_mxnet(machine, pretended, message):
    machine(**pretended)
    with pytest.raises(ValueError, match=message):
        devices("0")
    ctx, reason = devices()
    assert ctx == [mx.cpu()]
    assert re.search(message.split(":")[0].split(r"\)")[0], reason)
