"""Many pictures through a translator: read ahead in threads, translated in order, written in threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Callable, Union

import numpy as np

from gluon_pix2pix.errors import one_line
from gluon_pix2pix.threads import in_threads
from gluon_pix2pix.translation.examples import Example, read_example
from gluon_pix2pix.translation.inputs import Input
from gluon_pix2pix.translation.result_files import ResultFiles
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.writing import UNWRITABLE

THREADS = 2  # of each kind: decoding and encoding let go of Python's lock
AHEAD = 8  # pictures that may wait on each side: enough to hide a slow one, and a bound for the memory

Job = tuple[str, Callable[[], object]]  # a picture's name, and what is to be done


def translate_pictures(
    translator: Translator,
    pictures: Sequence[Input],
    files: ResultFiles,
    *,
    kind: str,
    progress: Callable[[], None],
    look: Callable[[str, np.ndarray], None] = lambda name, source: None,
) -> list[str]:
    """Translate pictures and write their results.

    Parameters
    ----------
    translator
        The model.
    pictures
        The files, no two of one name.
    files
        Where results go.
    kind
        What the pictures are, one of `examples.KINDS`.
    progress
        Called after each picture, good or bad.
    look
        Called with each picture's name and the picture, as it was read.

    Returns
    -------
    list of str
        A line for each picture that could not be read, translated or written.

    Raises
    ------
    OSError
        If the disk is full or read-only.
    """
    network = translator.network
    read_one = partial(
        read_example,
        coding=network.coding,
        kind=kind,
        direction=network.direction,
        label_colours=network.label_colours,
    )
    paths = {picture.name: picture.path for picture in pictures}
    problems: list[str] = []
    waiting: dict[str, Example] = {}

    def fail(name: str, error: Exception) -> None:
        waiting.pop(name, None)
        problems.append(one_line(error, paths[name]))
        progress()

    def reading() -> Iterator[Job]:
        for path, name, target, mask in pictures:
            yield name, partial(read_one, path, target=target, mask=mask)

    def read() -> Iterator[tuple[str, np.ndarray]]:
        for name, example in _in_threads(reading()):
            if isinstance(example, Exception):
                fail(name, example)
            else:
                look(paths[name].name, example.source)
                waiting[name] = example
                yield name, example.source

    def writing() -> Iterator[Job]:
        for name, fake in translator.stream(read(), on_error=fail):
            yield name, partial(files.write, name, waiting.pop(name), fake)

    for name, error in _in_threads(writing()):
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            raise error
        if error is None:
            progress()
        else:
            fail(name, error)
    return problems


def _in_threads(jobs: Iterable[Job]) -> Iterator[tuple[str, object]]:
    """Run named jobs in threads, and yield each name with what its job has returned, or the error, in their order."""

    def run(job: Job) -> tuple[str, Union[object, Exception]]:
        try:
            return job[0], job[1]()
        except (OSError, ValueError, MemoryError) as error:
            return job[0], error

    return in_threads(run, jobs, workers=THREADS, ahead=AHEAD)
