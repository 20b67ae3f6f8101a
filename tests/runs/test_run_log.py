"""What a run says, where, and that a killed run's log goes on as an unbroken one's."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import pty
import struct
import sys
import termios
from types import SimpleNamespace

import pytest

from gluon_pix2pix.core.loop import StepNumbers
from gluon_pix2pix.runs import display, idle_time, run_log
from gluon_pix2pix.runs.lock import RunLock
from gluon_pix2pix.runs.log import LOSSES, read_log
from gluon_pix2pix.runs.run_log import RunLog

COLUMNS = ["epoch", "step", "D_real", "D_fake", "G_GAN", "G_L1", "lr", "images_per_second"]


@pytest.fixture
def clock(monkeypatch):
    """Time that goes on only when it is told to."""
    now = SimpleNamespace(seconds=1000.0)
    clocks = SimpleNamespace(monotonic=lambda: now.seconds, time=lambda: now.seconds + 1e9)
    for module in (run_log, display, idle_time):
        monkeypatch.setattr(module, "time", clocks)
    return now


class Watcher:
    """Keeps what it is told, and warns of every line whose D_real is above 3."""

    def __init__(self):
        self.events, self.closed = [], False

    def event(self, event):
        self.events.append(event)
        loud = event["event"] == "train" and event["D_real"] > 3
        return [{"kind": "loud", "text": "too loud", "epoch": event["epoch"], "step": event["step"]}] if loud else []

    def close(self, *, write=True):
        self.closed, self.wrote = True, write


def losses(value: float) -> dict:
    """Four losses: value, value + 1, ..."""
    return {name: value + number for number, name in enumerate(LOSSES)}


def add(log: RunLog, value: float, *, epoch: int = 1, step: int, images: int = 1) -> None:
    log.step(StepNumbers(epoch, step, 2e-4, images, losses(value)))


def test_lines_are_means_over_the_steps_since_the_last(tmp_path, clock):
    with RunLog(tmp_path, epochs=2, total=15, log_every=2) as log:
        log.start_epoch()
        for step, value in enumerate([1, 2, 5, 7, 9], 1):
            clock.seconds += 0.5
            add(log, value, step=step, images=3)
            assert len(read_log(tmp_path)) == step // 2
        log.finish_epoch()
    events = read_log(tmp_path)
    assert [event["step"] for event in events] == [2, 4, 5]
    assert [event["D_real"] for event in events] == [1.5, 6, 9]
    assert [event["G_L1"] for event in events] == [4.5, 9, 12]
    assert {(event["event"], event["epoch"], event["lr"]) for event in events} == {("train", 1, 2e-4)}
    assert [event["images_per_second"] for event in events] == [6, 6, 6]  # 6 in 1 s, 6 in 1 s, 3 in 0.5 s
    assert [event["time"] for event in events] == [1e9 + 1001, 1e9 + 1002, 1e9 + 1002.5]


def test_losses_csv_has_the_lines(tmp_path):
    with RunLog(tmp_path, epochs=2, total=4, log_every=1) as log:
        add(log, 0.5, step=1)
        add(log, 1.5, step=2)
        log.event("epoch", epoch=1, val_psnr=20.0)
        log.finish_epoch()
    with open(tmp_path / "losses.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == [*COLUMNS, "memory_mb"]
    assert [[float(row[name]) for name in LOSSES] for row in rows] == [[0.5, 1.5, 2.5, 3.5], [1.5, 2.5, 3.5, 4.5]]


def test_plain_lines_where_there_is_no_terminal(tmp_path, clock, capsys):
    with RunLog(tmp_path, epochs=2, total=2 * 3600 + 2, initial=2, log_every=1) as log:
        log.start_epoch()
        clock.seconds += 0.5
        add(log, 0.25, step=1)
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
    with RunLog(tmp_path, epochs=2, total=5, initial=1, log_every=1) as log:
        add(log, 0.25, step=1, images=2)
        add(log, 0.5, step=2, images=2)
        log.finish_epoch()
        log.say("saved")
    assert "epoch 1/2" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
    assert "G_L1=3.5" in terminal.getvalue()
    assert capsys.readouterr().out == "saved\n"


def test_plain_lines_where_a_terminal_has_no_lines(tmp_path, monkeypatch, capsys):
    """tqdm would hide its bar there, and nothing at all would be seen."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 80, 0, 0))
    with open(terminal, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        with RunLog(tmp_path, epochs=2, total=4, log_every=1) as log:
            add(log, 0.25, step=1)
    os.close(reader)
    assert capsys.readouterr().out.startswith("epoch 1/2  D_real 0.250 ")


def test_finishing_an_epoch_without_steps_writes_no_line(tmp_path):
    with RunLog(tmp_path, epochs=2, total=0) as log:
        log.finish_epoch()
    assert read_log(tmp_path) == []


def test_more_than_losses(tmp_path, clock):
    """Whatever else a step returns is averaged, logged and gets a column; the screen shows the losses alone."""
    with RunLog(tmp_path, epochs=2, total=2, log_every=2) as log:
        for step, share in enumerate((0.5, 1.0), 1):
            more = {"D_accuracy": share, "G_gradient": 4 * share}
            log.step(StepNumbers(1, step, 2e-4, 1, {**more, **losses(1.0)}))
        log.finish_epoch()
    (event,) = read_log(tmp_path)
    assert (event["D_accuracy"], event["G_gradient"]) == (0.75, 3)
    assert event["memory_mb"] > 10
    (row,) = csv.DictReader(io.StringIO((tmp_path / "losses.csv").read_text()))
    assert list(row) == [*COLUMNS, "D_accuracy", "G_gradient", "memory_mb"]
    assert row["D_accuracy"] == "0.75"


@pytest.mark.parametrize(("reading", "share"), [(1.0, 0.0), (4.0, 0.25)])
def test_what_counts_as_waiting_is_what_the_device_loses(tmp_path, clock, reading, share):
    """A step takes 3 s on the device. A batch that is read meanwhile in 1 s costs nothing, one of 4 s costs 1."""
    done = [0.0]  # when the device will have done all that it was given

    def batches():
        for number in range(25):
            ready[0] = max(ready[0] + reading, clock.seconds)
            clock.seconds = ready[0]
            yield number

    def wait():
        clock.seconds = max(clock.seconds, done[0])

    ready = [clock.seconds]  # the loader reads ahead: a batch every `reading` seconds
    with RunLog(tmp_path, epochs=2, total=25, log_every=25) as log:
        for number in log.fetch(batches(), wait):
            clock.seconds = max(clock.seconds, done[0])  # the step waits for the one before
            done[0] = clock.seconds + 3
            add(log, 1, step=number + 1)
        log.finish_epoch()
    (event,) = read_log(tmp_path)
    assert event["data_wait"] == pytest.approx(share, abs=1e-4)


def test_fetching_changes_no_batch_and_waits_in_one_of_ten(tmp_path):
    waits = []
    with RunLog(tmp_path, epochs=2, total=0) as log:
        assert list(log.fetch(iter(range(35)), lambda: waits.append(1))) == list(range(35))
        assert list(log.fetch([], waits.append)) == []
    assert len(waits) == 4  # before the batches 1, 11, 21, 31


def test_the_watcher_is_told_and_its_warnings_are_said_and_logged(tmp_path, capsys):
    watcher = Watcher()
    with RunLog(tmp_path, epochs=2, total=2, log_every=1, watch=watcher) as log:
        add(log, 1.0, step=1)
        add(log, 5.0, step=2)
        log.finish_epoch()
        log.event("epoch", epoch=1, val_psnr=None)
    assert capsys.readouterr().out.splitlines()[-1] == "warning: too loud"
    assert watcher.events == read_log(tmp_path)
    assert [event["event"] for event in watcher.events] == ["train", "train", "warning", "epoch"]
    assert watcher.events[2] == {"event": "warning", "kind": "loud", "text": "too loud", "epoch": 1, "step": 2}
    assert watcher.closed


def test_a_run_that_stops_early_says_so(tmp_path):
    with RunLog(tmp_path, epochs=2, total=9, log_every=1) as log:
        add(log, 1.0, step=1)
        log.finish_epoch()
    assert [event["event"] for event in read_log(tmp_path)] == ["train", "stop"]


def test_a_run_that_fails_says_why_and_lets_go(tmp_path):
    watcher = Watcher()
    with pytest.raises(OSError, match="disk"), RunLog(tmp_path, epochs=2, total=9, watch=watcher):
        raise OSError("the disk is full")
    assert read_log(tmp_path) == watcher.events == [{"event": "error", "text": "OSError: the disk is full"}]
    assert watcher.closed


@pytest.mark.parametrize("replaced", [False, True])
def test_a_run_whose_folder_is_gone_stops(tmp_path, replaced):
    run_dir = tmp_path / "run"
    with RunLock(run_dir) as lock:
        log = RunLog(run_dir, epochs=2, total=9, log_every=1, lock=lock, watch=(watcher := Watcher()))
        add(log, 1.0, step=1)
        run_dir.rename(tmp_path / "moved")
        if replaced:
            run_dir.mkdir()
        with pytest.raises(FileNotFoundError, match=r"run was removed or replaced while it was trained into"), log:
            add(log, 1.0, step=2)
    assert (watcher.closed, watcher.wrote) == (True, False)
    assert run_dir.exists() == replaced
    assert not replaced or list(run_dir.iterdir()) == []
    assert [event["step"] for event in read_log(tmp_path / "moved")] == [1]


@pytest.mark.parametrize(("columns", "losses_shown"), [(80, ["G_L1"]), (160, ["D_real", "D_fake", "G_GAN", "G_L1"])])
def test_the_bar_has_room_on_a_narrow_terminal(tmp_path, monkeypatch, columns, losses_shown):
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with open(terminal, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        with RunLog(tmp_path, epochs=200, total=80_000, log_every=9) as log:
            add(log, 33.25, epoch=100, step=1, images=40_000)
            log.finish_epoch()
        stream.flush()
        shown = ""
        while "100/200" not in shown or not shown.endswith("\n"):  # it comes in pieces
            shown += os.read(reader, 100_000).decode()
    os.close(reader)
    last = shown.rstrip("\r\n").split("\r")[-1]
    assert len(last) <= columns, shown
    assert [name for name in LOSSES if f"{name}=" in last] == losses_shown, shown
    assert last.startswith("epoch 100/200:")
    assert " 50%" in last
    assert len(last.split("|")[1]) >= 15
