"""What a run's folder says of its options, and which of them may change when it is resumed."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import cv2
import numpy as np

import gluon_pix2pix
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.runtime import mx, threads
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.writing import write_atomically

# What a resumed run may have otherwise: where things are, how often it reports, and how long it goes on.
_FREE = {"debug", "data_root", "run_dir", "gpu", "kvstore", "num_workers", "save_every", "keep", "log_every"}
_FREE |= {"precision"}  # weights and Adam's moments are float32 in every one
_FREE |= {"log", "visdom_server", "visdom_port", "log_gradients"}
_FREE |= {"val_pictures", "eval_every", "eval_metric", "n_epochs", "n_epochs_decay", "cache", "skip_bad"}


def write_run(options: TrainOptions) -> None:
    """Write options.json: every option as resolved, both networks, and the versions."""
    run = {
        "options": as_written(options),
        "generator": options.describe_generator(),
        "discriminator": options.describe_discriminator(),
        "coding": options.describe_coding(),
        "threads": threads(),
        "versions": {
            "gluon_pix2pix": gluon_pix2pix.__version__,
            "mxnet": mx.__version__,
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "python": ".".join(map(str, sys.version_info[:3])),
        },
    }
    write_atomically(options.run_dir / "options.json", (json.dumps(run, indent=2) + "\n").encode())


def as_written(options: TrainOptions) -> dict:
    """Return every option as options.json has it."""
    return {name: str(v) if isinstance(v, Path) else v for name, v in dataclasses.asdict(options).items()}


def same_everywhere(options: TrainOptions) -> dict:
    """Return the options on which the processes of one run have to agree."""
    also = ("n_epochs", "n_epochs_decay", "precision")
    return {name: value for name, value in as_written(options).items() if name not in _FREE or name in also}


def compare_with_run(options: TrainOptions, run: dict, *, completed: int) -> list[str]:
    """Say what is different from the run that is there, a line each; differences that may be.

    Raises
    ------
    UsageError
        If an option differs that the trained networks depend on, or more than --n-epochs asks for is trained already.
    """
    # It may be of an older version, without some of today's options.
    old = {**as_written(TrainOptions()), "input_nc": 3, "output_nc": 3, **run["options"]}
    now = as_written(options)
    words = {name: f"--{name.replace('_', '-')} {old[name]}" for name in now if name in old and now[name] != old[name]}
    barred = [f"{word} (now {now[name]})" for name, word in words.items() if name not in _FREE]
    if barred:
        raise UsageError(
            f"{options.run_dir} was trained with {', '.join(barred)}: pass the same, or another --run-dir for a new run"
        )
    if options.total_epochs < completed:
        raise UsageError(
            f"{options.run_dir} has {completed} epochs and may grow, not shrink to --n-epochs {options.n_epochs} "
            f"--n-epochs-decay {options.n_epochs_decay}"
        )
    notes = [f"{words[name]} before, {now[name]} now" for name in ("n_epochs", "n_epochs_decay") if name in words]
    if notes and (options.lr_policy == "cosine" or (options.lr_policy == "linear" and options.n_epochs_decay)):
        notes.append("the learning rate follows the new schedule from here on")
    if "precision" in words:
        notes.append(f"{words['precision']} before, {now['precision']} now")
    return notes
