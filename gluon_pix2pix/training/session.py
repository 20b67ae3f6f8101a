"""A run at work: finds where it is, trains with the loop of `core`, logs, scores, saves, and says how to go on."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Callable, NamedTuple, Optional

from gluon_pix2pix.core import loop
from gluon_pix2pix.core.loop import Batch, Progress, StepNumbers
from gluon_pix2pix.core.step import OneProcess, Pix2PixTrainer
from gluon_pix2pix.errors import option_errors
from gluon_pix2pix.pairs.layouts import read_list
from gluon_pix2pix.pairs.loader import epoch_keys, load_batches
from gluon_pix2pix.pairs.locate import Located
from gluon_pix2pix.pairs.paired_arrays import PairedArrays
from gluon_pix2pix.reports.watch import Watch
from gluon_pix2pix.runs.checkpoint_list import best_checkpoint, list_checkpoints, read_state_file
from gluon_pix2pix.runs.display import Display
from gluon_pix2pix.runs.lock import RunLock
from gluon_pix2pix.runs.log import append_event, read_log
from gluon_pix2pix.runs.run_log import RunLog
from gluon_pix2pix.runtime import devices, mx
from gluon_pix2pix.training.begin import Say, begin_in_all_processes, fitting_model
from gluon_pix2pix.training.compare import as_written
from gluon_pix2pix.training.epoch_end import finish_epoch, show_first_samples, stop_here
from gluon_pix2pix.training.held_out import hold_out_val, listed, remember
from gluon_pix2pix.training.interrupt import StopRequest
from gluon_pix2pix.training.memory import memory_errors
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.presets import describe_preset, few_steps
from gluon_pix2pix.training.run import Own, Run
from gluon_pix2pix.training.setup import build_networks, build_trainer, open_data, resolve
from gluon_pix2pix.training.validation import metric_of
from gluon_pix2pix.wording import command, count

MEASURED_STEPS, LONG_HOURS = 10, 3
FIRST_IMPRESSION = "--preset quick"


class Outcome(NamedTuple):
    """What has become of a run: its options as resolved, its completed epochs, the scores of its last validation.

    `exit_code` is that of the signal that stopped it; `trainer` has the networks as they are now.
    """

    options: TrainOptions
    epochs: int
    scores: dict[str, Optional[float]]
    exit_code: Optional[int]
    trainer: Pix2PixTrainer


def prepare_and_train(
    options: TrainOptions,
    find_data: Callable[[TrainOptions], Located],
    *,
    cluster: OneProcess,
    say: Say = print,
    own: Optional[Own] = None,
) -> Outcome:
    """Find the data, build the networks, begin or resume the run, and train.

    Parameters
    ----------
    find_data
        Finds the data set that the options name.
    cluster
        The processes that train together.
    say
        Gets the lines for the screen until training begins.
    own
        What a caller in Python has brought.
    """
    own = own or Own()
    if cluster.rank:  # of several processes the first speaks
        say = lambda line: None  # noqa: E731
    with option_errors():
        ctx, device = devices(options.machine.gpu)
        metric_of(options.task.coding(), options.validation.eval_metric)
    networks = build_networks(options, ctx, own.generator, own.discriminator)
    with option_errors():
        located = find_data(options)
        options = resolve(options, located)
        held = hold_out_val(options, located)
    located = held.located
    from_photos = options.task.coding().from_photos
    say(f"data: {located.folder}, {options.task.task if from_photos else options.data.direction}")
    if held.line:
        say(held.line)
    say(f"device: {device}")
    say(describe_preset(options.run.preset, options.flat()))
    train_set, val_set, notes = open_data(options, located, networks)
    steps, find_trained = steps_per_epoch(options, len(train_set)), partial(fitting_model, options, own)
    short = few_steps(options.run.preset, options.schedule, steps, find_trained)
    for note in (*located.differences, *notes, *([short] if short else [])):
        say(f"note: {note}")

    trainer = build_trainer(options, networks, ctx, cluster, own)
    with RunLock(options.run.run_dir) if cluster.rank == 0 else contextlib.nullcontext() as lock:
        progress = begin_in_all_processes(options, trainer, train_set, notes, say, own)
        pair_list = None if held.names is None else listed(options.run.run_dir, located)
        run = Run(options, trainer, train_set, val_set, None, StopRequest(), own, pair_list)
        if progress.epochs >= options.schedule.total_epochs:
            done = count(progress.epochs, "epoch")
            say(f"{options.run.run_dir} has all its {done}; a larger --n-epochs goes on")
            say_next(run, say)
            return Outcome(options, progress.epochs, scores_in(options.run.run_dir), None, trainer)
        if cluster.rank == 0:
            remember(options.run.run_dir, held)
        say(f"page: {options.run.run_dir / 'index.html'}, from the first samples on")
        with run.stop, contextlib.ExitStack() as stack:
            if cluster.rank == 0:
                facts = {"data": str(located.folder), "device": device, "workers": cluster.size}
                run.log = stack.enter_context(open_log(options, progress, lock, pairs=len(train_set), facts=facts))
            return train_epochs(run, progress)


def open_log(options: TrainOptions, progress: Progress, lock: RunLock, *, pairs: int, facts: dict) -> RunLog:
    """Return the run's log, with who watches it; `facts` are written into it."""
    run_dir, batch_size = options.run.run_dir, options.data.batch_size
    steps = steps_per_epoch(options, pairs)
    append_event(run_dir, "device", **facts, direction=options.data.direction, steps_per_epoch=steps)
    with option_errors():
        watcher = Watch(
            run_dir,
            steps_per_epoch=steps,
            events=read_log(run_dir),
            options=options.watch,
            defaults=as_written(TrainOptions()),
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


def steps_per_epoch(options: TrainOptions, pairs: int) -> int:
    """Return how many batches so many pairs make; the last may be smaller."""
    return math.ceil(pairs / options.data.batch_size)


def train_epochs(run: Run, progress: Progress) -> Outcome:
    """Run the epochs that are left, or those until it is stopped."""
    options, train_set = run.options, run.train_set
    with memory_errors(options, run.trainer):
        progress = loop.train(
            run.trainer,
            lambda epoch, step: read_batches(run, epoch, step),
            schedule=options.schedule,
            seed=options.run.seed,
            ranges=(train_set.source_range, train_set.target_range),
            progress=progress,
            on_step=OnStep(run) if run.log else lambda numbers: None,
            on_epoch=lambda progress: finish_epoch(run, progress),
            stop=run.asked_to_stop,
        )
    if run.log is not None:
        run.log.close_display()
    exit_code = None
    if progress.epochs < options.schedule.total_epochs:
        exit_code = stop_here(run, progress)
    else:
        say_next(run, run.say)
    return Outcome(options, progress.epochs, run.scores.values if run.scores else {}, exit_code, run.trainer)


class OnStep:
    """What is done with each step's numbers: they are logged, and in the beginning there is more to say and to show."""

    def __init__(self, run: Run):
        self._run, self._started, self._pairs, self._steps = run, time.monotonic(), 0, 0

    def __call__(self, numbers: StepNumbers) -> None:
        """Take the numbers of a step."""
        self._run.log.step(numbers)
        self._steps += 1
        if self._steps <= 2:  # in which memory is planned
            self._started = time.monotonic()
        else:
            self._pairs += numbers.pairs
        if self._steps == 2 + MEASURED_STEPS:
            say_how_long(self._run, numbers, (time.monotonic() - self._started) / self._pairs)
        show_first_samples(self._run, numbers)


def say_how_long(run: Run, numbers: StepNumbers, seconds_a_pair: float) -> None:
    """Say how long the run will take, from what a few steps took, if that is long."""
    pairs, total = len(run.train_set), run.options.schedule.total_epochs
    left = (total - numbers.epoch + 1) * pairs - numbers.step * run.options.data.batch_size
    hours = left * seconds_a_pair / 3600
    if hours < LONG_HOURS:
        return
    words = f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"
    run.say(
        f"the {total} epochs will take about {words} on this machine; for a first impression, stop it (Ctrl-C) and add "
        f"{FIRST_IMPRESSION} --run-dir runs/quick"
    )


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
        batches = run.log.fetch(batches, mx.nd.waitall)
    for number, (source, target) in enumerate(batches, step):
        run.say_skipped(run.train_set)
        yield Batch(source, target, min(data.batch_size, pairs - number * data.batch_size))
    run.say_skipped(run.train_set)


def scores_in(run_dir: Path) -> dict[str, Optional[float]]:
    """Return the scores of a run's newest checkpoint, as it was validated then."""
    state = read_state_file(list_checkpoints(run_dir / "checkpoints")[-1])
    return {name: value for name, value in state.items() if name.startswith("val_")}


def say_next(run: Run, say: Say) -> None:
    """Say which checkpoint has scored best, if it is not the last one, and how to translate what can be scored."""
    folder = run.folder / "checkpoints"
    best = best_checkpoint(folder)
    if best is not None and best != list_checkpoints(folder)[-1]:
        say(f"best score: {best.name}; translate --epoch best takes it (look at the samples too: scores like blur)")
    words = inputs_of(run)
    if words:
        say(f"next: {command('translate', '--model', run.folder, *words)}")


def inputs_of(run: Run) -> list[str]:
    """Return the words with which `translate` takes the validation pictures, or those of training, to be scored."""
    pairs = run.val_set or run.train_set
    if isinstance(pairs, PairedArrays) or run.own.generator is not None:
        return []  # neither is on disk
    if run.pair_list:
        return ["--input", str(run.pair_list), *(["--pairs", "yes"] if pairs.pairs[0].b is None else [])]
    source, target = pairs.folders[:: -1 if run.options.data.direction == "BtoA" else 1] * (2 // len(pairs.folders))
    words = ["--input", str(source)]
    if source.is_dir():
        words += ["--pairs", "yes"] if source == target else ["--targets", str(target)]
    else:  # a list, whose columns translating reads as training does
        splits = list(read_list(source))
        words += ["--split", splits[1 if run.val_set else 0]] if len(splits) > 1 else []
    return words
