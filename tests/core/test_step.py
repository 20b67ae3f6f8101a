"""The training step: its losses, its order, its devices, its seeds."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.core.losses import GANLoss, l1_loss
from gluon_pix2pix.core.operators import set_precision
from gluon_pix2pix.core.step import Part, Pix2PixTrainer
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.devices import has_bfloat16

pytestmark = pytest.mark.device


def softplus(x: np.ndarray) -> float:
    return np.logaddexp(0, x.astype(np.float64)).mean()


def test_losses_are_what_the_paper_defines(make_trainer):
    """D is judged before its update; G is judged by the updated D, with the picture that D has seen."""
    trainer = make_trainer(norm="none", lr=1e-2)
    source, target = trainer.batch(2)
    fake = trainer.generator(source)
    fake_pair, real_pair = (mx.nd.concat(source, x, dim=1) for x in (fake, target))
    d_fake, d_real = (trainer.discriminator(pair).asnumpy() for pair in (fake_pair, real_pair))
    losses = trainer.step(source, target, seed=(0,))
    after = trainer.discriminator(fake_pair).asnumpy()
    assert abs(softplus(-after) - softplus(-d_fake)) > 1e-3
    expected = {"D_fake": softplus(d_fake), "D_real": softplus(-d_real), "G_GAN": softplus(-after)}
    expected["G_L1"] = 100 * np.abs(fake.asnumpy() - target.asnumpy()).mean()
    expected["D_accuracy"] = ((d_fake < 0).mean() + (d_real > 0).mean()) / 2
    assert {name: value.asscalar() for name, value in losses.items()} == pytest.approx(expected, rel=1e-5)
    assert all(value.shape == (1,) for value in losses.values())


def test_steps_lower_l1_on_one_pair(make_trainer):
    trainer = make_trainer(lr=2e-3)
    pair = trainer.batch()
    l1 = [trainer.step(*pair, seed=(0, 0, step))["G_L1"].asscalar() for step in range(20)]
    assert 40 < l1[0] < 60  # the mean of |uniform(-1, 1)| is 1/2, and fakes begin near 0
    assert l1[-1] < 0.8 * l1[0]
    assert trainer.steps == 20


def test_both_networks_learn(make_trainer):
    trainer = make_trainer()
    before = trainer.parameters()
    trainer.run(1)
    after = trainer.parameters()
    assert [name for name in before if np.array_equal(before[name], after[name])] == []


def generator_gradients(trainer) -> dict[str, np.ndarray]:
    parameters = trainer.generator._collect_params_with_prefix().items()
    return {name: p.grad().asnumpy() for name, p in parameters if p.grad_req != "null"}


def test_g_learns_from_the_losses_gradient(make_trainer):
    """Against one backward through both networks, which computes gradients of D's weights as well."""
    trainer = make_trainer()
    trainer.run(1)
    source, target = trainer.batch(seed=1)
    other = make_trainer()
    other.run(1)
    # D's update comes before G's: do it alone, with the fake of the weights before.
    mx.random.seed(0)
    with mx.autograd.record():
        fake = other.generator(source)
    parts = [Part(source, target, 1.0)]
    other._backward_discriminator(parts, [fake], np.random.default_rng(0))
    other.D.update(1)
    with mx.autograd.record():
        logits = other.discriminator(mx.nd.concat(source.detach(), fake, dim=1))
        loss = GANLoss("vanilla")(logits, True) + 100 * l1_loss(fake, target)
    loss.backward()
    expected = generator_gradients(other)
    trainer.step(source, target, seed=(0,))
    found = generator_gradients(trainer)
    for name, gradient in expected.items():
        assert np.abs(gradient).max() > 0
        np.testing.assert_allclose(found[name], gradient, rtol=0, atol=2e-6 * np.abs(gradient).max(), err_msg=name)


def test_gs_update_leaves_ds_gradients_alone(make_trainer, monkeypatch, same_bits):
    trainer = make_trainer()
    seen = []
    sum_gradients = trainer.cluster.sum_gradients

    def note_and_sum(learner):
        seen.append({name: p.grad().asnumpy() for name, p in trainer.D.parameters.items()})
        sum_gradients(learner)

    monkeypatch.setattr(trainer.cluster, "sum_gradients", note_and_sum)
    trainer.run(1)
    of_d, of_g = seen
    assert all(np.abs(gradient).max() > 0 for gradient in of_d.values())
    assert same_bits(of_d, of_g)


def test_a_discriminator_that_was_asked_before_trains_the_same(make_trainer, same_bits):
    fresh = make_trainer()
    first = make_trainer()
    source, target = first.batch()
    with mx.autograd.predict_mode():
        first.discriminator(mx.nd.concat(source, target, dim=1))
    again = Pix2PixTrainer(first.generator, first.discriminator, ctx=first.ctx)
    losses = [trainer.step(source, target, seed=(0,)) for trainer in (fresh, again)]
    assert losses[0]["D_real"].asscalar() == losses[1]["D_real"].asscalar()
    assert same_bits(fresh.parameters(), first.parameters())


def test_another_form_of_d_that_shares_its_weights_judges_g(make_trainer):
    trainer = make_trainer()
    trainer.run(1)
    ours, judges = (net._collect_params_with_prefix() for net in (trainer.discriminator, trainer.critic))
    assert list(ours) == list(judges)
    assert all(ours[name] is judges[name] for name in ours)
    assert trainer.critic._cached_op is not trainer.discriminator._cached_op is not None


@pytest.mark.parametrize("size", [1, 2, 3])
def test_two_devices_do_what_one_does(make_trainer, size):
    """Batches that divide evenly, unevenly, and not at all. Without norm, which would see another batch."""
    one, two = (make_trainer(norm="none", devices=devices) for devices in (1, 2))
    for ours, theirs in zip(one.run(3, size=size), two.run(3, size=size)):
        assert theirs == pytest.approx(ours, rel=1e-5)
    expected, got, other = one.parameters(), two.parameters(0), two.parameters(1)
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], values, atol=2e-6, err_msg=name)  # a step is 2e-4
        np.testing.assert_array_equal(other[name], got[name])


def test_two_devices_with_batch_norm_run(make_trainer):
    trainer = make_trainer(devices=2)
    losses = trainer.run(2, size=3)
    assert all(np.isfinite(list(step.values())).all() for step in losses)


def test_dropout_follows_the_seed(make_trainer, same_bits):
    first, again, other, without = (make_trainer(dropout=dropout) for dropout in (True, True, True, False))
    for trainer, seed in ((first, 5), (again, 5), (other, 6), (without, 5)):
        mx.nd.random.uniform(shape=(7,)).wait_to_read()  # what was drawn before does not matter
        trainer.run(3, seed=seed)
    assert same_bits(first.parameters(), again.parameters())
    assert not same_bits(first.parameters(), other.parameters())
    assert not same_bits(first.parameters(), without.parameters())


@pytest.mark.parametrize("ngf", [8, 5])
def test_hybridised_is_imperative(make_trainer, ngf):
    hybrid, imperative = (make_trainer(hybridize=hybridize, ngf=ngf, norm="none") for hybridize in (True, False))
    for ours, theirs in zip(hybrid.run(3, size=2), imperative.run(3, size=2)):
        assert ours == pytest.approx(theirs, rel=1e-6)
    expected = imperative.parameters()
    for name, values in hybrid.parameters().items():
        np.testing.assert_allclose(values, expected[name], atol=2e-6, err_msg=name)


def test_learning_rate(make_trainer, same_bits):
    trainer = make_trainer(norm="none")
    before = trainer.parameters()
    trainer.set_learning_rate(0.0)
    trainer.run(1)
    assert same_bits(before, trainer.parameters())
    trainer.set_learning_rate(1e-3)
    trainer.run(1)
    # Adam's steps are of about the learning rate, whatever the gradient.
    moved = np.concatenate([np.abs(after - before[name]).ravel() for name, after in trainer.parameters().items()])
    assert 2e-4 < np.median(moved) < 2e-3


def test_a_pool_shows_d_earlier_fakes(make_trainer, monkeypatch):
    trainer = make_trainer(pool_size=2)
    shown, query = [], trainer.pools[0].query

    def record(pair, rng):
        shown.append((pair, query(pair, rng)))
        return shown[-1][1]

    monkeypatch.setattr(trainer.pools[0], "query", record)
    trainer.run(12)
    given, seen = ([step[k].asnumpy().tobytes() for step in shown] for k in (0, 1))
    assert seen[:2] == given[:2]
    earlier = [number for number in range(12) if seen[number] != given[number]]
    assert 1 <= len(earlier) < 10
    assert all(seen[number] in given[:number] for number in earlier)


def test_a_step_waits_for_the_one_before(make_trainer, monkeypatch):
    trainer, waited = make_trainer(), []
    monkeypatch.setattr(mx.nd.NDArray, "wait_to_read", lambda array: waited.append(array))
    first = trainer.step(*trainer.batch(), seed=(0,)).values()
    assert not [array for array in waited if any(array is loss for loss in first)]
    trainer.step(*trainer.batch(), seed=(1,))
    assert [array for array in waited if any(array is loss for loss in first)]


@pytest.mark.parametrize(
    ("network", "name"), [("generator", "up.1.norm.running_var"), ("discriminator", "model.0.bias")]
)
def test_weights_that_are_no_longer_finite_are_named(make_trainer, network, name):
    trainer = make_trainer()
    trainer.run(1)
    trainer.check_finite()
    parameter = getattr(trainer, network)._collect_params_with_prefix()[name]
    parameter.set_data(mx.nd.full(parameter.shape, np.inf))
    with pytest.raises(FloatingPointError, match=f"{name} is no longer finite after step 1 of the run: .*lower --lr"):
        trainer.check_finite()


@pytest.mark.parametrize("size", [1, 3])
def test_gradient_norms_are_of_what_adam_is_given(make_trainer, size):
    """Over one device and two, with a batch that divides unevenly, against the gradients of one device."""
    one, two = (make_trainer(norm="none", devices=devices, log_gradients=True) for devices in (1, 2))
    pair = one.batch(size)
    norms = {}
    update = one.D.trainer.update
    one.D.trainer.update = lambda n: (norms.update(D=squares(one.discriminator, n)), update(n))
    ours = one.step(*pair, seed=(0,))
    norms["G"] = squares(one.generator, size)
    theirs = two.step(*pair, seed=(0,))
    for letter in "DG":
        value = ours[f"{letter}_gradient"]
        assert value.shape == (1,)
        assert value.asscalar() == pytest.approx(norms[letter], rel=1e-5)
        assert theirs[f"{letter}_gradient"].asscalar() == pytest.approx(norms[letter], rel=1e-4)


@pytest.mark.skipif(not has_bfloat16(), reason="this processor has no AVX512-BF16")
def test_both_networks_learn_in_bfloat16_as_in_float32(make_trainer):
    def mean_losses(precision: str) -> dict[str, float]:
        trainer = make_trainer(hybridize=False, lr=1e-3)
        for net in (trainer.generator, trainer.discriminator):
            set_precision(net, precision)
            net.hybridize(static_alloc=True, static_shape=True)
        trainer.critic.hybridize(static_alloc=True, static_shape=True)
        before = trainer.parameters()
        losses = [trainer.step(*trainer.batch(2), seed=(step,)) for step in range(60)][-20:]
        after = trainer.parameters()
        assert [name for name in before if np.array_equal(before[name], after[name])] == []
        return {name: np.mean([each[name].asscalar() for each in losses]) for name in losses[0]}

    plain, low = mean_losses("float32"), mean_losses("bfloat16")
    assert plain["D_real"] < 0.3  # a discriminator that has learnt nothing says 0.69
    assert low == pytest.approx(plain, rel=0.15)


def test_scaled_losses_train_the_same(make_trainer):
    """65536 is a power of two: in float32 scaling by it changes no bit, but for epsilon-sized numbers."""
    plain, scaled = (make_trainer(scale_losses=scale, log_gradients=True) for scale in (False, True))
    for ours, theirs in zip(plain.run(4), scaled.run(4)):
        assert theirs == pytest.approx(ours, rel=1e-6)
    assert scaled.G.loss_scale.factor == 65536
    for name, values in plain.parameters().items():
        np.testing.assert_allclose(scaled.parameters()[name], values, rtol=0, atol=1e-7, err_msg=name)


def test_a_step_whose_gradients_overflow_is_left_out(make_trainer, same_bits):
    trainer = make_trainer(scale_losses=True, log_gradients=True)
    trainer.run(2)
    trainer.G.loss_scale.load({"loss_scale": 3e38, "next_loss_scale": 3e38, "unskipped": 7})
    before = trainer.parameters()
    (losses,) = trainer.run(1)
    assert losses["G_gradient"] == 0 < losses["D_gradient"]
    after = trainer.parameters()
    weights = [name for name in before if "running" not in name]
    for letter, moved in (("G", False), ("D", True)):
        names = [name for name in weights if name.startswith(letter)]
        assert same_bits(*({n: values[n] for n in names} for values in (before, after))) != moved
    assert trainer.G.loss_scale.state == {"loss_scale": 3e38, "next_loss_scale": 1.5e38, "unskipped": 0}
    assert tuple(learner.trainer.optimizer.num_update for learner in trainer.learners) == (2, 3)
    assert trainer.steps == 3


def squares(net, batch_size: int) -> float:
    """The 2-norm of all gradients of a network, over the batch."""
    gradients = [p.grad().asnumpy().ravel() for p in net.collect_params().values() if p.grad_req != "null"]
    return float(np.linalg.norm(np.concatenate(gradients).astype(np.float64))) / batch_size


def test_gradient_norms_are_on_request_and_change_nothing(make_trainer, same_bits):
    with_norms, without = (make_trainer(log_gradients=logged) for logged in (True, False))
    assert "G_gradient" in with_norms.run(2)[-1]
    assert "G_gradient" not in without.run(2)[-1]
    assert same_bits(with_norms.parameters(), without.parameters())
