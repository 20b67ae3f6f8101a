"""Train pix2pix on pairs of pictures. The same command resumes a run that was stopped or killed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Optional

from gluon_pix2pix.commands import other_programs
from gluon_pix2pix.core_options import WGANGP_REFUSED
from gluon_pix2pix.errors import UsageError, option_errors
from gluon_pix2pix.training.kvstores import DIST_ASYNC_REFUSED
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.presets import expand_preset, naming_preset

if TYPE_CHECKING:
    from gluon_pix2pix.pairs.locate import Located

Options = TrainOptions

# What --help shows; --help-all has all, in these groups of fields and single options.
HELP_FIRST = ("dataset", "direction", "task", "val_fraction", "preset", "run_dir", "n_epochs", "n_epochs_decay")
HELP_FIRST += ("batch_size", "load_size", "crop_size", "generator", "ngf", "save_every", "gpu", "seed")
HELP_GROUPS = {
    "data": ("data", "task"),
    "networks": ("networks",),
    "losses": ("losses",),
    "schedule": ("schedule", "adam"),
    "run": ("run", "validation", "watch", "debug"),
    "hardware": ("machine", "num_workers", "cache"),
    "several machines": ("kvstore",),
}
EXAMPLES = ("train --dataset facades", "train --dataset FOLDER --preset quick")

# Choices of upstream's or MXNet's that cannot be, with the reason.
REFUSED = {("--gan-mode", "wgangp"): WGANGP_REFUSED, ("--kvstore", "dist_async"): DIST_ASYNC_REFUSED}


def read_words(words: list[str]) -> list[str]:
    """Return the words of the command line in ours; refuse the options and choices that there are elsewhere alone.

    Raises
    ------
    UsageError
        If one of them is chosen.
    """
    ours = other_programs.read_words("train", words)
    ours = [part for word in ours for part in (word.split("=", 1) if word.startswith("--") else [word])]
    for option, choice in zip(ours, ours[1:]):
        if (option.replace("_", "-"), choice) in REFUSED:
            raise UsageError(REFUSED[option.replace("_", "-"), choice])
    return expand_preset(ours)


def main(options: TrainOptions) -> Optional[int]:
    """Train, or serve those that do; return an exit code if a signal ended it."""
    with naming_preset(options.run.preset):
        return train(options)


def train(options: TrainOptions) -> Optional[int]:
    """Train in this process alone, or as one of several."""
    from gluon_pix2pix.commands.find_data import check_network

    check_network(options.data.dataset, options.data.data_root)  # before MXNet is loaded
    # Imported here: --help, and a word that is refused, come without.
    from gluon_pix2pix.core.step import OneProcess
    from gluon_pix2pix.training.session import prepare_and_train

    kvstore = options.machine.kvstore
    if not kvstore.startswith("dist") and "DMLC_ROLE" not in os.environ:
        return prepare_and_train(options, find_or_get, cluster=OneProcess(kvstore), say=say).exit_code

    from gluon_pix2pix.distributed import cluster  # here: only who trains in several processes needs it

    with option_errors():
        cluster.check_environment(kvstore)
    if cluster.serves(kvstore):
        return cluster.serve()
    with cluster.Cluster(kvstore) as workers:
        say(f"rank {workers.rank} of {workers.size}")
        return prepare_and_train(options, find_or_get, cluster=workers, say=say).exit_code


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def find_or_get(options: TrainOptions) -> Located:
    """Find the data set that the options name, and get it first if it is a named one that is not on disk."""
    from gluon_pix2pix.commands.find_data import find_data

    photos = options.task.coding().from_photos
    return find_data(options.data.dataset, options.data.data_root, photos=photos, get=True)
