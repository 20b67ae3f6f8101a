"""NVIDIA's driver and libraries, on machines that this one is not."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import pytest

from gluon_pix2pix import nvidia


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A folder of CUDA libraries as pip installs them; it returns where one belongs."""
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path / "nvidia")])
    monkeypatch.setattr(nvidia.importlib.util, "find_spec", lambda name: spec if name == "nvidia" else None)

    def install(*names):
        for name in names:
            (tmp_path / "nvidia" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "nvidia" / name).touch()

    return install


@pytest.fixture
def loaded(monkeypatch):
    """The libraries that are asked for, none of which is really loaded."""
    calls = []
    monkeypatch.setattr(nvidia.ctypes, "CDLL", lambda name, mode=0: calls.append((name, mode)))
    return calls


def test_cuda_libraries_are_loaded_in_the_order_in_which_they_link(packages, loaded):
    packages(*(name for name in reversed(nvidia.CUDA_LIBRARIES) if "curand" not in name))  # that is the system's
    returned = nvidia.load_cuda_libraries()
    names = [name.split("/")[-1].split(".")[0] for name, _ in loaded]
    first, second = ["libcudart", "libnvrtc", "libnvToolsExt"], ["libcublasLt", "libcublas", "libcufft"]
    assert names == [*first, *second, "libcusolver", "libcudnn", "libnccl"]
    assert returned == [name for name, _ in loaded]
    assert {mode for _, mode in loaded} == {ctypes.RTLD_GLOBAL}


def test_without_the_nvidia_packages_nothing_is_loaded(monkeypatch, loaded):
    monkeypatch.setattr(nvidia.importlib.util, "find_spec", lambda name: None)
    assert nvidia.load_cuda_libraries() == loaded == []
    assert nvidia.library_problem() is None


def installed(*names):
    return [SimpleNamespace(metadata={"Name": name}, version="1") for name in names]


@pytest.mark.parametrize(
    ("names", "mixed"),
    [
        (["nvidia-cudnn-cu11", "nvidia-cublas-cu12", "nvidia-cublas-cu11"], []),  # their files have different names
        (["nvidia-cudnn-cu12"], []),  # PyTorch's, and no MXNet for GPUs
        (["nvidia-cudnn-cu11", "nvidia-cudnn-cu12"], ["nvidia-cudnn-cu11", "nvidia-cudnn-cu12"]),
        (["nvidia-nccl-cu13", "NVIDIA-NCCL-cu11"], ["nvidia-nccl-cu11", "nvidia-nccl-cu13"]),
    ],
)
def test_packages_that_overwrite_each_other(monkeypatch, names, mixed):
    monkeypatch.setattr(nvidia.importlib.metadata, "distributions", lambda: installed(*names))
    assert nvidia.mixed_packages() == mixed
    problem = nvidia.library_problem()
    assert (problem is None) == (not mixed)
    assert all(name in problem for name in mixed)


@pytest.mark.parametrize(("number", "version"), [(11080, (11, 8)), (12020, (12, 2))])
def test_cudnn_says_which_cuda_it_is_for(packages, monkeypatch, number, version):
    packages("cudnn/lib/libcudnn.so.8")

    class Cudnn:
        @staticmethod
        def cudnnGetCudartVersion():  # noqa: N802
            return number

    Cudnn.cudnnGetCudartVersion = type("Function", (), {"__call__": lambda self: number})()
    monkeypatch.setattr(nvidia.ctypes, "CDLL", lambda name, mode=0: Cudnn)
    monkeypatch.setattr(nvidia, "mixed_packages", list)
    assert nvidia.cudnn_is_for() == version
    assert nvidia.library_problem() == (
        None
        if version[0] == 11
        else "CUDA libraries of two versions are installed in one place (a cuDNN for CUDA 12), and mxnet-cu112 needs "
        "those of 11"
    )


class Driver:
    """NVIDIA's libcuda with two GPUs, as far as it is asked."""

    gpus = ((b"T4", 7, 5, 15 << 30), (b"H100", 9, 0, 80 << 30))

    def __init__(self, initialised: int = 0, supports: int = 12020):
        self._initialised, self._supports = initialised, supports

    def cuInit(self, flags):  # noqa: N802
        return self._initialised

    def cuDriverGetVersion(self, version):  # noqa: N802
        version._obj.value = self._supports
        return 0

    def cuDeviceGetCount(self, count):  # noqa: N802
        count._obj.value = len(self.gpus)
        return 0

    def cuDeviceGet(self, device, ordinal):  # noqa: N802
        device._obj.value = ordinal

    def cuDeviceGetName(self, name, length, device):  # noqa: N802
        name.value = self.gpus[device.value][0]

    def cuDeviceGetAttribute(self, value, attribute, device):  # noqa: N802
        value._obj.value = self.gpus[device.value][{75: 1, 76: 2}[attribute]]

    def cuDeviceTotalMem_v2(self, memory, device):  # noqa: N802
        memory._obj.value = self.gpus[device.value][3]


def test_gpus_are_the_drivers(monkeypatch):
    monkeypatch.setattr(nvidia.ctypes, "CDLL", lambda name: Driver())
    assert nvidia.find_gpus() == [("T4", (7, 5), 15 << 30), ("H100", (9, 0), 80 << 30)]
    assert [gpu.runs_mxnet for gpu in nvidia.find_gpus()] == [True, False]
    monkeypatch.setattr(nvidia.ctypes, "CDLL", lambda name: Driver(initialised=100))
    assert nvidia.find_gpus() == []


@pytest.mark.parametrize(("supports", "problem"), [(12020, None), (11000, None), (10020, "CUDA up to 10.2, and")])
def test_a_driver_says_which_cuda_it_supports(monkeypatch, supports, problem):
    monkeypatch.setattr(nvidia.ctypes, "CDLL", lambda name: Driver(supports=supports))
    found = nvidia.driver_problem()
    assert found is None if problem is None else problem in found


def test_no_driver_no_gpus(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(nvidia.ctypes, "CDLL", missing)
    assert nvidia.find_gpus() == []
    assert nvidia.driver_cuda() is None
    assert nvidia.driver_problem() is None


@pytest.mark.parametrize(
    ("capability", "generation"),
    [
        ((3, 5), "before Maxwell"),
        ((5, 2), "Maxwell"),
        ((6, 1), "Pascal"),
        ((7, 0), "Volta"),
        ((7, 5), "Turing"),
        ((8, 6), "Ampere"),
        ((8, 9), "Ada"),
        ((9, 0), "Hopper"),
        ((12, 0), "Blackwell"),
    ],
)
def test_generations(capability, generation):
    assert nvidia.Gpu("", capability).generation == generation


def test_what_this_process_has_loaded_is_read_off_its_maps(tmp_path, monkeypatch):
    lines = [
        "7f00-7f01 r-xp 00000000 fe:00 12 /e/nvidia/cudnn/lib/libcudnn.so.8",
        "7f01-7f02 r--p 00000000 fe:00 12 /e/nvidia/cudnn/lib/libcudnn.so.8",
        "7f03-7f04 r-xp 00000000 fe:00 13 /opt/my cuda/libcudnn.so.8.1",
        "7f05-7f06 r-xp 00000000 fe:00 14 /lib/libm.so.6",
        "7f07-7f08 rw-p 00000000 00:00 0 ",
    ]
    (tmp_path / "maps").write_text("\n".join(lines))
    monkeypatch.setattr(nvidia, "_MAPS", tmp_path / "maps")
    expected = {"libcudnn": ["/e/nvidia/cudnn/lib/libcudnn.so.8", "/opt/my cuda/libcudnn.so.8.1"]}
    assert nvidia.loaded_libraries() == expected
    monkeypatch.setattr(nvidia, "_MAPS", tmp_path / "absent")
    assert nvidia.loaded_libraries() == {}
