"""ONNX models are translated where there is no MXNet: in a process that cannot import it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from gluon_pix2pix.handover.export import export_generator
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.translation.translator import Translator

PROGRAM = """
import sys
sys.modules["mxnet"] = None  # importing it raises ImportError
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.translation.translator import Translator
model, source, target = sys.argv[1:]
write_image(target, Translator.load(model, size=None, tile=32)(read_image(source)))
"""


@pytest.mark.parametrize("name", ["", "generator.onnx"])
def test_translating(tiny_run, tmp_path, name):
    export_generator(tiny_run, tmp_path / "out", onnx=True)
    picture = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    write_image(tmp_path / "in.png", picture)
    command = [sys.executable, "-c", PROGRAM, tmp_path / "out" / name, tmp_path / "in.png", tmp_path / "fake.png"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    expected = Translator.load(tmp_path / "out", backend="onnx", size=None, tile=32)(picture)
    np.testing.assert_array_equal(read_image(tmp_path / "fake.png"), expected)


def test_a_run_without_mxnet_says_what_is_missing(tiny_run):
    program = PROGRAM.replace("size=None, tile=32", "").replace("write_image(target,", "print(")
    command = [sys.executable, "-c", program, tiny_run, "in.png", "fake.png"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert "ImportError: " in done.stderr.splitlines()[-1]


def test_translating_a_run_needs_nothing_that_only_training_does(tiny_run):
    """numba takes 60 MB and half a second."""
    program = """
import sys
sys.modules["numba"] = None
import numpy
from gluon_pix2pix.translation.translator import Translator
print(Translator.load(sys.argv[1])(numpy.zeros((32, 32, 3), "uint8")).shape)
"""
    command = [sys.executable, "-c", program, tiny_run]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "(32, 32, 3)\n", "")
