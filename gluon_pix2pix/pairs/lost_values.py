"""Pictures that decode well and show nothing of use: it is in their alpha, in the lowest of 16 bits, or not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gluon_pix2pix.pictures.arithmetic import has_colours
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.wording import count

_SAMPLES = 8  # so many of the pictures in question are decoded
_DIM = 8  # 16-bit pictures are dim if they use less than this part of their values: 12 bits use a sixteenth


def lost_values(files: Iterable[tuple[Path, Any]]) -> list[str]:
    """Look at some of the files that have alpha or 16 bits, and return a line if what they show is lost.

    Parameters
    ----------
    files
        Paths, and facts that have `alpha` and `dtype`.
    """
    with_alpha, deep = [], []
    for path, facts in files:
        if facts.alpha:
            with_alpha.append(path)
        if facts.dtype == "uint16":
            deep.append(path)
    return _transparent(with_alpha) + _dim(deep)


def without_colours(files: Iterable[tuple[Path, Any]]) -> list[str]:
    """Look at some photos that colours are to be learnt from, and return a line if some have none.

    Parameters
    ----------
    files
        Paths, and facts that have `channels`.
    """
    known = list(files)
    gray = [path for path, facts in known if facts.channels == 1]
    some = _some([path for path, facts in known if facts.channels != 1])
    pale = [path for path, picture in some if not has_colours(picture)]
    if not gray and not pale:
        return []
    looked = f" and {len(pale)} of {len(some)} others that were looked at" if some else ""
    return [
        f"black and white: {len(gray)} of {count(len(known), 'photo')}{looked}, such as {(gray + pale)[0]}; colours "
        "are learnt from photos in colour, and scored by them: these say gray"
    ]


def _transparent(paths: Sequence[Path]) -> list[str]:
    some = _some(paths)
    flat = [path for path, picture in some if (picture == picture[:1, :1]).all()]
    if not flat:
        return []
    return [
        f"{len(paths)} files have an alpha channel, which is left off, and {len(flat)} of {len(some)} that were looked "
        f"at, such as {flat[0]}, are all one colour without it: what they show is lost. Put them on a background "
        "first, such as by ImageMagick: magick mogrify -background white -alpha remove -alpha off FILES"
    ]


def _dim(paths: Sequence[Path]) -> list[str]:
    largest = max((int(picture.max()) for _, picture in _some(paths)), default=65535)
    if not 0 < largest <= 65535 // _DIM:
        return []
    return [
        f"{len(paths)} files have 16 bits a channel, and the largest value in those that were looked at, such as "
        f"{paths[0]}, is {largest} of 65535: they are seen nearly black. Values of fewer bits have to be spread first, "
        f"here by multiplying them by {65535 // largest}"
    ]


def _some(paths: Sequence[Path]) -> list[tuple[Path, np.ndarray]]:
    """Decode some of the files, evenly spread; those that do not decode are not of this concern."""
    pictures = []
    for index in np.unique(np.linspace(0, len(paths) - 1, min(_SAMPLES, len(paths))).astype(int)):
        try:
            pictures.append((paths[index], read_image(paths[index])))
        except (ValueError, OSError):
            continue
    return pictures
