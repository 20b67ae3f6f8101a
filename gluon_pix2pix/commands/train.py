"""Train pix2pix on pairs of pictures. The same command resumes a run that was stopped or killed."""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import Optional

from gluon_pix2pix.commands.cli import option_errors
from gluon_pix2pix.commands.data import StageBar
from gluon_pix2pix.commands.train_options import TrainOptions, resolve
from gluon_pix2pix.commands.train_setup import Progress, alone_in, begin_or_resume, build_trainer, open_data, rate_of
from gluon_pix2pix.commands.validation import draw_samples, score_validation
from gluon_pix2pix.data.fetch import find_or_get
from gluon_pix2pix.data.loader import epoch_keys, load_batches
from gluon_pix2pix.data.pairs import PairedImages
from gluon_pix2pix.image_files import write_atomically, write_image
from gluon_pix2pix.images import to_signed
from gluon_pix2pix.reports.plots import plot_losses
from gluon_pix2pix.runtime import devices
from gluon_pix2pix.training import checkpoint
from gluon_pix2pix.training.interrupt import StopRequest
from gluon_pix2pix.training.run_log import RunLog, append_event, read_log
from gluon_pix2pix.training.trainer import Pix2PixTrainer
from gluon_pix2pix.translation.translator import Translator, copy_generator

Options = TrainOptions


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
    with alone_in(options.run_dir):
        progress = begin_or_resume(options, trainer, train_set)
        if progress.epochs >= options.total_epochs:
            print(f"{options.run_dir} has all its {progress.epochs} epochs; a larger --n-epochs goes on")
            return None
        append_event(options.run_dir, "device", device=device, data=str(located.folder), direction=options.direction)
        return train(options, trainer, train_set, val_set, progress)


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
                    return stop_here(options, trainer, log, stop, train_set, progress)

            log.finish_epoch()
            progress = Progress(epoch + 1, 0, [*progress.history, mean(log.epoch_losses)])
            last = progress.epochs == options.total_epochs
            if progress.epochs % options.save_every == 0 or last:
                report_and_save(options, trainer, log, stop, train_set, val_set, progress)
            if stop.signal and not last:
                return stop_here(options, trainer, log, stop, train_set, progress)
    inputs = (val_set or train_set).paths[0].parent
    print(f"next: python -m gluon_pix2pix translate --model {options.run_dir} --input {inputs} --pairs yes")
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
    translator = Translator(generator, coding=options.coding(), size=options.crop_size, ctx=trainer.ctx[0])
    (run_dir / "samples").mkdir(exist_ok=True)
    write_image(run_dir / "samples" / f"{name}.png", draw_samples(translator, val_set or train_set))
    val_psnr = score_validation(translator, val_set, options.val_pictures, stop) if val_set else None

    saved = save(options, trainer, train_set, progress, val_psnr)
    log.event("epoch", epoch=progress.epochs, val_psnr=val_psnr)
    score = "" if val_psnr is None else f", validation PSNR {val_psnr:.2f} dB"
    log.say(f"saved {saved}{score}")
    checkpoint.prune_checkpoints(run_dir / "checkpoints", keep=options.keep)
    write_atomically(run_dir / "losses.png", plot_losses(read_log(run_dir)))


def stop_here(
    options: TrainOptions,
    trainer: Pix2PixTrainer,
    log: RunLog,
    stop: StopRequest,
    train_set: PairedImages,
    progress: Progress,
) -> int:
    """Save where the run is, say how to go on, and return the exit code of the signal that stopped it."""
    trainer.check_finite()
    name = checkpoint.checkpoint_name(progress.epochs, progress.steps)
    saved = options.run_dir / "checkpoints" / name
    if not saved.exists():
        save(options, trainer, train_set, progress, None)
        checkpoint.prune_checkpoints(saved.parent, keep=options.keep)
    where = f"{progress.epochs} epochs and {progress.steps} steps"
    log.say(f"stopped after {where}; saved {saved}; the same command goes on from there")
    return stop.exit_code


def save(
    options: TrainOptions,
    trainer: Pix2PixTrainer,
    train_set: PairedImages,
    progress: Progress,
    val_psnr: Optional[float],
) -> Path:
    """Save a checkpoint and return its folder."""
    return checkpoint.save_checkpoint(
        options.run_dir / "checkpoints",
        trainer,
        epoch=progress.epochs,
        step=progress.steps,
        history=progress.history,
        losses=progress.losses,
        data=train_set.fingerprint(),
        val_psnr=val_psnr,
    )
