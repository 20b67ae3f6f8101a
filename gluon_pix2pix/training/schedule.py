"""The learning rate of each epoch."""

from __future__ import annotations


def linear_decay(epoch: int, *, lr: float, n_epochs: int, n_epochs_decay: int) -> float:
    """Return the learning rate during the epoch after `epoch` completed ones.

    It is `lr` for n_epochs and then falls in equal steps, which would reach 0 one epoch after n_epochs_decay more.
    (junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py, get_scheduler, "linear".)
    """
    return lr * (1 - max(0, epoch + 1 - n_epochs) / (n_epochs_decay + 1))
