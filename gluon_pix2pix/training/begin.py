"""Where a run begins: anew, with the weights of another, or where its newest checkpoint is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Callable, Optional

from gluon_pix2pix.core.loop import Progress
from gluon_pix2pix.core.step import Pix2PixTrainer
from gluon_pix2pix.errors import UsageError, option_errors
from gluon_pix2pix.pairs.layouts import describe_layout
from gluon_pix2pix.pairs.paired_arrays import PairedArrays
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.reports.losses_png import write_losses_png
from gluon_pix2pix.reports.run_page import write_run_page
from gluon_pix2pix.runs import checkpoint, checkpoint_list
from gluon_pix2pix.runs.log import append_event, resume_log
from gluon_pix2pix.runs.options_file import read_options, read_run
from gluon_pix2pix.runtime import threads
from gluon_pix2pix.training.compare import as_written, compare_with_run, place_of_model, same_everywhere, write_run
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.run import Own
from gluon_pix2pix.translation.exported import MODEL, read_model
from gluon_pix2pix.translation.gluon_network import rebuild_export
from gluon_pix2pix.wording import count
from gluon_pix2pix.zoo.shipped import find_model, shipped_models

Say = Callable[[str], None]


def begin_in_all_processes(
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
        start_from(options, trainer)
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
        done = f"{count(progress.epochs, 'epoch')} and {count(progress.steps, 'step')}"
        notes.append(f"resumed from {saved[-1]}: {done} are done")
        notes += _differences(state, train_set, saved[-1], in_mid_epoch=bool(progress.steps))
    elif options.run.init_from:
        with option_errors():
            notes.append(start_from(options, trainer))
    layout, name = describe_layout(train_set.pairs), options.run.init_from
    layout |= {"label_colours": train_set.label_colours} if train_set.label_colours else {}
    began_from = run.get("began_from") if saved else name and place_of_model(name)
    write_run(options, own, layout, began_from)
    if resume_log(run_dir, state):  # nor did its process come to draw it
        write_losses_png(run_dir)
        write_run_page(run_dir, defaults=as_written(TrainOptions()))
    append_event(run_dir, "start", epochs=progress.epochs, steps=progress.steps, notes=[*said, *notes])
    for note in notes:
        say(note)
    return progress


def start_from(options: TrainOptions, trainer: Pix2PixTrainer) -> str:
    """Set the networks to those that --init-from names, and say which.

    Raises
    ------
    OSError
        If there is no such model.
    ValueError
        If a file is damaged, or a network there is another than here.
    """
    name, folder = options.run.init_from, find_model(options.run.init_from)
    if not (folder / MODEL).is_file():
        _check_upsample(name, read_options(folder).get("generator", {}), options)
        loaded = checkpoint.load_initial(folder, trainer.generator, trainer.discriminator, trainer.ctx)
        return f"began with the {' and '.join(loaded)} of {name}"
    trained, model = rebuild_export(folder)
    differ = _differing_options(model["generator"], options.describe_generator())
    if differ:
        raise ValueError(f"the generator of {name} was trained with {', '.join(differ)}: pass the same")
    own = trainer.generator._collect_params_with_prefix()
    for key, parameter in trained._collect_params_with_prefix().items():
        own[key].set_data(parameter.data())
    return f"began with the generator of {name}; an export has no discriminator, and its own begins anew"


def fitting_model(options: TrainOptions, own: Own) -> Optional[str]:
    """Return the name of a model in the box that a run of these options could begin from; None if none fits."""
    if options.run.init_from or own.generator is not None:
        return None
    ours = options.describe_generator()
    for name in shipped_models():
        model = read_model(find_model(name))
        if model["coding"]["task"] == options.task.task and not _differing_options(model["generator"], ours):
            return name
    return None


def _check_upsample(name: str, theirs: dict, options: TrainOptions) -> None:
    """Refuse kernels that are no resize-convolution's: a step would turn them into others. The other way is fine."""
    if options.networks.upsample == "resize" and theirs.get("upsample", "deconv") != "resize":
        raise ValueError(f"the generator of {name} was trained with --upsample deconv (now resize): pass the same")


def _differing_options(theirs: dict, ours: dict) -> list[str]:
    """List the options of another generator by which its weights do not fit into ours."""
    words = {"name": "--generator"}
    names = [name for name in {**theirs, **ours} if not name.startswith("dropout")]
    theirs = {"upsample": "deconv", **theirs} if "upsample" in ours else theirs  # older files do not say it
    differ = [name for name in names if theirs.get(name) != ours.get(name)]
    return [
        f"{words.get(name, '--' + name.replace('_', '-'))} {theirs.get(name)} (now {ours.get(name)})" for name in differ
    ]


def _differences(state: dict, train_set: PairedImages, saved: Path, *, in_mid_epoch: bool) -> list[str]:
    """Say how data and threads are other than they were at a checkpoint."""
    notes, folder = [], train_set.folders[0]
    if not train_set.has_fingerprint(state["data"]):
        if in_mid_epoch and not isinstance(train_set, PairedArrays):
            raise UsageError(
                f"the files in {folder} have changed in the middle of the epoch that {saved} goes on with: bring them "
                "back, or remove that checkpoint to go on from the one before"
            )
        if isinstance(train_set, PairedArrays):  # whose place tells nothing of what they are
            raise UsageError(
                f"{saved.parents[1]} was trained on other arrays: pass another run_dir for a new run, and "
                f"init_from={str(saved.parents[1])!r} to begin it with this one's networks"
            )
        notes.append(f"the files in {folder} are not those that the run has seen so far; another --run-dir begins anew")
    if state["threads"] != threads():
        before, now = state["threads"], threads()
        notes.append(f"it ran with {count(before, 'thread')} and goes on with {now}: not bit for bit the same")
    return notes


def _progress_in(state: dict, saved: Path) -> Progress:
    checkpoint_list.check_resumable(saved, state)
    return Progress(state["epoch"], state["step"], state["history"], state["losses"])
