"""What is told of a trained model beside what its export says: where it comes from, how good it is, where it fails."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Union

from gluon_pix2pix.reading import COUNT, read_json, said_by

CARD = "card.json"  # beside model.json

_SHAPE = {"title": str, "task": str, "data": str, "licence": str, "options": {str: (str, int, float, bool)}}
_SHAPE |= {"steps": COUNT, "hours": float, "scores": {str: float}, "command": str, "failures": [str]}
_WHAT = "the card of a model"


@dataclass(frozen=True)
class Card:
    """The card of a model.

    Parameters
    ----------
    title
        A few words for lists: what goes in and what comes out.
    task
        A sentence: what the model does, for which pictures.
    data
        What it was trained on: the set, how many pictures, who made it.
    licence
        Of the data, and so of what one may do with the weights.
    options
        Those of training that a reader wants to know, by upstream's words: generator, ngf, n_epochs, ...
    steps
        Of training.
    hours
        That they took, on the machine that `command` names or the data sentence does.
    scores
        On pictures that it was not trained on: name -> number.
    command
        What was typed to train it.
    failures
        A sentence for each thing that it is known to do badly.
    """

    title: str
    task: str
    data: str
    licence: str
    options: Mapping[str, Union[str, int, float, bool]]
    steps: int
    hours: float
    scores: Mapping[str, float]
    command: str
    failures: tuple[str, ...]

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value == "" or value == ():
                raise ValueError(f"{name} is empty")
            if isinstance(value, str) and not value.isprintable():
                raise ValueError(f"{name} is one line of text")
        if not 0 < self.hours < math.inf:
            raise ValueError(f"hours should be more than 0, not {self.hours}")
        for name, score in self.scores.items():
            if not math.isfinite(score):
                raise ValueError(f"scores.{name} is no number: {score}")

    def lines(self) -> dict[str, str]:
        """Return the card as words for people, by what each is about; the title is not among them."""
        return {
            "task": self.task,
            "trained on": self.data,
            "licence": self.licence,
            "options": _listed(self.options),
            "training": f"{self.steps:,} steps in {self.hours:g} hours",
            "scores": _listed(self.scores),
            "command": self.command,
            "does badly": " ".join(self.failures),
        }


def _listed(values: Mapping[str, Union[str, int, float, bool]]) -> str:
    return ", ".join(
        f"{name} {f'{value:.4g}' if isinstance(value, float) else value}" for name, value in values.items()
    )


def read_card(folder: Path) -> Card:
    """Read the card in a model's folder.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is something else, or a field is missing, empty or unknown.
    """
    path = folder / CARD
    told = read_json(path, _SHAPE, what=_WHAT)
    with said_by(path, _WHAT):
        unknown = sorted(set(told) - set(_SHAPE))
        if unknown:
            raise ValueError(f"there is no field {unknown[0]!r}; there are {', '.join(_SHAPE)}")
        return Card(**{**told, "failures": tuple(told["failures"])})


def find_card(model: Path) -> Optional[Card]:
    """Return the card in a model's folder; None if there is none, or the model is a file.

    Raises
    ------
    ValueError
        If there is one that is none.
    """
    return read_card(model) if (model / CARD).exists() else None
