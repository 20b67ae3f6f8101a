"""How far a run is, on the screen: a progress bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping

from tqdm import tqdm

from gluon_pix2pix.core.loop import StepNumbers
from gluon_pix2pix.runs.log import LOSSES

WIDE = 120  # columns; below, the losses would leave no room for the bar
NARROW = "{desc}{percentage:3.0f}%|{bar}| {remaining} left{postfix}"


class Display:
    """Show a run's progress.

    Parameters
    ----------
    epochs
        Of the whole run.
    total, initial
        Pictures that the whole run sees, and how many of them it has seen.
    """

    def __init__(self, *, epochs: int, total: int, initial: int = 0):
        size = _terminal_size()
        # Where a terminal has no lines (one that nobody looks at, or that has not said its size), tqdm hides its bar.
        self._epochs, self._terminal = epochs, sys.stderr.isatty() and size.lines > 0
        self._narrow = size.columns < WIDE
        shown = {"unit": "img", "dynamic_ncols": True, "smoothing": 0.05, "disable": not self._terminal}
        shown |= {"bar_format": NARROW} if self._narrow else {}
        self._bar = tqdm(total=total, initial=initial, **shown)
        self._total, self._seen, self._started, self._initial = total, initial, time.monotonic(), initial

    @property
    def complete(self) -> bool:
        """Whether the run has seen all its pictures."""
        return self._seen >= self._total

    @staticmethod
    def say(text: str) -> None:
        """Print a line above the bar, if there is one."""
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()

    def step(self, numbers: StepNumbers) -> None:
        """Move the bar on by a step's pictures."""
        self._seen += numbers.pairs
        self._bar.set_description(self._where(numbers), refresh=False)
        names = [name for name in LOSSES if name in numbers.values]
        names = names[-1:] if self._narrow else names  # G_L1 says most of how far it is
        losses = {name: f"{numbers.values[name]:.3f}" for name in names}
        self._bar.set_postfix(losses, refresh=False)
        self._bar.update(numbers.pairs)

    def line(self, last: StepNumbers, means: Mapping[str, float], rate: float) -> None:
        """Print a line about the steps since the one before, where there is no bar; `rate` is in images/s."""
        if self._terminal:
            return
        losses = "  ".join(f"{name} {means[name]:.3f}" for name in LOSSES if name in means)
        elapsed = time.monotonic() - self._started
        left = elapsed / max(self._seen - self._initial, 1) * (self._total - self._seen)
        self.say(f"{self._where(last)}  {losses}  {rate:.2f} images/s  {tqdm.format_interval(left)} left")

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def _where(self, numbers: StepNumbers) -> str:
        return f"epoch {numbers.epoch}/{self._epochs}"


def _terminal_size() -> os.terminal_size:
    """How large the terminal is that the bar is on; the output may go elsewhere."""
    try:
        return os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError):
        return shutil.get_terminal_size()
