"""Train pix2pix on pairs of pictures. The same command resumes a run that was stopped or killed."""

from __future__ import annotations

import contextlib
import math
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Optional, Union

from gluon_pix2pix.commands.find_data import find_data
from gluon_pix2pix.core.step import Alone, Pix2PixTrainer
from gluon_pix2pix.distributed.cluster import Cluster, check_environment, join, serve, serves
from gluon_pix2pix.errors import option_errors
from gluon_pix2pix.pairs.loader import epoch_keys, load_batches
from gluon_pix2pix.pairs.locate import Located
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.pictures.arithmetic import grid, to_signed
from gluon_pix2pix.pictures.files import write_image
from gluon_pix2pix.reports.health import spread
from gluon_pix2pix.reports.live import parse_log
from gluon_pix2pix.reports.plots import plot_losses
from gluon_pix2pix.reports.watch import Watch
from gluon_pix2pix.runs import checkpoint, checkpoint_list
from gluon_pix2pix.runs.log import RunLog, append_event, read_log
from gluon_pix2pix.runs.silent_log import SilentLog
from gluon_pix2pix.runtime import devices
from gluon_pix2pix.training.interrupt import StopRequest
from gluon_pix2pix.training.options import TrainOptions, resolve
from gluon_pix2pix.training.setup import (
    Progress,
    alone_in,
    begin_or_follow,
    build_networks,
    build_trainer,
    open_data,
    rate_of,
)
from gluon_pix2pix.training.validation import Scores, metric_of, sample_rows, score_validation
from gluon_pix2pix.translation.gluon_network import copy_generator
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.writing import write_atomically

Options = TrainOptions


@dataclass
class Run:
    """A run at work: what it trains with and on, how far it is, and who listens."""

    options: TrainOptions
    trainer: Pix2PixTrainer
    train_set: PairedImages
    val_set: Optional[PairedImages]
    progress: Progress
    log: RunLog
    watch: Optional[Watch]
    stop: StopRequest


def main(options: TrainOptions) -> Optional[int]:
    """Train, or serve those that do; return an exit code if a signal ended it."""
    with option_errors():
        check_environment(options.kvstore)
    if serves(options.kvstore):
        return serve()
    with join(options.kvstore) as cluster, speaking(cluster):
        return prepare_and_train(options, cluster)


def prepare_and_train(options: TrainOptions, cluster: Union[Alone, Cluster]) -> Optional[int]:
    """Find the data, build the networks, begin or resume the run, and train."""
    with option_errors():
        ctx, device = devices(options.gpu)
        metric_of(options.coding(), options.eval_metric)
    networks = build_networks(options, ctx)
    photos = options.coding().from_photos
    with option_errors():
        located = find_data(options.dataset, options.data_root, photos=photos, get=True)
    options = resolve(options, located)
    print(f"data: {located.folder}, {options.task if photos else options.direction}\ndevice: {device}", flush=True)
    train_set, val_set, notes = open_data(options, located, networks)
    for note in (*located.differences, *notes):
        print(f"note: {note}", flush=True)

    trainer = build_trainer(options, networks, ctx, cluster)
    with alone_in(options.run_dir) if cluster.rank == 0 else contextlib.nullcontext():
        progress = begin_or_follow(options, trainer, train_set, notes)
        if progress.epochs >= options.total_epochs:
            print(f"{options.run_dir} has all its {progress.epochs} epochs; a larger --n-epochs goes on")
            return None
        with StopRequest() as stop, contextlib.ExitStack() as stack:
            log, watch = open_log(options, cluster, located, progress, pairs=len(train_set), device=device)
            stack.enter_context(log)
            return train(Run(options, trainer, train_set, val_set, progress, log, watch, stop))


@contextlib.contextmanager
def speaking(cluster: Union[Alone, Cluster]) -> Iterator[None]:
    """Say who this is, and while the block runs let only the first of several processes say more."""
    if cluster.size > 1:
        print(f"rank {cluster.rank} of {cluster.size}", flush=True)
    with open(os.devnull, "w") as nowhere, contextlib.ExitStack() as stack:
        if cluster.rank:
            stack.enter_context(contextlib.redirect_stdout(nowhere))
        yield


def open_log(
    options: TrainOptions,
    cluster: Union[Alone, Cluster],
    located: Located,
    progress: Progress,
    *,
    pairs: int,
    device: str,
) -> tuple[RunLog, Optional[Watch]]:
    """Return the run's log and who watches it; of several processes only the first writes and has somebody watch."""
    seen = progress.epochs * pairs + progress.steps * options.batch_size
    counts = {"total": options.total_epochs * pairs, "initial": seen, "log_every": options.log_every}
    if cluster.rank:
        return SilentLog(options.run_dir, **counts), None
    steps = math.ceil(pairs / options.batch_size)
    facts = {"data": str(located.folder), "direction": options.direction, "steps_per_epoch": steps}
    append_event(options.run_dir, "device", device=device, workers=cluster.size, **facts)
    with option_errors():
        watch = Watch(
            options.run_dir,
            steps_per_epoch=steps,
            events=read_log(options.run_dir),
            log=parse_log(options.log),
            visdom_server=options.visdom_server,
            visdom_port=options.visdom_port,
            say=RunLog.say,
        )
    return RunLog(options.run_dir, watch=watch, **counts), watch


def train(run: Run) -> Optional[int]:
    """Run the epochs that are left; return an exit code if a signal stopped it."""
    options, trainer, train_set, log = run.options, run.trainer, run.train_set, run.log
    pairs, batch_size, ranges = len(train_set), options.batch_size, (train_set.source_range, train_set.target_range)
    for epoch in range(run.progress.epochs, options.total_epochs):
        lr = rate_of(options, run.progress)
        trainer.set_learning_rate(lr)
        keys = epoch_keys(pairs, seed=options.seed, epoch=epoch, shuffle=not options.serial_batches)
        keys = keys[run.progress.steps * batch_size :]
        among = {"rank": trainer.cluster.rank, "ranks": trainer.cluster.size}
        batches = load_batches(train_set, keys, batch_size=batch_size, workers=options.num_workers, **among)

        log.start_epoch(run.progress.losses)
        for step, batch in enumerate(log.fetch(batches, trainer.wait), run.progress.steps):
            source, target = (to_signed(x.as_in_context(trainer.ctx[0]), *r) for x, r in zip(batch, ranges))
            images = min(batch_size, pairs - step * batch_size)
            losses = trainer.step(source, target, seed=(options.seed, epoch, step), total=images)
            where = f"epoch {epoch + 1}/{options.total_epochs}"
            log.add(losses, epoch=epoch + 1, step=step + 1, lr=lr, images=images, where=where)
            say_skipped(run, train_set)
            if asked_to_stop(run) and (step + 1) * batch_size < pairs:
                log.settle()
                run.progress = Progress(epoch, step + 1, run.progress.history, log.epoch_losses)
                return stop_here(run)

        log.finish_epoch()
        run.progress = Progress(epoch + 1, 0, [*run.progress.history, mean(log.epoch_losses)])
        report_and_save(run)
        if asked_to_stop(run) and run.progress.epochs < options.total_epochs:
            return stop_here(run)
    log.say(f"next: python -m gluon_pix2pix translate --model {options.run_dir} {inputs_of(run)}")
    return None


def asked_to_stop(run: Run) -> bool:
    """Whether a signal has come, here or to another process of the run: all get the same answer at the same step."""
    asked = run.trainer.cluster.any(run.stop.signal is not None)
    if asked and run.stop.signal is None:
        run.stop.signal = signal.SIGTERM
    return asked


def say_skipped(run: Run, pairs: PairedImages) -> None:
    """Say which files have turned out bad and were replaced, once each."""
    for line in pairs.new_troubles():
        run.log.say(f"skipped: {line}")
        run.log.event("skipped", file=line)


def inputs_of(run: Run) -> str:
    """Return the words with which `translate` takes the validation pictures, or those of training, to be scored."""
    pairs = run.val_set or run.train_set
    source, target = pairs.folders[:: -1 if run.options.direction == "BtoA" else 1] * (2 // len(pairs.folders))
    if not source.is_dir():  # a list, of which translating reads the first column
        return f"--input {source}"
    return f"--input {source} " + ("--pairs yes" if source == target else f"--targets {target}")


def report_and_save(run: Run) -> None:
    """At the end of an epoch for which it is time: score the validation pairs, save, and show samples and curves."""
    options, epochs = run.options, run.progress.epochs
    last = epochs == options.total_epochs
    saves = last or epochs % options.save_every == 0
    scores = last or epochs % (options.eval_every or options.save_every) == 0
    run.trainer.check_finite()  # each epoch: oneDNN's relu makes 0 of what is not a number, and losses stay finite
    if not saves and not scores:
        return
    if run.trainer.cluster.rank:
        return  # the first writes; the others wait for it in their next step
    generator = copy_generator(run.trainer.generator, options.describe_generator(), run.trainer.ctx[0])
    # The pictures are those of training, of the right size already.
    translator = Translator(generator, coding=options.coding(), size=None, ctx=run.trainer.ctx[0])
    shown, count = run.val_set or run.train_set, options.val_pictures if run.val_set and scores else 0
    if saves:
        show_samples(run, translator, shown)
    score = score_validation(translator, shown, count, run.stop, metric=options.eval_metric)
    say_skipped(run, shown)

    folder = options.run_dir / "checkpoints"
    if saves or checkpoint_list.is_best(folder, score.values, score.best_by):
        run.log.say(f"saved {save(run, score)}{score.text}")
        checkpoint_list.prune_checkpoints(folder, keep=options.keep)
    elif score.text:
        run.log.say(f"epoch {epochs}{score.text}")
    run.log.event("epoch", epoch=epochs, **score.values)
    write_atomically(options.run_dir / "losses.png", plot_losses(read_log(options.run_dir)))


def show_samples(run: Run, translator: Translator, shown: PairedImages) -> None:
    """Write source | fake | target of the first pairs, and tell whoever watches."""
    name, folder = checkpoint_list.checkpoint_name(run.progress.epochs), run.options.run_dir / "samples"
    folder.mkdir(exist_ok=True)
    rows = sample_rows(translator, shown)
    write_image(folder / f"{name}.png", grid(rows))
    run.log.event("samples", epoch=run.progress.epochs, file=f"samples/{name}.png", **spread(rows))


def stop_here(run: Run) -> int:
    """Save where the run is, say how to go on, and return the exit code of the signal that stopped it."""
    progress = run.progress
    run.trainer.check_finite()
    name = checkpoint_list.checkpoint_name(progress.epochs, progress.steps)
    saved = run.options.run_dir / "checkpoints" / name
    if not saved.exists() and not run.trainer.cluster.rank:
        save(run)
        checkpoint_list.prune_checkpoints(saved.parent, keep=run.options.keep)
    where = f"{progress.epochs} epochs and {progress.steps} steps"
    run.log.say(f"stopped after {where}; saved {saved}; the same command goes on from there")
    return run.stop.exit_code


def save(run: Run, score: Optional[Scores] = None) -> Path:
    """Save a checkpoint and return its folder."""
    facts = {**score.values, "best_by": score.best_by} if score else {}
    return checkpoint.save_checkpoint(
        run.options.run_dir / "checkpoints",
        run.trainer,
        epoch=run.progress.epochs,
        step=run.progress.steps,
        history=run.progress.history,
        losses=run.progress.losses,
        data=run.train_set.fingerprint(),
        **facts,
    )
