"""A run at work: finds where it is, trains with the loop of `core`, logs, scores, saves, and says how to go on."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from tqdm import tqdm

from gluon_pix2pix.core import loop
from gluon_pix2pix.core.loop import Batch, Progress
from gluon_pix2pix.core.step import OneProcess, Pix2PixTrainer
from gluon_pix2pix.errors import option_errors
from gluon_pix2pix.pairs.loader import epoch_keys, load_batches
from gluon_pix2pix.pairs.locate import Located
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.pictures.collage import collage
from gluon_pix2pix.pictures.files import write_image
from gluon_pix2pix.reports.health import measure_spread
from gluon_pix2pix.reports.losses_png import write_losses_png
from gluon_pix2pix.reports.watch import Watch
from gluon_pix2pix.runs import checkpoint, checkpoint_list
from gluon_pix2pix.runs.display import Display
from gluon_pix2pix.runs.lock import RunLock
from gluon_pix2pix.runs.log import append_event, read_log
from gluon_pix2pix.runs.run_log import RunLog
from gluon_pix2pix.runtime import devices
from gluon_pix2pix.training.begin import Say, begin_or_follow
from gluon_pix2pix.training.interrupt import StopRequest
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.setup import build_networks, build_trainer, open_data, resolve
from gluon_pix2pix.training.validation import Scores, metric_of, sample_rows, score_validation
from gluon_pix2pix.translation.gluon_network import copy_generator
from gluon_pix2pix.translation.translator import Translator


@dataclass
class Run:
    """What a run trains with and on, and who listens; `log` is None in all processes but the first."""

    options: TrainOptions
    trainer: Pix2PixTrainer
    train_set: PairedImages
    val_set: Optional[PairedImages]
    log: Optional[RunLog]
    stop: StopRequest

    @property
    def folder(self) -> Path:
        """Where the run is written."""
        return self.options.run.run_dir

    def say(self, line: str) -> None:
        """Say a line, if this is the first process."""
        if self.log is not None:
            self.log.say(line)


def prepare_and_train(
    options: TrainOptions, find_data: Callable[[TrainOptions], Located], *, cluster: OneProcess, say: Say = print
) -> Optional[int]:
    """Find the data, build the networks, begin or resume the run, and train.

    Parameters
    ----------
    find_data
        Finds the data set that the options name.
    cluster
        The processes that train together.
    say
        Gets the lines for the screen until training begins.

    Returns
    -------
    int or None
        An exit code if a signal ended it.
    """
    if cluster.rank:  # of several processes the first speaks
        say = lambda line: None  # noqa: E731
    with option_errors():
        ctx, device = devices(options.machine.gpu)
        metric_of(options.task.coding(), options.validation.eval_metric)
    networks = build_networks(options, ctx)
    with option_errors():
        located = find_data(options)
    options = resolve(options, located)
    from_photos = options.task.coding().from_photos
    say(f"data: {located.folder}, {options.task.task if from_photos else options.data.direction}")
    say(f"device: {device}")
    train_set, val_set, notes = open_data(options, located, networks)
    for note in (*located.differences, *notes):
        say(f"note: {note}")

    trainer = build_trainer(options, networks, ctx, cluster)
    with RunLock(options.run.run_dir) if cluster.rank == 0 else contextlib.nullcontext() as lock:
        progress = begin_or_follow(options, trainer, train_set, notes, say)
        if progress.epochs >= options.schedule.total_epochs:
            say(f"{options.run.run_dir} has all its {progress.epochs} epochs; a larger --n-epochs goes on")
            return None
        with StopRequest() as stop, contextlib.ExitStack() as stack:
            log = None
            if cluster.rank == 0:
                facts = {"data": str(located.folder), "device": device, "workers": cluster.size}
                log = stack.enter_context(open_log(options, progress, lock, pairs=len(train_set), facts=facts))
            return train(Run(options, trainer, train_set, val_set, log, stop), progress)


def open_log(options: TrainOptions, progress: Progress, lock: RunLock, *, pairs: int, facts: dict) -> RunLog:
    """Return the run's log, with who watches it; `facts` are written into it."""
    run_dir, batch_size = options.run.run_dir, options.data.batch_size
    steps = math.ceil(pairs / batch_size)
    append_event(run_dir, "device", **facts, direction=options.data.direction, steps_per_epoch=steps)
    with option_errors():
        watcher = Watch(
            run_dir,
            steps_per_epoch=steps,
            events=read_log(run_dir),
            options=options.watch,
            say=Display.say,
        )
    total = options.schedule.total_epochs
    return RunLog(
        run_dir,
        epochs=total,
        total=total * pairs,
        initial=progress.epochs * pairs + progress.steps * batch_size,
        log_every=options.run.log_every,
        watch=watcher,
        lock=lock,
    )


def train(run: Run, progress: Progress) -> Optional[int]:
    """Run the epochs that are left; return an exit code if a signal stopped it."""
    options, train_set = run.options, run.train_set
    progress = loop.train(
        run.trainer,
        lambda epoch, step: read_batches(run, epoch, step),
        schedule=options.schedule,
        lr=options.adam.lr,
        seed=options.run.seed,
        ranges=(train_set.source_range, train_set.target_range),
        progress=progress,
        on_step=run.log.step if run.log else lambda numbers: None,
        on_epoch=lambda progress: finish_epoch(run, progress),
        stop=lambda: asked_to_stop(run),
    )
    if progress.epochs < options.schedule.total_epochs:
        return stop_here(run, progress)
    run.say(f"next: python -m gluon_pix2pix translate --model {run.folder} {inputs_of(run)}")
    return None


def read_batches(run: Run, epoch: int, step: int) -> Iterator[Batch]:
    """Yield what is left of an epoch after so many steps, in the order that (seed, epoch) alone decides."""
    data, pairs, cluster = run.options.data, len(run.train_set), run.trainer.cluster
    keys = epoch_keys(pairs, seed=run.options.run.seed, epoch=epoch, shuffle=not data.serial_batches)
    batches = load_batches(
        run.train_set,
        keys[step * data.batch_size :],
        batch_size=data.batch_size,
        workers=data.num_workers,
        rank=cluster.rank,
        ranks=cluster.size,
    )
    if run.log is not None:
        run.log.start_epoch()
        batches = run.log.fetch(batches, run.trainer.wait)
    for number, (source, target) in enumerate(batches, step):
        say_skipped(run, run.train_set)
        yield Batch(source, target, min(data.batch_size, pairs - number * data.batch_size))
    say_skipped(run, run.train_set)


def asked_to_stop(run: Run) -> bool:
    """Whether a signal has come, here or to another process of the run: all get the same answer at the same step."""
    asked = run.trainer.cluster.any(run.stop.signal is not None)
    if asked and run.stop.signal is None:
        run.stop.signal = signal.SIGTERM
    return asked


def say_skipped(run: Run, pairs: PairedImages) -> None:
    """Say which files have turned out bad and were replaced, once each; each process reads others, and says its own."""
    for line in pairs.new_troubles():
        if run.log is None:
            tqdm.write(f"skipped: {line}", file=sys.stderr)
        else:
            run.log.say(f"skipped: {line}")
            run.log.event("skipped", file=line)


def inputs_of(run: Run) -> str:
    """Return the words with which `translate` takes the validation pictures, or those of training, to be scored."""
    pairs = run.val_set or run.train_set
    source, target = pairs.folders[:: -1 if run.options.data.direction == "BtoA" else 1] * (2 // len(pairs.folders))
    if not source.is_dir():  # a list, of which translating reads the first column
        return f"--input {source}"
    return f"--input {source} " + ("--pairs yes" if source == target else f"--targets {target}")


def finish_epoch(run: Run, progress: Progress) -> None:
    """At the end of an epoch: log; and if it is time, score the validation pairs, save, show samples and curves."""
    if run.log is None:
        return  # the first process writes; the others wait for it in their next step
    run.log.finish_epoch()
    options, epochs = run.options, progress.epochs
    last = epochs == options.schedule.total_epochs
    saves = last or epochs % options.run.save_every == 0
    scores = last or epochs % (options.validation.eval_every or options.run.save_every) == 0
    if not saves and not scores:
        return
    generator = copy_generator(run.trainer.generator, options.describe_generator(), run.trainer.ctx[0])
    # The pictures are those of training, of the right size already.
    translator = Translator(generator, coding=options.task.coding(), size=None, ctx=run.trainer.ctx[0])
    shown = run.val_set or run.train_set
    count = options.validation.val_pictures if run.val_set and scores else 0
    if saves:
        show_samples(run, translator, shown, epochs)
    score = score_validation(translator, shown, count, run.stop, metric=options.validation.eval_metric)
    say_skipped(run, shown)

    folder = run.folder / "checkpoints"
    if saves or checkpoint_list.is_best(folder, score.values, score.best_by):
        run.say(f"saved {save(run, progress, score)}{score.text}")
        checkpoint_list.prune_checkpoints(folder, keep=options.run.keep)
    elif score.text:
        run.say(f"epoch {epochs}{score.text}")
    run.log.event("epoch", epoch=epochs, **score.values)
    write_losses_png(run.folder)


def show_samples(run: Run, translator: Translator, shown: PairedImages, epochs: int) -> None:
    """Write source | fake | target of the first pairs, and tell whoever watches."""
    name, folder = checkpoint_list.checkpoint_name(epochs), run.folder / "samples"
    folder.mkdir(exist_ok=True)
    rows = sample_rows(translator, shown)
    write_image(folder / f"{name}.png", collage(rows))
    run.log.event("samples", epoch=epochs, file=f"samples/{name}.png", **measure_spread(rows))


def stop_here(run: Run, progress: Progress) -> int:
    """Save where the run is, say how to go on, and return the exit code of the signal that stopped it."""
    saved = run.folder / "checkpoints" / checkpoint_list.checkpoint_name(progress.epochs, progress.steps)
    if run.log is not None and not saved.exists():
        save(run, progress)
        checkpoint_list.prune_checkpoints(saved.parent, keep=run.options.run.keep)
    where = f"{progress.epochs} epochs and {progress.steps} steps"
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
