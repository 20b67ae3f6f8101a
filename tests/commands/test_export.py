"""``python -m gluon_pix2pix export`` as its users run it: files, lines and exit codes."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from gluon_pix2pix.commands import cli
from gluon_pix2pix.image_files import write_image
from gluon_pix2pix.translation import export as translation_export

FILES = ["generator-0000.params", "generator-symbol.json", "model.json"]


@pytest.fixture
def export(capsys):
    """Run the command; return its exit code, stdout and stderr."""

    def run(*words):
        with pytest.raises(SystemExit) as caught:
            cli.run("export", [str(word) for word in words])
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_into_the_run(export, tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    code, out, err = export("--model", run)
    assert (code, err) == (0, "")
    assert names(run / "export") == FILES
    for name in FILES:
        assert str(run / "export" / name) in out
    assert "largest difference from the net over 2 batches: " in out


def test_checked_with_pairs(export, tiny_run, tiny_pairs, tmp_path):
    words = ["--model", tiny_run, "--output", tmp_path / "out", "--epoch", "1", "--check-with", tiny_pairs / "train"]
    code, out, _ = export(*words)
    assert code == 0
    assert names(tmp_path / "out") == FILES
    model = json.loads((tmp_path / "out/model.json").read_text())
    assert model["epoch"] == 1
    assert model["checked"]["shapes"][2:] == [[1, 3, 32, 32]] * 4
    difference = model["checked"]["largest_difference_from_the_net"]
    assert f"largest difference from the net over 6 batches: {difference:.1e} in [-1, 1]" in out


def test_a_failed_check(export, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(translation_export, "LARGEST_DIFFERENCE", -1)
    code, out, err = export("--model", tiny_run, "--output", tmp_path / "out")
    assert (code, out) == (1, "")
    assert err.startswith("error: the export differs from the net by ")
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["--model", "nowhere"], 1, "error: nowhere is not the folder of a run: it has no options.json"),
        (["--epoch", "9"], 1, "has no checkpoint 9; there: epoch_0001, epoch_0002"),
        (["--epoch", "last"], 2, "error: an epoch is a number, 'latest' or 'best', not 'last'"),
        (["--check-with", "nowhere"], 1, "error: nowhere is not a folder"),
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
