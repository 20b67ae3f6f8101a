"""The scripts behind the published figures; no time is asserted."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def rows_of(table: str) -> list[list[str]]:
    """Read the cells of a markdown table, without its head."""
    return [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")][2:]


@pytest.fixture(scope="module")
def generators() -> dict:
    """What benchmarks/generators.py defines."""
    return runpy.run_path(str(BENCHMARKS / "generators.py"))


def test_generators_from_the_command_line(tmp_path):
    written = tmp_path / "generators.json"
    words = "--generators unet_128 resnet_6blocks --size 32 --ngf 4 --ndf 4 --rounds 1 --steps 1 --warm-up 0 --json"
    command = [sys.executable, BENCHMARKS / "generators.py", *words.split(), written]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr

    found = json.loads(written.read_text())
    assert found["machine"]["threads"] > 0
    assert found["options"]["ngf"] == 4
    rounds = {name: measured for name, (measured,) in found["rounds"].items()}
    assert all(value > 0 for measured in rounds.values() for value in measured.values())

    rows = {row[0]: row[1:] for row in rows_of(done.stdout)}
    assert list(rows) == list(rounds) == ["unet_128", "resnet_6blocks"]
    assert [row[1] for row in rows.values()] == ["128x128", "32x32"]  # unet_128 takes no less
    for name, measured in rounds.items():
        assert rows[name][0] == f"{measured['parameters']:,}"
        assert rows[name][2] == f"{measured['step_ms']:,.0f} ms"
        assert rows[name][4] == f"{measured['peak_mb']:,.0f} MB"


def test_generators_are_given_by_the_median_of_their_rounds(generators):
    rounds = [(40.0, 1900.0), (10.0, 1000.0), (30.0, 1500.0)]
    measured = [generators["Measurement"](1234, 256, time, peak) for time, peak in rounds]
    rows = rows_of(generators["table"]({"net": measured}))
    assert rows == [["net", "1,234", "256x256", "30 ms", "10 - 40 ms", "1,500 MB"]]


@pytest.mark.parametrize("words", [{"size": 16}, {"rounds": 0}, {"warm_up": -1}])
def test_generators_refuses_what_cannot_be_measured(generators, words):
    ((name, value),) = words.items()
    with pytest.raises(SystemExit, match=f"^error: --{name.replace('_', '-')} {value} is below"):
        generators["main"](generators["Options"](**words))
