"""Which checkpoints a run has: their names, the newest, the best, and those that may go. Nothing is loaded."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

_NAME = re.compile(r"epoch_(\d{4,})|step_(\d{4,})_(\d{6,})")
LOWER_IS_BETTER = ("val_mse", "val_mae", "val_checkerboard")  # of the validation scores in state.json


def checkpoint_name(epoch: int, step: int = 0) -> str:
    """Name the folder after the completed epochs, and the steps of the next one for a run interrupted in its middle."""
    return f"step_{epoch:04d}_{step:06d}" if step else f"epoch_{epoch:04d}"


def progress_of(path: Path) -> tuple[int, int]:
    """Read (completed epochs, steps of the next) off a checkpoint's name."""
    match = _NAME.fullmatch(path.name)
    return (int(match[1]), 0) if match[1] else (int(match[2]), int(match[3]))


def list_checkpoints(folder: Path) -> list[Path]:
    """List the complete checkpoints of a folder, oldest first; none if there is no such folder."""
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=progress_of)


def best_checkpoint(folder: Path) -> Optional[Path]:
    """Return the checkpoint of the best validation score, or None if none has been scored.

    What counts is the score that the newest scored one names as ``best_by``.
    """
    states = []
    for path in list_checkpoints(folder):
        with contextlib.suppress(OSError, ValueError):  # damaged: whoever loads it says so
            state = json.loads((path / "state.json").read_text())
            if state.get(state.get("best_by")) is not None:
                states.append((state, path))
    if not states:
        return None
    key = states[-1][0]["best_by"]
    scored = [(state[key], path) for state, path in states if state.get(key) is not None]
    return min(scored)[1] if key in LOWER_IS_BETTER else max(scored)[1]


def is_best(folder: Path, scores: Mapping[str, Optional[float]], best_by: str) -> bool:
    """Tell whether scores that have no checkpoint yet are better than those of all that there are."""
    value, best = scores.get(best_by), best_checkpoint(folder)
    if value is None or best is None:
        return value is not None
    before = json.loads((best / "state.json").read_text()).get(best_by)
    return before is None or (value < before if best_by in LOWER_IS_BETTER else value > before)


def find_checkpoint(folder: Path, epoch: str = "latest") -> Path:
    """Find the checkpoint of that many completed epochs, the newest for "latest", the best-scored for "best".

    Raises
    ------
    FileNotFoundError
        If it is not there; the message lists those that are.
    ValueError
        If `epoch` is neither a number nor one of the two words.
    """
    if epoch not in ("latest", "best") and not epoch.isdecimal():
        raise ValueError(f"an epoch is a number, 'latest' or 'best', not {epoch!r}")
    there = list_checkpoints(folder)
    if epoch == "latest":
        found = there[-1] if there else None
    elif epoch == "best":
        found = best_checkpoint(folder)
    else:
        found = next((path for path in there if path.name == checkpoint_name(int(epoch))), None)
    if found is None:
        names = ", ".join(path.name for path in there) or "none yet"
        why = " (none has been scored)" if epoch == "best" and there else ""
        raise FileNotFoundError(f"{folder} has no checkpoint {epoch}{why}; there: {names}")
    return found


def remove_partial(folder: Path) -> None:
    """Remove what runs that were killed while saving have left behind; nobody else may be saving there."""
    for path in folder.glob(".*.part"):
        shutil.rmtree(path)


def prune_checkpoints(folder: Path, *, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints of whole epochs and the best; interrupted ones go once outdated."""
    there = list_checkpoints(folder)
    epochs = [path for path in there if path.name.startswith("epoch_")]
    stay = {*epochs[-keep:], there[-1], best_checkpoint(folder)}
    for path in there:
        if path not in stay:
            shutil.rmtree(path)
