"""The end of an epoch, and of a run: samples, scores, checkpoints, curves."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Optional

from gluon_pix2pix.core.loop import Progress, StepNumbers
from gluon_pix2pix.core.step import Pix2PixTrainer
from gluon_pix2pix.pictures.collage import collage
from gluon_pix2pix.pictures.files import write_image
from gluon_pix2pix.reports.health import measure_spread
from gluon_pix2pix.reports.losses_png import write_losses_png
from gluon_pix2pix.runs import checkpoint, checkpoint_list
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.run import EpochReport, Own, Run
from gluon_pix2pix.training.validation import Scores, sample_rows, score_validation
from gluon_pix2pix.translation.gluon_network import copy_generator
from gluon_pix2pix.translation.network import Size
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.wording import count

FIRST_STEPS, FIRST_EPOCHS = 100, 5  # when samples are shown whatever --save-every says


def finish_epoch(run: Run, progress: Progress) -> None:
    """At the end of an epoch: log; and if it is time, score the validation pairs, save, show samples and curves."""
    if run.log is None:
        return  # the first process writes; the others wait for it in their next step
    losses = run.log.finish_epoch()
    options, epochs = run.options, progress.epochs
    last = epochs == options.schedule.total_epochs
    saves = last or epochs % options.run.save_every == 0
    scores = last or epochs % (options.validation.eval_every or options.run.save_every) == 0
    if is_time_for_samples(run, epochs):
        show_samples(run, epoch=epochs, name=checkpoint_list.checkpoint_name(epochs))
    if saves or scores:
        score_and_save(run, progress, saves=saves, scores=scores)
    if run.own.on_epoch and run.own.on_epoch(EpochReport(epochs, losses, run.scores.values if scores else {})):
        run.stop.signal = run.stop.signal or signal.SIGTERM


def score_and_save(run: Run, progress: Progress, *, saves: bool, scores: bool) -> None:
    """Score the validation pairs, save, and draw the curves."""
    options, epochs = run.options, progress.epochs
    translator = translator_of(run.trainer, options, run.own)
    shown = run.val_set or run.train_set
    count = options.validation.val_pictures if run.val_set and scores else 0
    score = score_validation(translator, shown, count, run.stop, metric=options.validation.eval_metric)
    run.scores = score if scores else run.scores
    run.say_skipped(shown)

    folder = run.folder / "checkpoints"
    if saves or checkpoint_list.is_best(folder, score.values, score.best_by):
        run.say(f"saved {save(run, progress, score)}{score.text}")
        checkpoint_list.prune_checkpoints(folder, keep=options.run.keep)
    elif score.text:
        run.say(f"epoch {epochs}{score.text}")
    run.log.event("epoch", epoch=epochs, **score.values)
    write_losses_png(run.folder)


def translator_of(
    trainer: Pix2PixTrainer, options: TrainOptions, own: Own, *, size: Optional[Size] = None
) -> Translator:
    """Return what translates with the generator as it is now; by default, pictures that have the right size already."""
    generator, ctx, coding = trainer.generator, trainer.ctx[0], options.task.coding()
    if own.generator is None:
        averages = trainer.G.averages()
        generator = copy_generator(generator, options.describe_generator(), ctx, averages=averages)
    return Translator(generator, coding=coding, size=size, ctx=ctx)


def is_time_for_samples(run: Run, epochs: int) -> bool:
    """Whether samples are shown after so many epochs: by --sample-every, or when it is saved, and in the beginning."""
    last = epochs == run.options.schedule.total_epochs
    if run.options.run.sample_every:
        return last or epochs % run.options.run.sample_every == 0
    return last or epochs <= FIRST_EPOCHS or epochs % run.options.run.save_every == 0


def show_first_samples(run: Run, numbers: StepNumbers) -> None:
    """After the first hundred steps of a run, show what there is: people look early whether it goes the right way."""
    # Numbers come one step late: when those of the last step but one are told, the weights are those of the last.
    if (numbers.epoch, numbers.step + 1) == (1, FIRST_STEPS) and run.trainer.steps == FIRST_STEPS:
        show_samples(run, epoch=1, step=FIRST_STEPS, name=f"epoch_0000_{FIRST_STEPS:06d}_steps")


def show_samples(run: Run, *, name: str, **when: int) -> None:
    """Write source | fake | target of the first pairs, and tell whoever watches."""
    folder, shown = run.folder / "samples", run.val_set or run.train_set
    run.log.check_folder()
    folder.mkdir(exist_ok=True)
    rows = sample_rows(translator_of(run.trainer, run.options, run.own), shown)
    write_image(folder / f"{name}.png", collage(rows))
    run.log.event("samples", **when, file=f"samples/{name}.png", **measure_spread(rows))


def stop_here(run: Run, progress: Progress) -> int:
    """Save where the run is, say how to go on, and return the exit code of the signal that stopped it."""
    saved = run.folder / "checkpoints" / checkpoint_list.checkpoint_name(progress.epochs, progress.steps)
    if run.log is not None and not saved.exists():
        save(run, progress)
        checkpoint_list.prune_checkpoints(saved.parent, keep=run.options.run.keep)
    where = f"{count(progress.epochs, 'epoch')} and {count(progress.steps, 'step')}"
    run.say(f"stopped after {where}; saved {saved}; the same command goes on from there")
    return run.stop.exit_code


def save(run: Run, progress: Progress, score: Optional[Scores] = None) -> Path:
    """Save a checkpoint and return its folder."""
    run.log.check_folder()
    facts = {**score.values, "best_by": score.best_by} if score else {}
    return checkpoint.save_checkpoint(
        run.folder / "checkpoints",
        run.trainer,
        epoch=progress.epochs,
        step=progress.steps,
        history=progress.history,
        losses=progress.losses,
        data=run.train_set.fingerprint(),
        **facts,
    )
