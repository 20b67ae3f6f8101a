"""Every operator of the networks and of the step, forward and backward, against the CPU's in float64."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gluon_pix2pix.core.losses import GANLoss, l1_loss
from gluon_pix2pix.core.operators import (
    Conv2D,
    Conv2DTranspose,
    OneChannelConv,
    OneChannelDeconv,
    PictureNorm,
    concat_channels,
)
from gluon_pix2pix.core_options import GAN_MODES
from gluon_pix2pix.diagnosis.comparison import Row, compare, guarded
from gluon_pix2pix.runtime import mx

nd = mx.nd


class Case(NamedTuple):
    """A function of NDArrays, the shapes of its inputs, and of what kind its numbers are; `true` is the CPU's dtype."""

    name: str
    kind: str
    function: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    true: str = "float64"


def _layer(name: str, block: mx.gluon.HybridBlock, kind: str, *shapes: tuple[int, ...]) -> Case:
    """Make a case of a layer, whose parameters are inputs like others."""
    return Case(name, kind, lambda *arrays: block.hybrid_forward(nd, *arrays), shapes)


def _batch_norm(x, gamma, beta, mean, variance):
    return nd.BatchNorm(x, gamma, beta, mean, variance, eps=1e-5, fix_gamma=False)


def _running_norm(x, gamma, beta):
    mean, variance = nd.zeros_like(gamma) + 0.25, nd.ones_like(gamma) * 0.5
    return nd.BatchNorm(x, gamma, beta, mean, variance, eps=1e-5, fix_gamma=False, use_global_stats=True)


def convolutions() -> list[Case]:
    """The convolutions of all networks, with as many channels as are quick to compute in float64."""
    conv, up, x = "convolution", Conv2DTranspose, (2, 32, 16, 16)
    return [
        _layer("Convolution 4/2/1", Conv2D(48, 4, 2, 1, in_channels=32), conv, x, (48, 32, 4, 4), (48,)),
        _layer("Convolution 4/1/1", Conv2D(48, 4, 1, 1, in_channels=32), conv, x, (48, 32, 4, 4), (48,)),
        _layer("Convolution 3/1", Conv2D(32, 3, use_bias=False, in_channels=32), conv, x, (32, 32, 3, 3)),
        _layer("Convolution 7", Conv2D(16, 7, in_channels=3), conv, (1, 3, 22, 22), (16, 3, 7, 7), (16,)),
        _layer("Convolution 1", Conv2D(32, 1, in_channels=6), conv, (2, 6, 16, 16), (32, 6, 1, 1), (32,)),
        _layer(
            "Convolution 4/2/1 to 1x1", Conv2D(64, 4, 2, 1, in_channels=64), conv, (1, 64, 2, 2), (64, 64, 4, 4), (64,)
        ),
        _layer("Convolution to one channel", OneChannelConv(32, 4, padding=1), conv, x, (1, 32, 4, 4), (1,)),
        _layer("Deconvolution 4/2/1", up(24, 4, 2, 1, in_channels=32), conv, x, (32, 24, 4, 4), (24,)),
        _layer(
            "Deconvolution 4/2/1 of 1x1", up(64, 4, 2, 1, in_channels=64), conv, (1, 64, 1, 1), (64, 64, 4, 4), (64,)
        ),
        _layer("Deconvolution 3/2/1", up(16, 3, 2, 1, 1, in_channels=32), conv, x, (32, 16, 3, 3), (16,)),
        _layer("Deconvolution to one channel", OneChannelDeconv(32), conv, x, (32, 1, 4, 4), (1,)),
    ]


def norms() -> list[Case]:
    """The normalisations; the innermost map of a U-Net has 2x2 pixels."""
    x, c, many = (2, 24, 16, 16), (24,), (1, 512, 2, 2)
    return [
        Case("BatchNorm in training", "norm", _batch_norm, (x, c, c, c, c)),
        Case("BatchNorm of 2x2", "norm", _batch_norm, (many, *[(512,)] * 4)),
        Case("BatchNorm by running statistics", "norm", _running_norm, (x, c, c)),
        _layer("picture norm (LayerNorm, grouped convolution)", PictureNorm(24), "norm", x, c, c),
        _layer("picture norm of 64x64", PictureNorm(4), "norm", (1, 4, 64, 64), (4,), (4,)),
        _layer("instance norm", PictureNorm(24, affine=False), "norm", x),
        Case("InstanceNorm", "norm", lambda *a: nd.InstanceNorm(*a, eps=1e-5), (x, c, c), true="float32"),
    ]


def pointwise() -> list[Case]:
    """What is done to each value, or moves values."""
    x, y = (2, 16, 12, 12), (2, 8, 12, 12)
    return [
        Case("relu", "pointwise", lambda a: nd.Activation(a, act_type="relu"), (x,)),
        Case("tanh", "pointwise", lambda a: nd.Activation(a, act_type="tanh"), (x,)),
        Case("LeakyReLU", "pointwise", lambda a: nd.LeakyReLU(a, slope=0.2), (x,)),
        Case("Pad by reflection", "sum", lambda a: nd.pad(a, mode="reflect", pad_width=(0,) * 4 + (3,) * 4), (x,)),
        Case("concat of 16s", "moved", lambda a, b: concat_channels(nd, a, b, plain=True), (x, x)),
        Case("concat of any", "moved", lambda a, b: concat_channels(nd, a, b, plain=False), (x, y)),
        Case("flip", "moved", lambda a: nd.flip(a, axis=(1, 3)), (x,)),
        Case("depth_to_space", "moved", lambda a: nd.depth_to_space(a, block_size=2), (x,)),
        Case("transpose", "moved", lambda a: nd.transpose(a, axes=(0, 2, 3, 1)), (x,)),
        Case("slice", "moved", lambda a: nd.slice(a, begin=(None, None, 1, 1), end=(None, None, -1, -1)), (x,)),
        Case("slice_axis", "moved", lambda a: nd.slice_axis(a, axis=1, begin=0, end=1), (x,)),
        Case("broadcast_add", "sum", lambda a, b: nd.broadcast_add(a, nd.reshape(b, (1, -1, 1, 1))), (x, (16,))),
        Case("broadcast_axis", "sum", lambda a: nd.broadcast_axis(a, axis=0, size=15), ((1, 8, 4, 4),)),
        Case("to the CPU and back", "moved", lambda a: a.as_in_context(mx.cpu()).as_in_context(a.context), (x,)),
    ]


def sums() -> list[Case]:
    """The losses and what the step computes of gradients."""
    logits, picture = (3, 1, 30, 30), (3, 3, 32, 32)
    cases = [Case("L1", "sum", l1_loss, (picture, picture))]
    for mode in GAN_MODES:
        for real, who in ((True, True), (False, True), (True, False)):
            words = f"GAN loss {mode}, {'real' if real else 'fake'}{'' if who else ', of the generator'}"
            loss = GANLoss(mode)
            function = lambda a, loss=loss, real=real, who=who: loss(a, real, for_discriminator=who)  # noqa: E731
            cases.append(Case(words, "sum", function, (logits,)))
    cases.append(Case("mean", "sum", lambda a: a.mean(axis=0, exclude=True), (picture,)))
    return cases


def compute(case: Case, device: mx.Context, dtype: str) -> dict[str, np.ndarray]:
    """Return a case's result and the gradients of its weighted sum, on a device in a dtype."""
    rng = np.random.default_rng(0)
    inputs = [rng.normal(0.1, 1, shape).astype(np.float32) for shape in case.shapes]
    arrays = [nd.array(array, ctx=device, dtype=dtype) for array in inputs]
    for array in arrays:
        array.attach_grad()
    with mx.autograd.record():
        result = case.function(*arrays)
    weights = rng.normal(0, 1, result.shape).astype(np.float32)
    result.backward(nd.array(weights, ctx=device, dtype=dtype))
    numbers = {"result": result.asnumpy()}
    return numbers | {f"gradient {i}": array.grad.asnumpy() for i, array in enumerate(arrays)}


def check_operators(device: mx.Context) -> Iterator[Row]:
    """Compare every operator on a device, in float32, with the CPU's in float64."""
    for case in (*convolutions(), *norms(), *pointwise(), *sums()):
        yield from guarded("operators", case.name, lambda case=case: _compare_case(case, device))
    for name, check in (("running statistics", _running_statistics), ("norms and Adam", _update)):
        yield from guarded("operators", name, lambda check=check: check(device))


def _compare_case(case: Case, device: mx.Context) -> Iterator[Row]:
    kinds = {"": "sum" if case.kind in ("moved", "pointwise") else case.kind, "result": case.kind}
    found, true = compute(case, device, "float32"), compute(case, mx.cpu(), case.true)
    rows = list(compare("operators", case.name, kinds, found, true, device))
    yield max(rows, key=lambda row: (row.state == "FAILED", row.difference / (row.allowed or 1e-30)))


def _running_statistics(device: mx.Context) -> Iterator[Row]:
    """Compare how batch norm moves its statistics; cuDNN takes the unbiased variance and the CPU the biased one."""
    x = np.random.default_rng(0).normal(1, 2, (2, 8, 6, 6))
    layer = mx.gluon.nn.BatchNorm(epsilon=1e-5, momentum=0.9, in_channels=8)
    layer.initialize(ctx=device)
    with mx.autograd.record():
        y = layer(nd.array(x, ctx=device))
    y.backward()
    mean, variance = (getattr(layer, name).data(device).asnumpy() for name in ("running_mean", "running_var"))
    axes, count = (0, 2, 3), x.size / 8
    true = {"running mean": 0.1 * x.mean(axis=axes)}
    yield from compare("operators", "BatchNorm", {"": "norm"}, {"running mean": mean}, true, device)
    ways = {"biased": 1.0, "unbiased": count / (count - 1)}
    rows = {
        way: next(
            compare(
                "operators",
                "BatchNorm",
                {"": "norm"},
                {"running variance": variance},
                {"running variance": 0.9 + 0.1 * x.var(axis=axes) * factor},
                device,
            )
        )
        for way, factor in ways.items()
    }
    way = min(rows, key=lambda way: rows[way].difference)
    row = rows[way]
    yield Row(row.part, row.name, row.difference, row.allowed, note=f"the {way} one")


def _update(device: mx.Context) -> Iterator[Row]:
    """Compare the norm of gradients, the look for numbers that are not finite, and Adam's update."""
    from gluon_pix2pix.core.optimizer import Adam  # its state is of a device

    arrays = [np.random.default_rng(i).normal(0, 1, (40, 50)).astype(np.float32) for i in range(3)]
    on_device = [nd.array(array, ctx=device) for array in arrays]
    squares = nd.multi_sum_sq(*on_device, num_arrays=3).asnumpy()
    true = {"": np.array([(array.astype(np.float64) ** 2).sum() for array in arrays])}
    yield from compare("operators", "multi_sum_sq", {"": "sum"}, {"": squares}, true, device)

    finite = nd.multi_all_finite(*on_device, num_arrays=3).asnumpy()
    on_device[1][3, 4] = np.inf
    infinite = nd.multi_all_finite(*on_device, num_arrays=3).asnumpy()
    found, right = {"": np.concatenate([finite, infinite])}, {"": np.array([1.0, 0.0])}
    yield from compare("operators", "multi_all_finite", {"": "bits"}, found, right, device)

    arrays[0] *= np.float32(0.02)  # as weights begin
    weight, gradient = nd.array(arrays[0], ctx=device), nd.array(arrays[2], ctx=device)
    adam = Adam(learning_rate=2e-4, beta1=0.5, beta2=0.999, epsilon=1e-8)
    state = adam.create_state(0, weight)
    for _ in range(3):
        adam.update(0, weight, gradient, state)
    way = {"": weight.asnumpy().astype(np.float64) - arrays[0]}
    yield from compare("operators", "Adam, the way of three steps", {"": "norm"}, way, {"": _adam(arrays)}, device)


def _adam(arrays: list[np.ndarray]) -> np.ndarray:
    """Return the way of three of Adam's steps with one gradient, in float64 (arXiv 1412.6980, algorithm 1)."""
    gradient, way = arrays[2].astype(np.float64), np.zeros(arrays[0].shape)
    mean = variance = np.zeros_like(gradient)
    for t in (1, 2, 3):
        mean, variance = 0.5 * mean + 0.5 * gradient, 0.999 * variance + 0.001 * gradient**2
        way -= 2e-4 * mean / (1 - 0.5**t) / (np.sqrt(variance / (1 - 0.999**t)) + 1e-8)
    return way
