"""The notebook for Colab and Kaggle runs from top to bottom, as far as a CPU goes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbconvert", reason="nbconvert is in the dev extra")

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "gluon_pix2pix.ipynb"
TINY = "--generator unet --num-downs 5 --ngf 4 --ndf 4 --load-size 36 --crop-size 32 --num-workers 0 --direction BtoA"


def execute(folder, **settings):
    """Execute a copy of the notebook in a folder; the process and the notebook with its outputs."""
    shutil.copy(NOTEBOOK, folder / "notebook.ipynb")
    words = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--allow-errors", "notebook.ipynb"]
    root = str(NOTEBOOK.parents[1])
    environment = {**os.environ, "PYTHONPATH": root, **{f"PIX2PIX_{name}": value for name, value in settings.items()}}
    ran = subprocess.run(
        [*words, "--output", "done.ipynb"], cwd=folder, env=environment, capture_output=True, text=True, timeout=500
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads((folder / "done.ipynb").read_text())


def outputs(notebook):
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


def test_the_notebook_runs(tiny_pairs, tmp_path):
    settings = {"PYTHON": sys.executable, "GPU": "-1", "DATASET": str(tiny_pairs), "EPOCHS": "1", "PARTS": "dropout"}
    done = execute(tmp_path, **settings, OPTIONS=TINY)
    assert [output["evalue"] for output in outputs(done) if output["output_type"] == "error"] == []
    text = "".join("".join(output.get("text", "")) for output in outputs(done))
    assert "All that is here works." in text
    assert "selftest passed in " in text
    pictures = [output["data"]["image/png"] for output in outputs(done) if "image/png" in output.get("data", {})]
    assert len(pictures) == 1
    assert len(pictures[0]) > 1000
    assert (tmp_path / "selftest.json").is_file()


def test_without_the_project_it_says_so(tmp_path):
    """And what follows, which needs it, fails too instead of going on with something else."""
    errors = [output["evalue"] for output in outputs(execute(tmp_path)) if output["output_type"] == "error"]
    assert "has no gluon-pix2pix in it: put the project's folder, or its repository, into SOURCE" in errors[0]


def test_the_notebook_is_kept_without_outputs():
    notebook = json.loads(NOTEBOOK.read_text())
    assert outputs(notebook) == []
    assert all(cell.get("execution_count") is None for cell in notebook["cells"])
