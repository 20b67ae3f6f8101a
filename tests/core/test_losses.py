"""The losses against their formulas in numpy; tests/parity compares them with the reference's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.core.losses import GANLoss, l1_loss
from gluon_pix2pix.runtime import mx

pytestmark = pytest.mark.device

LOGITS = np.random.default_rng(0).normal(scale=3, size=(3, 1, 5, 4)).astype(np.float32)


@pytest.mark.parametrize("real", [True, False])
def test_vanilla_is_the_cross_entropy_of_each_map(real):
    values = GANLoss("vanilla")(mx.nd.array(LOGITS), real).asnumpy()
    expected = np.logaddexp(0, -LOGITS if real else LOGITS).mean(axis=(1, 2, 3))  # -log sigmoid(±x)
    np.testing.assert_allclose(values, expected, rtol=1e-6)


@pytest.mark.parametrize("real", [True, False])
def test_lsgan_is_the_mean_squared_error_of_each_map(real):
    values = GANLoss("lsgan")(mx.nd.array(LOGITS), real).asnumpy()
    np.testing.assert_allclose(values, ((LOGITS - real) ** 2).mean(axis=(1, 2, 3)), rtol=1e-6)


def test_hinge_is_a_margin_for_the_discriminator_and_the_logit_for_the_generator():
    """Lim and Ye, arXiv 1705.02894."""
    loss, logits = GANLoss("hinge"), mx.nd.array(LOGITS)
    mean = {"axis": (1, 2, 3)}
    np.testing.assert_allclose(loss(logits, True).asnumpy(), np.maximum(0, 1 - LOGITS).mean(**mean), rtol=1e-6)
    np.testing.assert_allclose(loss(logits, False).asnumpy(), np.maximum(0, 1 + LOGITS).mean(**mean), rtol=1e-6)
    generators = loss(logits, True, for_discriminator=False).asnumpy()
    np.testing.assert_allclose(generators, -LOGITS.mean(**mean), rtol=1e-5)


def test_label_smoothing_is_for_what_the_discriminator_says_of_real_pairs():
    plain, smooth = GANLoss("lsgan"), GANLoss("lsgan", label_smoothing=0.1)
    logits = mx.nd.array(LOGITS)
    expected = ((LOGITS - 0.9) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(smooth(logits, True).asnumpy(), expected, rtol=1e-6)
    assert (smooth(logits, False) == plain(logits, False)).asnumpy().all()
    assert (smooth(logits, True, for_discriminator=False) == plain(logits, True)).asnumpy().all()
    # The cross-entropy is least where the sigmoid is 0.9.
    entropy = GANLoss("vanilla", label_smoothing=0.1)(mx.nd.array(np.log([4, 9, 20])).reshape((3, 1, 1, 1)), True)
    assert entropy.asnumpy().argmin() == 1


def test_vanilla_stays_finite_at_large_logits():
    logits = mx.nd.array([1e4, -1e4]).reshape((2, 1, 1, 1))
    assert GANLoss("vanilla")(logits, True).asnumpy().tolist() == [0, 1e4]


def test_l1_is_a_mean_over_the_elements_of_each_picture():
    fake, target = np.random.default_rng(1).normal(size=(2, 3, 2, 5, 4)).astype(np.float32)
    values = l1_loss(mx.nd.array(fake), mx.nd.array(target)).asnumpy()
    np.testing.assert_allclose(values, np.abs(fake - target).mean(axis=(1, 2, 3)), rtol=1e-6)


def test_modes_that_there_are_not():
    with pytest.raises(ValueError, match="there is no gan_mode 'nonsense'; choose from vanilla, lsgan"):
        GANLoss("nonsense")
    with pytest.raises(ValueError, match=r"wgangp needs the gradient of a gradient.*choose from vanilla, lsgan"):
        GANLoss("wgangp")


def test_smoothing_that_cannot_be():
    with pytest.raises(ValueError, match=r"label_smoothing is at least 0 and below 0\.5, not 0\.5"):
        GANLoss("vanilla", label_smoothing=0.5)
    with pytest.raises(ValueError, match="label_smoothing goes with vanilla and lsgan: hinge has no labels"):
        GANLoss("hinge", label_smoothing=0.1)


def test_hinge_by_hand():
    """Logits -2, 0, 1/2 and 3: real ones lack 3, 1, 1/2 and 0 of 1, fake ones exceed -1 by 0, 1, 3/2 and 4."""
    loss, logits = GANLoss("hinge"), mx.nd.array([-2, 0, 0.5, 3]).reshape((1, 1, 2, 2))
    assert loss(logits, True).asnumpy().tolist() == [4.5 / 4]
    assert loss(logits, False).asnumpy().tolist() == [6.5 / 4]
    assert loss(logits, True, for_discriminator=False).asnumpy().tolist() == [-1.5 / 4]


def test_a_smoothed_discriminator_rests_at_its_label():
    """At logit(0.9) = 2.1972246, where the sigmoid says 0.9, and below it the loss still falls."""
    logits = mx.nd.array([2.1972246, 2.0, 2.4]).reshape((3, 1, 1, 1))
    logits.attach_grad()
    with mx.autograd.record():
        loss = GANLoss("vanilla", label_smoothing=0.1)(logits, True)
    loss.backward()
    rest, below, above = logits.grad.asnumpy().ravel()
    assert abs(rest) < 1e-7
    assert below == pytest.approx(0.8807971 - 0.9, rel=1e-5)  # sigmoid(2) - 0.9
    assert above == pytest.approx(0.9168273 - 0.9, rel=1e-5)


@pytest.mark.parametrize(
    ("mode", "right_of_fake", "right_of_real"), [("vanilla", 0.5, 0.25), ("hinge", 0.5, 0.25), ("lsgan", 0.75, 0.25)]
)
def test_accuracy_is_the_share_of_the_map_on_the_right_side(mode, right_of_fake, right_of_real):
    """Logits have a sign; lsgan's labels are 0 and 1. An undecided patch is right for neither."""
    logits = mx.nd.array([-2.0, -0.5, 0.0, 0.9]).reshape((1, 1, 2, 2))
    both = mx.nd.concat(logits, mx.nd.full((1, 1, 2, 2), 9.0), dim=0)
    gan = GANLoss(mode)
    assert gan.accuracy(both, False).asnumpy().tolist() == [right_of_fake, 0]
    assert gan.accuracy(both, True).asnumpy().tolist() == [right_of_real, 1]
