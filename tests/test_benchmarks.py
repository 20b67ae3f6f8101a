"""The scripts behind the published figures; no time is asserted."""

from __future__ import annotations

import json
import os
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


@pytest.fixture(scope="module")
def loader() -> dict:
    """What benchmarks/loader.py defines."""
    return runpy.run_path(str(BENCHMARKS / "loader.py"))


def test_loader_from_the_command_line(tmp_path, tiny_pairs):
    written = tmp_path / "loader.json"
    words = f"--folder {tiny_pairs / 'train'} --load-size 36 --crop-size 32 --rounds 2 --workers 0 2 --output {written}"
    command = [sys.executable, BENCHMARKS / "loader.py", *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(written.read_text())
    assert found["options"]["workers"] == [0, 2]
    rates = found["pairs_per_second"]
    assert all(len(rounds) == 2 and min(rounds) > 0 for rounds in rates.values())
    rows = {row[0]: row[1:] for row in rows_of(done.stdout)}
    names = [f"{kind}, {count} workers" for count in (0, 2) for kind in ("loader", "cache")]
    assert list(rows) == list(rates) == [*names, "bare, 1 threads", "bare, 2 threads"]


def test_loader_is_compared_round_by_round(loader):
    found = {"loader, 0 workers": [100.0, 50.0, 80.0], "bare, 1 threads": [120.0, 100.0, 120.0]}
    assert loader["ratio_to_bare"]("loader, 0 workers", found) == [1.2, 2.0, 1.5]
    assert rows_of(loader["table"](found))[0] == ["loader, 0 workers", "80", "50 - 100", "1.50"]
    turns = list(loader["turns"]({"a": 1, "b": 2}, 2))
    assert [(number, name) for number, (name, _) in turns] == [(0, "a"), (0, "b"), (1, "b"), (1, "a")]


def test_loader_refuses_what_cannot_be_measured(loader):
    with pytest.raises(SystemExit, match=r"^error: --rounds 0 is below 1"):
        loader["main"](loader["Options"](rounds=0))


def test_translate_from_the_command_line(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('as where there is no PyTorch')")
    written = tmp_path / "translate.json"
    words = f"--ngf 2 --batches 1 2 --rounds 2 --repeats 1 --json {written}"
    command = [sys.executable, BENCHMARKS / "translate.py", *words.split()]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(written.read_text())
    assert list(found["milliseconds"]) == ["1", "2"]
    runtimes = ("MXNet", "ONNX Runtime")
    names = {f"{runtime}, {mode} statistics" for runtime in runtimes for mode in ("running", "picture")}
    for times in found["milliseconds"].values():
        assert set(times) == names
        assert all(len(rounds) == 2 and min(rounds) > 0 for rounds in times.values())
    assert done.stdout.count("| MXNet, picture statistics | ") == 2


def test_translate_table():
    table = runpy.run_path(str(BENCHMARKS / "translate.py"))["table"]
    rows = rows_of(table({"ours": [30.0, 10.0, 20.0], "theirs": [50.0, 40.0]}, ["theirs"]))
    assert rows == [["ours", "20 ms", "10 - 30 ms", "2.25"], ["theirs", "45 ms", "40 - 50 ms", "1.00"]]
