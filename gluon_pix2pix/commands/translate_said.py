"""What `translate` says before it begins: what the pictures are taken for, their sizes, where it computes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from gluon_pix2pix.pairs.holes import is_central, read_with_hole, split_hole
from gluon_pix2pix.pictures.files import image_size
from gluon_pix2pix.translation.inputs import Inputs
from gluon_pix2pix.translation.network import Network
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.wording import count


def has_targets(inputs: Inputs) -> bool:
    """Whether the true answers are files of their own."""
    return any(file.target for file in inputs.files)


def said_of(inputs: Inputs, kind: str, translator: Translator) -> Iterator[str]:
    """Say what is translated, and to which size."""
    yield from (f"note: {note}" for note in inputs.notes)
    if inputs.pictures:
        yield f"{count(len(inputs.pictures), 'picture')} ({describe(kind, inputs, translator.network)})"
        yield from sizes(inputs, kind, translator)
        if translator.network.coding.task == "inpainting" and kind == "single":
            yield from holes(inputs, translator.network)


def sizes(inputs: Inputs, kind: str, translator: Translator) -> Iterator[str]:
    """Say how large pictures are and become, where that differs; the first few are looked at."""
    if translator.size is None or translator.network.coding.task == "colorization":  # which keeps a picture's own
        return
    found = []
    for picture in inputs.pictures[:8]:
        with contextlib.suppress(ValueError, OSError):  # reported when it is translated
            height, width = image_size(picture.path)
            found.append((height, width // 2 if kind == "pair" else width))
    others = [size for size in dict.fromkeys(found) if size != tuple(translator.size)]
    if others:
        (height, width), (to_height, to_width) = others[0], translator.size
        more = " and other sizes" if len(set(found)) > 1 else ""
        if translator.network.coding.task == "inpainting" and kind == "single":
            yield (
                f"{width}x{height}{more}: the network sees {to_width}x{to_height}, the size of training, from which "
                "holes are enlarged; --keep-size translates at the photos' own"
            )
        else:
            yield f"{width}x{height}{more} -> {to_width}x{to_height}, the size of training; --keep-size keeps it"


def holes(inputs: Inputs, network: Network) -> Iterator[str]:
    """Say what of holes is not as the network has learned it; the first few photos are looked at."""
    for photo in inputs.pictures[:8]:
        with contextlib.suppress(ValueError, OSError):  # reported when it is translated
            _, hole = split_hole(read_with_hole(photo.path, photo.mask), network.coding.source.channels)
            if hole is None:
                yield (
                    f"note: {photo.path} has no hole marked, so that all of it is painted anew: --mask-file, or "
                    "transparent pixels, say what to paint, and the rest is kept"
                )
                return
            if network.coding.mask == "center" and not is_central(hole):
                yield (
                    f"note: the hole of {photo.path} reaches beyond the middle of the photo, and this model was "
                    "trained with holes there alone (--mask random learns others)"
                )
                return


def modes(device: str, network: Network) -> list[str]:
    """Say where and how it is computed."""
    dropout = "with dropout" if network.dropout else "without dropout"
    return [f"device: {device}", f"normalised by: {network.statistics}, {dropout}"]


def describe(kind: str, inputs: Inputs, network: Network) -> str:
    """Say what the pictures are taken for."""
    if has_targets(inputs):
        return "each with its target"
    words = {"pair": f"pairs, {network.direction}", "photo": "whole photos", "single": "no pairs"}[kind]
    return f"{words}; --pairs yes or no says otherwise"
