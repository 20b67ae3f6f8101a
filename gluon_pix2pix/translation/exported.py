"""The folder of an export: its files, what model.json says of them, and their bytes checked against it. No MXNet."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

SYMBOL, PARAMS, ONNX, MODEL = "generator-symbol.json", "generator-0000.params", "generator.onnx", "model.json"


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
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is not the folder of an export: it has no {MODEL}")
    try:
        model = json.loads(path.read_text())
        if not isinstance(model, dict) or not isinstance(model.get("sha256"), dict):
            raise ValueError("it names no files")
    except ValueError as error:
        raise ValueError(f"{path} is not the description of an exported generator: {error}") from error
    return model


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
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {Path(folder) / MODEL} says that it belongs there")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != model["sha256"][name]:
        raise ValueError(
            f"{path} is damaged, or of another export: {len(data)} bytes whose SHA-256 is not that in {MODEL}"
        )
    return data
