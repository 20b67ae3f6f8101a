"""Which colour a label has in the palettes of label maps: one number has to mean one thing in every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gluon_pix2pix.pictures.files import read_label_palette, read_labels


class Contradiction(ValueError):  # noqa: N818, what palettes do
    """Two label maps give one number two colours, or one colour two numbers."""


class LabelColours:
    """The colours that labels have had in the files so far, each with the file that it was seen in first."""

    def __init__(self) -> None:
        self._of_label: dict[int, tuple[str, Path]] = {}
        self._label_of: dict[str, tuple[int, Path]] = {}

    def add(self, path: Path, labels: Sequence[int], colours: Sequence[str]) -> None:
        """Add the labels that a file holds and their colours, "ff0000" for red; raise `Contradiction` if need be.

        Two labels of a file may have one colour: it tells nothing then.
        """
        alone = {colour for colour, count in Counter(colours).items() if count == 1}
        for label, colour in zip(labels, colours):
            before, first = self._of_label.get(label, (colour, path))
            if before != colour:
                raise Contradiction(_words(first, path, f"label {label}", f"#{before}", f"#{colour}"))
            before, first = self._label_of.get(colour, (label, path))
            if before != label and colour in alone:
                raise Contradiction(_words(first, path, f"#{colour}", f"label {before}", f"label {label}"))
        for label, colour in zip(labels, colours):
            self._of_label.setdefault(label, (colour, path))
            if colour in alone:
                self._label_of.setdefault(colour, (label, path))

    def known(self) -> dict[str, str]:
        """Return each label's colour, as JSON takes it: ``{"0": "000000", "1": "ff0000"}``."""
        return {str(label): colour for label, (colour, _) in sorted(self._of_label.items())}


def _words(first: Path, path: Path, what: str, was: str, now: str) -> str:
    return (
        f"{first} and {path} have palettes that contradict each other: {what} is {was} in the first and {now} in the "
        "second"
    )


def colours_of(labels: Sequence[int], palette: np.ndarray) -> list[str]:
    """Return labels' colours in a palette (N, 3) uint8; those beyond it have none."""
    return [palette[label].tobytes().hex() for label in labels if label < len(palette)]


def read_labels_by_colour(path: Path, known: Mapping[str, str]) -> np.ndarray:
    """Read a label map, (H, W, 1) uint8, whose labels are to have the colours that they had in training.

    A palette in another order is one of the same labels: those are renumbered by their colours. A gray picture has no
    colours, and is read as it is.

    Parameters
    ----------
    known
        Colours by label, as `LabelColours.known` returns them.

    Raises
    ------
    OSError, ValueError
        As `read_labels` does; and if a label has another colour than in training, which is no other label's.
    """
    labels = read_labels(path)
    palette = read_label_palette(path) if known else None
    if palette is None:
        return labels
    used = np.flatnonzero(np.bincount(labels.ravel()))
    alone = {colour for colour, count in Counter(known.values()).items() if count == 1}
    label_of = {colour: int(label) for label, colour in known.items() if colour in alone}
    table = np.arange(256, dtype=np.uint8)
    for label, colour in zip(used, colours_of(used, palette)):
        before = known.get(str(label), colour)
        if str(label) in known and before == colour:
            continue
        if colour not in label_of and before != colour:
            words = f"label {label} is #{colour} here, and was #{before} in training, where #{colour} was no label"
            raise ValueError(f"{path} has another palette than the label maps of training: {words}")
        table[label] = label_of.get(colour, label)
    return table[labels]
