"""Everything that a run needs to go on exactly where it was, in a folder of arrays and JSON; nothing is pickled.

A folder under its final name is complete: it is written beside, synced, checked sum by sum on reading, and renamed.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gluon_pix2pix.errors import reason_of
from gluon_pix2pix.params_file import ParamsFile, load_weights
from gluon_pix2pix.reading import open_file, said_by
from gluon_pix2pix.runs.adam_moments import get_moments, set_moments
from gluon_pix2pix.runs.checkpoint_list import checkpoint_name, find_checkpoint, read_state_file
from gluon_pix2pix.runtime import mx, threads
from gluon_pix2pix.writing import whole_folder, write_json

if TYPE_CHECKING:  # translating loads checkpoints without what training needs
    from gluon_pix2pix.core.step import Pix2PixTrainer

NETWORKS = ("generator", "discriminator")
EMA = "generator_ema"  # the generator with the moving averages of its weights, where a run keeps them


def save_checkpoint(folder: Path, trainer: Pix2PixTrainer, *, epoch: int, step: int = 0, **facts) -> Path:
    """Write a checkpoint whole or not at all and return its folder.

    Parameters
    ----------
    folder
        The run's checkpoints; made if absent.
    epoch, step
        Completed epochs, and steps done in the next.
    facts
        What else state.json shall say, for example the validation score.

    Raises
    ------
    OSError
        If the disk has too little room; nothing is written then.
    """
    final = folder / checkpoint_name(epoch, step)
    folder.mkdir(parents=True, exist_ok=True)
    check_room(folder, trainer)
    with whole_folder(final, durable=True) as partial:
        mx.nd.waitall()  # with static memory, an engine still at work would be writing to what is being saved
        for learner in trainer.learners:
            learner.net.save_parameters(str(partial / f"{learner.name}.params"))
            mx.nd.save(str(partial / f"{learner.name}_adam.params"), get_moments(learner))
        averages = trainer.G.averages()
        if averages:  # with the running statistics of the network in training: those have no average of their own
            whole = {name: p._reduce() for name, p in trainer.G.net._collect_params_with_prefix().items()}
            mx.nd.save(str(partial / f"{EMA}.params"), {**whole, **averages})
        pooled = {
            f"{d}:{i}": picture for d, pool in enumerate(trainer.pools) for i, picture in enumerate(pool.pictures)
        }
        if pooled:
            mx.nd.save(str(partial / "pool.params"), pooled)
        scales = {learner.name: learner.loss_scale.state for learner in trainer.learners}
        state = {"epoch": epoch, "step": step, "steps": trainer.steps, "threads": threads(), **facts}
        state["loss_scales"] = scales
        state["sha256"] = {path.name: sha256(path) for path in sorted(partial.iterdir())}
        write_json(partial / "state.json", state)
    return final


def load_checkpoint(path: Path, trainer: Pix2PixTrainer) -> dict:
    """Set networks, Adam's moments, pools and the step count to a checkpoint's, and return its state.json.

    Raises
    ------
    ValueError
        If a file is missing, damaged, or of other networks.
    """
    state = read_state(path)
    needed = {f"{name}{kind}.params" for name in NETWORKS for kind in ("", "_adam")}
    needed |= {f"{EMA}.params"} if trainer.G.ema and state["steps"] else set()
    lacking = needed - set(state["sha256"])
    if lacking:
        raise ValueError(f"{path} cannot be resumed: it has no {', '.join(sorted(lacking))}")
    for learner in trainer.learners:
        load_network_weights(path, learner.name, learner.net, trainer.ctx)
        averages = _read_arrays(path / f"{EMA}.params") if learner.ema and state["steps"] else {}
        set_moments(learner, _read_arrays(path / f"{learner.name}_adam.params"), trainer.ctx, averages)
        with said_by(path / "state.json", "the state of a checkpoint"):
            learner.loss_scale.load(state.get("loss_scales", {}).get(learner.name, {}))
    pooled = _read_arrays(path / "pool.params") if "pool.params" in state["sha256"] else {}
    for device, (pool, ctx) in enumerate(zip(trainer.pools, trainer.ctx)):
        places = (f"{device}:{place}" for place in range(pool.size))
        pool.pictures = [pooled[place].as_in_context(ctx) for place in places if place in pooled]
    trainer.steps = state.get("steps", 0)
    return state


def read_state(path: Path) -> dict:
    """Return a checkpoint's state.json after checking every file against its SHA-256 there.

    MXNet itself loads most damaged params files without a word.

    Raises
    ------
    ValueError
        If state.json does not parse, or a file is missing or not the one that was saved.
    """
    state = read_state_file(path)
    for name, expected in state["sha256"].items():
        if not (path / name).is_file() or sha256(path / name) != expected:
            raise ValueError(
                f"{path / name} is missing or damaged: remove {path} to fall back on the checkpoint before"
            )
    return state


def generator_in(sums: Mapping[str, str]) -> str:
    """Return which generator of a checkpoint translates, by the names of its files: the average where there is one."""
    return EMA if f"{EMA}.params" in sums else "generator"


def load_network_weights(
    path: Path, name: str, net: mx.gluon.Block, ctx: list[mx.Context], *, ignore_extra: bool = False
) -> None:
    """Load the weights of one network of a checkpoint.

    Raises
    ------
    ValueError
        If the file holds another network's weights.
    """
    file = path / f"{name}.params"
    with ParamsFile(file) as weights:
        try:
            load_weights(net, weights, ctx, ignore_extra=ignore_extra)
        except (AssertionError, ValueError) as error:
            raise ValueError(f"{file} does not fit the {name} that the options describe: {reason_of(error)}") from error


def load_initial(
    run_dir: str | Path, generator: mx.gluon.Block, discriminator: mx.gluon.Block, ctx: list[mx.Context]
) -> list[str]:
    """Begin with the weights that another run, or a converted model, has in its newest checkpoint.

    Adam's moments and the counts of epochs and steps are not taken over.

    Returns
    -------
    list of str
        Which of `NETWORKS` were there; the other keeps its weights.

    Raises
    ------
    FileNotFoundError
        If the folder has no checkpoint.
    ValueError
        If a file is damaged, or a network there is not of the kind here.
    """
    path = find_checkpoint(Path(run_dir) / "checkpoints")
    saved = read_state(path)["sha256"]
    loaded = [name for name in NETWORKS if f"{name}.params" in saved]
    if not loaded:
        raise ValueError(f"{path} has the weights of no network")
    for name, net in zip(NETWORKS, (generator, discriminator)):
        if name in loaded:
            load_network_weights(path, generator_in(saved) if name == "generator" else name, net, ctx)
    return loaded


def _read_arrays(path: Path) -> dict[str, mx.nd.NDArray]:
    with ParamsFile(path) as arrays:
        return {name: mx.nd.array(array, dtype=array.dtype) for name, array in arrays.items()}


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open_file(path) as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def check_room(folder: Path, trainer: Pix2PixTrainer) -> None:
    """Check that a checkpoint fits on the disk: weights, Adam's two moments of each, averages, pools, all float32.

    Raises
    ------
    OSError
        If it does not.
    """
    parameters = [p for learner in trainer.learners for p in learner.net.collect_params().values()]
    pooled = sum(picture.size for pool in trainer.pools for picture in pool.pictures)
    averaged = sum(p.data(trainer.ctx[0]).size for p in trainer.G.net.collect_params().values()) if trainer.G.ema else 0
    needed = 4 * (3 * sum(p.data(trainer.ctx[0]).size for p in parameters) + averaged + pooled) + (1 << 20)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            f"a checkpoint takes {needed >> 20} MiB and {folder} has {free >> 20} MiB left: "
            "make room, then run the same command again"
        )
