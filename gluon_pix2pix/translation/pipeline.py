"""Many files through a translator: read ahead in threads, translated in order, written in threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Callable, Union

from gluon_pix2pix.errors import one_line
from gluon_pix2pix.threads import in_threads
from gluon_pix2pix.translation.given import Given
from gluon_pix2pix.translation.results import Results
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.writing import UNWRITABLE

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
        troubles.append(one_line(error, name))
        progress()

    def read() -> Iterator[tuple[str, object]]:
        for name, given in _in_threads(items):
            if isinstance(given, Exception):
                fail(name, given)
            else:
                waiting[name] = given
                yield name, given.picture

    def written() -> Iterator[tuple[str, Callable[[], None]]]:
        for name, fake in translator.stream(read(), on_error=fail):
            given = waiting.pop(name)
            yield name, lambda name=name, given=given, fake=fake: results.write(name, given, fake)

    for name, error in _in_threads(written()):
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            raise error
        if error is None:
            progress()
        else:
            fail(name, error)
    return troubles


def _in_threads(jobs: Iterable[tuple[str, Callable[[], object]]]) -> Iterator[tuple[str, object]]:
    """Run named jobs in threads, and yield each name with what its job has returned, or the error, in their order."""

    def run(job: tuple[str, Callable[[], object]]) -> tuple[str, Union[object, Exception]]:
        try:
            return job[0], job[1]()
        except (OSError, ValueError) as error:
            return job[0], error

    return in_threads(run, jobs, workers=THREADS, ahead=AHEAD)
