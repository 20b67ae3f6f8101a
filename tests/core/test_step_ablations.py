"""Each option of the losses and of Adam changes what it should, and nothing else, against updates made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.runtime import mx

pytestmark = pytest.mark.device

nd, autograd = mx.nd, mx.autograd


def trained(net) -> dict:
    return {name: p for name, p in net._collect_params_with_prefix().items() if p.grad_req != "null"}


def gradients(net) -> dict[str, np.ndarray]:
    return {name: parameter.grad().asnumpy() for name, parameter in trained(net).items()}


def weights(net) -> dict[str, np.ndarray]:
    nd.waitall()
    return {name: parameter.data().asnumpy() for name, parameter in trained(net).items()}


def generator_by_hand(twin, source, loss_of_fake) -> tuple[float, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return one loss of a generator that nobody has trained, its gradients, and the weights after Adam's first step.

    At the first step Adam's corrected means are the gradient and its square, so that a weight moves by lr g / (|g| +
    epsilon).
    """
    before = weights(twin.generator)
    with autograd.record():
        loss = loss_of_fake(twin.generator(source))
    loss.backward()
    found = gradients(twin.generator)
    stepped = {k: before[k] - 2e-4 * g / (np.abs(g) + np.float32(1e-8)) for k, g in found.items()}
    return loss.asscalar(), found, stepped


def check_generator(trainer, found, stepped):
    """Compare with the trainer's gradients, which are sums over its batch of two, and with its weights."""
    ours, moved = gradients(trainer.generator), weights(trainer.generator)
    for name, gradient in found.items():
        scale = np.abs(gradient).max()
        assert scale > 1e-7, name
        np.testing.assert_allclose(ours[name] / 2, gradient, atol=2e-6 * scale, rtol=0, err_msg=name)
        clear = np.abs(gradient) > 1e-5 * scale  # where it is noise around 0, Adam's first step has either sign
        assert clear[gradient != 0].mean() > 0.99
        np.testing.assert_allclose(moved[name][clear], stepped[name][clear], atol=2e-6, err_msg=name)  # of 2e-4


def test_without_lambda_gan_the_generator_learns_from_l1_alone(make_trainer, same_bits):
    trainer, twin = make_trainer(lambda_gan=0), make_trainer()
    source, target = trainer.batch(2)
    before = trainer.parameters()
    losses = trainer.step(source, target, seed=(0,))
    loss, *expected = generator_by_hand(twin, source, lambda fake: 100 * nd.abs(fake - target).mean())
    assert {name: value.asscalar() for name, value in losses.items()} == {"G_L1": pytest.approx(loss, rel=1e-6)}
    check_generator(trainer, *expected)
    after = trainer.parameters()
    d_names = [name for name in before if name.startswith("D ")]
    assert d_names
    assert same_bits({name: before[name] for name in d_names}, {name: after[name] for name in d_names})


def test_without_lambda_l1_the_generator_learns_from_the_discriminator_alone(make_trainer):
    trainer, twin = make_trainer(lambda_l1=0), make_trainer()
    source, target = trainer.batch(2)
    losses = trainer.step(source, target, seed=(0,))
    assert list(losses) == ["D_real", "D_fake", "D_accuracy", "G_GAN"]
    for name, parameter in twin.discriminator._collect_params_with_prefix().items():  # D as G has met it: updated
        parameter.set_data(trainer.discriminator._collect_params_with_prefix()[name].data())

    def cross_entropy(fake):
        return nd.log(1 + nd.exp(-twin.discriminator(nd.concat(source, fake, dim=1)))).mean()

    loss, *expected = generator_by_hand(twin, source, cross_entropy)
    assert losses["G_GAN"].asscalar() == pytest.approx(loss, rel=1e-6)
    check_generator(trainer, *expected)


def test_both_weights_add_their_gradients_up(make_trainer):
    """lambda_gan 2 and lambda_l1 30: the gradient is twice that of the one and thirty times that of the other."""
    both, gan, l1 = make_trainer(lambda_gan=2, lambda_l1=30), make_trainer(lambda_l1=0), make_trainer(lambda_gan=0)
    source, target = both.batch(2)
    for trainer in (both, gan, l1):
        trainer.step(source, target, seed=(0,))
    parts = [gradients(trainer.generator) for trainer in (both, gan, l1)]
    for name, gradient in parts[0].items():
        expected = 2 * parts[1][name] + 0.3 * parts[2][name]
        np.testing.assert_allclose(gradient, expected, atol=2e-6 * np.abs(expected).max(), rtol=0, err_msg=name)


def cross_entropy_with(label: float):
    return lambda logits: (np.logaddexp(0, logits) - label * logits).mean()


# What D says of real pairs, D of fake ones, and G of fake ones, each from logits.
MODES = {
    "vanilla": (cross_entropy_with(1), cross_entropy_with(0), cross_entropy_with(1)),
    "vanilla, smoothed": (cross_entropy_with(0.8), cross_entropy_with(0), cross_entropy_with(1)),
    "lsgan": (lambda x: ((x - 1) ** 2).mean(), lambda x: (x**2).mean(), lambda x: ((x - 1) ** 2).mean()),
    "lsgan, smoothed": (lambda x: ((x - 0.8) ** 2).mean(), lambda x: (x**2).mean(), lambda x: ((x - 1) ** 2).mean()),
    "hinge": (lambda x: np.maximum(0, 1 - x).mean(), lambda x: np.maximum(0, 1 + x).mean(), lambda x: -x.mean()),
}


@pytest.mark.parametrize("mode", MODES)
def test_which_loss_each_network_has(make_trainer, mode):
    gan_mode, _, smoothed = mode.partition(", ")
    trainer = make_trainer(norm="none", lr=1e-2, gan_mode=gan_mode, label_smoothing=0.2 if smoothed else 0.0)
    source, target = trainer.batch(2)
    fake = trainer.generator(source)
    pairs = [nd.concat(source, picture, dim=1) for picture in (target, fake)]
    real_logits, fake_logits = (trainer.discriminator(pair).asnumpy().astype(np.float64) for pair in pairs)
    losses = trainer.step(source, target, seed=(0,))
    updated = trainer.discriminator(pairs[1]).asnumpy().astype(np.float64)
    values = [losses[name].asscalar() for name in ("D_real", "D_fake", "G_GAN")]
    expected = [loss(logits) for loss, logits in zip(MODES[mode], (real_logits, fake_logits, updated))]
    assert values == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("conditional", [True, False])
def test_whether_d_looks_at_the_source(make_trainer, same_bits, conditional):
    """Fakes that are the same whatever the source: then only the discriminator's eyes can tell the sources apart."""
    found = []
    for seed in (1, 2):
        trainer = make_trainer(conditional=conditional, lambda_l1=0)
        trainer.generator.last.weight.set_data(nd.zeros_like(trainer.generator.last.weight.data()))
        trainer.generator.last.bias.set_data(nd.array([0.1, -0.2, 0.3]))
        source, target = trainer.batch(2, seed=seed)[0], trainer.batch(2, seed=3)[1]
        losses = trainer.step(source, target, seed=(0,))
        seen = {name: losses[name].asnumpy() for name in ("D_real", "D_fake", "G_GAN")}
        found.append(seen | {name: a for name, a in trainer.parameters().items() if name.startswith("D ")})
    assert same_bits(*found) is not conditional
    assert found[0]["D model.0.weight"].shape[1] == (6 if conditional else 3)


def test_d_lr_scales_ds_step_and_leaves_gs(make_trainer):
    before, after = make_trainer().parameters(), {}
    for d_lr in (None, 1e-5):
        # G hardly listens to D, so that a different D does not show in it.
        trainer = make_trainer(lr=1e-3, d_lr=d_lr, lambda_gan=1e-9)
        trainer.run(1, size=2)
        after[d_lr] = trainer.parameters()
    for name, start in before.items():
        if "running" in name:
            continue
        steps = [after[d_lr][name].astype(np.float64) - start for d_lr in (None, 1e-5)]
        assert np.abs(steps[0]).max() == pytest.approx(1e-3, rel=1e-3)
        expected = steps[0] * (1e-2 if name.startswith("D ") else 1)
        np.testing.assert_allclose(steps[1], expected, atol=1.5e-7, rtol=0, err_msg=name)  # float32 around 1


def test_a_pool_that_is_not_full_changes_nothing(make_trainer, same_bits):
    without, pooled, full = (make_trainer(pool_size=size, dropout=True) for size in (0, 6, 3))
    losses = [trainer.run(3, size=2) for trainer in (without, pooled, full)]
    assert losses[0] == losses[1] != losses[2]
    assert same_bits(without.parameters(), pooled.parameters())
    assert not same_bits(without.parameters(), full.parameters())
    assert [len(trainer.pools[0].pictures) for trainer in (without, pooled, full)] == [0, 6, 3]


def feed(trainer, gradient_of_step: list[float]) -> list[float]:
    """Update with the same gradient for every weight; return where a bias that begins at 0 is after each step."""
    bias = trainer.generator.last.bias
    bias.set_data(nd.zeros(3))
    places = []
    for gradient in gradient_of_step:
        with autograd.record():
            total = sum((gradient * parameter.data()).sum() for parameter in trained(trainer.generator).values())
        total.backward()
        trainer.G.update(1)
        places.append(bias.data().asnumpy()[0])
    return places


def adam(gradient_of_step, *, lr, beta1, beta2, epsilon, corrected_first) -> list[float]:
    """Adam (arXiv 1412.6980, algorithm 1), or with epsilon as its section 2 rearranges it."""
    mean = square = place = 0.0
    places = []
    for step, gradient in enumerate(gradient_of_step, 1):
        mean = beta1 * mean + (1 - beta1) * gradient
        square = beta2 * square + (1 - beta2) * gradient**2
        if corrected_first:
            place -= lr * (mean / (1 - beta1**step)) / ((square / (1 - beta2**step)) ** 0.5 + epsilon)
        else:
            place -= lr * (1 - beta2**step) ** 0.5 / (1 - beta1**step) * mean / (square**0.5 + epsilon)
        places.append(place)
    return places


GRADIENTS = [3e-8, -1e-8, 5e-8, 2e-8]  # of the size of epsilon, so that it matters where that is added


@pytest.mark.parametrize(("beta1", "beta2"), [(0.5, 0.999), (0.9, 0.99), (0.0, 0.9)])
def test_adams_numbers_reach_it(make_trainer, beta1, beta2):
    options = {"lr": 1e-3, "beta1": beta1, "beta2": beta2}
    places = feed(make_trainer(**options), GRADIENTS)
    expected = adam(GRADIENTS, **options, epsilon=1e-8, corrected_first=True)
    np.testing.assert_allclose(places, expected, rtol=1e-5)
    other = adam(GRADIENTS, **options, epsilon=1e-8, corrected_first=False)
    assert np.abs(np.subtract(expected, other)).max() > 1e-4
