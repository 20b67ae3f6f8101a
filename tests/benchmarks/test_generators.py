"""The step of each generator, measured."""

from __future__ import annotations

import pytest


def test_from_the_command_line(measured, rows_of):
    words = "--generators unet_128 resnet_6blocks --size 32 --ngf 4 --ndf 4 --rounds 1 --steps 1 --warm-up 0"
    found, printed = measured("generators", words)
    assert found["machine"]["threads"] > 0
    assert found["options"]["ngf"] == 4
    rounds = {name: each for name, (each,) in found["rounds"].items()}
    assert all(value > 0 for each in rounds.values() for value in each.values())

    rows = {row[0]: row[1:] for row in rows_of(printed)}
    assert list(rows) == list(rounds) == ["unet_128", "resnet_6blocks"]
    assert [row[1] for row in rows.values()] == ["128x128", "32x32"]  # unet_128 takes no less
    for name, each in rounds.items():
        assert rows[name][0] == f"{each['parameters']:,}"
        assert rows[name][2] == f"{each['step_ms']:,.0f} ms"
        assert rows[name][4] == f"{each['peak_mb']:,.0f} MB"


def test_they_are_given_by_the_median_of_their_rounds(benchmark_script, rows_of):
    generators = benchmark_script("generators")
    rounds = [(40.0, 1900.0), (10.0, 1000.0), (30.0, 1500.0)]
    each = [generators["Measurement"](1234, 256, time, peak) for time, peak in rounds]
    assert rows_of(generators["table"]({"net": each})) == [
        ["net", "1,234", "256x256", "30 ms", "10 - 40 ms", "1,500 MB"]
    ]


@pytest.mark.parametrize("words", [{"size": 16}, {"rounds": 0}, {"warm_up": -1}])
def test_refuses_what_cannot_be_measured(benchmark_script, words):
    generators, ((name, value),) = benchmark_script("generators"), words.items()
    with pytest.raises(SystemExit, match=f"^error: --{name.replace('_', '-')} {value} is below"):
        generators["main"](generators["Options"](**words))
