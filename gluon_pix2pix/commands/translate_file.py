"""One picture in, one picture out: translating to the very file that --output names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Optional

import numpy as np

from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.pictures.files import encode_image, save_picture
from gluon_pix2pix.pictures.folders import EXTENSIONS
from gluon_pix2pix.translation.examples import read_example
from gluon_pix2pix.translation.inputs import VIDEOS, Input, Inputs
from gluon_pix2pix.translation.options import FORMATS, ResultOptions
from gluon_pix2pix.translation.result_files import ResultFiles
from gluon_pix2pix.translation.translator import Translator


def output_file(options: ResultOptions) -> Optional[Path]:
    """Return what --output names if that is a picture by its name, and None if it is a folder.

    Raises
    ------
    UsageError
        If it is a file that pictures are not written to, or goes with other options that want a folder.
    """
    path = Path(options.output or "")
    suffix = path.suffix.lower()
    if path.is_dir() or suffix not in (*EXTENSIONS, *VIDEOS):
        return None
    if suffix in VIDEOS:
        raise UsageError(f"--output {path} names a video: videos are written into a folder, by their own names")
    if options.side_by_side:
        raise UsageError(f"--side-by-side writes several files, and --output {path} is one: name a folder")
    if options.format != "png" and suffix != FORMATS[options.format]:
        raise UsageError(f"--format {options.format} and --output {path} say two things: leave out --format")
    try:
        encode_image(path, np.zeros((8, 8, 3), np.uint8), quality=options.quality)
    except ValueError as error:
        raise UsageError(f"--output: {error}") from error
    return path


def only_picture(inputs: Inputs, given: str, path: Path, *, overwrite: bool) -> Input:
    """Return the one picture that is translated to a file.

    Raises
    ------
    UsageError
        If there are several, or it is a video, or the file is the picture itself, or is there already.
    """
    if len(inputs.files) > 1:
        raise UsageError(f"--output {path} is one picture, and --input {given} has {len(inputs.files)}: name a folder")
    if not inputs.pictures:
        raise UsageError(f"--output {path} is a picture, and --input {given} a video: name a folder")
    (picture,) = inputs.pictures
    if path.exists() and path.samefile(picture.path):
        raise UsageError(f"--output {path} is the picture that is translated: pass another --output")
    if path.exists() and not overwrite:
        raise UsageError(f"{path} is there already: pass --overwrite, or another --output")
    return picture


def translate_to_file(
    translator: Translator,
    picture: Input,
    path: Path,
    *,
    kind: str,
    options: ResultOptions,
    look: Callable[[str, np.ndarray], None],
) -> None:
    """Translate a picture, or the source of a pair, to a file; `look` is called with its name and it.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, translated or written; the line names it.
    """
    network = translator.network
    how = {"kind": kind, "direction": network.direction, "label_colours": network.label_colours}
    example = read_example(picture.path, network.coding, mask=picture.mask, **how)
    look(picture.path.name, example.source)
    try:
        fake = translator(example.source, name=picture.name)
    except ValueError as error:
        raise ValueError(f"{picture.path}: {error}") from error
    fake = ResultFiles(path.parent, network.coding, options).stretch(fake)
    save_picture(path, fake, quality=options.quality)
