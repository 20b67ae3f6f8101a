"""The log of a run at work: the numbers of its steps go to log.jsonl and to the screen."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Optional, Protocol

import psutil

from gluon_pix2pix.core.loop import StepNumbers
from gluon_pix2pix.runs.display import Display
from gluon_pix2pix.runs.idle_time import Batch, IdleTime
from gluon_pix2pix.runs.lock import RunLock
from gluon_pix2pix.runs.log import HEALTH, LOSSES, append_event, write_losses_csv


class Watcher(Protocol):
    """Who is told of each event as it is written."""

    def event(self, event: dict) -> list[dict]:
        """Take an event; return the warnings that it gives rise to: {"kind", "text", ...}."""

    def close(self, *, write: bool = True) -> None:
        """Let go; the run is over. `write` is False if the run's folder is gone."""


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
    lock
        Is asked before each event whether the run's folder is still the one that the run began in.
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
        lock: Optional[RunLock] = None,
    ):
        self._run_dir, self._watch, self._lock = run_dir, watch, lock
        self._log_every = log_every
        self._display, self._idle = Display(epochs=epochs, total=total, initial=initial), IdleTime()
        self._last: Optional[StepNumbers] = None
        self._collected: list[dict[str, float]] = []  # since the last line
        self._epoch: list[dict[str, float]] = []  # since the last epoch
        self._images, self._since = 0, time.monotonic()

    def say(self, text: str) -> None:
        """Print a line above the bar, if there is one."""
        self._display.say(text)

    def event(self, event: str, **facts) -> None:
        """Append a line to log.jsonl, and what the watcher has to say about it."""
        self.check_folder()
        append_event(self._run_dir, event, **facts)
        for warning in self._watch.event({"event": event, **facts}) if self._watch else ():
            self.say(f"warning: {warning['text']}")
            self.event("warning", **warning)

    def check_folder(self) -> None:
        """See that the run's folder is still there.

        Raises
        ------
        FileNotFoundError
            If it was removed or replaced: whatever were written now would be lost, or lie among another's files.
        """
        if self._lock:
            self._lock.check()

    def fetch(self, batches: Iterable[Batch], wait: Callable[[], None]) -> Iterator[Batch]:
        """Yield batches, and measure how long the device waits for them; see `IdleTime.measure`."""
        return self._idle.measure(batches, wait)

    def step(self, numbers: StepNumbers) -> None:
        """Take one step's numbers, show them, and write a line if one is due."""
        self._collected.append(numbers.values)
        self._epoch.append(numbers.values)
        self._images += numbers.pairs
        self._display.step(numbers)
        self._last = numbers
        if numbers.step % self._log_every == 0:
            self._write_line()

    def start_epoch(self) -> None:
        """Start the clock of the images/s: what came before was not training."""
        self._since = time.monotonic()

    def finish_epoch(self) -> dict[str, float]:
        """Write what has been collected since the last line, and losses.csv anew; return the epoch's mean losses."""
        if self._collected:
            self._write_line()
        write_losses_csv(self._run_dir)
        means, self._epoch = mean_numbers(self._epoch), []
        return means

    def close_display(self) -> None:
        """Leave the bar as it is; what is said afterwards comes below it."""
        self._display.close()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, kind: Optional[type], error: Optional[BaseException], traceback: object) -> None:
        self._display.close()
        try:
            if error is not None:
                with contextlib.suppress(OSError):  # it may be the disk itself that has failed
                    self.event("error", text=f"{kind.__name__}: {error}".rstrip(": "))
            elif not self._display.complete:
                self.event("stop")
        finally:
            if self._watch:
                self._watch.close(write=self._lock is None or self._lock.is_there)

    def _write_line(self) -> None:
        last, means = self._last, mean_numbers(self._collected)
        rate = self._images / max(time.monotonic() - self._since, 1e-9)
        self._display.line(last, means, rate)
        facts = {"epoch": last.epoch, "step": last.step, **means, "lr": last.lr, "images_per_second": round(rate, 3)}
        idle = self._idle.take_share()
        facts |= {} if idle is None else {"data_wait": idle}
        facts |= {"memory_mb": round(psutil.Process().memory_info().rss / 1e6, 1), "time": round(time.time(), 1)}
        self.event("train", **facts)
        self._collected, self._images, self._since = [], 0, time.monotonic()


def mean_numbers(steps: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the means over steps of the numbers that all of them have, in the order of the log's columns."""
    names = [name for name in (*LOSSES, *HEALTH) if steps and name in steps[0]]
    return {name: sum(values[name] for values in steps) / len(steps) for name in names}
