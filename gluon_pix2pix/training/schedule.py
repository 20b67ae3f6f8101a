"""The learning rate of each epoch (junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py, get_scheduler)."""

from __future__ import annotations

import math
from collections.abc import Sequence

LR_POLICIES = ("linear", "step", "plateau", "cosine", "constant")


def learning_rate(
    policy: str,
    epoch: int,
    *,
    lr: float,
    n_epochs: int,
    n_epochs_decay: int,
    lr_decay_iters: int = 50,
    history: Sequence[float] = (),
) -> float:
    """Return the learning rate during the epoch after `epoch` completed ones.

    Parameters
    ----------
    policy
        "linear": see `linear_decay`. "step": a tenth after every lr_decay_iters epochs. "cosine": down to 0 over
        n_epochs, along half a cosine, and up again in the next n_epochs. "plateau": see `plateau`. "constant": lr.
    history
        The generator's mean loss in each completed epoch, for "plateau".

    Raises
    ------
    ValueError
        If there is no such policy.
    """
    if policy == "linear":
        return linear_decay(epoch, lr=lr, n_epochs=n_epochs, n_epochs_decay=n_epochs_decay)
    if policy == "step":
        return lr * 0.1 ** (epoch // lr_decay_iters)
    if policy == "cosine":
        return lr * (1 + math.cos(math.pi * epoch / max(n_epochs, 1))) / 2
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


def linear_decay(epoch: int, *, lr: float, n_epochs: int, n_epochs_decay: int) -> float:
    """Return the learning rate during the epoch after `epoch` completed ones.

    It is `lr` for n_epochs and then falls in equal steps, which would reach 0 one epoch after n_epochs_decay more.
    """
    return lr * (1 - max(0, epoch + 1 - n_epochs) / (n_epochs_decay + 1))
