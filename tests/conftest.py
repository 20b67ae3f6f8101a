"""Where tests find real data and the reference's own answers, when they are there."""

from __future__ import annotations

import os

# The networks here are tiny: a second thread gains nothing, and waits for each operator where others are at work too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gluon_pix2pix.data.demo import write_demo

if TYPE_CHECKING:
    from gluon_pix2pix.commands.train_options import TrainOptions

SHARED = Path(__file__).resolve().parents[2] / "shared"


def _folder_or_skip(folder: Path) -> Path:
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of the PyTorch implementation's own answers (npz files), or a skip that names it."""
    return _folder_or_skip(SHARED / "reference")


@pytest.fixture(scope="session")
def facades() -> Path:
    """The folder of the real facades pairs (train and val), or a skip that names it."""
    return _folder_or_skip(SHARED / "data" / "facades")


@pytest.fixture(scope="session")
def tiny_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn data set of 4 + 2 pairs, each 64 x 128 pixels, for reading only."""
    return write_demo(tmp_path_factory.mktemp("data") / "tiny", {"train": 4, "val": 2}, size=64)


@pytest.fixture(scope="session")
def tiny_options(tiny_pairs: Path) -> Callable[..., TrainOptions]:
    """Build the options of a run of seconds on `tiny_pairs`, 5 levels and 32 x 32 pixels, with changes by name.

    Its weights begin ten times larger than usual, so that its pictures are full of contrast, and its innermost three
    blocks have dropout.
    """
    from gluon_pix2pix.commands.train_options import (
        TrainOptions,  # here: tests that need no MXNet shall not wait for it
    )

    def build(**changes: object) -> TrainOptions:
        tiny = {"dataset": str(tiny_pairs), "gpu": "-1", "direction": "BtoA", "load_size": 36, "crop_size": 32}
        tiny |= {"num_workers": 0, "generator": "unet", "num_downs": 5, "ngf": 4, "dropout_blocks": "paper"}
        tiny |= {"discriminator": "n_layers", "n_layers_D": 1, "ndf": 4, "init_gain": 0.2}
        return TrainOptions(**{**tiny, "n_epochs": 1, "n_epochs_decay": 0, **changes})

    return build


@pytest.fixture(scope="session")
def tiny_run(tiny_options: Callable[..., TrainOptions], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run of `tiny_options`, for reading only: 2 epochs and 2 checkpoints."""
    from gluon_pix2pix.commands import train

    run_dir = tmp_path_factory.mktemp("runs") / "tiny"
    assert train.main(tiny_options(run_dir=run_dir, n_epochs=2, save_every=1)) is None
    return run_dir
