"""Reading pairs, measured against OpenCV alone."""

from __future__ import annotations

import pytest


def test_from_the_command_line(measured, rows_of, tiny_pairs):
    words = f"--folder {tiny_pairs / 'train'} --load-size 36 --crop-size 32 --rounds 2 --workers 0 2"
    found, printed = measured("loader", words)
    assert found["options"]["workers"] == [0, 2]
    rates = found["pairs_per_second"]
    assert all(len(rounds) == 2 and min(rounds) > 0 for rounds in rates.values())
    rows = {row[0]: row[1:] for row in rows_of(printed)}
    names = [f"{kind}, {count} workers" for count in (0, 2) for kind in ("loader", "cache")]
    assert list(rows) == list(rates) == [*names, "bare, 1 threads", "bare, 2 threads"]


def test_it_is_compared_round_by_round(benchmark_script, rows_of):
    loader = benchmark_script("loader")
    found = {"loader, 0 workers": [100.0, 50.0, 80.0], "bare, 1 threads": [120.0, 100.0, 120.0]}
    assert loader["ratio_to_bare"]("loader, 0 workers", found) == [1.2, 2.0, 1.5]
    assert rows_of(loader["table"](found))[0] == ["loader, 0 workers", "80", "50 - 100", "1.50"]
    turns = list(loader["turns"]({"a": 1, "b": 2}, 2))
    assert [(number, name) for number, (name, _) in turns] == [(0, "a"), (0, "b"), (1, "b"), (1, "a")]


def test_refuses_what_cannot_be_measured(benchmark_script):
    loader = benchmark_script("loader")
    with pytest.raises(SystemExit, match=r"^error: --rounds 0 is below 1"):
        loader["main"](loader["Options"](rounds=0))
