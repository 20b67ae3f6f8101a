"""Work in threads: in order, bounded, and over as soon as something is wrong."""

from __future__ import annotations

import itertools
import threading

import pytest

from gluon_pix2pix.threads import in_threads


@pytest.mark.parametrize(("count", "chunk"), [(0, 4), (1, 4), (8, 4), (9, 4), (3, 1)])
def test_chunks_change_nothing(count, chunk):
    assert list(in_threads(lambda number: number**2, range(count), workers=2, chunk=chunk)) == [
        number**2 for number in range(count)
    ]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_come_in_the_order_of_the_items(workers):
    waiting = threading.Event()

    def work(number: int) -> int:
        if number == 0 and workers > 1:
            waiting.wait(10)  # the first ends last
        if number == 2:
            waiting.set()
        return number**2

    assert list(in_threads(work, range(20), workers=workers)) == [number**2 for number in range(20)]


@pytest.mark.parametrize(("workers", "ahead", "most"), [(2, 5, 5), (2, None, 8), (0, None, 1)])
def test_no_more_is_taken_than_asked_for(workers, ahead, most):
    taken = []
    items = (taken.append(number) or number for number in itertools.count())
    results = in_threads(str, items, workers=workers, ahead=ahead)
    for number in range(4):
        assert next(results) == str(number)
        assert len(taken) <= number + most
    results.close()


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_comes_at_its_turn_and_drops_what_has_not_begun(workers):
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise ValueError("three")
        return number

    results = in_threads(work, range(1000), workers=workers, ahead=500)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
    assert len(begun) < 1000
    assert list(results) == []


def test_who_stops_early_waits_for_nothing_that_has_not_begun():
    begun, go_on = [], threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number:
            go_on.wait(10)
        return number

    results = in_threads(work, range(100), workers=1, ahead=50)
    assert next(results) == 0
    go_on.set()
    results.close()
    assert len(begun) < 50


def test_interruptions_pass(tmp_path):
    def work(number: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(in_threads(work, range(9), workers=1))
