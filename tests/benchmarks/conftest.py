"""The scripts behind the published figures, run from the command line and loaded; no time is asserted."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def benchmark_script(monkeypatch) -> Callable[[str], dict]:
    """Load what a script defines."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return lambda name: runpy.run_path(str(BENCHMARKS / f"{name}.py"))


@pytest.fixture
def measured(tmp_path) -> Callable[..., tuple[dict, str]]:
    """Run a script with words where there is no PyTorch; return its json and what it printed."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "torch.py").write_text("raise ImportError('as where there is no PyTorch')")

    def run(name: str, words: str, code: int = 0) -> tuple[dict, str]:
        written = tmp_path / f"{name}.json"
        command = [sys.executable, BENCHMARKS / f"{name}.py", *words.split(), "--json", written]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "hidden")}
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
        assert done.returncode == code, done.stderr
        return json.loads(written.read_text()), done.stdout

    return run


@pytest.fixture
def rows_of() -> Callable[[str], list[list[str]]]:
    """Read the cells of a markdown table, without its head."""

    def rows(table: str) -> list[list[str]]:
        return [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")][2:]

    return rows
