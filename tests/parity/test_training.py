"""Losses, schedule, Adam and three training steps against the PyTorch implementation's own numbers."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.core.loop import learning_rate
from gluon_pix2pix.core.losses import GANLoss, l1_loss
from gluon_pix2pix.core.networks import get_model
from gluon_pix2pix.core.step import Pix2PixTrainer
from gluon_pix2pix.core_options import ScheduleOptions
from gluon_pix2pix.handover.torch_weights import upstream_key
from gluon_pix2pix.runtime import mx

pytestmark = pytest.mark.device


def test_losses(reference):
    answers = (reference / "misc" / "ganloss.npz").arrays()
    for mode in ("vanilla", "lsgan"):
        loss = GANLoss(mode)
        values = [loss(mx.nd.array(answers["pred"]), real).mean().asscalar() for real in (True, False)]
        np.testing.assert_allclose(values, answers[mode], rtol=1e-6)
    l1 = l1_loss(mx.nd.array(answers["l1_a"]), mx.nd.array(answers["l1_b"]))
    assert l1.mean().asscalar() == pytest.approx(float(answers["l1"]), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "n_epochs", "n_epochs_decay"), [("linear_100_100", 100, 100), ("linear_5_5", 5, 5), ("linear_5_0", 5, 0)]
)
def test_schedule(reference, name, n_epochs, n_epochs_decay):
    answers = (reference / "misc" / "lr.npz").arrays()[name]
    schedule = ScheduleOptions(n_epochs=n_epochs, n_epochs_decay=n_epochs_decay)
    rates = [learning_rate(schedule, epoch, lr=2e-4) for epoch in range(len(answers))]
    np.testing.assert_allclose(rates, answers, rtol=1e-9)
    resumed = (reference / "misc" / "lr.npz").arrays()["linear_5_5_resume_from_7"]
    schedule = ScheduleOptions(n_epochs=5, n_epochs_decay=5)
    rates = [learning_rate(schedule, epoch, lr=2e-4) for epoch in range(6, 10)]
    np.testing.assert_allclose(rates, resumed, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "policy"), [("linear_100_100", "linear"), ("step_50", "step"), ("cosine_100", "cosine")]
)
def test_learning_rate_policies(reference, name, policy):
    answers = (reference / "misc" / "lr.npz").arrays()[name]
    assert len(answers) == 200
    rates = [
        learning_rate(ScheduleOptions(lr_policy=policy, lr_decay_iters=50), epoch, lr=2e-4) for epoch in range(200)
    ]
    np.testing.assert_allclose(rates, answers, rtol=1e-9, atol=1e-18)  # the cosine goes through 0


def test_adam(reference):
    """The optimiser inside the trainer, fed the reference's gradients."""
    answers = (reference / "misc" / "adam.npz").arrays()
    net = mx.gluon.nn.Dense(1, use_bias=False, in_units=64)
    net.initialize()
    trainer = Pix2PixTrainer(net, net, ctx=[mx.current_context()])
    net.weight.set_data(mx.nd.zeros((1, 64)))  # where the reference's five steps begin
    for gradient, expected in zip(answers["grads"], answers["params"]):
        net.collect_params().zero_grad()  # a discriminator's gradients add up
        with mx.autograd.record():
            product = (net.weight.data() * mx.nd.array(gradient.reshape(1, 64))).sum()
        product.backward()
        trainer.G.update(1)
        np.testing.assert_allclose(net.weight.data().asnumpy().ravel(), expected, atol=1e-8, rtol=1e-6)


def reference_trainer(answers, dtype):
    """A trainer that starts from the reference's weights."""
    generator, discriminator = get_model("unet_256", ngf=8, dropout=False), get_model("basic", ndf=8)
    for net, letter in ((generator, "G"), (discriminator, "D")):
        net.initialize()
        for name, parameter in net._collect_params_with_prefix().items():
            parameter.set_data(mx.nd.array(answers[f"init_{letter}/{upstream_key(name, num_downs=8)}"]))
        net.cast(dtype)
        net.hybridize(static_alloc=True, static_shape=True)
    return Pix2PixTrainer(generator, discriminator, ctx=[mx.current_context()])


def test_losses_of_three_steps(reference):
    answers = (reference / "train" / "unet_256_batch_vanilla_b1_nf8.npz").arrays()
    trainer = reference_trainer(answers, "float32")
    for step, (a, b) in enumerate(zip(answers["A"], answers["B"])):
        losses = trainer.step(mx.nd.array(a), mx.nd.array(b), seed=(0, 0, step))
        values = [losses[name].asscalar() for name in ("G_GAN", "G_L1", "D_real", "D_fake")]
        np.testing.assert_allclose(values, answers["losses"][step], rtol=1e-5 if step == 0 else 1e-3)


def test_gradients_of_the_first_step(reference, monkeypatch):
    """In float64, so that the difference is the reference's own float32 noise and none of ours (up to 5e-5)."""
    answers = (reference / "train" / "unet_256_batch_vanilla_b1_nf8.npz").arrays()
    trainer = reference_trainer(answers, "float64")
    sum_gradients, seen = trainer.cluster.sum_gradients, {}

    def compare_and_sum(learner):
        letter = learner.name[0].upper()
        for name, parameter in learner.parameters.items():
            answer = answers[f"grad1_{letter}/{upstream_key(name, num_downs=8)}"]
            seen[letter, name] = np.abs(parameter.grad().asnumpy() - answer).max() / np.abs(answer).max()
        sum_gradients(learner)

    monkeypatch.setattr(trainer.cluster, "sum_gradients", compare_and_sum)
    a, b = (mx.nd.array(answers[letter][0], dtype="float64") for letter in "AB")
    trainer.step(a, b, seed=(0, 0, 0))
    assert len(seen) == sum(key.startswith("grad1_") for key in answers)
    assert max(seen.values()) < 2.5e-5, seen
