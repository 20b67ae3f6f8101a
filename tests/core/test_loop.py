"""The loop, called with plain arguments: what it asks for, tells and returns, and when it stops."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.core.loop import Batch, Progress, train
from gluon_pix2pix.core_options import ScheduleOptions
from gluon_pix2pix.runtime import mx

TWO = ScheduleOptions(n_epochs=2, n_epochs_decay=0)


class Batches:
    """Three batches of one pair in each epoch; notes what it is asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, epoch: int, step: int):
        self.asked.append((epoch, step))
        for number in range(step, 3):
            pair = np.random.default_rng((epoch, number)).integers(0, 256, (2, 1, 16, 16, 3))
            yield Batch(*(mx.nd.array(side, dtype="uint8") for side in pair), 1)


def test_what_it_asks_for_and_tells(make_trainer):
    batches, steps, epochs = Batches(), [], []
    trainer = make_trainer(lr=1e-3)
    progress = train(trainer, batches, schedule=TWO, on_step=steps.append, on_epoch=epochs.append)
    assert batches.asked == [(0, 0), (1, 0)]
    assert [(n.epoch, n.step, n.pairs, n.lr) for n in steps] == [(e, s, 1, 1e-3) for e in (1, 2) for s in (1, 2, 3)]
    assert all({"D_real", "D_fake", "G_GAN", "G_L1"} <= set(numbers.values) for numbers in steps)
    assert [(p.epochs, p.steps) for p in epochs] == [(1, 0), (2, 0)]
    means = [np.mean([n.values["G_GAN"] + n.values["G_L1"] for n in steps if n.epoch == e]) for e in (1, 2)]
    assert progress.history == pytest.approx(means)


def test_it_trains_as_its_steps_do(make_trainer, same_bits):
    looped, by_hand = make_trainer(dropout=True), make_trainer(dropout=True)
    train(looped, Batches(), schedule=TWO, seed=5)
    for epoch in range(2):
        for step, batch in enumerate(Batches()(epoch, 0)):
            signed = [x.astype("float32").transpose((0, 3, 1, 2)) / 127.5 - 1 for x in batch[:2]]
            by_hand.step(*signed, seed=(5, epoch, step))
    assert same_bits(looped.parameters(), by_hand.parameters())


@pytest.mark.parametrize("after", [1, 3, 4])
def test_stopped_and_gone_on_with_it_ends_the_same(make_trainer, same_bits, after):
    whole, parts = make_trainer(dropout=True), make_trainer(dropout=True)
    train(whole, Batches(), schedule=TWO)
    progress = train(parts, Batches(), schedule=TWO, stop=lambda: parts.steps >= after)
    assert (progress.epochs, progress.steps) == divmod(after, 3)
    assert len(progress.losses) == progress.steps
    batches = Batches()
    progress = train(parts, batches, schedule=TWO, progress=progress)
    assert batches.asked[0] == divmod(after, 3)
    assert progress.epochs == 2
    assert same_bits(whole.parameters(), parts.parameters())


def test_a_loss_that_is_not_finite_is_named(make_trainer):
    trainer = make_trainer()
    trainer.generator.last.bias.set_data(mx.nd.full(3, np.nan))
    with pytest.raises(FloatingPointError, match=r"is nan in epoch 1, step 1: training stopped; .* lower --lr"):
        train(trainer, Batches(), schedule=TWO)


def test_an_epoch_without_a_batch_is_an_error(make_trainer):
    with pytest.raises(ValueError, match="there is no batch in epoch 1: nothing to train on"):
        train(make_trainer(), lambda epoch, step: [], schedule=TWO)


def test_a_run_that_is_over_does_nothing(make_trainer):
    batches = Batches()
    assert train(make_trainer(), batches, schedule=TWO, progress=Progress(2)) == Progress(2)
    assert batches.asked == []
