"""Adam against MXNet's own operator and the paper's numbers, and on what a network's backward leaves."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix import adam_loops
from gluon_pix2pix.core.optimizer import Adam
from gluon_pix2pix.runtime import mx

SETTINGS = {"learning_rate": 2e-3, "beta1": 0.5, "beta2": 0.999, "epsilon": 1e-8}


class MXNetsAdam(mx.optimizer.Adam):
    """MXNet's own, with the epsilon that makes its numbers those of the paper: MXNet adds it before the correction."""

    def update(self, index, weight, grad, state):
        t = self._index_update_count.get(index, 0) + 1
        self.epsilon = SETTINGS["epsilon"] * (1 - self.beta2**t) ** 0.5
        super().update(index, weight, grad, state)


def updated(optimizer: mx.optimizer.Optimizer, size: int, steps: int = 3, dtype: str = "float32") -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    weight = mx.nd.array(rng.standard_normal(size), dtype=dtype)
    state = optimizer.create_state(0, weight)
    for _ in range(steps):
        optimizer.update(0, weight, mx.nd.array(rng.standard_normal(size), dtype=dtype), state)
    return [array.asnumpy() for array in (weight, *state)]


@pytest.mark.parametrize("size", [1, 5, 1000, 70_001])
@pytest.mark.parametrize("extra", [{}, {"wd": 0.01}, {"rescale_grad": 0.25}])
def test_the_numbers_are_mxnets(monkeypatch, size, extra):
    monkeypatch.setattr(adam_loops, "SPLIT", 4)  # several threads
    ours = Adam(**SETTINGS, **extra, workers=3)
    for mine, theirs in zip(updated(ours, size), updated(MXNetsAdam(**SETTINGS, **extra), size)):
        # MXNet takes 1 - beta2 of the rounded beta2, which is 5e-5 off in the variance.
        np.testing.assert_allclose(mine, theirs, rtol=6e-5, atol=1e-7)


def test_the_numbers_are_the_papers():
    """Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1, in float64."""
    rng = np.random.default_rng(0)
    weight, mean, variance = rng.standard_normal(100).astype(np.float32).astype(np.float64), 0.0, 0.0
    for t in range(1, 4):
        g = rng.standard_normal(100).astype(np.float32).astype(np.float64)
        mean, variance = 0.5 * mean + 0.5 * g, 0.999 * variance + 0.001 * g**2
        weight -= 2e-3 * (mean / (1 - 0.5**t)) / (np.sqrt(variance / (1 - 0.999**t)) + 1e-8)
    for mine, theirs in zip(updated(Adam(**SETTINGS), 100), (weight, mean, variance)):
        np.testing.assert_allclose(mine, theirs, rtol=2e-6, atol=2e-7)


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    monkeypatch.setattr(adam_loops, "SPLIT", 4)
    results = [updated(Adam(**SETTINGS, workers=workers), 30_001) for workers in (1, 2, 5)]
    for mine, first in zip(results[1:], results[:1] * 2):
        for a, b in zip(mine, first):
            np.testing.assert_array_equal(a, b)


def test_other_types_are_left_to_mxnet():
    for mine, theirs in zip(
        updated(Adam(**SETTINGS), 9, dtype="float64"), updated(MXNetsAdam(**SETTINGS), 9, dtype="float64")
    ):
        np.testing.assert_array_equal(mine, theirs)


def trained(optimizer: object) -> list[np.ndarray]:
    """Train convolutions, whose gradients oneDNN leaves in a layout of its own, for five steps."""
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Conv2D(16, 4, 2, 1, in_channels=16), mx.gluon.nn.Conv2DTranspose(16, 4, 2, 1, in_channels=16))
    net.initialize(mx.init.Zero())
    rng = np.random.default_rng(0)
    for parameter in net.collect_params().values():
        parameter.set_data(mx.nd.array(rng.standard_normal(parameter.shape) * 0.1))
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = mx.gluon.Trainer(net.collect_params(), optimizer, update_on_kvstore=False)
    for _ in range(5):
        x = mx.nd.array(rng.standard_normal((2, 16, 8, 8)))
        with mx.autograd.record():
            loss = ((net(x) - x) ** 2).mean()
        loss.backward()
        trainer.step(2)
    return [parameter.data().asnumpy() for parameter in net.collect_params().values()]


def test_a_network_trains_the_same():
    for mine, theirs in zip(trained(Adam(**SETTINGS)), trained(MXNetsAdam(**SETTINGS))):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("size", "dtype"), [(1000, "float32"), (70_001, "float32"), (9, "float64")])
def test_the_average_is_tensorflows_formula(monkeypatch, size, dtype):
    """tf.train.ExponentialMovingAverage with num_updates: decay min(ema, (1 + t) / (10 + t)), worked out in float64."""
    monkeypatch.setattr(adam_loops, "SPLIT", 4)
    plain, averaging = Adam(**SETTINGS), Adam(**SETTINGS, ema=0.25)
    average = np.random.default_rng(0).standard_normal(size)
    for t in range(1, 6):
        weight = updated(plain, size, steps=t, dtype=dtype)[0]
        plain = Adam(**SETTINGS)
        decay = min(0.25, (1 + t) / (10 + t))  # 2/11, then 3/12, then 0.25
        average = decay * average + (1 - decay) * weight.astype(np.float64)
    found = updated(averaging, size, steps=5, dtype=dtype)
    np.testing.assert_array_equal(found[0], weight)  # what learns is not touched
    np.testing.assert_allclose(found[3], average, rtol=1e-6, atol=1e-6)
