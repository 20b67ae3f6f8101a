"""``python -m gluon_pix2pix export`` as its users run it: files, lines and exit codes."""

from __future__ import annotations

import functools
import json
import shutil

import numpy as np
import pytest

from gluon_pix2pix.handover import export as translation_export
from gluon_pix2pix.pictures.files import write_image

FILES = ["generator-0000.params", "generator-symbol.json", "model.json"]


@pytest.fixture
def export(call):
    return functools.partial(call, "export")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_into_the_run(export, tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    code, out, err = export("--model", run)
    assert (code, err) == (0, "")
    assert names(run / "export") == FILES
    for name in FILES:
        assert str(run / "export" / name) in out
    assert "compared on: 2 pictures, and noise in three shapes\n" in out  # those of the run's own data, in val/
    assert "largest difference from the net, generator-symbol.json: " in out


def test_onnx_float16_and_running_statistics(export, tiny_run, tmp_path):
    code, out, err = export("--model", tiny_run, "--output", tmp_path / "out", "--onnx", "--float16")
    assert (code, err) == (0, "")
    assert names(tmp_path / "out") == sorted([*FILES, "generator.onnx"])
    assert "largest difference from the net, generator.onnx: " in out
    first = json.loads((tmp_path / "out/model.json").read_text())
    assert (first["stored_as"], first["statistics"]) == ("float16", "picture")
    assert export("--model", tiny_run, "--output", tmp_path / "out", "--statistics", "running")[0] == 0
    assert names(tmp_path / "out") == FILES
    second = json.loads((tmp_path / "out/model.json").read_text())
    assert (second["stored_as"], second["statistics"]) == ("float32", "running")


def test_where_the_data_of_the_run_are_gone(export, tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    (run / "log.jsonl").write_text('{"event": "device", "data": "nowhere"}\n')
    code, out, _ = export("--model", run)
    assert code == 0
    assert "compared on: 4 drawn pictures, and noise in three shapes\n" in out


def test_photos_of_a_run_on_photos(export, tiny_run, tiny_pairs, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    described = json.loads((run / "options.json").read_text())
    described["coding"] = {"task": "inpainting"}
    (run / "options.json").write_text(json.dumps(described))
    code, out, _ = export("--model", run, "--check-with", tiny_pairs / "train")
    assert code == 0
    assert "compared on: 4 pictures" in out


def test_checked_with_pairs(export, tiny_run, tiny_pairs, tmp_path):
    words = ["--model", tiny_run, "--output", tmp_path / "out", "--epoch", "1", "--check-with", tiny_pairs / "train"]
    code, out, _ = export(*words)
    assert code == 0
    assert names(tmp_path / "out") == FILES
    model = json.loads((tmp_path / "out/model.json").read_text())
    assert model["epoch"] == 1
    assert model["checked"]["shapes"][3:] == [[1, 3, 32, 32]] * 4
    difference = model["checked"]["largest_difference_from_the_net"]
    assert f"largest difference from the net, generator-symbol.json: {difference:.1e} in [-1, 1]" in out


def test_a_failed_check(export, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setitem(translation_export.LARGEST_DIFFERENCE, "float32", -1)
    code, out, err = export("--model", tiny_run, "--output", tmp_path / "out")
    assert (code, out) == (1, "")
    assert err.startswith("error: the export differs from the net by ")
    assert names(tmp_path) == []


def test_an_output_that_cannot_be_written(export, tiny_run, tmp_path):
    (tmp_path / "file").touch()
    for output, error in (("file", "file is a file: choose another folder"), ("file/out", "file/out: File exists")):
        code, _, err = export("--model", tiny_run, "--output", tmp_path / output)
        assert (code, err.count("\n")) == (1, 1)
        assert error in err


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["--model", "no/where"], 1, "error: there is no file or folder no/where in "),
        (
            ["--model", "nowhere"],
            1,
            "error: there is no model 'nowhere': it is no path that is there, and the models in",
        ),
        (["--epoch", "9"], 1, "has no checkpoint 9; there: epoch_0001, epoch_0002"),
        (["--epoch", "last"], 2, "error: an epoch is a number, 'latest' or 'best', not 'last'"),
        (["--check-with", "nowhere"], 1, "error: there is no file or folder nowhere in "),
        (["--check-with", "odd"], 1, "odd/1.png is 9 pixels wide: a side-by-side pair needs two halves"),
    ],
)
def test_errors(export, tiny_run, tmp_path, monkeypatch, words, code, error):
    (tmp_path / "odd").mkdir()
    write_image(tmp_path / "odd/1.png", np.zeros((4, 9, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    found, _, err = export("--model", tiny_run, "--output", "out", *words)
    assert (found, err.count("\n")) == (code, 1)
    assert error in err
    assert not (tmp_path / "out").exists()
