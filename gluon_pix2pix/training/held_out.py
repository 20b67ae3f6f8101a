"""The pairs that a run has held out to validate on: drawn as it begins, remembered in its folder, listed there."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Optional

from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.pairs.holdout import HeldOut, hold_out
from gluon_pix2pix.pairs.layouts import Split
from gluon_pix2pix.pairs.locate import Located
from gluon_pix2pix.reading import read_json
from gluon_pix2pix.runs import checkpoint_list
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.writing import whole_file, write_json

MEMORY = "split.json"


def hold_out_val(options: TrainOptions, located: Located) -> HeldOut:
    """Hold out val pairs as the options say; those of a run that goes on are the ones that it has seen so far.

    Raises
    ------
    ValueError
        If there is nothing to hold out of, or the run would be written among the photos that it trains on.
    """
    run_dir, from_photos = options.run.run_dir, options.task.coding().from_photos
    if not isinstance(located.splits["train"], Split):
        if options.data.val_fraction is not None:
            raise UsageError("val_fraction is for pairs on disk: pass `validation` with pairs of arrays")
        return HeldOut(located)
    if located.undivided and from_photos and located.folder.resolve() in run_dir.resolve().parents:
        raise UsageError(
            f"the run's folder {run_dir} is inside the photos' folder, {located.folder}, and its samples would become "
            "photos to train on: pass another --run-dir"
        )
    noun = "photo" if from_photos else "pair"
    asked = located.undivided or options.data.val_fraction is not None
    remembered = _remembered(run_dir) if asked else None
    return hold_out(located, options.data.val_fraction, seed=options.run.seed, noun=noun, remembered=remembered)


def _remembered(run_dir: Path) -> Optional[list[str]]:
    """Return the names of the val pairs of a run; None if nothing has been trained that another split could spoil."""
    if not checkpoint_list.list_checkpoints(run_dir / "checkpoints"):
        return None
    path = run_dir / MEMORY
    if not path.exists():  # of an earlier version, which trained on all
        return []
    return read_json(path, {"val": [str]}, what="the split of a run")["val"]


def remember(run_dir: Path, held: HeldOut) -> None:
    """Write into a run's folder which pairs were held out, and a list of them that can be translated."""
    if held.names is None:
        return
    write_json(run_dir / MEMORY, {"val": held.names}, durable=True)
    splits = held.located.splits
    with (
        whole_file(listed(run_dir, held.located)) as temporary,
        open(temporary, "w", encoding="utf-8", newline="") as f,
    ):
        csv.writer(f).writerows([file.absolute() for file in pair.files] for pair in list(splits.values())[-1].pairs)


def listed(run_dir: Path, located: Located) -> Path:
    """Return where the list of the val pairs is, or of those of train if there are no others."""
    return run_dir / f"{list(located.splits)[-1]}.csv"
