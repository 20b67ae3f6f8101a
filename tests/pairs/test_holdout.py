"""Val pairs that are held out of a set: how many, which, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gluon_pix2pix.pairs.holdout import hold_out
from gluon_pix2pix.pairs.layouts import PairPaths, Split
from gluon_pix2pix.pairs.locate import Located


def make(count: int, *others: str, undivided: bool = True) -> Located:
    pairs = [PairPaths(f"{number}.png", Path(f"own/{number}.png")) for number in range(count)]
    splits = {name: Split(pairs, (Path("own"),), ["a problem"]) for name in ("train", *others)}
    return Located(Path("own"), "own", splits=splits, undivided=undivided)


def names(split: Split) -> list[str]:
    return [pair.name for pair in split.pairs]


@pytest.mark.parametrize(
    ("total", "fraction", "line"),
    [
        (10, None, "10 pairs: 8 train, 2 val, drawn by --seed; --val-fraction 0 uses all"),
        (10, 0.5, "10 pairs: 5 train, 5 val, drawn by --seed; --val-fraction 0 uses all"),
        (10, 0.01, "10 pairs: 9 train, 1 val, drawn by --seed; --val-fraction 0 uses all"),
        (2, 0.99, "2 pairs: 1 train, 1 val, drawn by --seed; --val-fraction 0 uses all"),
        (5, None, "5 pairs: 4 train, 1 val, drawn by --seed; --val-fraction 0 uses all"),
        (3, None, "3 pairs: all train, no val, too few to spare one in 5; --val-fraction 0.33 spares one"),
        (2, None, "2 pairs: all train, no val, too few to spare one in 5; --val-fraction 0.50 spares one"),
        (1, None, "1 pair: all train, no val, too few to spare one in 5"),
        (1, 0.5, "1 pair: all train, no val, too few to spare one in 5"),
        (10, 0, "10 pairs: all train, no val, by --val-fraction 0"),
        (2000, None, "2,000 pairs: 1,900 train, 100 val, drawn by --seed; --val-fraction 0 uses all"),
    ],
)
def test_how_many(total, fraction, line):
    held = hold_out(make(total), fraction)
    assert held.line == line
    train, val = held.located.splits["train"], held.located.splits.get("val", Split([], ()))
    assert sorted(names(train) + names(val)) == sorted(names(make(total).splits["train"]))
    assert held.names == names(val)
    assert (train.problems, val.problems) == (["a problem"], [])


def test_the_seed_decides():
    first, again, other = (hold_out(make(20), seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first.names != other.names


def test_what_a_run_remembers_stays_val_and_what_is_new_is_train():
    held = hold_out(make(4), None, remembered=["1.png", "3.png", "9.png"], noun="photo")
    assert held.names == ["1.png", "3.png"]
    assert held.line == "4 photos: 2 train, 2 val, as when the run began, but for 1 val photo gone since"
    assert hold_out(make(4), None, remembered=[]).line == "4 pairs: all train, no val, as when the run began"


def test_sets_with_splits_of_their_own():
    assert hold_out(make(10, undivided=False)) == (make(10, undivided=False), None, "")
    assert len(hold_out(make(10, undivided=False), 0.2).names) == 2
    with pytest.raises(ValueError, match=r"--val-fraction 0\.2 is for data without val/ and test/, and own has test"):
        hold_out(make(10, "test", undivided=False), 0.2)
