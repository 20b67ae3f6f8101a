"""The folder of an export: its files, what model.json says of them, and their bytes checked against it. No MXNet."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from gluon_pix2pix.pairs.options import DIRECTIONS
from gluon_pix2pix.reading import open_file, read_json
from gluon_pix2pix.runs.options_file import CODING, GENERATOR, LAYOUT, SIDE

SYMBOL, PARAMS, ONNX, MODEL = "generator-symbol.json", "generator-0000.params", "generator.onnx", "model.json"

# What model.json says, in its file and in that of ONNX. Exports of other versions may lack some of it.
DESCRIPTION = {"coding?": CODING, "multiple?": SIDE, "trained_at?": (None, [SIDE]), "direction?": set(DIRECTIONS)}
DESCRIPTION |= {"statistics?": {"picture", "batch", "running"}, "checkpoint?": str, "parameters?": {str: str}}
DESCRIPTION |= {"generator?": (None, GENERATOR)}
DESCRIPTION |= {"input?": {"shape": list}, "pair_layout?": (None, LAYOUT)}
WHAT = "the description of an exported generator"


def read_model(folder: str | Path) -> dict:
    """Return what an export's model.json says.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is something else.
    """
    path = Path(folder) / MODEL
    if not path.exists():
        raise FileNotFoundError(f"{folder} is not the folder of an export: it has no {MODEL}")
    model = read_json(path, {**DESCRIPTION, "sha256": {str: str}}, what=WHAT)
    check_complete(model, path)
    return model


def check_complete(model: Mapping, path: object) -> None:
    """See that a description has all that translating needs; `path` is for the error.

    Raises
    ------
    ValueError
        If an earlier version wrote it, without that.
    """
    for name in ("coding", "multiple", "trained_at", "direction", "statistics", "checkpoint"):
        if name not in model:
            raise ValueError(f"{path} does not say {name!r}, which translating needs: export it again")


def read_checked(folder: str | Path, name: str, model: dict) -> bytes:
    """Return a file's bytes if their SHA-256 is what `model` says; MXNet loads most damaged files without a word.

    Raises
    ------
    FileNotFoundError
        If the export has no such file.
    ValueError
        If it is not the file that was exported.
    """
    path = Path(folder) / name
    if name not in model["sha256"]:
        raise FileNotFoundError(f"{folder} was exported without {name}: export it again, with it")
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: {Path(folder) / MODEL} says that it belongs there")
    with open_file(path) as stream:
        data = stream.read()
    if hashlib.sha256(data).hexdigest() != model["sha256"][name]:
        raise ValueError(
            f"{path} is damaged, or of another export: {len(data)} bytes whose SHA-256 is not that in {MODEL}"
        )
    return data
