"""What the doctor says of machines that this one is not."""

from __future__ import annotations

import re
import sys
from types import SimpleNamespace

import pytest

from gluon_pix2pix import nvidia
from gluon_pix2pix.diagnosis import machine
from gluon_pix2pix.diagnosis.machine import check_machine, check_onnxruntime

CPU = {"version": "1.9.1", "features": ["MKLDNN"], "convolves": True, "threads": 2, "openmp": 2}
CPU["gpu_problem"] = {"why": "GPU 0 was asked for ...", "remedy": "pip ...", "is_absent": True}
CUDA = {**CPU, "gpu_problem": None, "features": ["CUDA", "CUDNN"], "gpu_convolves": True}
T4, H100 = nvidia.Gpu("T4", (7, 5), 16_000_000_000), nvidia.Gpu("H100", (9, 0), 80_000_000_000)


@pytest.fixture
def pretend(monkeypatch, tmp_path):
    """Let there be these GPUs, driver, libraries and so on, and return the doctor's lines by their names."""

    def look(probe=CPU, *, gpus=(), supports=None, mixed=(), flags="avx2", usable=2, free=1 << 40):
        monkeypatch.setattr(nvidia, "find_gpus", lambda: list(gpus))
        monkeypatch.setattr(nvidia, "find_driver", lambda: supports)
        monkeypatch.setattr(nvidia, "driver_cuda", lambda: supports)
        monkeypatch.setattr(nvidia, "driver_name", lambda: "535.129.03" if supports else None)
        monkeypatch.setattr(nvidia, "mixed_packages", lambda: list(mixed))
        monkeypatch.setattr(nvidia, "cudnn_is_for", lambda: None)
        monkeypatch.setattr(nvidia, "find_cuda_libraries", list)
        monkeypatch.setattr(machine, "processors", lambda: usable)
        monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "cpuinfo")
        (tmp_path / "cpuinfo").write_text(f"model name\t: A CPU\nflags\t\t: fpu {flags}\n")
        monkeypatch.setattr(machine.shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
        return {check.name: check for check in check_machine(probe, tmp_path)}

    return look


def test_a_machine_without_a_gpu_is_fine(pretend):
    found = pretend()
    assert {check.state for name, check in found.items() if name != "memory"} == {"ok"}
    assert found["GPU"].found == "none: no NVIDIA driver (libcuda.so.1)"
    assert found["processor"].found == "A CPU: AVX2"


def test_a_gpu_that_computes(pretend):
    found = pretend(CUDA, gpus=[T4], supports=(12, 2))
    assert found["GPU"].state == "ok"
    expected = "0: T4, 7.5 Turing, 16.0 GB (driver 535.129.03, CUDA 12.2); a convolution is right"
    assert found["GPU"].found == expected


PROBLEM = {"why": "GPU 0 (H100, Hopper) has ...", "remedy": "pass --gpu -1", "is_absent": False}


@pytest.mark.parametrize(
    ("probe", "machine_", "state", "words"),
    [
        (CPU, {"gpus": [T4]}, "note", "this MXNet is the CPU build -> to use it: pip uninstall mxnet"),
        (CPU, {"gpus": [H100]}, "note", "H100, 9.0 Hopper, 80.0 GB .* -> MXNet cannot use it; docs/gpus.md"),
        ({**CUDA, "gpu_problem": PROBLEM}, {"gpus": [H100]}, "fault", r"Hopper\) has \.\.\. -> pass --gpu -1"),
        (CUDA, {}, "note", "none: no NVIDIA driver .* -> all runs on the CPU"),
        (CUDA, {"supports": (12, 2)}, "note", "none: the driver shows none"),
        (CUDA, {"supports": (10, 2)}, "fault", "up to 10.2, and mxnet-cu112 needs 11.0 -> update the driver to 450"),
        (CPU, {"supports": (10, 2)}, "note", "too old"),
        ({**CUDA, "gpu_convolves": False}, {"gpus": [T4]}, "fault", "a convolution gives wrong numbers"),
        ({"error": "x"}, {"gpus": [T4]}, "note", "whether MXNet runs on it shows once"),
    ],
)
def test_gpus_and_drivers(pretend, probe, machine_, state, words):
    check = pretend(probe, **machine_)["GPU"]
    assert check.state == state
    assert re.search(words, f"{check.found} -> {check.remedy}")


@pytest.mark.parametrize(("probe", "state"), [(CUDA, "fault"), ({"error": "x"}, "fault"), (CPU, "note")])
def test_cuda_libraries_of_two_versions(pretend, probe, state):
    check = pretend(probe, mixed=["nvidia-cudnn-cu11", "nvidia-cudnn-cu12"])["CUDA"]
    assert check.state == state
    assert "two versions" in check.found
    assert "a virtual environment" in check.remedy


def test_where_cuda_libraries_were_loaded_from(pretend):
    ours, theirs = "/e/site-packages/nvidia/cudnn/lib/libcudnn.so.8.9", "/usr/lib/libcuda.so.535"
    check = pretend({**CUDA, "cuda": {"libcudnn": [ours], "libcublas": [ours], "libcuda": [theirs]}})["CUDA"]
    assert check.state == "ok"
    assert check.found == "libcudnn, libcublas from /e/site-packages/nvidia; libcuda from /usr/lib"
    check = pretend({**CUDA, "cuda": {"libcudnn": [ours, "/opt/cudnn/libcudnn.so.8.1"]}})["CUDA"]
    assert check.state == "fault"
    assert check.found == f"loaded from two places: libcudnn ({ours} and /opt/cudnn/libcudnn.so.8.1)"
    assert "LD_LIBRARY_PATH" in check.remedy


@pytest.mark.parametrize(
    ("probe", "usable", "user", "state", "words"),
    [
        (CPU, 2, None, "ok", "2 for 2 processors"),
        ({**CPU, "openmp": 1}, 2, "1", "note", "OMP_NUM_THREADS says so"),
        ({**CPU, "openmp": 8}, 2, "8", "note", "OMP_NUM_THREADS=2"),
        ({"error": "x"}, 2, None, "note", "2 processors may be used"),
    ],
)
def test_threads(pretend, monkeypatch, probe, usable, user, state, words):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if user:
        monkeypatch.setenv("OMP_NUM_THREADS", user)
    check = pretend(probe, usable=usable)["threads"]
    assert check.state == state
    assert words in check.found + check.remedy


def test_small_machines(pretend, monkeypatch):
    memory = SimpleNamespace(total=2_000_000_000, available=1_000_000_000)
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(virtual_memory=lambda: memory))
    found = pretend(flags="sse4_1", free=1_000_000_000)
    assert [found[name].state for name in ("processor", "memory", "disk")] == ["note"] * 3
    assert found["memory"].found == "2.0 GB, of which 1.0 GB are free"
    assert found["disk"].found == "1.0 GB free in this folder"
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert pretend()["memory"].remedy == "psutil would tell: pip install psutil"


def test_bfloat16_is_pointed_at(pretend):
    assert pretend(flags="avx2 avx512f avx512_bf16")["processor"].found.endswith("(--precision bfloat16 is faster)")


def test_onnxruntime(monkeypatch):
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    fake = SimpleNamespace(__version__="1.20", get_available_providers=lambda: providers)
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    assert check_onnxruntime().found == "1.20: CUDA, CPU"
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace())
    assert check_onnxruntime().state == "fault"

    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(machine.importlib, "import_module", missing)
    assert check_onnxruntime().state == "note"
