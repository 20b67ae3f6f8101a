"""Where a run begins: anew, with the weights of another, or where its newest checkpoint is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

from gluon_pix2pix.core.loop import Progress
from gluon_pix2pix.core.step import Pix2PixTrainer
from gluon_pix2pix.errors import UsageError, option_errors
from gluon_pix2pix.pairs.layouts import describe_layout
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.reports.losses_png import write_losses_png
from gluon_pix2pix.reports.run_page import write_run_page
from gluon_pix2pix.runs import checkpoint, checkpoint_list
from gluon_pix2pix.runs.log import append_event, resume_log
from gluon_pix2pix.runs.options_file import read_run
from gluon_pix2pix.runtime import threads
from gluon_pix2pix.training.compare import compare_with_run, same_everywhere, write_run
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.run import Own

Say = Callable[[str], None]


def begin_or_follow(
    options: TrainOptions, trainer: Pix2PixTrainer, train_set: PairedImages, notes: Sequence[str], say: Say, own: Own
) -> Progress:
    """Begin or resume a run; of several processes the first does, and the others then load what it has found.

    Raises
    ------
    ValueError
        If they have other options, pairs or checkpoints before them.
    """
    cluster = trainer.cluster
    if cluster.rank == 0:
        progress = begin_or_resume(options, trainer, train_set, notes, say, own)
    cluster.any(False)  # what a killed run has left behind is removed now
    if cluster.rank:
        progress = load_what_the_first_has_found(options, trainer)
    cluster.check_same(
        {
            "options": json.dumps(same_everywhere(options), sort_keys=True),
            f"pairs in {train_set.folders[0]}": train_set.fingerprint(),
            f"newest checkpoint in {options.run.run_dir} (a folder that all have to share)": f"{progress}",
        }
    )
    return progress


def load_what_the_first_has_found(options: TrainOptions, trainer: Pix2PixTrainer) -> Progress:
    """Load what the first process begins or goes on with, and write nothing."""
    saved = checkpoint_list.list_checkpoints(options.run.run_dir / "checkpoints")
    if saved:
        return _progress_in(checkpoint.load_checkpoint(saved[-1], trainer), saved[-1])
    if options.run.init_from:
        checkpoint.load_initial(options.run.init_from, trainer.generator, trainer.discriminator, trainer.ctx)
    return Progress()


def begin_or_resume(
    options: TrainOptions, trainer: Pix2PixTrainer, train_set: PairedImages, notes: Sequence[str], say: Say, own: Own
) -> Progress:
    """Start a run in its folder, or go on with the one there; `notes` are for its log."""
    run_dir, said, notes, progress, state = options.run.run_dir, list(notes), [], Progress(), {}
    saved = checkpoint_list.list_checkpoints(run_dir / "checkpoints")
    run = read_run(run_dir) if (run_dir / "options.json").exists() else {}
    if "converted" in run:
        raise UsageError(f"{run_dir} is a converted model: begin from it with --init-from, in another --run-dir")
    if run and saved:  # before the first checkpoint nothing has been trained that other options could spoil
        completed = checkpoint_list.progress_of(saved[-1])[0]
        seen = checkpoint_list.read_state_file(saved[-1]).get("data")
        notes = compare_with_run(options, run, completed=completed, same_data=train_set.fingerprint() == seen)
    checkpoint.check_room(run_dir, trainer)
    checkpoint_list.remove_partial(run_dir)
    if saved:
        state = checkpoint.load_checkpoint(saved[-1], trainer)
        progress = _progress_in(state, saved[-1])
        notes.append(f"resumed from {saved[-1]}: {progress.epochs} epochs and {progress.steps} steps are done")
        notes += _differences(state, train_set, saved[-1], in_mid_epoch=bool(progress.steps))
    elif options.run.init_from:
        with option_errors():
            loaded = checkpoint.load_initial(
                options.run.init_from, trainer.generator, trainer.discriminator, trainer.ctx
            )
        notes.append(f"began with the {' and '.join(loaded)} of {options.run.init_from}")
    write_run(options, own, describe_layout(train_set.pairs))
    if resume_log(run_dir, state):  # nor did its process come to draw it
        write_losses_png(run_dir)
        write_run_page(run_dir)
    append_event(run_dir, "start", epochs=progress.epochs, steps=progress.steps, notes=[*said, *notes])
    for note in notes:
        say(note)
    return progress


def _differences(state: dict, train_set: PairedImages, saved: Path, *, in_mid_epoch: bool) -> list[str]:
    """Say how data and threads are other than they were at a checkpoint."""
    notes, folder = [], train_set.folders[0]
    if not train_set.has_fingerprint(state["data"]):
        if in_mid_epoch:
            raise UsageError(
                f"the files in {folder} have changed in the middle of the epoch that {saved} goes on with: bring them "
                "back, or remove that checkpoint to go on from the one before"
            )
        notes.append(f"the files in {folder} are not those that the run has seen so far")
    if state["threads"] != threads():
        before, now = state["threads"], threads()
        notes.append(f"it ran with {before} threads and goes on with {now}: not bit for bit the same")
    return notes


def _progress_in(state: dict, saved: Path) -> Progress:
    checkpoint_list.check_resumable(saved, state)
    return Progress(state["epoch"], state["step"], state["history"], state["losses"])
