"""All that looks at a run while it trains: its health, its page, TensorBoard and visdom. Fed by the run's log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Optional

from gluon_pix2pix.errors import one_line
from gluon_pix2pix.pictures.collage import for_screen
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.reports.charts import is_number
from gluon_pix2pix.reports.health import Health
from gluon_pix2pix.reports.run_page import write_run_page
from gluon_pix2pix.reports.sinks import Sink, WatchOptions, open_sinks

PAGE_SHARE = 0.02  # of the time may go into rewriting the page; lines that come faster wait for the next one
_WHERE = {"event", "epoch", "step", "time", "steps_per_epoch"}
NOBODY_ELSE = WatchOptions()
_MOMENTS = ("epoch", "samples", "warning", "stop", "error")  # the page is rewritten at once


class Watch:
    """Follow a run by the events of its log, which `runs.run_log.RunLog` hands on as it writes them.

    Parameters
    ----------
    run_dir
        The run; gets index.html, and tensorboard/ if asked for.
    steps_per_epoch
        Steps of one epoch.
    events
        The run's log so far.
    options
        Who is shown it beside the files.
    defaults
        What the run's options are by default, for its page.
    say
        Gets lines for the screen.

    Raises
    ------
    ValueError
        If what a sink needs is not installed, or visdom's address is none.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        steps_per_epoch: int,
        events: Iterable[dict] = (),
        options: WatchOptions = NOBODY_ELSE,
        defaults: Optional[Mapping[str, Any]] = None,
        say: Callable[[str], None],
    ):
        self._run_dir, self._steps, self._events, self._say = run_dir, steps_per_epoch, list(events), say
        self._defaults = defaults
        self._health = Health(steps_per_epoch, self._events)
        shown = [(self._step(event), numbers_of(event)) for event in self._events if "epoch" in event]
        history = [(step, numbers) for step, numbers in shown if numbers]
        done = max((step for step, _ in history), default=0)
        self._sinks: list[Sink] = open_sinks(options, run_dir, step=done, history=history, say=say)
        self._next_page, self._page_failed = 0.0, False

    def event(self, event: dict) -> list[dict]:
        """Show an event of the log; return the warnings that it gives rise to, for the log: {"kind", "text", ...}."""
        self._events.append(event)
        if event["event"] == "samples":
            self._show_samples(event)
        elif "epoch" in event and event["event"] != "warning":
            self._show_numbers(event)
        warnings = self._health.event(event)
        if not warnings:  # else the page is written when they come back as events of their own
            self._write_page(now=event["event"] in _MOMENTS)
        return warnings

    def close(self, *, write: bool = True) -> None:
        """Deliver what is still under way; `write` is False if the run's folder is gone."""
        if write:
            self._write_page(now=True)
        for sink in self._sinks:
            sink.close()

    def _step(self, event: dict) -> int:
        return (event["epoch"] - 1) * self._steps + event.get("step", self._steps)

    def _show_numbers(self, event: dict) -> None:
        numbers = numbers_of(event)
        if numbers:
            for sink in self._sinks:
                sink.scalars(self._step(event), numbers)

    def _show_samples(self, event: dict) -> None:
        if self._sinks:
            sheet = for_screen(read_image(self._run_dir / event["file"]))
            for sink in self._sinks:
                sink.images(self._step(event), "samples", sheet)

    def _write_page(self, *, now: bool) -> None:
        started = time.monotonic()
        if not now and started < self._next_page:
            return
        try:
            write_run_page(self._run_dir, self._events, defaults=self._defaults)
        except (OSError, ValueError) as error:  # a page is not worth a run
            if not self._page_failed:
                self._say(f"the run's page is not written: {one_line(error)}")
            self._page_failed = True
        ended = time.monotonic()
        self._next_page = ended + (ended - started) / PAGE_SHARE


def numbers_of(event: dict) -> dict[str, float]:
    """Return what an event has to draw: its numbers, without those that say where in the run it is."""
    return {name: value for name, value in event.items() if name not in _WHERE and is_number(value)}
