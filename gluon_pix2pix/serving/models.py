"""Models under their names: found, loaded in the modes that are asked for, and described."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np

from gluon_pix2pix.evaluation.palettes import Palette
from gluon_pix2pix.serving.about import describe
from gluon_pix2pix.serving.computing import Computing
from gluon_pix2pix.serving.examples import find_examples
from gluon_pix2pix.translation.label_pictures import LabelPictures
from gluon_pix2pix.translation.loading import find_format, load_network
from gluon_pix2pix.translation.network import Network
from gluon_pix2pix.translation.tiling import padded_side
from gluon_pix2pix.zoo.card import find_card
from gluon_pix2pix.zoo.shipped import find_model


def find_models(words: Sequence[str]) -> dict[str, Path]:
    """Find the models that the words of --model stand for, by the names that they are served under.

    Parameters
    ----------
    words
        Each the name of a model in the box, or the path of a run, an export or an .onnx file, served under the last
        part of its path; or ``name=path``.

    Raises
    ------
    ValueError
        If two have the same name, or a name could not stand in a URL.
    FileNotFoundError
        If there is no such model.
    """
    found: dict[str, Path] = {}
    for word in words:
        name, given, path = word.rpartition("=")
        path = find_model(path)
        find_format(path)  # refuses what is no model
        name = name if given else path.resolve().with_suffix("" if path.suffix == ".onnx" else path.suffix).name
        if not name or not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or not name.isascii():
            way = shlex.join(["--model", f"NAME={path}"])
            raise ValueError(f"{name!r} is no name for a model (letters, digits, - _ .): pass {way}")
        if name in found:
            way = shlex.join(["--model", f"OTHER={path}"])
            raise ValueError(f"two models are named {name!r}, {found[name]} and {path}: pass {way}")
        found[name] = path
    return found


class ServedModel:
    """A model in the modes that requests ask for, each loaded when it is first needed.

    What computes, here, is for the computing thread; it is made there, too.

    Parameters
    ----------
    name
        Under which it is served.
    path
        The folder of a run or an export, or an .onnx file.
    computing
        Whose thread that is; it is asked between the parts of a picture whether somebody still waits for the answer.
    palette
        What the colours of its label pictures mean, if it does not say it.
    examples
        A folder of pictures to begin with.
    ctx
        The mx.Context to compute on [the CPU].

    Attributes
    ----------
    coding : Coding
        What it takes and gives.
    about : About
        What is told of it.
    examples : list of Example
        Pictures that it takes.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        computing: Computing,
        *,
        palette: Optional[Palette] = None,
        examples: Optional[Path] = None,
        ctx: Any = None,
    ):
        self._path, self._computing, self._ctx = path, computing, ctx
        self._networks: dict[tuple[Optional[str], bool], Network] = {}
        network = self.network()
        side = padded_side(max(np.ravel(network.trained_at or 1)), network.multiple)
        network.compute(np.zeros((1, network.coding.source.channels, side, side), np.float32))  # the first is slow
        self.coding = network.coding
        self._labels = LabelPictures(network, palette)
        self.about = describe(name, network, palette=palette, card=find_card(path))
        self.examples = find_examples(path, network, self.about.source, examples)
        self.about.examples = [f"v1/models/{name}/examples/{number}" for number in range(len(self.examples))]

    def network(self, statistics: Optional[str] = None, dropout: bool = False) -> Network:
        """Return the model's network in a mode; None is what the paper does, or what is in an export's graph.

        Raises
        ------
        ValueError
            If the model cannot do that.
        """
        key = statistics, dropout
        if key not in self._networks:
            loaded = load_network(self._path, statistics=statistics, dropout=dropout, ctx=self._ctx)
            if dropout and not loaded.dropout:
                raise ValueError("this model has no dropout")
            same = loaded.statistics, dropout  # None is one of the others
            self._networks[same] = self._networks.get(same) or self._asking(loaded)
            self._networks[key] = self._networks[same]
        return self._networks[key]

    def note_on(self, picture: np.ndarray) -> Optional[str]:
        """Return why an answer to a picture may be of no use; None if nothing speaks against it."""
        return None if self._labels.knows(picture) else self._labels.line("the picture")

    def _asking(self, network: Network) -> Network:
        def compute(batch: np.ndarray, seed: Optional[int] = None) -> np.ndarray:
            self._computing.check()
            return network.compute(batch, seed)

        return dataclasses.replace(network, compute=compute)
