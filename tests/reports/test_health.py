"""Warnings: given when they must be, once in an episode, and not when all is well."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gluon_pix2pix.reports.health import Health, measure_spread


def lines(loss: float, epochs: range, **values) -> list[dict]:
    """Four lines an epoch whose D_real + D_fake is `loss`."""
    halves = {"D_real": loss / 2, "D_fake": loss / 2}
    return [{"event": "train", "epoch": e, "step": s, **halves, **values} for e in epochs for s in (25, 50, 75, 100)]


def samples(fake: float, *, source: float = 60.0, target: float = 50.0, epoch: int = 1) -> dict:
    spreads = {"source_spread": source, "fake_spread": fake, "target_spread": target}
    return {"event": "samples", "epoch": epoch, "file": "", **spreads}


def warned(events: list[dict], history: tuple = ()) -> list[tuple]:
    """(kind, epoch) of every warning."""
    health = Health(100, history)
    return [(warning["kind"], warning["epoch"]) for event in events for warning in health.event(event)]


def test_a_discriminator_that_has_won_is_told_once():
    assert warned([*lines(0.5, range(1, 4)), *lines(0.001, range(4, 20))]) == [("discriminator_won", 5)]


def test_and_again_when_it_has_lost_in_between():
    events = [*lines(0.001, range(1, 4)), *lines(0.5, range(4, 5)), *lines(0.001, range(5, 9))]
    assert warned(events) == [("discriminator_won", 2), ("discriminator_won", 6)]


def test_a_value_near_the_threshold_does_not_repeat_the_warning():
    swing = [line for e in range(3, 20) for line in lines(0.025 if e % 3 == 0 else 0.015, range(e, e + 1))]
    assert warned([*lines(0.001, range(1, 3)), *swing]) == [("discriminator_won", 2)]


@pytest.mark.parametrize(
    "events",
    [
        lines(1.39, range(1, 30)),  # undecided
        lines(0.1, range(1, 200)),  # strong, as long real runs have it
        [line for e in range(1, 60) for line in [*lines(0.001, range(e, e + 1))[:3], *lines(0.3, range(e, e + 1))[3:]]],
        lines(0.001, range(1, 2)),  # not for an epoch yet
        [{"event": "train", "epoch": e, "step": 100, "G_L1": 0.001} for e in range(1, 30)],  # L1 alone has no D
    ],
)
def test_a_discriminator_that_has_not_won(events):
    assert warned(events) == []


def test_few_lines_are_not_enough():
    events = [line for line in lines(0.001, range(1, 9)) if line["step"] == 100]
    assert warned(events[:4]) == []
    assert warned(events) == [("discriminator_won", 5)]


def test_output_that_collapses():
    events = [samples(20, epoch=1), *(samples(0.5, epoch=e) for e in (2, 3, 4)), samples(20, epoch=5)]
    assert warned(events) == [("collapse", 3)]
    again = [samples(0.5, epoch=e) for e in (6, 7)]
    assert warned([*events, *again]) == [("collapse", 3), ("collapse", 7)]


@pytest.mark.parametrize(
    "events",
    [
        [samples(0.5, epoch=1), samples(12, epoch=2), samples(0.5, epoch=3)],  # a first sample of a generator at rest
        [samples(12, epoch=e) for e in range(1, 9)],  # blurred, but each its own
        [samples(0.5, source=1, epoch=e) for e in range(1, 9)],  # sources that are all alike
        [samples(0.5, target=1, epoch=e) for e in range(1, 9)],  # targets that are
        [{"event": "samples", "epoch": e, "file": ""} for e in range(1, 9)],  # a single picture has no spread
    ],
)
def test_output_that_does_not_collapse(events):
    assert warned(events) == []


def test_a_loader_that_is_the_bottleneck():
    slow, fast = lines(1, range(2, 5), data_wait=0.6), lines(1, range(5, 7), data_wait=0.01)
    start = lines(1, range(1, 2), data_wait=0.02)
    assert warned([*start, *slow]) == [("loader", 2)]
    assert warned([*start, *slow, *fast, *slow]) == [("loader", 2), ("loader", 2)]


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_a_loader_that_is_not(share):
    one_slow_line = lines(1, range(1, 2), data_wait=share)
    one_slow_line[1]["data_wait"] = 0.5
    assert warned([*one_slow_line, *lines(1, range(2, 9), data_wait=share)]) == []


def test_a_resumed_run_does_not_repeat_itself():
    events = [*lines(0.001, range(1, 4)), samples(0.5), samples(0.5)]
    assert warned(events) == [("discriminator_won", 2), ("collapse", 1)]
    assert warned([*lines(0.001, range(4, 9)), samples(0.5)], history=events) == []


def test_warnings_say_what_to_do():
    health = Health(100)
    events = [*lines(0.001, range(1, 4), data_wait=0.4321), samples(0.5), samples(0.5)]
    texts = {w["kind"]: w["text"] for event in events for w in health.event(event)}
    assert "below 0.02 since epoch 0.2" in texts["discriminator_won"]
    assert "--d-lr" in texts["discriminator_won"]
    assert "1.0% of what their targets do" in texts["collapse"]
    assert "43% of the time" in texts["loader"]
    assert "--num-workers" in texts["loader"]


def test_spread_is_the_standard_deviation_over_the_samples():
    sources = [np.full((4, 4, 3), value, np.uint8) for value in (0, 100, 200)]
    fakes = [np.full((4, 4, 3), 7, np.uint8)] * 3
    targets = [np.full((4, 4, 1), value * 257, np.uint16) for value in (10, 10, 40)]
    assert measure_spread(list(zip(sources, fakes, targets))) == {
        "source_spread": pytest.approx(np.std([0, 100, 200]), abs=1e-3),
        "fake_spread": 0,
        "target_spread": pytest.approx(np.std([10, 10, 40]), abs=1e-3),  # in 255ths, whatever the depth
    }
    json.dumps(measure_spread(list(zip(sources, fakes))))  # goes into the log
    assert measure_spread([(sources[0], fakes[0])]) == {}
