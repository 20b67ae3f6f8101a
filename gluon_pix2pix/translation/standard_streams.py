"""One picture through standard input and output."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gluon_pix2pix.pictures.files import save_picture
from gluon_pix2pix.translation.examples import read_example
from gluon_pix2pix.translation.translator import Translator

MOST_BYTES = 1 << 29  # of a picture: more than any that is read here takes up as a file


def translate_stream(
    translator: Translator,
    given: BinaryIO,
    *,
    quality: int = 95,
    output: str = "",
    look: Callable[[str, np.ndarray], None] = lambda name, source: None,
) -> bytes:
    """Translate the picture that a stream holds; write it to a file, or return it as PNG.

    `look` is called with the picture's name and the picture.

    Raises
    ------
    ValueError
        If the stream holds no picture, or more than `MOST_BYTES`.
    OSError
        If the file cannot be written.
    """
    data, network = given.read(MOST_BYTES + 1), translator.network
    if len(data) > MOST_BYTES:
        raise ValueError(f"standard input has more than {MOST_BYTES >> 20} MiB, as no picture has that is read here")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard input"
        path.write_bytes(data)
        try:
            how = {"direction": network.direction, "label_colours": network.label_colours}
            source = read_example(path, network.coding, kind="single", **how).source
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), "standard input")) from error
        look("standard input", source)
        fake = translator(source, name="stdin")
        target = Path(output) if output else Path(folder) / "fake.png"
        save_picture(target, fake, quality=quality)
        return b"" if output else target.read_bytes()
