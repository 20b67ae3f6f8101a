"""The log of those processes of a run that are not its first: they read their numbers and write nothing."""

from __future__ import annotations

import sys

from tqdm import tqdm

from gluon_pix2pix.runs.log import RunLog


class SilentLog(RunLog):
    """Reads each step's numbers as `RunLog` does, stops at one that is not finite, and keeps the epoch's losses."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._bar.disable = True
        self._terminal = True  # no lines

    @staticmethod
    def say(text: str) -> None:
        """Say nothing; the first process does."""

    def event(self, event: str, **facts) -> None:
        """Write nothing, but say which files were skipped: each process reads others."""
        if event == "skipped":
            tqdm.write(f"skipped: {facts['file']}", file=sys.stderr)

    def finish_epoch(self) -> None:
        """Read the last step's numbers."""
        self.settle()
        self._collected = []
