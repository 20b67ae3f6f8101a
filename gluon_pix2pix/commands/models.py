"""List the trained models in the box."""

from __future__ import annotations

from dataclasses import dataclass

from gluon_pix2pix.errors import CommonOptions
from gluon_pix2pix.translation.exported import PARAMS, read_model
from gluon_pix2pix.zoo.shipped import SHIPPED, find_model


@dataclass
class Options(CommonOptions):
    """List the trained models in the box."""


def main(options: Options) -> None:
    """Print a line for each model, and how to use one."""
    if not SHIPPED:
        print("no trained model is in the box so far")
        return
    for name, purpose in SHIPPED.items():
        folder = find_model(name)
        model = read_model(folder)
        height, width = model["trained_at"]
        size = (folder / PARAMS).stat().st_size / 1e6
        print(f"{name:10} {purpose}; trained at {width} x {height} pixels, {model['epoch']} epochs; {size:.1f} MB")
    print(f"\nto use one: python -m gluon_pix2pix translate --model {next(iter(SHIPPED))} --input PICTURES")
