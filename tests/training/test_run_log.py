"""What a run says, where, and that a killed run's log goes on as an unbroken one's."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from types import SimpleNamespace

import pytest

from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training import run_log
from gluon_pix2pix.training.run_log import LOSSES, RunLog, read_log, rewind_log, write_losses_csv


@pytest.fixture
def clock(monkeypatch):
    """Time that goes on only when it is told to."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(run_log, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def losses(value: float) -> dict:
    """Four losses, as the trainer gives them: value, value + 1, ..."""
    return {name: mx.nd.array([value + number]) for number, name in enumerate(LOSSES)}


def add(log: RunLog, value: float, *, epoch: int = 1, step: int, images: int = 1) -> None:
    log.add(losses(value), epoch=epoch, step=step, lr=2e-4, images=images, where=f"epoch {epoch}/2")


def test_lines_are_means_over_the_steps_since_the_last(tmp_path, clock):
    with RunLog(tmp_path, total=15, log_every=2) as log:
        log.start_epoch()
        for step, value in enumerate([1, 2, 5, 7, 9], 1):
            clock.seconds += 0.5
            add(log, value, step=step, images=3)
            assert len(read_log(tmp_path)) == (step - 1) // 2  # a step is read when the next has come
        clock.seconds += 0.5
        log.finish_epoch()
    events = read_log(tmp_path)
    assert [event["step"] for event in events] == [2, 4, 5]
    assert [event["D_real"] for event in events] == [1.5, 6, 9]
    assert [event["G_L1"] for event in events] == [4.5, 9, 12]
    assert {(event["event"], event["epoch"], event["lr"]) for event in events} == {("train", 1, 2e-4)}
    assert [event["images_per_second"] for event in events] == [4, 6, 6]  # 6 in 1.5 s, 6 in 1 s, 3 in 0.5 s


def test_losses_csv_has_the_lines(tmp_path):
    with RunLog(tmp_path, total=4, log_every=1) as log:
        add(log, 0.5, step=1)
        add(log, 1.5, step=2)
        log.event("epoch", epoch=1, val_psnr=20.0)
        log.finish_epoch()
    with open(tmp_path / "losses.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["epoch", "step", "D_real", "D_fake", "G_GAN", "G_L1", "lr", "images_per_second"]
    assert [[float(row[name]) for name in LOSSES] for row in rows] == [[0.5, 1.5, 2.5, 3.5], [1.5, 2.5, 3.5, 4.5]]


def test_plain_lines_where_there_is_no_terminal(tmp_path, clock, capsys):
    with RunLog(tmp_path, total=2 * 3600 + 2, initial=2, log_every=1) as log:
        log.start_epoch()
        add(log, 0.25, step=1)
        clock.seconds += 0.5
        log.settle()
        log.say("saved")
    out, err = capsys.readouterr()
    line = "epoch 1/2  D_real 0.250  D_fake 1.250  G_GAN 2.250  G_L1 3.250  2.00 images/s"
    assert out == f"{line}  59:59 left\nsaved\n"  # 1 of 7,200 pictures in half a second: 7,199 more in 3,599.5 s
    assert err == ""


def test_a_bar_where_there_is_one(tmp_path, capsys, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with RunLog(tmp_path, total=5, initial=1, log_every=1) as log:
        add(log, 0.25, step=1, images=2)
        add(log, 0.5, step=2, images=2)
        log.finish_epoch()
        log.say("saved")
    assert "epoch 1/2" in terminal.getvalue()
    assert "5/5" in terminal.getvalue()
    assert "G_L1=3.5" in terminal.getvalue()
    assert capsys.readouterr().out == "saved\n"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_ends_the_run_and_is_named(tmp_path, value):
    with RunLog(tmp_path, total=4, log_every=1) as log:
        add(log, 0.5, epoch=3, step=1)
        broken = {**losses(0.5), "G_GAN": mx.nd.array([value])}
        log.add(broken, epoch=3, step=2, lr=1e30, images=1, where="")
        with pytest.raises(FloatingPointError, match=f"G_GAN is {value} in epoch 3, step 2: training stopped; .* --lr"):
            log.finish_epoch()
    assert [event["step"] for event in read_log(tmp_path)] == [1]


def test_finishing_an_epoch_without_steps_writes_no_line(tmp_path):
    with RunLog(tmp_path, total=4) as log:
        log.finish_epoch()
    assert read_log(tmp_path) == []


def test_there_may_be_no_log_yet(tmp_path):
    assert read_log(tmp_path) == []


def test_a_line_that_a_killed_run_left_unfinished_is_passed_over(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"event": "epoch", "epoch": 1}\n{"event": "tra')
    assert read_log(tmp_path) == [{"event": "epoch", "epoch": 1}]


@pytest.mark.parametrize(
    ("epoch", "step", "expected"),
    [
        (0, 0, []),
        (1, 0, ["1/2", "1/4", "1"]),
        (1, 2, ["1/2", "1/4", "1", "2/2"]),
        (1, 3, ["1/2", "1/4", "1", "2/2"]),
        (2, 0, ["1/2", "1/4", "1", "2/2", "2/4", "2"]),
    ],
)
def test_rewinding_takes_what_is_after_the_checkpoint(tmp_path, epoch, step, expected):
    events = []
    for number in (1, 2, 3):
        events += [{"event": "train", "epoch": number, "step": s} for s in (2, 4)]
        events.append({"event": "epoch", "epoch": number, "val_psnr": None})
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events) + '{"event": "tr')
    rewind_log(tmp_path, epoch=epoch, step=step)
    kept = [
        f"{event['epoch']}/{event['step']}" if "step" in event else f"{event['epoch']}" for event in read_log(tmp_path)
    ]
    assert kept == expected
    assert (tmp_path / "log.jsonl").read_text().endswith("}\n" if expected else "")


def test_the_csv_of_an_empty_log_is_its_header(tmp_path):
    write_losses_csv(tmp_path)
    assert (tmp_path / "losses.csv").read_text() == "epoch,step,D_real,D_fake,G_GAN,G_L1,lr,images_per_second\n"
