"""What a service takes from strangers, and how much of it at once."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of a service.

    Parameters
    ----------
    queue
        Requests in work or waiting; one more is refused with 429.
    seconds
        For a request to be received, and again for it to be answered.
    max_bytes
        Of a body.
    max_pixels
        Of a picture, of its answer, and of the size that it is resized to.
    max_untiled
        Pixels that go through the network at once: larger ones have to be asked for in tiles, whose memory is bounded.
    """

    queue: int = 64
    seconds: float = 60.0
    max_bytes: int = 20 << 20
    max_pixels: int = 1 << 24
    max_untiled: int = 1 << 20

    def __post_init__(self) -> None:
        for word, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"{word.replace('_', ' ')} is more than 0, not {value}")


class RefusedError(Exception):
    """A request that is not answered with a picture: the HTTP status, and the line that says why."""

    def __init__(self, status: int, line: str, **headers: str):
        super().__init__(line)
        self.status, self.line, self.headers = status, line, headers


class Places:
    """So many that may be in work at once; others wait at ``async with places``.

    asyncio.Semaphore is that too, but that of Python 3.9 never opens again after a waiter was cancelled as its turn
    came (github.com/python/cpython/issues/90155), and the service would answer nobody.
    """

    def __init__(self, number: int):
        self._free: asyncio.Queue[None] = asyncio.Queue()
        for _ in range(number):
            self._free.put_nowait(None)

    async def __aenter__(self) -> None:
        await self._free.get()

    async def __aexit__(self, *error: object) -> None:
        self._free.put_nowait(None)


class Gate:
    """Counts the requests in work and refuses those beyond the limit. For the event loop's thread alone."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self.inside = 0
        self._pace = 1.0  # seconds an answer, a moving average

    @property
    def full(self) -> bool:
        return self.inside >= self.limits.queue

    @contextlib.contextmanager
    def enter(self) -> Iterator[None]:
        """Hold a place for as long as a request is in work.

        Raises
        ------
        RefusedError
            If there is none.
        """
        if self.full:
            wait = min(max(math.ceil(self.inside * self._pace), 1), 60)
            raise RefusedError(
                429, f"{self.inside} requests are waiting: try again in {wait} s", **{"Retry-After": str(wait)}
            )
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1

    def learn(self, seconds: float) -> None:
        """Remember how long an answer took, for the next one that is told how long to wait."""
        self._pace += 0.1 * (seconds - self._pace)
