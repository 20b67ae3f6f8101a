"""Noticing pictures that a model of label pictures cannot know: photos, or labels of other colours."""

from __future__ import annotations

from typing import Optional

import numpy as np

from gluon_pix2pix.evaluation.palettes import Palette, near_share, palette_of_model
from gluon_pix2pix.pairs.coding import Pixels
from gluon_pix2pix.translation.network import Network

# Of the 500 label pictures of facades 49 % of the pixels or more are near a label's colour, of its photos and of those
# of open country 11 % at most.
ENOUGH = 0.3
SAMPLED = 64  # of a side so many pixels are looked at, or up to twice as many
SHOWN = 3  # names in a note


class LabelPictures:
    """Looks at what a network is given. A network whose label colours are not known takes everything.

    Parameters
    ----------
    network
        What it is given to.
    palette
        Its label colours, if its own files do not say them.
    """

    def __init__(self, network: Network, palette: Optional[Palette] = None):
        coder = network.coding.source
        takes_colours = network.coding.task == "pairs" and isinstance(coder, Pixels) and coder.channels == 3
        self._palette = (palette or palette_of_model(network.description)) if takes_colours else None
        self._others: list[str] = []

    def knows(self, picture: np.ndarray) -> bool:
        """Tell whether a picture, (H, W, C) uint8 or uint16, may be one of them; a gray one is of no label's colour."""
        if self._palette is None:
            return True
        rows, columns = (max(side // SAMPLED, 1) for side in picture.shape[:2])
        return near_share(picture[::rows, ::columns], self._palette) >= ENOUGH

    def look(self, name: str, picture: np.ndarray) -> None:
        """Look at a picture, and remember its name if it is another."""
        if not self.knows(picture):
            self._others.append(name)

    @property
    def note(self) -> Optional[str]:
        """What is to be said of those that were looked at; None if nothing is."""
        if not self._others:
            return None
        more = f" and {len(self._others) - SHOWN} more" if len(self._others) > SHOWN else ""
        return self.line(", ".join(self._others[:SHOWN]) + more)

    def line(self, names: str) -> str:
        """Say of pictures of these names that they are others."""
        colours = len(self._palette.names)
        return (
            f"this model was trained on label pictures of {colours} colours, and most of {names} is in none of them: "
            "do not trust what it makes of that"
        )
