"""Lines that install what is missing: they are what pip takes, wherever the package came from."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

import pytest

from gluon_pix2pix import installing
from gluon_pix2pix.installing import EXTRAS, install_line, is_missing

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def without_mxnet(monkeypatch):
    """As where MXNet is not installed, but for the test of where it is."""
    monkeypatch.setattr(installing, "_extra_of_mxnet", lambda: None)


@pytest.mark.parametrize(("there", "extras"), [("mxnet", "cpu,onnx"), ("mxnet-cu112", "cu112,onnx"), ("tqdm", "onnx")])
def test_beside_mxnet_its_pins_stay(monkeypatch, there, extras):
    def distribution(name):
        if name != there:
            raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.undo()
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
    assert install_line("onnx") == f"pip install -e '.[{extras}]'"
    assert install_line("cpu") == "pip install -e '.[cpu]'"


def test_in_the_folder_of_the_sources_and_elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    assert install_line("scores") == "pip install -e '.[scores]'"
    monkeypatch.chdir(tmp_path)
    assert install_line("scores") == f"pip install -e '{ROOT}[scores]'"


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        ({}, "pip install 'gluon-pix2pix[onnx]'"),
        ({"url": "file:///nowhere/my%20x.whl"}, "pip install 'FOLDER/my x.whl[onnx]'"),
        ({"url": "https://a.org/x.whl"}, "pip install 'gluon-pix2pix[onnx] @ https://a.org/x.whl'"),
        (
            {"url": "https://a.org/x.git", "vcs_info": {"vcs": "git", "commit_id": "12ab"}},
            "pip install 'gluon-pix2pix[onnx] @ git+https://a.org/x.git@12ab'",
        ),
    ],
)
def test_installed_without_the_sources(monkeypatch, tmp_path, origin, line):
    monkeypatch.setattr(installing, "__file__", str(tmp_path / "gluon_pix2pix" / "installing.py"))
    monkeypatch.setattr(installing, "_origin", lambda: origin)
    assert install_line("onnx") == line


def test_a_wheel_that_is_there(monkeypatch, tmp_path):
    wheel = tmp_path / "gluon_pix2pix-1-py3-none-any.whl"
    wheel.touch()
    monkeypatch.setattr(installing, "__file__", str(tmp_path / "gluon_pix2pix" / "installing.py"))
    noted = json.dumps({"url": wheel.as_uri(), "archive_info": {}})

    class Installed:
        def read_text(self, name):
            return noted if name == "direct_url.json" else None

    monkeypatch.setattr(installing.importlib.metadata, "distribution", lambda name: Installed())
    assert install_line("onnx") == f"pip install '{wheel}[onnx]'"


def test_every_extra_is_one(monkeypatch):
    monkeypatch.chdir(ROOT)
    table = (ROOT / "pyproject.toml").read_text().partition("[project.optional-dependencies]")[2]
    assert set(EXTRAS.values()) <= set(re.findall(r"^(\w+) = \[", table, flags=re.MULTILINE))
    assert is_missing("skimage.metrics") == "scikit-image is not installed: pip install -e '.[scores]' brings it"
    assert is_missing("tqdm") == "tqdm is not installed: pip install -e '.[cpu]' brings all that is needed"
