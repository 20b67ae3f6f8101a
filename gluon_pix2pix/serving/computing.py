"""One picture is computed at a time, whatever the number of requests: it has all processors, and two would share them.

A job for which nobody waits any more is dropped, with its picture.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Optional


class GivenUpError(Exception):
    """Nobody waits for this job's answer any more."""


class _Job:
    def __init__(self, function: Callable[[], Any]):
        self._function: Optional[Callable[[], Any]] = function
        self.given_up = False

    def give_up(self) -> None:
        self.given_up = True
        self._function = None  # with the picture that it holds; the job itself waits in the queue until its turn

    def __call__(self) -> Any:
        function = self._function
        if function is None:
            raise GivenUpError
        return function()


class Computing:
    """Runs functions one after the other in a thread of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="computing")
        self._job: Optional[_Job] = None  # the one that runs

    def __enter__(self) -> Computing:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def call(self, function: Callable[[], Any]) -> Any:
        """Run a function there and wait for it."""
        return self._pool.submit(self._run, _Job(function)).result()

    async def run(self, function: Callable[[], Any]) -> Any:
        """Run a function there without holding up the event loop; if this is cancelled, so is the function."""
        job = _Job(function)
        future = self._pool.submit(self._run, job)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            job.give_up()
            raise

    def check(self) -> None:
        """Stop the job in which this is called if nobody waits for it any more.

        Raises
        ------
        GivenUpError
            Then.
        """
        if self._job is not None and self._job.given_up:
            raise GivenUpError

    def _run(self, job: _Job) -> Any:
        self._job = job
        try:
            return job()
        finally:
            self._job = None
