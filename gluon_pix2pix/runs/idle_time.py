"""How long the device has nothing to do for want of pictures."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Optional, TypeVar

Batch = TypeVar("Batch")

PROBE_EVERY = 10  # steps between two measurements


class IdleTime:
    """Measure, in every tenth step, how long the device waits for its batch.

    A step is still being computed while its successor's batch is read, and only what takes longer than the step is
    lost. So the steps that are measured are first waited for.
    """

    def __init__(self) -> None:
        self._waits: list[tuple[float, float]] = []  # seconds that the device was idle, of how many

    def measure(self, batches: Iterable[Batch], wait: Callable[[], None]) -> Iterator[Batch]:
        """Yield batches; `wait` returns when the device has done all that it was given."""
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

    def take_share(self) -> Optional[float]:
        """Return the idle share of the time since the last call, None if nothing was measured."""
        if not self._waits:
            return None
        idle, whole = (sum(column) for column in zip(*self._waits))
        self._waits = []
        return round(idle / max(whole, 1e-9), 4)
