"""The factor of losses in float16: what MXNet's scaler makes of gradients, and its state."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.core.optimizer import LossScale
from gluon_pix2pix.runtime import mx


def parameter_with(gradient: float) -> mx.gluon.Parameter:
    parameter = mx.gluon.Parameter("weight", shape=(3,))
    parameter.initialize()
    parameter.grad()[:] = gradient
    return parameter


def test_without_scaling_nothing_is_looked_at():
    scale = LossScale()
    assert not scale.overflowed([parameter_with(np.inf)])
    assert (scale.factor, scale.state) == (1.0, {})
    scale.load({})


def test_it_halves_after_an_overflow():
    scale = LossScale(dynamic=True)
    assert not scale.overflowed([parameter_with(1)])
    assert scale.factor == 65536
    for bad in (np.inf, np.nan):
        assert scale.overflowed([parameter_with(1), parameter_with(bad)])
    assert scale.factor == 32768
    assert not scale.overflowed([parameter_with(1)])
    assert scale.factor == 16384


def test_it_doubles_after_2000_steps_without():
    scale = LossScale(dynamic=True)
    scale.load({"loss_scale": 8.0, "next_loss_scale": 8.0, "unskipped": 1998})
    factors = []
    for _ in range(3):
        scale.overflowed([parameter_with(1)])
        factors.append(scale.factor)
    assert factors == [8, 8, 16]


def test_where_scaling_is_not_the_reason_it_gives_up():
    scale = LossScale(dynamic=True)
    scale.load({"loss_scale": 2.0, "next_loss_scale": 1.0, "unskipped": 0})
    assert scale.overflowed([parameter_with(np.inf)])
    with pytest.raises(FloatingPointError, match="gradients are not finite in float16, however little"):
        scale.overflowed([parameter_with(np.inf)])


def test_a_state_that_lacks_something_is_refused():
    with pytest.raises(ValueError, match="the scale of its losses has no next_loss_scale, unskipped"):
        LossScale(dynamic=True).load({"loss_scale": 8.0})
    LossScale().load({"loss_scale": 8.0})  # of a run in float16 that goes on in float32


def test_a_state_goes_on_elsewhere():
    one, other = LossScale(dynamic=True), LossScale(dynamic=True)
    one.overflowed([parameter_with(np.inf)])
    other.load(one.state)
    assert other.state == one.state == {"loss_scale": 65536, "next_loss_scale": 32768, "unskipped": 0}
