"""What a large set costs before the first step."""

from __future__ import annotations

import os
import time

import pytest


def test_from_the_command_line(measured, rows_of, tiny_pairs):
    for path in (tiny_pairs / "train").iterdir():
        os.utime(path, (time.time() - 60,) * 2)  # what has just been written is not remembered
    found, printed = measured("large_set", f"--folder {tiny_pairs / 'train'} --pairs 6")
    first, second = found["found"]["start 1"], found["found"]["start 2"]
    for start in (first, second):
        assert 0 < start["walk"] + start["check"] + start["digest"] < start["to the first step"]
        assert start["peak"] >= start["resident"] > start["resident before"] > 0
    assert found["found"]["kept on disk"]["bytes"] > 100
    rows = [row[0] for row in rows_of(printed)]
    assert rows == ["start 1", "start 2", "an epoch beside its steps", "---", "epoch, 0 workers", "epoch, 2 workers"]


@pytest.mark.parametrize(("layout", "halves"), [("side", [""]), ("two", ["A", "B"])])
def test_the_set_is_made_of_links(benchmark_script, tiny_pairs, tmp_path, layout, halves):
    large_set = benchmark_script("large_set")
    options = large_set["Options"](folder=tiny_pairs / "train", pairs=9, layout=layout)
    train = large_set["make_set"](options, tmp_path / "set") / "train"
    linked = {path.stat().st_ino for path in (tiny_pairs / "train").iterdir()}
    for half in halves:
        files = list((train / half).iterdir())
        assert len(files) == 9
        assert {path.stat().st_ino for path in files} == linked


def test_refuses_what_cannot_be_measured(benchmark_script):
    large_set = benchmark_script("large_set")
    with pytest.raises(SystemExit, match=r"^error: --pairs 0 is below 1"):
        large_set["main"](large_set["Options"](pairs=0))
