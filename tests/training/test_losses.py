"""The losses against their formulas in numpy; tests/parity compares them with the reference's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.losses import GANLoss, l1_loss

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
