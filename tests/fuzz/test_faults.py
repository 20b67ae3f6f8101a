"""One run that is killed; `python tests/fuzz/fuzz_faults.py kill` kills as many as one likes, at every place."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "fuzz_faults.py"
spec = importlib.util.spec_from_file_location("fuzz_faults", SCRIPT)
fuzz_faults = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fuzz_faults)


def test_a_run_that_is_killed_goes_on_as_if_nothing_had_been():
    command = [sys.executable, str(SCRIPT), "kill", "--trials", "1", "--seed", "3"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parents[2])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1] == "1 trials of kill, seed 3: 0 failed"


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ("error: /disk/run/log.jsonl: No space left on device\n", True),
        ("note\nnot translated: /disk/a.png: No space left on device\n", True),
        ("error: a checkpoint takes 1 MiB and /disk/run has 0 MiB left: make room\n", True),
        ("error: No space left on device\n", False),  # not where
        ("error: /disk/run: Input/output error\n", False),
        ("Traceback: /disk: No space left on device\n", False),
        ("", False),
    ],
)
def test_a_full_disk_has_to_be_said(errors, expected):
    assert fuzz_faults.is_one_line(errors, "/disk") == expected


def test_problems_are_found(tmp_path):
    trials = fuzz_faults.Trials.__new__(fuzz_faults.Trials)
    trials.problems, half = [], tmp_path / "checkpoints/epoch_0001"
    half.mkdir(parents=True)
    trials.check_folder(tmp_path, "saved runs/a/checkpoints/epoch_0002, validation PSNR 8 dB\n")
    lost, broken = trials.problems
    assert lost.startswith("(2, 0) was saved, and the newest is [")
    assert broken.startswith("half a checkpoint: ")
