"""The names that numpy has dropped and MXNet 1.9.1 reads while it is imported; tried with numpy 1.23 to 2.5."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator

import numpy as np

NUMPY_AFTER_THE_NEWEST_TRIED = "2.6"

# What these mean to MXNet. numpy 1.24 dropped `bool`, which numpy 2 has again as its own; numpy 2 dropped the others.
_MEANINGS = {
    "bool": bool,
    "NAN": np.nan,
    "NaN": np.nan,
    "Inf": np.inf,
    "PINF": np.inf,
    "NINF": -np.inf,
    "PZERO": 0.0,
    "NZERO": -0.0,
    "alltrue": np.all,
    "sometrue": np.any,
    "product": np.prod,
    "round_": np.round,
    "fix": np.trunc,  # still there in 2.5, which deprecates it
}
# Functions that MXNet files under their names for its own numpy interface, which nothing here calls.
_UNUSED = ("in1d", "mirr", "msort", "npv", "pmt", "ppmt", "pv", "rate", "trapz")


def _not_in_this_numpy(*_: object, **__: object) -> None:
    raise NotImplementedError("this function of mxnet.numpy is one that the installed numpy has not")


@contextlib.contextmanager
def names_of_old() -> Iterator[None]:
    """Give numpy the names that it lacks, for as long as the block takes: others look whether numpy has them."""
    with contextlib.suppress(ImportError):
        # MXNet imports it too; scipy copies the names that numpy has at that moment, and would keep these.
        importlib.import_module("scipy.sparse")
    given = {name: value for name, value in _MEANINGS.items() if name not in vars(np)}
    given |= {name: _not_in_this_numpy for name in _UNUSED if name not in vars(np)}
    for name, value in given.items():
        setattr(np, name, value)
    try:
        yield
    finally:
        for name in given:
            delattr(np, name)
