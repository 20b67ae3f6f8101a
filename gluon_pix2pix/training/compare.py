"""What a run's folder says of its options, and whether today's go on with it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.runs.options_file import OWN, write_options
from gluon_pix2pix.runtime import mx, threads
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.run import Own
from gluon_pix2pix.wording import count
from gluon_pix2pix.zoo.shipped import find_model


def write_run(options: TrainOptions, own: Own, layout: dict, began_from: Optional[str] = None) -> None:
    """Write options.json: every option as resolved, both networks, how the pairs lie on disk, and the versions.

    `began_from` is the place of the model whose weights the run began with: see `place_of_model`.
    """
    generator, discriminator = options.describe_generator(), options.describe_discriminator()
    if own.generator is not None:
        input_nc, output_nc = options.task.channels()
        of_own = {"name": OWN, "class": type(own.generator).__name__, "norm": "none", "dropout": False}
        generator = {**of_own, "input_nc": input_nc, "output_nc": output_nc}
    if own.discriminator is not None:
        discriminator = {"name": OWN, "class": type(own.discriminator).__name__}
    run = {
        "options": as_written(options),
        "generator": generator,
        "discriminator": discriminator,
        "coding": options.task.describe(),
        "pair_layout": layout,
        "threads": threads(),
        **({"began_from": began_from} if began_from else {}),
    }
    write_options(options.run.run_dir, run, mxnet=mx.__version__)


def as_written(options: TrainOptions) -> dict:
    """Return every option as options.json has it."""
    return {name: str(v) if isinstance(v, Path) else v for name, v in options.flat().items()}


def same_everywhere(options: TrainOptions) -> dict:
    """Return the options on which the processes of one run have to agree."""
    may_differ = options.may_change() - {"n_epochs", "n_epochs_decay", "precision"}
    return {name: value for name, value in as_written(options).items() if name not in may_differ}


def compare_with_run(options: TrainOptions, run: dict, *, completed: int, same_data: bool = False) -> list[str]:
    """Say what is different from the run that is there, a line each; differences that may be.

    Parameters
    ----------
    run
        Its options.json.
    completed
        Its epochs.
    same_data
        Whether the training pairs are those that it has seen, by names and contents: then it does not matter where they
        lie and how --dataset is spelt.

    Raises
    ------
    UsageError
        If an option differs that the trained networks depend on, or more than --n-epochs asks for is trained already.
    """
    # It may be of an older version, without some of today's options.
    old = {**as_written(TrainOptions()), "input_nc": 3, "output_nc": 3, **run["options"]}
    now, run_dir, schedule = as_written(options), options.run.run_dir, options.schedule
    if old.get("epsilon_mode") == "mxnet":
        raise UsageError(f"{run_dir} was trained with --epsilon-mode mxnet, which is no longer there: begin a new run")
    differ = [name for name in now if name in old and now[name] != old[name]]
    same_model = bool(now["init_from"]) and place_of_model(now["init_from"]) == run.get("began_from")
    words = {name: _words(name, old[name]) for name in differ if not _is_one_place(name, old, now)}
    free = options.may_change() | ({"dataset"} if same_data else set()) | ({"init_from"} if same_model else set())
    barred = [f"{word} (now {now[name]})" for name, word in words.items() if name not in free]
    if barred:
        raise UsageError(
            f"{run_dir} was trained with {', '.join(barred)}: pass the same, or another --run-dir for a new run"
        )
    if schedule.total_epochs < completed:
        raise UsageError(
            f"{run_dir} has {count(completed, 'epoch')} and may grow, not shrink to --n-epochs {schedule.n_epochs} "
            f"--n-epochs-decay {schedule.n_epochs_decay}"
        )
    notes = [f"{words[name]} before, {now[name]} now" for name in ("n_epochs", "n_epochs_decay") if name in words]
    if notes and (schedule.lr_policy == "cosine" or (schedule.lr_policy == "linear" and schedule.n_epochs_decay)):
        notes.append("the learning rate follows the new schedule from here on")
    if "precision" in words:
        notes.append(f"{words['precision']} before, {now['precision']} now")
    if "dataset" in words:
        notes.append(f"{words['dataset']} before, {now['dataset']} now: the same files")
    return notes


def place_of_model(name: str) -> str:
    """Return the whole path of what --init-from names, which is the same from every folder."""
    try:
        return os.path.realpath(find_model(name))
    except FileNotFoundError:  # it was, when the run began
        return os.path.realpath(name)


def _is_one_place(name: str, old: dict, now: dict) -> bool:
    """Tell whether an option that names a place names the same one, spelt otherwise."""
    places = (old[name], now[name])
    return name in ("dataset", "init_from") and None not in places and len({*map(os.path.realpath, places)}) == 1


def _words(name: str, value: object) -> str:
    option = f"--{name.replace('_', '-')}"
    return f"no {option}" if value is None else f"{option} {value}"
