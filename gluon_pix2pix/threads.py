"""Work done ahead in threads: the one place where a pool of threads reads, decodes or writes files."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Callable, Optional, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    ahead: Optional[int] = None,
    chunk: int = 1,
) -> Iterator[Result]:
    """Yield `function` of each item, in the items' order, worked out in threads.

    OpenCV, numpy and the disk let go of Python's lock, so that threads do this work at once without a fork.

    Parameters
    ----------
    function
        What is done. What it raises is raised here, at its item's turn; what has not begun by then is dropped, and so
        it is if the caller stops early.
    items
        Taken one by one, in this thread, as they are needed; there may be endlessly many.
    workers
        Threads. With 0 each item is worked out here, when it is asked for.
    ahead
        The most items that are taken before the first of them has been yielded: a bound for memory, and as much as one
        slow item can be waited for while the others go on [4 chunks for each thread].
    chunk
        So many items are handed over together, where each takes no longer than that: an error then comes at its
        chunk's turn.
    """
    if not workers:
        yield from map(function, items)
        return
    if chunk > 1:
        left = iter(items)
        chunks = iter(lambda: list(islice(left, chunk)), [])
        for results in in_threads(lambda some: [function(item) for item in some], chunks, workers=workers, ahead=ahead):
            yield from results
        return
    ahead = ahead or 4 * workers
    pool, pending = ThreadPoolExecutor(workers), deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
