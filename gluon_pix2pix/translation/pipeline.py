"""Many files through a translator: read ahead in threads, translated in order, written in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Callable

from gluon_pix2pix.datasets.prepare.jobs import HOPELESS
from gluon_pix2pix.translation.given import Given
from gluon_pix2pix.translation.results import Results
from gluon_pix2pix.translation.translator import Translator

THREADS = 2  # of each kind: decoding and encoding let go of Python's lock
AHEAD = 8  # pictures that may wait on each side: enough to hide a slow one, and a bound for the memory


def translate_files(
    translator: Translator,
    items: Iterable[tuple[str, Callable[[], Given]]],
    results: Results,
    *,
    progress: Callable[[], None],
) -> list[str]:
    """Translate pictures and write their results.

    Parameters
    ----------
    translator
        The model.
    items
        A name and what reads the picture for each.
    results
        Where they go.
    progress
        Called after each picture, good or bad.

    Returns
    -------
    list of str
        A line for each picture that could not be read, translated or written.

    Raises
    ------
    OSError
        If the disk is full or read-only.
    """
    troubles: list[str] = []
    waiting: dict[str, Given] = {}

    def fail(name: str, error: Exception) -> None:
        waiting.pop(name, None)
        text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.strerror else str(error)
        troubles.append(text if name in text else f"{name}: {text}")
        progress()

    def read() -> Iterator[tuple[str, object]]:
        for name, future in in_threads(items):
            try:
                waiting[name] = future.result()
            except (OSError, ValueError) as error:
                fail(name, error)
            else:
                yield name, waiting[name].picture

    def written() -> Iterator[tuple[str, Callable[[], None]]]:
        for name, fake in translator.stream(read(), on_error=fail):
            given = waiting.pop(name)
            yield name, lambda name=name, given=given, fake=fake: results.write(name, given, fake)

    for name, future in in_threads(written()):
        try:
            future.result()
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in HOPELESS:
                raise
            fail(name, error)
        else:
            progress()
    return troubles


def in_threads(jobs: Iterable[tuple[str, Callable[[], object]]]) -> Iterator[tuple[str, Future]]:
    """Run named jobs in threads, and yield each name with its future in the jobs' order.

    No more than `AHEAD` jobs are taken ahead of what has been yielded.
    """
    pending: deque[tuple[str, Future]] = deque()
    pool = ThreadPoolExecutor(THREADS)
    try:
        for name, job in jobs:
            pending.append((name, pool.submit(job)))
            if len(pending) >= AHEAD:
                yield pending.popleft()
        while pending:
            yield pending.popleft()
    finally:
        pool.shutdown(cancel_futures=True)
