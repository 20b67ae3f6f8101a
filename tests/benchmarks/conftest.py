"""The scripts behind the published figures, run from the command line and loaded; no time is asserted."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
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

    def run(name: str, words: str, code: int = 0, hide: bool = True) -> tuple[dict, str]:
        written = tmp_path / f"{name}.json"
        command = [sys.executable, BENCHMARKS / f"{name}.py", *words.split(), "--json", written]
        environment = {**os.environ, **({"PYTHONPATH": str(tmp_path / "hidden")} if hide else {})}
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


FAKE_TORCH = """#!{python}
# In the place of PyTorch's Python: every call takes 100 ms, and the peak is 2 GB.
import json, sys
def log(what):
    with open({log!r}, "a") as stream:
        stream.write(json.dumps(what) + "\\n")
log(sys.argv[1:])
print(json.dumps({{"torch": "fake", "modes": ["eval", "train"]}}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    log(asked)
    print(json.dumps(2e9 if asked["do"] == "peak" else [100.0] * asked["repeats"]), flush=True)
"""


@dataclass
class FakeTorch:
    """A program to pass as --torch-python, what it was started with, and what it was asked."""

    python: Path
    log: Path

    def _lines(self) -> list:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    @property
    def started(self) -> list[list[str]]:
        return [line for line in self._lines() if isinstance(line, list)]

    @property
    def asked(self) -> list[dict]:
        return [line for line in self._lines() if isinstance(line, dict)]


@pytest.fixture
def fake_torch(tmp_path) -> FakeTorch:
    """What measures in the place of PyTorch."""
    fake = FakeTorch(tmp_path / "fake_python", tmp_path / "asked.jsonl")
    fake.python.write_text(FAKE_TORCH.format(python=sys.executable, log=str(fake.log)))
    fake.python.chmod(0o755)
    return fake


@pytest.fixture
def upstream(tmp_path) -> Path:
    """What passes for a clone of the PyTorch implementation."""
    networks = tmp_path / "clone" / "models" / "networks.py"
    networks.parent.mkdir(parents=True)
    networks.touch()
    return tmp_path / "clone"
