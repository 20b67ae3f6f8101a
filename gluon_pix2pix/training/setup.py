"""What `train` needs before its first step: the data, the networks and their trainer, and where the run is."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Optional, Union

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.core.operators import check_precision, set_precision, synchronise
from gluon_pix2pix.core.optimizer import learning_rate
from gluon_pix2pix.core.step import Alone, Pix2PixTrainer
from gluon_pix2pix.distributed.cluster import Cluster
from gluon_pix2pix.errors import UsageError, option_errors
from gluon_pix2pix.pairs.locate import Located
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.pictures.files import image_size
from gluon_pix2pix.runs import checkpoint, checkpoint_list
from gluon_pix2pix.runs.log import append_event, rewind_log
from gluon_pix2pix.runs.options_file import read_run
from gluon_pix2pix.runtime import mx, threads
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.written_options import compare_with_run, same_everywhere, write_run


@dataclass
class Progress:
    """How far a run is: completed epochs, steps of the next, and the generator's losses that --lr-policy plateau reads.

    `history` has their mean in each completed epoch, `losses` each step's in the one that is not.
    """

    epochs: int = 0
    steps: int = 0
    history: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


class Networks(NamedTuple):
    """Both networks, not yet initialised."""

    generator: mx.gluon.HybridBlock
    discriminator: mx.gluon.HybridBlock


def build_networks(options: TrainOptions, ctx: list[mx.Context]) -> Networks:
    """Build both networks without weights, and refuse those that cannot be before any data is looked for."""
    with option_errors():
        check_precision(options.precision, ctx[0].device_type)
        generator = get_model(**options.describe_generator())
        discriminator = get_model(**options.describe_discriminator())
        for net in (generator, discriminator):
            synchronise(net, ctx)
            set_precision(net, options.precision)
    multiple, crops = generator.multiple, options.preprocessing().crops
    if crops and options.crop_size % multiple:
        depth = options.generator in ("unet", "encoder_decoder")
        other = "--num-downs" if depth else "take --generator unet, whose --num-downs N needs multiples of 2**N"
        raise UsageError(
            f"--generator {options.generator} halves pictures down to 1/{multiple}, and --crop-size "
            f"{options.crop_size} is no multiple of that: change it, or {other}"
        )
    if crops:
        check_map(options, discriminator, min(options.preprocessing(multiple).crop), "--crop-size")
    return Networks(generator, discriminator)


def check_map(options: TrainOptions, discriminator: mx.gluon.HybridBlock, side: int, what: str) -> None:
    """See that the discriminator has something to say of pictures whose shorter side is so many pixels long."""
    if discriminator.map_size(side) < 1:
        raise UsageError(f"{what} {side} is too small for --discriminator {options.discriminator}")


def open_data(
    options: TrainOptions, located: Located, networks: Networks
) -> tuple[PairedImages, Optional[PairedImages], list[str]]:
    """Open the training pairs, and the pairs to validate on: val/, else test/, else none; and check all files.

    Returns
    -------
    train_set, val_set
        The pairs.
    notes
        What there is to say of them, a line each.
    """
    coding = options.coding()
    with option_errors():
        train_set, *others = [
            PairedImages(
                split,
                coding=coding,
                direction=options.direction,
                preprocess=options.preprocess,
                load_size=options.load_size,
                crop_size=options.crop_size,
                aspect_ratio=options.aspect_ratio,
                flip=options.flip,
                multiple=networks.generator.multiple,
                max_dataset_size=options.max_dataset_size,
                skip_bad=options.skip_bad,
                cache=options.cache and name == "train",
            )
            for name, split in list(located.splits.items())[:2]
        ]
    notes = [f"skipped: {line}" for line in train_set.check_files(batch_size=options.batch_size)]
    for val_set in others:
        notes += [f"skipped: {line}" for line in val_set.check_files()]
    check_map(options, networks.discriminator, train_set.smallest_side, "a picture's side of")
    first = [image_size(pair.a) for pair in train_set.pairs[:8]] if coding.from_photos else []
    if first and all(width == 2 * height for height, width in first):
        notes.append(f"--task {options.task} takes each file for one photo, and these look like pairs side by side")
    return train_set, others[0] if others else None, notes


def build_trainer(
    options: TrainOptions, networks: Networks, ctx: list[mx.Context], cluster: Union[Alone, Cluster, None] = None
) -> Pix2PixTrainer:
    """Draw both networks' initial weights, hybridise them with static memory, and build their trainer."""
    one_size = options.preprocessing().fixed_size is not None  # else MXNet would plan its memory anew at each step
    for number, net in enumerate(networks):
        seed = (options.seed, number)
        init_weights(net, seed=seed, ctx=ctx, init_type=options.init_type, init_gain=options.init_gain)
        net.hybridize(static_alloc=True, static_shape=one_size)
    with option_errors():
        return Pix2PixTrainer(
            *networks,
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
            log_gradients=options.log_gradients,
            scale_losses=options.precision == "float16",
            cluster=cluster or Alone(options.kvstore),
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


def begin_or_follow(
    options: TrainOptions, trainer: Pix2PixTrainer, train_set: PairedImages, notes: Sequence[str] = ()
) -> Progress:
    """Begin or resume a run; of several processes the first does, and the others then load what it has found.

    Raises
    ------
    ValueError
        If they have other options, pairs or checkpoints before them.
    """
    cluster = trainer.cluster
    if cluster.rank == 0:
        progress = begin_or_resume(options, trainer, train_set, notes)
    cluster.any(False)  # what a killed run has left behind is removed now
    if cluster.rank:
        progress = follow(options, trainer)
    cluster.check_same(
        {
            "options": json.dumps(same_everywhere(options), sort_keys=True),
            f"pairs in {train_set.folders[0]}": train_set.fingerprint(),
            f"newest checkpoint in {options.run_dir} (a folder that all have to share)": f"{progress}",
        }
    )
    return progress


def follow(options: TrainOptions, trainer: Pix2PixTrainer) -> Progress:
    """Load what the first process begins or goes on with, and write nothing."""
    saved = checkpoint_list.list_checkpoints(options.run_dir / "checkpoints")
    if saved:
        state = checkpoint.load_checkpoint(saved[-1], trainer)
        return Progress(state["epoch"], state["step"], state["history"], state["losses"])
    if options.init_from:
        checkpoint.load_initial(options.init_from, trainer.generator, trainer.discriminator, trainer.ctx)
    return Progress()


def begin_or_resume(
    options: TrainOptions, trainer: Pix2PixTrainer, train_set: PairedImages, notes: Sequence[str] = ()
) -> Progress:
    """Start a run in its folder, or go on with the one there; `notes` are for its log."""
    run_dir, said, notes, progress = options.run_dir, list(notes), [], Progress()
    saved = checkpoint_list.list_checkpoints(run_dir / "checkpoints")
    run = read_run(run_dir) if (run_dir / "options.json").exists() else {}
    if "converted" in run:
        raise UsageError(f"{run_dir} is a converted model: begin from it with --init-from, in another --run-dir")
    if run and saved:  # before the first checkpoint nothing has been trained that other options could spoil
        notes = compare_with_run(options, run, completed=checkpoint_list.progress_of(saved[-1])[0])
    checkpoint.check_room(run_dir, trainer)
    checkpoint_list.remove_partial(run_dir / "checkpoints")
    if saved:
        state = checkpoint.load_checkpoint(saved[-1], trainer)
        progress = Progress(state["epoch"], state["step"], state["history"], state["losses"])
        notes.append(f"resumed from {saved[-1]}: {progress.epochs} epochs and {progress.steps} steps are done")
        if state["data"] != train_set.fingerprint() and progress.steps:
            raise UsageError(
                f"the files in {train_set.folders[0]} have changed in the middle of the epoch that {saved[-1]} "
                "goes on with: bring them back, or remove that checkpoint to go on from the one before"
            )
        if state["data"] != train_set.fingerprint():
            notes.append(f"the files in {train_set.folders[0]} are not those that the run has seen so far")
        if state["threads"] != threads():
            before, now = state["threads"], threads()
            notes.append(f"it ran with {before} threads and goes on with {now}: not bit for bit the same")
    elif options.init_from:
        with option_errors():
            loaded = checkpoint.load_initial(options.init_from, trainer.generator, trainer.discriminator, trainer.ctx)
        notes.append(f"began with the {' and '.join(loaded)} of {options.init_from}")
    write_run(options)
    rewind_log(run_dir, epoch=progress.epochs, step=progress.steps)
    append_event(run_dir, "start", epochs=progress.epochs, steps=progress.steps, notes=[*said, *notes])
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
