"""What a run's options.json says. No MXNet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Optional

from gluon_pix2pix.pairs.coding import Coding, make_coding
from gluon_pix2pix.pairs.preprocess import Preprocess


def read_options(run_dir: str | Path) -> dict:
    """Return the options.json of a run or a converted model, which may lack a network.

    Raises
    ------
    FileNotFoundError
        If the folder has none.
    ValueError
        If it does not parse, or lacks what everybody needs.
    """
    path = Path(run_dir) / "options.json"
    if not path.is_file():
        raise FileNotFoundError(f"{run_dir} is not the folder of a run: it has no options.json")
    try:
        run = json.loads(path.read_text())
        _check_keys(run, "options", ("crop_size", "direction"))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is not the options of a run: {error}") from error
    return run


def read_run(run_dir: str | Path) -> dict:
    """Return the options.json of a folder that has a generator.

    Raises
    ------
    FileNotFoundError
        If the folder has none.
    ValueError
        If it does not describe a generator.
    """
    run = read_options(run_dir)
    try:
        _check_keys(run, "generator", ("name", "norm", "dropout", "input_nc", "output_nc"))
    except ValueError as error:
        raise ValueError(f"{Path(run_dir) / 'options.json'} is not the options of a run: {error}") from error
    return run


def _check_keys(run: object, part: str, keys: tuple[str, ...]) -> None:
    described = run.get(part) if isinstance(run, dict) else None
    if not isinstance(described, dict):
        raise ValueError(f"it has no {part}")
    missing = [key for key in keys if key not in described]
    if missing:
        raise ValueError(f"{part} lacks {', '.join(missing)}")


def describe_coding(run: dict) -> dict:
    """Return a run's task as `make_coding` takes it; that of plain pairs for a run that says nothing of it."""
    generator = run["generator"]
    return run.get("coding") or {"input_nc": generator["input_nc"], "output_nc": generator["output_nc"]}


def coding_of(run: dict) -> Coding:
    """Return the coding of a run's task.

    Raises
    ------
    ValueError
        If there is no such task.
    """
    return make_coding(**describe_coding(run))


def trained_size(run: dict, multiple: int) -> Optional[tuple[int, int]]:
    """Return the (height, width) that all pictures were resized to in training; None if they kept their proportions."""
    options = run["options"]
    if options.get("preprocess", "resize_and_crop") != "resize_and_crop":
        return None
    side = options["crop_size"]
    aspect_ratio = options.get("aspect_ratio", 1.0)
    return Preprocess(load_size=side, crop_size=side, aspect_ratio=aspect_ratio, multiple=multiple).crop
