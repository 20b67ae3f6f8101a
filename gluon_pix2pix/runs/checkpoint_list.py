"""Which checkpoints a run has: their names, the newest, the best, and those that may go. Nothing is loaded."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

from gluon_pix2pix.reading import COUNT, check_shape, read_json
from gluon_pix2pix.writing import remove_folder, remove_leftovers

_NAME = re.compile(r"epoch_(\d{4,})|step_(\d{4,})_(\d{6,})")
LOWER_IS_BETTER = ("val_mse", "val_mae", "val_checkerboard")  # of the validation scores in state.json

# What state.json says of every checkpoint, of a converted model too; and of one that a run can go on from.
STATE = {"epoch": COUNT, "step": COUNT, "sha256": {str: str}, "best_by?": str, "threads?": COUNT, "steps?": COUNT}
STATE |= {"loss_scales?": {str: {"loss_scale?": float, "next_loss_scale?": float, "unskipped?": COUNT}}}
RESUMABLE = {"steps": COUNT, "threads": COUNT, "history": [float], "losses": [float], "data": str}


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


def read_state_file(path: Path) -> dict:
    """Return what a checkpoint's state.json says; its other files are not looked at.

    Raises
    ------
    ValueError
        If it is not there, of another shape, or another checkpoint's.
    """
    file = path / "state.json"
    try:
        state = read_json(file, STATE, what="the state of a checkpoint")
    except OSError as error:
        raise ValueError(f"{file} is not the state of a checkpoint: {error.strerror or error}") from error
    if _NAME.fullmatch(path.name) and (state["epoch"], state["step"]) != progress_of(path):
        raise ValueError(f"{file} is of another checkpoint: epoch {state['epoch']}, step {state['step']}")
    if any(name != Path(name).name or name == ".." for name in state["sha256"]):
        raise ValueError(f"{file} is not the state of a checkpoint: it names files elsewhere")
    return state


def check_resumable(path: Path, state: Mapping) -> None:
    """See that a run can go on from a checkpoint, by its state.json.

    Raises
    ------
    ValueError
        If it lacks what is needed for that.
    """
    try:
        check_shape(state, RESUMABLE)
    except ValueError as error:
        raise ValueError(f"{path / 'state.json'} is not the state of a run that can go on: {error}") from error


def best_checkpoint(folder: Path) -> Optional[Path]:
    """Return the checkpoint of the best validation score, or None if none has been scored.

    What counts is the score that the newest scored one names as ``best_by``.
    """
    states = []
    for path in list_checkpoints(folder):
        with contextlib.suppress(ValueError):  # damaged: whoever loads it says so
            state = read_state_file(path)
            if _score(state, state.get("best_by")) is not None:
                states.append((state, path))
    if not states:
        return None
    key = states[-1][0]["best_by"]
    scored = [(_score(state, key), path) for state, path in states if _score(state, key) is not None]
    return min(scored)[1] if key in LOWER_IS_BETTER else max(scored)[1]


def is_best(folder: Path, scores: Mapping[str, Optional[float]], best_by: str) -> bool:
    """Tell whether scores that have no checkpoint yet are better than those of all that there are."""
    value, best = _score(scores, best_by), best_checkpoint(folder)
    if value is None or best is None:
        return value is not None
    before = _score(read_state_file(best), best_by)
    return before is None or (value < before if best_by in LOWER_IS_BETTER else value > before)


def _score(scores: Mapping, name: Optional[str]) -> Optional[float]:
    """Return a score that can be compared. An infinite one, which earlier versions wrote, nothing could ever beat."""
    value = scores.get(name)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) <= sys.float_info.max else None


def check_epoch(epoch: str) -> None:
    """Raise ValueError if this cannot name a checkpoint: it is neither a number nor one of two words."""
    if epoch not in ("latest", "best") and not epoch.isdecimal():
        raise ValueError(f"an epoch is a number, 'latest' or 'best', not {epoch!r}")


def find_checkpoint(folder: Path, epoch: str = "latest") -> Path:
    """Find the checkpoint of that many completed epochs, the newest for "latest", the best-scored for "best".

    Raises
    ------
    FileNotFoundError
        If it is not there; the message lists those that are.
    ValueError
        If `epoch` is neither a number nor one of the two words.
    """
    check_epoch(epoch)
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


def remove_partial(run_dir: Path) -> None:
    """Remove what a run that was killed while writing has left half written; nobody else may be writing there."""
    for folder in (run_dir, run_dir / "samples", run_dir / "checkpoints"):
        if folder.is_dir():
            remove_leftovers(folder)


def prune_checkpoints(folder: Path, *, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints of whole epochs and the best; interrupted ones go once outdated.

    One that lacks files is no checkpoint any more and goes too: earlier versions could be killed while removing it.
    """
    there = list_checkpoints(folder)
    whole = [path for path in there if _is_whole(path)]
    epochs = [path for path in whole if path.name.startswith("epoch_")]
    stay = {*epochs[-keep:], there[-1], best_checkpoint(folder)}
    for path in there:
        if path not in stay:
            remove_folder(path)


def _is_whole(path: Path) -> bool:
    try:
        return all((path / name).is_file() for name in read_state_file(path)["sha256"])
    except ValueError:
        return False
