"""What a run says: log.jsonl and losses.csv on disk, a progress bar or plain lines on the screen."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Optional, Protocol, TypeVar

from tqdm import tqdm

from gluon_pix2pix.core.loop import StepNumbers
from gluon_pix2pix.writing import write_atomically

Batch = TypeVar("Batch")

LOSSES = ("D_real", "D_fake", "G_GAN", "G_L1")  # the reference's names, so that logs compare
# What else a line may have. Logs of earlier versions do not; their losses.csv stays as it was.
HEALTH = ("D_accuracy", "G_gradient", "D_gradient", "data_wait", "memory_mb")
PROBE_EVERY = 10  # steps between two measurements of how long the device waits for pictures


class Watcher(Protocol):
    """Who is told of each event as it is written."""

    def event(self, event: dict) -> list[dict]:
        """Take an event; return the warnings that it gives rise to: {"kind", "text", ...}."""

    def close(self) -> None:
        """Let go; the run is over."""


class RunLog:
    """Collect the numbers of each step, write their means every `log_every` steps, and show how far the run is.

    Parameters
    ----------
    run_dir
        Gets log.jsonl (one JSON object a line, its "event" says what of) and losses.csv.
    epochs
        Of the whole run.
    total, initial
        Pictures that the whole run sees, and how many of them it has seen.
    log_every
        Steps between two lines.
    watch
        Is told of every event; its warnings are said and logged.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        epochs: int,
        total: int,
        initial: int = 0,
        log_every: int = 100,
        watch: Optional[Watcher] = None,
    ):
        self._run_dir, self._watch, self._epochs = run_dir, watch, epochs
        self._log_every = log_every
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=total, initial=initial, unit="img", dynamic_ncols=True, smoothing=0.05, disable=not self._terminal
        )
        self._total, self._seen, self._started, self._initial = total, initial, time.monotonic(), initial
        self._last: Optional[StepNumbers] = None
        self._collected: list[dict[str, float]] = []
        self._images, self._since = 0, time.monotonic()
        self._waits: list[tuple[float, float]] = []  # probed steps: seconds that the device was idle, of how many

    @staticmethod
    def say(text: str) -> None:
        """Print a line above the bar, if there is one."""
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()

    def event(self, event: str, **facts) -> None:
        """Append a line to log.jsonl, and what the watcher has to say about it."""
        append_event(self._run_dir, event, **facts)
        for warning in self._watch.event({"event": event, **facts}) if self._watch else ():
            self.say(f"warning: {warning['text']}")
            self.event("warning", **warning)

    def fetch(self, batches: Iterable[Batch], wait: Callable[[], None]) -> Iterator[Batch]:
        """Yield batches, and measure in every tenth step how long the device has nothing to do for want of one.

        A step is still being computed while its successor's batch is read, and only what takes longer than the step is
        lost. So these steps are first waited for: `wait` returns when the device has done all that it was given.
        """
        batches, started = iter(batches), time.monotonic()
        for number in itertools.count():
            probed = number % PROBE_EVERY == 1
            if probed:
                wait()
            idle_since = time.monotonic()
            try:
                batch = next(batches)
            except StopIteration:
                return
            now = time.monotonic()
            if probed:
                self._waits.append((now - idle_since, now - started))
            started = now
            yield batch

    def step(self, numbers: StepNumbers) -> None:
        """Take one step's numbers, show them, and write a line if one is due."""
        self._collected.append(numbers.values)
        self._images += numbers.pairs
        self._seen += numbers.pairs
        self._bar.set_description(self._where(numbers), refresh=False)
        losses = {name: f"{numbers.values[name]:.3f}" for name in LOSSES if name in numbers.values}
        self._bar.set_postfix(losses, refresh=False)
        self._bar.update(numbers.pairs)
        self._last = numbers
        if numbers.step % self._log_every == 0:
            self._write_line()

    def _where(self, numbers: StepNumbers) -> str:
        return f"epoch {numbers.epoch}/{self._epochs}"

    def start_epoch(self) -> None:
        """Start the clock of the images/s: what came before was not training."""
        self._since = time.monotonic()

    def finish_epoch(self) -> None:
        """Write what has been collected since the last line, and losses.csv anew."""
        if self._collected:
            self._write_line()
        write_losses_csv(self._run_dir)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, kind: Optional[type], error: Optional[BaseException], traceback: object) -> None:
        self._bar.close()
        try:
            if error is not None:
                with contextlib.suppress(OSError):  # it may be the disk itself that has failed
                    self.event("error", text=f"{kind.__name__}: {error}".rstrip(": "))
            elif self._seen < self._total:
                self.event("stop")
        finally:
            if self._watch:
                self._watch.close()

    def _write_line(self) -> None:
        last = self._last
        count = len(self._collected)
        means = {name: sum(values[name] for values in self._collected) / count for name in self._collected[0]}
        rate = self._images / max(time.monotonic() - self._since, 1e-9)
        means = dict(sorted_numbers(means))
        facts = {"epoch": last.epoch, "step": last.step, **means, "lr": last.lr}
        machine = {"images_per_second": round(rate, 3), **self._machine(), "time": round(time.time(), 1)}
        if not self._terminal:
            losses = "  ".join(f"{name} {means[name]:.3f}" for name in LOSSES if name in means)
            elapsed = time.monotonic() - self._started
            left = elapsed / max(self._seen - self._initial, 1) * (self._total - self._seen)
            self.say(f"{self._where(last)}  {losses}  {rate:.2f} images/s  {tqdm.format_interval(left)} left")
        self.event("train", **facts, **machine)
        self._collected, self._images, self._since = [], 0, time.monotonic()

    def _machine(self) -> dict:
        """Return the share of the time that the device waited for pictures, if measured, and the memory in use."""
        facts = {}
        if self._waits:
            idle, whole = (sum(column) for column in zip(*self._waits))
            facts["data_wait"], self._waits = round(idle / max(whole, 1e-9), 4), []
        memory = resident_memory()
        return facts if memory is None else {**facts, "memory_mb": round(memory / 1e6, 1)}


def sorted_numbers(numbers: dict) -> list[tuple]:
    """Return (name, value) of those of `LOSSES` and `HEALTH` that there are, in that order."""
    return [(name, numbers[name]) for name in (*LOSSES, *HEALTH) if name in numbers]


def resident_memory() -> Optional[int]:
    """Return the bytes of memory that this process occupies, or None where the system does not say; Linux does."""
    try:
        with open("/proc/self/statm") as stream:
            return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


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
    events = [event for event in read_log(run_dir) if event["event"] == "train"]
    more = [name for name in HEALTH if any(name in event for event in events)]
    columns = ["epoch", "step", *LOSSES, "lr", "images_per_second", *more]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(events)
    write_atomically(run_dir / "losses.csv", text.getvalue().encode())
