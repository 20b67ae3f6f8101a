"""Damaged JSON files; `python tests/fuzz/fuzz_json.py` damages as many as one likes."""

from __future__ import annotations

import copy
import importlib.util
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "fuzz_json.py"
spec = importlib.util.spec_from_file_location("fuzz_json", SCRIPT)
fuzz_json = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fuzz_json)


def test_damaged_json_is_read_or_refused():
    """As many trials as half a minute has room for; a machine that is slow does fewer."""
    command = [sys.executable, str(SCRIPT), "--trials", "60", "--seconds", "30", "--seed", "7"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parents[2])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1].endswith(": 0 failed")


def test_values_are_damaged_in_every_way_and_the_same_each_time():
    value = {"a": 1, "b": [1, {"c": "x"}], "d": {"e": None}}
    changed = [fuzz_json.damage_value(copy.deepcopy(value), random.Random(seed)) for seed in range(300)]
    again = [fuzz_json.damage_value(copy.deepcopy(value), random.Random(seed)) for seed in range(300)]
    assert [json.dumps(each) for each in changed] == [json.dumps(each) for each in again]
    assert sum(each != value for each in changed) > 280
    dicts = [each for each in changed if isinstance(each, dict)]
    assert any("a" not in each for each in dicts)
    assert any(isinstance(each.get("b"), list) and each["b"][:1] not in ([], [1]) for each in dicts)
    assert any(not isinstance(each, dict) for each in changed)


@pytest.mark.parametrize(
    ("code", "errors", "problem"),
    [
        (1, "error: KeyError: 'a' (--debug shows where)\n", "--debug shows where"),
        (1, "Traceback (most recent call last):\n", "Traceback"),
        (1, "error: Expecting value\n", r"does not name run/options\.json"),
        (1, "something\n", "no line"),
        (139, "", "exit code 139"),
    ],
)
def test_what_is_not_promised_is_found(tmp_path, code, errors, problem):
    with pytest.raises(AssertionError, match=problem):
        fuzz_json.check(code, errors, tmp_path, "run/options.json")


def test_what_is_promised_passes(tmp_path):
    named = f"error: {tmp_path}/run/options.json is not the options of a run: it is empty\n"
    assert fuzz_json.check(1, named, tmp_path, "run/options.json") == "refused"
    assert (
        fuzz_json.check(2, f"error: {tmp_path}/run was trained with --lr 3\n", tmp_path, "run/options.json")
        == "refused"
    )
    assert fuzz_json.check(0, "", tmp_path, "run/options.json") == "worked"
    (tmp_path / "run").mkdir()
    (tmp_path / "run/log.jsonl").write_text('{"event": "epoch", "val_psnr": Infinity}\n')
    with pytest.raises(AssertionError, match="Infinity was written"):
        fuzz_json.check(0, "", tmp_path, "run/options.json")
