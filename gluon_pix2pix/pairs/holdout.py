"""Pairs to validate on, held out of those of a set without a val split: drawn by a seed, or as a run remembers them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import NamedTuple, Optional

import numpy as np

from gluon_pix2pix.pairs.layouts import SPLITS, Split
from gluon_pix2pix.pairs.locate import Located

SHARE, MOST = 5, 100  # by default one pair in five, and as many as --val-pictures scores


class HeldOut(NamedTuple):
    """A data set as it is trained on, the names of the pairs that were held out of it, and a line about that.

    `names` is None, and `line` empty, if it has splits of its own and is as it was.
    """

    located: Located
    names: Optional[list[str]] = None
    line: str = ""


def hold_out(
    located: Located,
    fraction: Optional[float] = None,
    *,
    seed: int = 0,
    noun: str = "pair",
    remembered: Optional[Collection[str]] = None,
) -> HeldOut:
    """Hold val pairs out of train, if a set is not split on disk, or if a fraction is given and it has train alone.

    Parameters
    ----------
    fraction
        Of the pairs, from 0 to below 1; one at least is held out, and one stays, if it is not 0. None for one in five,
        100 at most, of a set that is not split; of fewer than five pairs all are trained on.
    seed
        What draws them.
    noun
        What a pair is called.
    remembered
        The names of the val pairs of a run that goes on: those stay val, and what is new is train.

    Raises
    ------
    ValueError
        If the set has a split to validate on, and a fraction is given.
    """
    others = [name for name in located.splits if name != "train"]
    if fraction is not None and others:
        raise ValueError(
            f"--val-fraction {fraction:g} is for data without val/ and test/, and {located.folder} has {others[0]}: "
            "leave it out"
        )
    if not located.undivided and fraction is None:
        return HeldOut(located)
    whole = located.splits["train"]
    names = [pair.name for pair in whole.pairs]
    if remembered is None:
        held = _draw(names, fraction, seed)
        why = "drawn by --seed; --val-fraction 0 uses all" if held else _why_none(len(names), fraction)
    else:
        held, why = [name for name in names if name in set(remembered)], "as when the run began"
        lost = len(remembered) - len(held)
        why += f", but for {lost:,} val {noun}{'s' * (lost != 1)} gone since" if lost else ""
    counted = f"{len(names):,} {noun}{'s' * (len(names) != 1)}: "
    counted += f"{len(names) - len(held):,} train, {len(held):,} val" if held else "all train, no val"
    return HeldOut(dataclasses.replace(located, splits=_parted(whole, set(held))), held, f"{counted}, {why}")


def deal(names: Sequence[str], counts: Sequence[int], *, seed: int = 0) -> dict[str, list[str]]:
    """Deal names out to train, val and test by `seed`; the order within a split is that of `names`."""
    order = np.random.default_rng(seed).permutation(len(names))
    ends = np.cumsum(counts)
    return {
        split: [names[i] for i in sorted(order[end - count : end])]
        for split, count, end in zip(SPLITS, counts, ends)
        if count
    }


def _draw(names: Sequence[str], fraction: Optional[float], seed: int) -> list[str]:
    total = len(names)
    if fraction is None:
        count = min(total // SHARE, MOST)
    else:
        count = min(max(round(total * fraction), 1), total - 1) if fraction else 0
    return deal(names, (total - count, count), seed=seed).get("val", [])


def _parted(whole: Split, held: Collection[str]) -> dict[str, Split]:
    train = [pair for pair in whole.pairs if pair.name not in held]
    val = [pair for pair in whole.pairs if pair.name in held]
    splits = {"train": dataclasses.replace(whole, pairs=train)}  # it has the problems of both
    return {**splits, "val": Split(val, whole.folders)} if val else splits


def _why_none(total: int, fraction: Optional[float]) -> str:
    if fraction == 0:
        return "by --val-fraction 0"
    spare = f"; --val-fraction {1 / total:.2f} spares one" if total > 1 else ""
    return f"too few to spare one in {SHARE}{spare}"
