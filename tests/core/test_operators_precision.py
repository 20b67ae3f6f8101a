"""Convolutions in 16 bits: numbers near those of float32, gradients that are float32, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.core.operators import (
    Conv2D,
    Conv2DTranspose,
    OneChannelConv,
    set_precision,
)
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.devices import has_bfloat16

needs_bfloat16 = pytest.mark.skipif(not has_bfloat16(), reason="this processor has no AVX512-BF16")


def gradients_of(net: mx.gluon.Block, x: mx.nd.NDArray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the output and the gradients of its mean square distance to -1, of the weights and of the input."""
    x = x.copy()
    x.attach_grad()
    with mx.autograd.record():
        y = net(x)
        loss = ((y + 1) ** 2).mean()
    loss.backward()
    gradients = {name: p.grad() for name, p in net._collect_params_with_prefix().items() if p.grad_req != "null"}
    arrays = {**gradients, "input": x.grad}
    assert {y.dtype, *(array.dtype for array in arrays.values())} == {np.float32}
    return y.asnumpy(), {name: array.asnumpy() for name, array in arrays.items()}


LAYERS = {
    "conv": lambda: Conv2D(32, 4, strides=2, padding=1, in_channels=16),
    "conv without bias": lambda: Conv2D(32, 3, in_channels=16, use_bias=False),
    "one channel": lambda: OneChannelConv(16, 4, padding=1),
}


@needs_bfloat16
@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("layer", LAYERS)
def test_bfloat16_is_float32_to_three_digits(layer, hybrid):
    net = LAYERS[layer]()
    net.initialize(mx.init.Normal(0.1))
    x = mx.nd.random.uniform(-1, 1, shape=(2, 16, 12, 12))
    expected, expected_gradients = gradients_of(net, x)
    set_precision(net, "bfloat16")
    if hybrid:
        net.hybridize(static_alloc=True, static_shape=True)
    found, gradients = gradients_of(net, x)
    assert not np.array_equal(found, expected)
    # bfloat16 has 8 bits: a rounding is up to 2**-9 of a number.
    np.testing.assert_allclose(found, expected, rtol=0, atol=0.01 * np.abs(expected).max())
    for name, gradient in expected_gradients.items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=0, atol=0.02 * np.abs(gradient).max(), err_msg=name)


@needs_bfloat16
@pytest.mark.parametrize("layer", LAYERS)
def test_gradients_of_two_backwards_add_up(layer):
    net = LAYERS[layer]()
    net.initialize(mx.init.Normal(0.1))
    set_precision(net, "bfloat16")
    pictures = [mx.nd.random.uniform(-1, 1, shape=(1, 16, 12, 12)) for _ in range(2)]
    parts = [gradients_of(net, x)[1] for x in pictures]
    for parameter in net.collect_params().values():
        parameter.grad_req = "add"
    net.hybridize(static_alloc=True, static_shape=True)
    sums = [gradients_of(net, x)[1] for x in pictures][-1]
    for name in net._collect_params_with_prefix():
        assert np.abs(sums[name]).max() > 0
        expected = parts[0][name] + parts[1][name]
        np.testing.assert_allclose(sums[name], expected, rtol=0, atol=1e-5 * np.abs(expected).max(), err_msg=name)


@needs_bfloat16
def test_a_transposed_convolution_stays_float32_in_bfloat16():
    net = Conv2DTranspose(16, 4, strides=2, padding=1, in_channels=16)
    net.initialize(mx.init.Normal(0.1))
    x = mx.nd.random.uniform(-1, 1, shape=(1, 16, 8, 8))
    expected, _ = gradients_of(net, x)
    set_precision(net, "bfloat16")
    np.testing.assert_array_equal(gradients_of(net, x)[0], expected)


@needs_bfloat16
@pytest.mark.parametrize("name", ["unet_128", "resnet_6blocks", "basic", "pixel"])
def test_every_network_takes_bfloat16(name):
    width = {"ndf": 16, "input_nc": 6} if name in ("basic", "pixel") else {"ngf": 16, "dropout": False}
    net = get_model(name, **width)
    init_weights(net, seed=0, ctx=[mx.cpu()])
    x = mx.nd.random.uniform(-1, 1, shape=(1, width.get("input_nc", 3), 128, 128))
    expected, _ = gradients_of(net, x)
    set_precision(net, "bfloat16")
    net.hybridize(static_alloc=True, static_shape=True)
    found, gradients = gradients_of(net, x)
    assert all(np.isfinite(gradient).all() and gradient.any() for gradient in gradients.values())
    assert 0 < np.linalg.norm(found - expected) < 0.03 * np.linalg.norm(expected)


def test_float32_again_is_the_same_as_before():
    net = get_model("basic", ndf=8)
    init_weights(net, seed=0, ctx=[mx.cpu()])
    x = mx.nd.random.uniform(-1, 1, shape=(1, 6, 32, 32))
    expected = net(x).asnumpy()
    for word in ("float16", "float32"):
        set_precision(net, word)
    np.testing.assert_array_equal(net(x).asnumpy(), expected)


def test_float16_casts_around_every_convolution_and_transposed_convolution():
    """In the graph alone: MXNet's CPU build does not compute it."""
    net = get_model("unet", num_downs=3, ngf=16)
    set_precision(net, "float16")
    graph = json.loads(net(mx.sym.var("data")).tojson(remove_amp_cast=False))["nodes"]
    casts = [node["attrs"]["dtype"] for node in graph if node["op"] == "amp_cast"]
    convolutions = [node for node in graph if node["op"] in ("Convolution", "Deconvolution")]
    assert len(convolutions) == 6
    for node in convolutions:
        assert {graph[place]["attrs"]["dtype"] for place, *_ in node["inputs"]} == {"float16"}
    assert casts.count("float16") == 2 * 6 + 1  # picture and weight, and the last one's bias
    assert casts.count("float32") == 6


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="no precision 'int4'; choose from float32, bfloat16, float16"):
        set_precision(Conv2D(1, 1), "int4")
