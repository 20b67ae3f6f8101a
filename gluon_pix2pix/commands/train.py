"""Train pix2pix on pairs of pictures. The same command resumes a run that was stopped or killed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Optional

from gluon_pix2pix.commands.cli import UsageError, option_errors
from gluon_pix2pix.commands.data import StageBar
from gluon_pix2pix.commands.train_options import TrainOptions, compare_with_run, resolve, write_run
from gluon_pix2pix.commands.validation import draw_samples, score_validation
from gluon_pix2pix.data.fetch import find_or_get
from gluon_pix2pix.data.loader import epoch_keys, load_batches
from gluon_pix2pix.data.pairs import PairedImages
from gluon_pix2pix.images import to_signed, write_atomically, write_image
from gluon_pix2pix.models import get_model
from gluon_pix2pix.models.layers import init_weights, synchronise
from gluon_pix2pix.reports.plots import plot_losses
from gluon_pix2pix.runtime import devices, mx, threads
from gluon_pix2pix.training import checkpoint
from gluon_pix2pix.training.interrupt import StopRequest
from gluon_pix2pix.training.run_log import RunLog, read_log, rewind_log
from gluon_pix2pix.training.schedule import learning_rate
from gluon_pix2pix.training.trainer import Pix2PixTrainer
from gluon_pix2pix.translation.translator import Translator, copy_generator, read_run

Options = TrainOptions


@dataclass
class Progress:
    """How far a run is: completed epochs, steps of the next, and the generator's losses that --lr-policy plateau reads.

    `history` has their mean in each completed epoch, `losses` each step's in the one that is not.
    """

    epochs: int = 0
    steps: int = 0
    history: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


def main(options: TrainOptions) -> Optional[int]:
    """Train; return an exit code if a signal ended it."""
    with option_errors():
        ctx, device = devices(options.gpu)
    with StageBar(options.dataset) as bar, option_errors():
        located = find_or_get(options.dataset, options.data_root, progress=bar)
    options = resolve(options, located)
    print(f"data: {located.folder}, {options.direction}\ndevice: {device}", flush=True)
    for difference in located.differences():
        print(f"note: {difference}", flush=True)

    train_set, val_set = open_data(options, located.folder)
    trainer = build_trainer(options, ctx)
    progress = begin_or_resume(options, trainer)
    if progress.epochs >= options.total_epochs:
        print(f"{options.run_dir} has all its {progress.epochs} epochs; a larger --n-epochs goes on")
        return None
    return train(options, trainer, train_set, val_set, progress)


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


def begin_or_resume(options: TrainOptions, trainer: Pix2PixTrainer) -> Progress:
    """Start a run folder or go on with the one there."""
    run_dir = options.run_dir
    notes = []
    if (run_dir / "options.json").exists():
        run = read_run(run_dir)
        if "converted" in run:
            raise UsageError(f"{run_dir} is a converted model: begin from it with --init-from, in another --run-dir")
        notes = compare_with_run(options, run)
    run_dir.mkdir(parents=True, exist_ok=True)
    checkpoint.check_room(run_dir, trainer)
    progress = Progress()
    saved = checkpoint.list_checkpoints(run_dir / "checkpoints")
    if saved:
        state = checkpoint.load_checkpoint(saved[-1], trainer)
        progress = Progress(state["epoch"], state["step"], state["history"], state["losses"])
        notes.append(f"resumed from {saved[-1]}: {progress.epochs} epochs and {progress.steps} steps are done")
        if state["threads"] != threads():
            notes.append(
                f"it ran with {state['threads']} threads and goes on with {threads()}: not bit for bit the same"
            )
    elif options.init_from:
        with option_errors():
            loaded = checkpoint.load_initial(options.init_from, trainer.generator, trainer.discriminator, trainer.ctx)
        notes.append(f"began with the {' and '.join(loaded)} of {options.init_from}")
    write_run(options)
    rewind_log(run_dir, epoch=progress.epochs, step=progress.steps)
    for note in notes:
        print(note, flush=True)
    return progress


def train(
    options: TrainOptions,
    trainer: Pix2PixTrainer,
    train_set: PairedImages,
    val_set: Optional[PairedImages],
    progress: Progress,
) -> Optional[int]:
    """Run the epochs that are left; return an exit code if a signal stopped it."""
    pairs, batch_size, peak = len(train_set), options.batch_size, train_set.peak
    seen = progress.epochs * pairs + progress.steps * batch_size
    log = RunLog(options.run_dir, total=options.total_epochs * pairs, initial=seen, log_every=options.log_every)
    with StopRequest() as stop, log:
        for epoch in range(progress.epochs, options.total_epochs):
            lr = rate_of(options, progress)
            trainer.set_learning_rate(lr)
            keys = epoch_keys(pairs, seed=options.seed, epoch=epoch)[progress.steps * batch_size :]
            batches = load_batches(train_set, keys, batch_size=batch_size, workers=options.num_workers)

            log.start_epoch(progress.losses)
            for step, (source, target) in enumerate(batches, progress.steps):
                source, target = (to_signed(x.as_in_context(trainer.ctx[0]), peak) for x in (source, target))
                losses = trainer.step(source, target, seed=(options.seed, epoch, step))
                where = f"epoch {epoch + 1}/{options.total_epochs}"
                log.add(losses, epoch=epoch + 1, step=step + 1, lr=lr, images=len(source), where=where)
                if stop.signal and (step + 1) * batch_size < pairs:
                    log.settle()
                    progress = Progress(epoch, step + 1, progress.history, log.epoch_losses)
                    return stop_here(options, trainer, log, stop, progress)

            log.finish_epoch()
            progress = Progress(epoch + 1, 0, [*progress.history, mean(log.epoch_losses)])
            last = progress.epochs == options.total_epochs
            if progress.epochs % options.save_every == 0 or last:
                report_and_save(options, trainer, log, stop, train_set, val_set, progress)
            if stop.signal and not last:
                return stop_here(options, trainer, log, stop, progress)
    inputs = (val_set or train_set).paths[0].parent
    print(f"next: python -m gluon_pix2pix translate --model {options.run_dir} --input {inputs}")
    return None


def report_and_save(
    options: TrainOptions,
    trainer: Pix2PixTrainer,
    log: RunLog,
    stop: StopRequest,
    train_set: PairedImages,
    val_set: Optional[PairedImages],
    progress: Progress,
) -> None:
    """Write samples, score the validation pairs, save a checkpoint and draw the curves, at the end of an epoch."""
    trainer.check_finite()
    run_dir, name = options.run_dir, checkpoint.checkpoint_name(progress.epochs)
    generator = copy_generator(trainer.generator, options.describe_generator(), trainer.ctx[0])
    translator = Translator(generator, input_nc=options.input_nc, size=options.crop_size, ctx=trainer.ctx[0])
    (run_dir / "samples").mkdir(exist_ok=True)
    write_image(run_dir / "samples" / f"{name}.png", draw_samples(translator, val_set or train_set))
    val_psnr = score_validation(translator, val_set, options.val_pictures, stop) if val_set else None

    saved = save(options, trainer, progress, val_psnr)
    log.event("epoch", epoch=progress.epochs, val_psnr=val_psnr)
    score = "" if val_psnr is None else f", validation PSNR {val_psnr:.2f} dB"
    log.say(f"saved {saved}{score}")
    checkpoint.prune_checkpoints(run_dir / "checkpoints", keep=options.keep)
    write_atomically(run_dir / "losses.png", plot_losses(read_log(run_dir)))


def stop_here(
    options: TrainOptions, trainer: Pix2PixTrainer, log: RunLog, stop: StopRequest, progress: Progress
) -> int:
    """Save where the run is, say how to go on, and return the exit code of the signal that stopped it."""
    trainer.check_finite()
    name = checkpoint.checkpoint_name(progress.epochs, progress.steps)
    saved = options.run_dir / "checkpoints" / name
    if not saved.exists():
        save(options, trainer, progress, None)
    where = f"{progress.epochs} epochs and {progress.steps} steps"
    log.say(f"stopped after {where}; saved {saved}; the same command goes on from there")
    return stop.exit_code


def save(options: TrainOptions, trainer: Pix2PixTrainer, progress: Progress, val_psnr: Optional[float]) -> Path:
    """Save a checkpoint and return its folder."""
    return checkpoint.save_checkpoint(
        options.run_dir / "checkpoints",
        trainer,
        epoch=progress.epochs,
        step=progress.steps,
        history=progress.history,
        losses=progress.losses,
        val_psnr=val_psnr,
    )


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
