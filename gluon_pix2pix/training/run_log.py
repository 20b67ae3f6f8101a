"""What a run says: log.jsonl and losses.csv on disk, a progress bar or plain lines on the screen."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from tqdm import tqdm

from gluon_pix2pix.image_files import write_atomically

LOSSES = ("D_real", "D_fake", "G_GAN", "G_L1")  # the reference's names, so that logs compare


class RunLog:
    """Collect the losses of each step, write their means every `log_every` steps, and show how far the run is.

    Parameters
    ----------
    run_dir
        Gets log.jsonl (one JSON object a line, its "event" says what of) and losses.csv.
    total, initial
        Pictures that the whole run sees, and how many of them it has seen.
    log_every
        Steps between two lines.
    """

    def __init__(self, run_dir: Path, *, total: int, initial: int = 0, log_every: int = 100):
        self._run_dir = run_dir
        self._log_every = log_every
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=total, initial=initial, unit="img", dynamic_ncols=True, smoothing=0.05, disable=not self._terminal
        )
        self._total, self._seen, self._started, self._initial = total, initial, time.monotonic(), initial
        self._pending: Optional[dict] = None  # the step that the engine may still be computing
        self._last: dict = {}
        self._collected: list[dict[str, float]] = []
        self.epoch_losses: list[float] = []  # the generator's whole loss in each step of this epoch
        self._images, self._since = 0, time.monotonic()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()

    def event(self, event: str, **facts) -> None:
        """Append a line to log.jsonl."""
        append_event(self._run_dir, event, **facts)

    def add(self, losses: dict, *, epoch: int, step: int, lr: float, images: int, where: str) -> None:
        """Take one step's losses, still being computed, and read those of the step before.

        `epoch` counts from 1 here, as a person would; `where` is how the screen names the place in the run.
        """
        self.settle()
        self._pending = {"losses": losses, "epoch": epoch, "step": step, "lr": lr, "images": images, "where": where}

    def settle(self) -> None:
        """Wait for the last step's losses, and write a line if one is due.

        Raises
        ------
        FloatingPointError
            If a loss is infinite or not a number.
        """
        if self._pending is None:
            return
        pending, self._pending = self._pending, None
        values = {name: float(loss.asscalar()) for name, loss in sorted_losses(pending["losses"])}
        for name, value in values.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{name} is {value} in epoch {pending['epoch']}, step {pending['step']}: training stopped; "
                    "the checkpoints are from before. Look at the data, or begin another --run-dir with a lower --lr"
                )
        self._collected.append(values)
        self.epoch_losses.append(values.get("G_GAN", 0) + values.get("G_L1", 0))
        self._images += pending["images"]
        self._seen += pending["images"]
        self._bar.set_description(pending["where"], refresh=False)
        self._bar.set_postfix({name: f"{value:.3f}" for name, value in values.items()}, refresh=False)
        self._bar.update(pending["images"])
        self._last = pending
        if pending["step"] % self._log_every == 0:
            self._write_line()

    def start_epoch(self, losses: Sequence[float] = ()) -> None:
        """Start the clock of the images/s: what came before was not training.

        `losses` are those of the epoch's first steps, when it was interrupted after them.
        """
        self._since = time.monotonic()
        self.epoch_losses = list(losses)

    def finish_epoch(self) -> None:
        """Write what has been collected since the last line, and losses.csv anew."""
        self.settle()
        if self._collected:
            self._write_line()
        write_losses_csv(self._run_dir)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def _write_line(self) -> None:
        pending = self._last
        count = len(self._collected)
        means = {name: sum(values[name] for values in self._collected) / count for name in self._collected[0]}
        rate = self._images / max(time.monotonic() - self._since, 1e-9)
        facts = {"epoch": pending["epoch"], "step": pending["step"], **means, "lr": pending["lr"]}
        self.event("train", **facts, images_per_second=round(rate, 3))
        if not self._terminal:
            losses = "  ".join(f"{name} {value:.3f}" for name, value in means.items())
            elapsed = time.monotonic() - self._started
            left = elapsed / max(self._seen - self._initial, 1) * (self._total - self._seen)
            self.say(f"{pending['where']}  {losses}  {rate:.2f} images/s  {tqdm.format_interval(left)} left")
        self._collected, self._images, self._since = [], 0, time.monotonic()


def sorted_losses(losses: dict) -> list[tuple]:
    """Return (name, value) of those of `LOSSES` that there are, in that order."""
    return [(name, losses[name]) for name in LOSSES if name in losses]


def append_event(run_dir: Path, event: str, **facts) -> None:
    """Append a line to a run's log.jsonl."""
    with open(run_dir / "log.jsonl", "a") as stream:
        stream.write(json.dumps({"event": event, **facts}) + "\n")


def read_log(run_dir: Path) -> list[dict]:
    """Return the events of log.jsonl; a last line that a killed run left unfinished is passed over."""
    path = run_dir / "log.jsonl"
    events = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            events.append(json.loads(line))
        except ValueError:
            continue
    return events


def rewind_log(run_dir: Path, *, epoch: int, step: int) -> None:
    """Take from log.jsonl what a killed run wrote after the checkpoint of `epoch` completed epochs and `step` steps.

    The resumed run writes those lines again. (Steps between the last line and a stop in mid-epoch are in none.)
    """

    def before(event: dict) -> bool:
        number = event.get("epoch", 0)
        return number <= epoch or (number == epoch + 1 and event.get("step", math.inf) <= step)

    kept = [json.dumps(event) + "\n" for event in read_log(run_dir) if before(event)]
    write_atomically(run_dir / "log.jsonl", "".join(kept).encode())


def write_losses_csv(run_dir: Path) -> None:
    """Write losses.csv, one row for each "train" event of log.jsonl."""
    columns = ["epoch", "step", *LOSSES, "lr", "images_per_second"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(event for event in read_log(run_dir) if event["event"] == "train")
    write_atomically(run_dir / "losses.csv", text.getvalue().encode())
