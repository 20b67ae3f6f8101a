"""The programs of docs/export.md run as they stand, without this package, and give its pictures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.handover.export import export_generator
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.translation.translator import Translator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "export.md"


@pytest.mark.parametrize(("name", "float16"), [("onnx", False), ("mxnet", True)])
def test_programs(tiny_run, tmp_path, name, float16):
    export_generator(tiny_run, tmp_path / "out", onnx=True, float16=float16)
    program = re.search(rf"<!-- tested: {name} -->\n```python\n(.*?)```", PAGE.read_text(), re.S)[1]
    assert "gluon_pix2pix" not in program
    program = program.replace("MULTIPLE = 256", "MULTIPLE = 32")
    picture = np.random.default_rng(0).integers(0, 256, (45, 60, 3), np.uint8)
    write_image(tmp_path / "in.png", picture)
    command = [sys.executable, "-c", program, tmp_path / "in.png", tmp_path / "fake.png"]
    done = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    expected = Translator.load(tmp_path / "out", size=None)(picture)
    assert np.abs(read_image(tmp_path / "fake.png").astype(int) - expected).max() <= 1
