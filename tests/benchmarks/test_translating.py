"""Translating, measured."""

from __future__ import annotations

import pytest


def test_from_the_command_line(measured):
    found, printed = measured("translate", "--ngf 2 --batches 1 2 --rounds 2 --repeats 1")
    assert list(found["milliseconds"]) == ["1", "2"]
    runtimes = ("MXNet", "ONNX Runtime")
    names = {f"{runtime}, {mode} statistics" for runtime in runtimes for mode in ("running", "picture")}
    for times in found["milliseconds"].values():
        assert set(times) == names
        assert all(len(rounds) == 2 and min(rounds) > 0 for rounds in times.values())
    assert printed.count("| MXNet, picture statistics | ") == 2


def test_refuses_a_size_that_the_network_cannot_halve(benchmark_script):
    translate = benchmark_script("translate")
    with pytest.raises(SystemExit, match=r"^error: --size 300 is no multiple of 256"):
        translate["main"](translate["Options"](size=300))
