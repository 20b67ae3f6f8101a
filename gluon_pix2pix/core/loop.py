"""The training loop: epochs of steps, and the learning rate of each.

Batches, and what is done with the numbers of a step and at the end of an epoch, come from the caller; `train` itself
knows no file and no screen.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Callable, NamedTuple, Optional

from gluon_pix2pix.core.optimizer import diverged
from gluon_pix2pix.core.step import Pix2PixTrainer
from gluon_pix2pix.core_options import LR_POLICIES, ScheduleOptions
from gluon_pix2pix.pictures.arithmetic import to_signed
from gluon_pix2pix.runtime import mx


@dataclass
class Progress:
    """How far a run is: completed epochs, steps of the next, and the generator's losses that lr_policy plateau reads.

    `history` has their mean in each completed epoch, `losses` each step's in the one that is not.
    """

    epochs: int = 0
    steps: int = 0
    history: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


class Batch(NamedTuple):
    """Pairs as they are read: (N, H, W, C) on the CPU, and how many pairs all processes have together."""

    source: mx.nd.NDArray
    target: mx.nd.NDArray
    total: int


class StepNumbers(NamedTuple):
    """One step's numbers; `epoch` and `step` count from 1 here, as a person would."""

    epoch: int
    step: int
    lr: float
    pairs: int
    values: dict[str, float]


Range = tuple[float, float]  # (lowest, highest) value that a picture may have


def train(
    trainer: Pix2PixTrainer,
    batches: Callable[[int, int], Iterable[Batch]],
    *,
    schedule: ScheduleOptions,
    seed: int = 0,
    ranges: tuple[Range, Range] = ((0, 255), (0, 255)),
    progress: Optional[Progress] = None,
    on_step: Callable[[StepNumbers], None] = lambda numbers: None,
    on_epoch: Callable[[Progress], None] = lambda progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> Progress:
    """Train for the epochs that are left, and return how far it came.

    Parameters
    ----------
    batches
        Called with the number of completed epochs and of steps that are done in the next; gives the batches after.
    schedule
        How many epochs, and how their learning rate falls, which begins as the trainer's.
    seed
        All chance in a step depends on (seed, epoch, step) alone.
    ranges
        What source and target lie within.
    progress
        Where to go on; None begins.
    on_step
        Told of each step's numbers, one step late: they are computed while the next one is prepared.
    on_epoch
        Called at the end of each epoch, when the weights have been seen to be finite.
    stop
        Asked between two steps, and between two epochs.

    Raises
    ------
    FloatingPointError
        If a loss or a weight is no longer finite.
    """
    progress = progress or Progress()
    ctx = trainer.ctx[0]
    for epoch in range(progress.epochs, schedule.total_epochs):
        progress = dataclasses.replace(progress, losses=list(progress.losses))  # counted on; the caller's stays
        rate = learning_rate(schedule, epoch, lr=trainer.lr, history=progress.history)
        trainer.set_learning_rate(rate)
        numbers, first = _Numbers(progress.losses, on_step), progress.steps
        for step, batch in enumerate(batches(epoch, first), first):
            if step > first and stop():
                numbers.read()
                trainer.check_finite()
                return progress
            pictures = zip((batch.source, batch.target), ranges)
            source, target = (to_signed(x.as_in_context(ctx), *limits) for x, limits in pictures)  # (N, C, H, W)
            losses = trainer.step(source, target, seed=(seed, epoch, step), total=batch.total)
            numbers.read()
            numbers.pending = (epoch + 1, step + 1, rate, batch.total, losses)
            progress.steps = step + 1
        numbers.read()
        if not progress.losses:
            raise ValueError(f"there is no batch in epoch {epoch + 1}: nothing to train on")
        trainer.check_finite()  # each epoch: oneDNN's relu makes 0 of what is not a number, and losses stay finite
        progress = Progress(epoch + 1, 0, [*progress.history, mean(progress.losses)])
        on_epoch(progress)
        if stop():
            break
    return progress


class _Numbers:
    """The numbers of the last step, read when the next one is on its way, and not waited for before."""

    def __init__(self, losses: list[float], tell: Callable[[StepNumbers], None]):
        self.pending: Optional[tuple] = None
        self._losses, self._tell = losses, tell

    def read(self) -> None:
        """Wait for the numbers, if some are pending, see that they are finite, and tell of them."""
        if self.pending is None:
            return
        (epoch, step, lr, pairs, losses), self.pending = self.pending, None
        values = {name: float(value.asscalar()) for name, value in losses.items()}
        for name, value in values.items():
            if not math.isfinite(value):
                raise diverged(f"{name} is {value} in epoch {epoch}, step {step}")
        self._losses.append(sum(values.get(name, 0) for name in ("G_GAN", "G_L1", "G_extra")))
        self._tell(StepNumbers(epoch, step, lr, pairs, values))


def learning_rate(options: ScheduleOptions, epoch: int, *, lr: float, history: Sequence[float] = ()) -> float:
    """Return the learning rate during the epoch after `epoch` completed ones.

    The policies are those of junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py, get_scheduler.

    Parameters
    ----------
    options
        lr_policy "linear": lr for n_epochs, then in equal steps to 0, which it would reach one epoch after
        n_epochs_decay more. "step": a tenth after every lr_decay_iters epochs. "cosine": down to 0 over n_epochs, along
        half a cosine, and up again in the next n_epochs. "plateau": see `plateau`. "constant": lr.
    history
        The generator's mean loss in each completed epoch, for "plateau".
    """
    policy = options.lr_policy
    if policy == "linear":
        return lr * (1 - max(0, epoch + 1 - options.n_epochs) / (options.n_epochs_decay + 1))
    if policy == "step":
        return lr * 0.1 ** (epoch // options.lr_decay_iters)
    if policy == "cosine":
        return lr * (1 + math.cos(math.pi * epoch / max(options.n_epochs, 1))) / 2
    if policy == "plateau":
        return plateau(history, lr=lr)
    if policy == "constant":
        return lr
    raise ValueError(f"there is no lr_policy {policy!r}; choose from {', '.join(LR_POLICIES)}")


def plateau(
    history: Sequence[float], *, lr: float, factor: float = 0.2, threshold: float = 0.01, patience: int = 5
) -> float:
    """Return `lr` times `factor` for each time that the loss went `patience` + 1 epochs without falling by a hundredth.

    The numbers are the reference's; it feeds them a constant, though, and this the generator's loss. A drop of 1e-8 or
    less is left out, as in torch.optim.lr_scheduler.ReduceLROnPlateau.
    """
    best, waited = math.inf, 0
    for loss in history:
        if loss < best * (1 - threshold):
            best, waited = loss, 0
        else:
            waited += 1
        if waited > patience:
            lr, waited = (lr * factor if lr - lr * factor > 1e-8 else lr), 0
    return lr
