"""Ctrl-C and SIGTERM as a request that the training loop answers between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Optional


class StopRequest:
    """While its block runs, the first SIGINT or SIGTERM sets `signal`; the second SIGINT interrupts as usual."""

    def __init__(self):
        self.signal: Optional[int] = None
        self._before: dict = {}

    def __enter__(self) -> StopRequest:
        # Python takes handlers in its main thread alone; a run in another one is stopped by whoever began it.
        for number in (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ():
            self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: Optional[FrameType]) -> None:
        self.signal = number
        signal.signal(signal.SIGINT, signal.default_int_handler)

    @property
    def exit_code(self) -> int:
        """The code by which a shell knows that a signal ended a program."""
        return 128 + (self.signal or 0)
