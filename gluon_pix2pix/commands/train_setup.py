"""What `train` needs before its first step: the data, the networks and their trainer, and where the run is."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from gluon_pix2pix.commands.cli import UsageError, option_errors
from gluon_pix2pix.commands.train_options import TrainOptions, compare_with_run, write_run
from gluon_pix2pix.data.pairs import PairedImages
from gluon_pix2pix.models import get_model
from gluon_pix2pix.models.layers import init_weights, synchronise
from gluon_pix2pix.runtime import mx, threads
from gluon_pix2pix.training import checkpoint
from gluon_pix2pix.training.run_log import append_event, rewind_log
from gluon_pix2pix.training.schedule import learning_rate
from gluon_pix2pix.training.trainer import Pix2PixTrainer
from gluon_pix2pix.translation.translator import read_run


@dataclass
class Progress:
    """How far a run is: completed epochs, steps of the next, and the generator's losses that --lr-policy plateau reads.

    `history` has their mean in each completed epoch, `losses` each step's in the one that is not.
    """

    epochs: int = 0
    steps: int = 0
    history: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


def open_data(options: TrainOptions, folder: Path) -> tuple[PairedImages, Optional[PairedImages]]:
    """Open the training pairs, and the pairs to validate on: val/, else test/, else none."""
    with option_errors():
        splits = ["train", *[split for split in ("val", "test") if (folder / split).is_dir()]]
        train_set, *others = [
            PairedImages(
                folder / split,
                direction=options.direction,
                load_size=options.load_size,
                crop_size=options.crop_size,
                flip=options.flip,
                input_nc=options.input_nc,
                output_nc=options.output_nc,
                max_dataset_size=options.max_dataset_size,
            )
            for split in splits[:2]
        ]
    for pairs in (train_set, *others):
        pairs.check_headers()
    return train_set, others[0] if others else None


def build_trainer(options: TrainOptions, ctx: list[mx.Context]) -> Pix2PixTrainer:
    """Build both networks with their initial weights, hybridised with static memory, and their trainer."""
    with option_errors():
        generator = get_model(**options.describe_generator())
        discriminator = get_model(**options.describe_discriminator())
    if options.crop_size % generator.multiple:
        raise UsageError(
            f"--generator {options.generator} halves pictures down to 1/{generator.multiple}, and --crop-size "
            f"{options.crop_size} is no multiple of that: change one (unet_128 takes multiples of 128)"
        )
    if discriminator.map_size(options.crop_size) < 1:
        raise UsageError(f"--crop-size {options.crop_size} is too small for --discriminator {options.discriminator}")
    for number, net in enumerate((generator, discriminator)):
        with option_errors():
            synchronise(net, ctx)
        seed = (options.seed, number)
        init_weights(net, seed=seed, ctx=ctx, init_type=options.init_type, init_gain=options.init_gain)
        net.hybridize(static_alloc=True, static_shape=True)
    with option_errors():
        return Pix2PixTrainer(
            generator,
            discriminator,
            ctx=ctx,
            gan_mode=options.gan_mode,
            label_smoothing=options.label_smoothing,
            lambda_gan=options.lambda_gan,
            lambda_l1=options.lambda_l1,
            conditional=options.conditional,
            pool_size=options.pool_size,
            lr=options.lr,
            d_lr=options.d_lr,
            beta1=options.beta1,
            beta2=options.beta2,
            epsilon_mode=options.epsilon_mode,
        )


@contextlib.contextmanager
def alone_in(run_dir: Path) -> Iterator[None]:
    """Make a run's folder and hold it, so that a second process does not train into it at the same time.

    Raises
    ------
    OSError
        If another process holds it.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    handle = os.open(run_dir, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise OSError(f"another process is training into {run_dir}: wait for it, or pass another --run-dir") from None
    except OSError:
        pass  # some network file systems have no locks
    try:
        yield
    finally:
        os.close(handle)


def begin_or_resume(options: TrainOptions, trainer: Pix2PixTrainer, train_set: PairedImages) -> Progress:
    """Start a run in its folder, or go on with the one there."""
    run_dir, notes, progress = options.run_dir, [], Progress()
    saved = checkpoint.list_checkpoints(run_dir / "checkpoints")
    run = read_run(run_dir) if (run_dir / "options.json").exists() else {}
    if "converted" in run:
        raise UsageError(f"{run_dir} is a converted model: begin from it with --init-from, in another --run-dir")
    if run and saved:  # before the first checkpoint nothing has been trained that other options could spoil
        notes = compare_with_run(options, run, completed=checkpoint.progress_of(saved[-1])[0])
    checkpoint.check_room(run_dir, trainer)
    checkpoint.remove_partial(run_dir / "checkpoints")
    if saved:
        state = checkpoint.load_checkpoint(saved[-1], trainer)
        progress = Progress(state["epoch"], state["step"], state["history"], state["losses"])
        notes.append(f"resumed from {saved[-1]}: {progress.epochs} epochs and {progress.steps} steps are done")
        if state["data"] != train_set.fingerprint() and progress.steps:
            raise UsageError(
                f"the files in {train_set.paths[0].parent} have changed in the middle of the epoch that {saved[-1]} "
                "goes on with: bring them back, or remove that checkpoint to go on from the one before"
            )
        if state["data"] != train_set.fingerprint():
            notes.append(f"the files in {train_set.paths[0].parent} are not those that the run has seen so far")
        if state["threads"] != threads():
            before, now = state["threads"], threads()
            notes.append(f"it ran with {before} threads and goes on with {now}: not bit for bit the same")
    elif options.init_from:
        with option_errors():
            loaded = checkpoint.load_initial(options.init_from, trainer.generator, trainer.discriminator, trainer.ctx)
        notes.append(f"began with the {' and '.join(loaded)} of {options.init_from}")
    write_run(options)
    rewind_log(run_dir, epoch=progress.epochs, step=progress.steps)
    append_event(run_dir, "start", epochs=progress.epochs, steps=progress.steps, notes=notes)
    for note in notes:
        print(note, flush=True)
    return progress


def rate_of(options: TrainOptions, progress: Progress) -> float:
    """Return the learning rate of the epoch that comes next."""
    return learning_rate(
        options.lr_policy,
        progress.epochs,
        lr=options.lr,
        n_epochs=options.n_epochs,
        n_epochs_decay=options.n_epochs_decay,
        lr_decay_iters=options.lr_decay_iters,
        history=progress.history,
    )
