"""A trained generator as translating sees it, whatever computes it: a function of arrays, and what goes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional, Union

import numpy as np

from gluon_pix2pix.pairs.coding import Coding, make_coding
from gluon_pix2pix.translation.exported import WHAT, check_complete

STATISTICS = ("picture", "batch", "running")

Size = Union[int, tuple[int, int]]


@dataclass(frozen=True)
class Network:
    """A generator at work.

    Parameters
    ----------
    compute
        Takes (N, C, H, W) float32 in [-1, 1], H and W multiples of `multiple`, and a seed for dropout or None; returns
        (N, C', H, W) float32.
    coding
        How pictures become its values and back.
    multiple
        What the sides of its pictures have to be multiples of.
    trained_at
        Pixels, or (height, width): the size of the pictures that it was trained on.
    direction
        "AtoB" or "BtoA": the half of a pair that it translates.
    statistics
        What it normalises by: each "picture", the "batch", or the "running" averages of training.
    dropout
        Whether it drops values out, by the seed.
    identity
        What tells its answers from those of others: the checkpoint's name and the weights' SHA-256.
    device
        Where it computes, in words, if its loader knows.
    description
        All that its own files say of it: a run's options.json, or an export's model.json.
    """

    compute: Optional[Callable[[np.ndarray, Optional[int]], np.ndarray]]
    coding: Coding
    multiple: int
    trained_at: Optional[Size] = None
    direction: str = "AtoB"
    statistics: str = "picture"
    dropout: bool = False
    identity: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    description: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label_colours(self) -> Mapping[str, Mapping[str, str]]:
        """The colours that the labels of "source" and "target" had in the palettes of training, if they had any."""
        return (self.description.get("pair_layout") or {}).get("label_colours", {})


def from_model(model: Mapping, *, sha256: str, path: object) -> Network:
    """Return what an export's model.json says as a network that cannot compute yet; `path` is for the errors.

    Raises
    ------
    ValueError
        If model.json lacks something, or says what cannot be.
    """
    check_complete(model, path)
    try:
        trained_at = model["trained_at"]
        return Network(
            compute=None,  # set by whoever loads the graph
            coding=make_coding(**model["coding"]),
            multiple=int(model["multiple"]),
            trained_at=tuple(trained_at) if isinstance(trained_at, list) else trained_at,
            direction=model["direction"],
            statistics=model["statistics"],
            identity={"checkpoint": model["checkpoint"], "sha256": sha256},
            description=model,
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is not {WHAT}: {error}") from error


def check_modes(path: object, network: Network, *, statistics: Optional[str], dropout: Optional[bool]) -> None:
    """Check that an export does what is asked for: its graph cannot be changed.

    Raises
    ------
    ValueError
        If other statistics, or dropout, are asked for.
    """
    if statistics not in (None, network.statistics):
        raise ValueError(
            f"{path} was exported with statistics {network.statistics}, which is in its graph: {statistics} needs the "
            "folder of the run, or another export"
        )
    if dropout:
        raise ValueError(f"{path} is an export, whose graph has no dropout: it needs the folder of the run")
