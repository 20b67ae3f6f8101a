"""What is told of a model: to programs that use it, and to the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from pydantic import BaseModel

from gluon_pix2pix.evaluation.palettes import Palette, palette_of_model
from gluon_pix2pix.pairs.coding import OneHot, Pixels, label_colours
from gluon_pix2pix.translation.network import Network
from gluon_pix2pix.zoo.card import Card


class Colour(BaseModel):
    """A class of label pictures, and the colour that stands for it."""

    name: str
    rgb: tuple[int, int, int]


class End(BaseModel):
    """What a model takes, or gives: pictures of so many channels, label maps, or black-and-white and coloured ones."""

    kind: str  # "picture", "labels", "lightness" or "chroma"
    channels: int
    palette: Optional[list[Colour]] = None  # of label pictures and label maps


class About(BaseModel):
    """A model as /v1/models describes it."""

    name: str
    task: str  # "pairs", "colorization" or "inpainting"
    source: End
    target: End
    trained_at: Optional[tuple[int, int]] = None  # (height, width) in pixels
    multiple: int  # sides that the network itself takes; pictures are padded to it
    statistics: list[str]  # what may be asked for, the usual one first
    dropout: bool  # whether it may be asked for
    mask: Optional[str] = None  # of inpainting: which holes it was trained to fill
    card: dict[str, str]
    examples: list[str] = []  # where, relative to the page
    identity: dict[str, str]


def describe(name: str, network: Network, *, palette: Optional[Palette] = None, card: Optional[Card] = None) -> About:
    """Describe a model.

    Parameters
    ----------
    network
        It in its usual mode.
    palette
        What its label pictures' colours mean; None for what the model itself says.
    card
        What lies beside it; None for what is known without one.
    """
    told, coding, trained_at = network.description, network.coding, network.trained_at
    palette = palette or palette_of_model(told)
    run = told if "options" in told else {}  # an export does what is in its graph
    two = run and run["generator"]["norm"] in ("batch", "syncbatch")
    return About(
        name=name,
        task=coding.task,
        source=_end(coding.source, palette),
        target=_end(coding.target, None),
        trained_at=(trained_at, trained_at) if isinstance(trained_at, int) else trained_at,
        multiple=network.multiple,
        statistics=["picture", "running"] if two else [network.statistics],
        dropout=bool(run and run["generator"]["dropout"]),
        mask=coding.mask if coding.task == "inpainting" else None,
        card={"title": card.title, **card.lines()} if card else _words(told, network),
        identity=dict(network.identity),
    )


def _end(coder: Any, palette: Optional[Palette]) -> End:
    if isinstance(coder, OneHot):
        if palette and len(palette.names) == coder.channels:
            return End(kind="labels", channels=coder.channels, palette=_colours(palette.names, palette.colours))
        names = [f"label {number}" for number in range(coder.channels)]
        return End(kind="labels", channels=coder.channels, palette=_colours(names, label_colours(coder.channels)))
    if isinstance(coder, Pixels):
        usable = palette and coder.channels == 3
        return End(
            kind="picture",
            channels=coder.channels,
            palette=_colours(palette.names, palette.colours) if usable else None,
        )
    return End(kind=type(coder).__name__.lower(), channels=coder.channels)


def _colours(names: Any, colours: Any) -> list[Colour]:
    return [Colour(name=name, rgb=tuple(int(v) for v in colour)) for name, colour in zip(names, colours)]


def _words(told: Mapping, network: Network) -> dict[str, str]:
    """Return what there is to know of where a model comes from, without a card; no paths of this machine."""
    options, generator = told.get("options", {}), told.get("generator", {})
    card = {}
    if options.get("dataset"):
        card["trained on"] = Path(options["dataset"]).name
    if network.coding.task == "pairs":
        card["direction"] = network.direction
    if generator.get("name"):
        card["network"] = ", ".join(
            [str(generator["name"]), *([f"ngf {generator['ngf']}"] if "ngf" in generator else [])]
        )
    card["checkpoint"] = network.identity.get("checkpoint", "")
    return card
