"""log.jsonl, what happened in a run, an event a line, and losses.csv, the numbers among it.

Lines are only ever added while a run is at work. When it goes on after a kill, what is beyond its checkpoint is taken
back first, and what the checkpoint has and the killed process did not come to write is added.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from gluon_pix2pix.reading import COUNT, check_shape, open_file, parse_json
from gluon_pix2pix.writing import json_text, naming_errors, write_atomically

LOSSES = ("D_real", "D_fake", "G_GAN", "G_L1")  # the reference's names, so that logs compare
# What else a line may have. Logs of earlier versions do not; their losses.csv stays as it was.
HEALTH = ("G_extra", "D_accuracy", "G_gradient", "D_gradient", "data_wait", "memory_mb")

_NUMBERS = {f"{name}?": (float, None) for name in (*LOSSES, *HEALTH, "lr", "images_per_second", "time")}
# What whoever reads the log relies on in the event of that name. There may be others, and all may say more.
EVENTS = {
    "train": {"epoch": COUNT, "step": COUNT, **_NUMBERS},
    "epoch": {"epoch": COUNT},
    "samples": {"epoch": COUNT, "file": str},
    "start": {"epochs": COUNT, "steps": COUNT, "notes?": [str]},
    "device": {"device": str, "data?": str, "direction?": (str, None), "steps_per_epoch?": range(1, 1 << 53)},
    "warning": {"text": str},
    "error": {"text": str},
    "skipped": {"file": str},
}


def append_event(run_dir: Path, event: str, **facts) -> None:
    """Append a line to a run's log.jsonl, whole or not at all."""
    path, data = run_dir / "log.jsonl", (json_text({"event": event, **facts}) + "\n").encode()
    with naming_errors(path), open(path, "ab", buffering=0) as stream:
        end = stream.tell()
        try:
            while data:
                data = data[stream.write(data) :]
        except OSError:
            with contextlib.suppress(OSError):
                stream.truncate(end)
            raise


def read_log(run_dir: Path) -> list[dict]:
    """Return the events of log.jsonl; lines that are none, such as a killed run's unfinished last, are passed over."""
    return [event for event in _read_lines(run_dir) if event]


def _read_lines(run_dir: Path) -> Iterator[dict]:
    """Yield the event of each line, or nothing for a line that holds none."""
    path = run_dir / "log.jsonl"
    if not path.exists():
        return
    with open_file(path) as stream:
        for line in stream:
            try:
                event = parse_json(line, {"event": str, "epoch?": COUNT, "step?": COUNT}, what="line")
                check_shape(event, EVENTS.get(event["event"], {}))
                yield event
            except ValueError:
                yield {}


def resume_log(run_dir: Path, state: Mapping) -> bool:
    """Make a run's log what it was when a checkpoint was complete, and write losses.csv.

    The resumed run writes again what is taken away. (Steps between the last line and a stop in mid-epoch are in none.)

    Parameters
    ----------
    state
        The checkpoint's state.json; empty for a run that begins.

    Returns
    -------
    bool
        Whether the scores of the checkpoint's epoch were not in the log: its process was killed in between.
    """
    epoch, step = state.get("epoch", 0), state.get("step", 0)

    def before(event: dict) -> bool:
        number = event.get("epoch", 0)
        return number <= epoch or (number == epoch + 1 and event.get("step", math.inf) <= step)

    events = [event for event in read_log(run_dir) if before(event)]
    scores = {name: value for name, value in state.items() if name.startswith("val_")}
    lost = bool(scores) and not step and ("epoch", epoch) not in [(e["event"], e.get("epoch")) for e in events]
    if lost:
        events.append({"event": "epoch", "epoch": epoch, **scores})
    write_atomically(run_dir / "log.jsonl", "".join(json_text(e) + "\n" for e in events).encode(), durable=True)
    write_losses_csv(run_dir)
    return lost


def write_losses_csv(run_dir: Path) -> None:
    """Write losses.csv, one row for each "train" event of log.jsonl."""
    events = [event for event in read_log(run_dir) if event["event"] == "train"]
    more = [name for name in HEALTH if any(name in event for event in events)]
    columns = ["epoch", "step", *LOSSES, "lr", "images_per_second", *more]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(events)
    write_atomically(run_dir / "losses.csv", text.getvalue().encode())
