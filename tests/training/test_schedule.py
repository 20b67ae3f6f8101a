"""The learning rate of each epoch; tests/parity compares it with the reference's table."""

from __future__ import annotations

import pytest

from gluon_pix2pix.training.schedule import linear_decay


def rates(n_epochs: int, n_epochs_decay: int) -> list[float]:
    return [linear_decay(e, lr=1.0, n_epochs=n_epochs, n_epochs_decay=n_epochs_decay) for e in range(n_epochs + 4)]


def test_it_is_constant_and_then_falls_in_equal_steps():
    # The last of 3 epochs at the full rate, then thirds and not down to 0.
    assert rates(3, 2)[:5] == pytest.approx([1, 1, 1, 2 / 3, 1 / 3])


def test_without_decay_it_is_constant():
    assert rates(3, 0)[:3] == [1, 1, 1]


def test_decay_alone_begins_at_once():
    assert rates(0, 3)[:3] == pytest.approx([3 / 4, 2 / 4, 1 / 4])
