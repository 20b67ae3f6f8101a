"""What the doctor says of Python and the packages."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from gluon_pix2pix.diagnosis import installation
from gluon_pix2pix.diagnosis.installation import check_installation, probe_mxnet

WORKS = {"version": "1.9.1", "features": ["MKLDNN", "F16C"], "convolves": True, "threads": 2, "openmp": 2}


def lines(probe=WORKS):
    return {check.name: check for check in check_installation(probe)}


def test_here_all_works():
    found = lines()
    assert {check.state for check in found.values()} <= {"ok", "note"}
    assert found["MXNet"].found == "1.9.1, the CPU build (MKLDNN); a convolution is right"
    assert re.match(r"pillow \d.*psutil \d", found["packages"].found)


@pytest.mark.parametrize(
    ("probe", "found", "remedy"),
    [
        ({"error": "MXNet is not installed: pip install -e '.[cpu]'"}, "MXNet is not installed", "pip install -e"),
        ({"error": "the process that imports it died of SIGILL"}, "died of SIGILL", "pip install -e"),
        ({**WORKS, "convolves": False}, "a convolution gives wrong numbers", "--force-reinstall"),
    ],
)
def test_an_mxnet_that_does_not_work(probe, found, remedy):
    check = lines(probe)["MXNet"]
    assert check.state == "fault"
    assert found in check.found
    assert remedy in check.remedy


def test_onnx_runtime_alone_is_no_fault(versions):
    versions(mxnet=None, mxnet_cu112=None, onnxruntime="1.20.0")
    check = lines({"error": "MXNet is not installed: pip install -e '.[cpu]'"})["MXNet"]
    assert (check.state, check.found) == ("note", "not installed; .onnx files run without")
    assert "pip install" in check.remedy


@pytest.fixture
def versions(monkeypatch):
    """Let these distributions be installed beside those that are; None for one that is not."""

    def pretend(**names):
        names = {name.replace("_", "-"): version for name, version in names.items()}
        real = installation._version
        monkeypatch.setattr(installation, "_version", lambda name: names[name] if name in names else real(name))

    return pretend


def test_two_opencvs(versions):
    versions(opencv_python="4.9.0", opencv_python_headless="4.11.0")
    check = lines()["OpenCV"]
    assert check.state == "note"
    assert check.found.endswith("opencv-python-headless 4.11.0 and opencv-python 4.9.0 overwrite each other's files")
    assert check.remedy.startswith("pip uninstall opencv-python-headless opencv-python, then pip install")


def test_a_package_that_is_not_there(versions):
    versions(tifffile=None, numba=None)
    check = lines()["packages"]
    assert (check.state, check.found) == ("fault", "not installed: tifffile, numba")


def test_modules_that_do_not_import(monkeypatch):
    real = installation.importlib.import_module

    def broken(name):
        if name in ("cv2", "matplotlib"):
            raise OSError("libGL.so.1: cannot open")
        return real(name)

    monkeypatch.setattr(installation.importlib, "import_module", broken)
    found = lines()
    assert (found["OpenCV"].state, found["packages"].state) == ("fault", "fault")
    assert found["OpenCV"].found == "does not import: libGL.so.1: cannot open"
    assert re.fullmatch(r"does not import: matplotlib \S+ \(libGL.so.1: cannot open\)", found["packages"].found)


def test_pythons(monkeypatch):
    monkeypatch.setattr(installation.platform, "system", lambda: "Darwin")
    assert lines()["Python"].state == "note"

    def refuse():
        raise ImportError("MXNet 1.9.1 runs on ...")

    monkeypatch.setattr(installation, "check_python", refuse)
    assert (lines()["Python"].state, lines()["Python"].remedy) == ("fault", "MXNet 1.9.1 runs on ...")


def test_the_probe_computes():
    probe = probe_mxnet()
    assert probe["convolves"] is True
    assert probe["openmp"] == probe["threads"]
    assert probe["gpu_problem"]["is_absent"] is (probe["gpu_convolves"] is None)


@pytest.mark.parametrize(
    ("ran", "error"),
    [
        ((-4, "", ""), "the process that imports it died of SIGILL"),
        ((1, "", "Traceback\n  line\nImportError: MXNet is not installed: pip x\n"), "MXNet is not installed: pip x"),
        ((1, "", ""), "no message"),
    ],
)
def test_a_probe_that_fails_says_why(monkeypatch, ran, error):
    code, out, err = ran
    done = SimpleNamespace(returncode=code, stdout=out, stderr=err)
    monkeypatch.setattr(installation.subprocess, "run", lambda *_, **__: done)
    assert probe_mxnet() == {"error": error}
