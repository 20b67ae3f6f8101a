"""log.jsonl and losses.csv: what is read of them, and what becomes of them when a killed run goes on."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os

import pytest

from gluon_pix2pix.runs.log import append_event, read_log, resume_log, write_losses_csv

COLUMNS = ["epoch", "step", "D_real", "D_fake", "G_GAN", "G_L1", "lr", "images_per_second"]


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
    resume_log(tmp_path, {"epoch": epoch, "step": step})
    kept = [
        f"{event['epoch']}/{event['step']}" if "step" in event else f"{event['epoch']}" for event in read_log(tmp_path)
    ]
    assert kept == expected
    assert (tmp_path / "log.jsonl").read_text().endswith("}\n" if expected else "")


def test_the_csv_of_an_empty_log_is_its_header(tmp_path):
    write_losses_csv(tmp_path)
    assert (tmp_path / "losses.csv").read_text() == "epoch,step,D_real,D_fake,G_GAN,G_L1,lr,images_per_second\n"


def test_the_csv_of_a_run_that_an_earlier_version_began(tmp_path):
    old = {"event": "train", "epoch": 1, "step": 1, "G_L1": 30.0, "lr": 2e-4, "images_per_second": 5.0}
    (tmp_path / "log.jsonl").write_text(json.dumps(old) + "\n")
    write_losses_csv(tmp_path)
    assert (tmp_path / "losses.csv").read_text().splitlines()[0] == ",".join(COLUMNS)
    append_event(tmp_path, **{**old, "step": 2, "D_accuracy": 0.5})
    write_losses_csv(tmp_path)
    first, second = csv.DictReader(io.StringIO((tmp_path / "losses.csv").read_text()))
    assert (first["D_accuracy"], second["D_accuracy"]) == ("", "0.5")


@pytest.mark.parametrize(
    ("state", "added"),
    [
        ({"epoch": 2, "step": 0, "val_psnr": 21.0, "val_ssim": None, "best_by": "val_psnr"}, True),
        ({"epoch": 1, "step": 0, "val_psnr": 20.0}, False),  # it is there
        ({"epoch": 2, "step": 3, "val_psnr": 21.0}, False),
        ({"epoch": 2, "step": 0}, False),  # it was not scored
        ({}, False),
    ],
)
def test_the_scores_that_a_killed_process_did_not_come_to_log_are_added(tmp_path, state, added):
    events = [{"event": "train", "epoch": 1, "step": 4, "G_L1": 30.0}, {"event": "epoch", "epoch": 1, "val_psnr": 20.0}]
    events.append({"event": "train", "epoch": 2, "step": 4, "G_L1": 29.0})
    for event in events:
        append_event(tmp_path, **event)
    assert resume_log(tmp_path, state) == added
    kept = [event for event in events if state and event["epoch"] <= state["epoch"]]
    new = [{"event": "epoch", "epoch": 2, "val_psnr": 21.0, "val_ssim": None}] if added else []
    assert read_log(tmp_path) == kept + new
    rows = (tmp_path / "losses.csv").read_text().splitlines()
    assert len(rows) == 1 + sum(event["event"] == "train" for event in kept)
    assert not resume_log(tmp_path, state)


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "3",
        '"epoch"',
        "{}",
        '{"event": 3}',
        '{"event": "train", "epoch": 1}',
        '{"event": "train", "epoch": "1", "step": 2}',
        '{"event": "train", "epoch": 1, "step": 2, "G_L1": [1]}',
        '{"event": "warning", "epoch": 1}',
        '{"event": "start", "epochs": 0, "steps": 0, "notes": [3]}',
        '{"event": "mine", "epoch": -1}',
        "[" * 100_000,
    ],
)
def test_lines_that_are_no_events_are_passed_over(tmp_path, line):
    (tmp_path / "log.jsonl").write_text(f'{{"event": "epoch", "epoch": 1}}\n{line}\n{{"event": "mine", "x": 1}}\n')
    expected = [{"event": "epoch", "epoch": 1}, {"event": "mine", "x": 1}]
    assert read_log(tmp_path) == expected
    resume_log(tmp_path, {"epoch": 1, "step": 0})
    assert [json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines()] == expected


def test_what_is_not_finite_is_written_as_strict_json(tmp_path):
    append_event(tmp_path, "train", epoch=1, step=1, other=math.inf)
    text = (tmp_path / "log.jsonl").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["other"] == "inf"
    (tmp_path / "log.jsonl").write_text(
        '{"event": "epoch", "epoch": 1, "val_psnr": Infinity}\n'
    )  # of an earlier version
    resume_log(tmp_path, {"epoch": 1, "step": 0})
    assert json.loads((tmp_path / "log.jsonl").read_text(), parse_constant=pytest.fail)["val_psnr"] == "inf"


def test_an_event_that_a_full_disk_cuts_is_not_there(tmp_path, monkeypatch):
    append_event(tmp_path, "epoch", epoch=1)
    original = open

    def cut(path, mode, **kwargs):
        stream = original(path, mode, **kwargs)

        class Cut:
            tell, truncate = stream.tell, stream.truncate

            def __enter__(self):
                return self

            def __exit__(self, *error):
                stream.close()

            def write(self, data):
                if len(data) < 20:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return stream.write(data[:20])

        return Cut()

    monkeypatch.setattr("builtins.open", cut)
    with pytest.raises(OSError, match=r"No space left on device: .*log\.jsonl"):
        append_event(tmp_path, "epoch", epoch=2)
    monkeypatch.undo()
    assert (tmp_path / "log.jsonl").read_text() == '{"event": "epoch", "epoch": 1}\n'
    with pytest.raises(FileNotFoundError, match=r"none.log\.jsonl"):
        append_event(tmp_path / "none", "epoch", epoch=1)
