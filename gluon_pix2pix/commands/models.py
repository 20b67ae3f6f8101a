"""List the trained models in the box."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from gluon_pix2pix.errors import CommonOptions
from gluon_pix2pix.installing import install_line
from gluon_pix2pix.translation.exported import PARAMS, read_model
from gluon_pix2pix.translation.loading import has_mxnet
from gluon_pix2pix.wording import command
from gluon_pix2pix.zoo.card import read_card
from gluon_pix2pix.zoo.shipped import find_model, shipped_models

WIDTH, INDENT = 80, 13


@dataclass
class Options(CommonOptions):
    """List the trained models in the box, with their cards."""


def main(options: Options) -> None:
    """Print each model's card, and how to use one."""
    names = shipped_models()
    if not names:
        print("no trained model is in the box so far")
        return
    for name in names:
        print(describe(name), end="\n\n")
    if not has_mxnet():
        print(f"they need MXNet: {install_line('cpu')}")
        print(f"or, where it is, {command('export', '--model', names[0], '--onnx')} makes an .onnx file that runs here")
        return
    print(f"next: {command('translate', '--model', names[0], '--input', 'PICTURES')}")
    print(f"next: {command('serve', '--model', *names, '--open')}")


def describe(name: str) -> str:
    """Return what there is to know of a model in the box, for a terminal."""
    folder = find_model(name)
    card, model = read_card(folder), read_model(folder)
    size = f"{(folder / PARAMS).stat().st_size / 1e6:.1f} MB"
    if model["trained_at"]:
        height, width = model["trained_at"]
        size = f"{width} x {height} pixels as trained, {size}"
    lines = [f"{name}: {card.title}"]
    for word, text in {"size": size, **card.lines()}.items():
        lines += textwrap.wrap(
            text,
            len(text) + INDENT if word == "command" else WIDTH,  # one that is cut does not run
            initial_indent=f"  {word:{INDENT - 2}}",
            subsequent_indent=INDENT * " ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)
