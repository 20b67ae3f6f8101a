"""The shared layers against MXNet's own operators, and initial weights against the numbers that they are drawn from."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.core.operators import (
    Dropout,
    OneChannelConv,
    OneChannelDeconv,
    PictureNorm,
    bias_before,
    concat_channels,
    norm_layer,
)
from gluon_pix2pix.core_options import NORMS
from gluon_pix2pix.runtime import mx

pytestmark = pytest.mark.device

nd, nn = mx.nd, mx.gluon.nn
MODES = pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridised"])


def draw(*shape, seed=0, dtype="float32"):
    return nd.array(np.random.default_rng(seed).normal(0.5, 2, shape), dtype=dtype)


def run(function, *inputs):
    """Return function(*inputs) and the gradients of its weighted sum with respect to the inputs."""
    for x in inputs:
        x.attach_grad()
    with mx.autograd.record():
        y = function(*inputs)
        total = (y * draw(*y.shape, seed=9, dtype=y.dtype)).sum()
    total.backward()
    return [y.asnumpy(), *(x.grad.asnumpy() for x in inputs)]


def run_block(block, x, hybridize=False):
    """Return what `run` does, and the gradients of the block's parameters by name."""
    if hybridize:
        block.hybridize(static_alloc=True, static_shape=True)
    y, grad_x = run(block, x)
    trained = {k: p for k, p in block._collect_params_with_prefix().items() if p.grad_req != "null"}
    return {"y": y, "x": grad_x, **{name: parameter.grad().asnumpy() for name, parameter in trained.items()}}


def off(ours, theirs):
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(ours, theirs))


def set_all(block, **values):
    block.initialize()
    for name, parameter in block._collect_params_with_prefix().items():
        parameter.set_data(values[name])


@MODES
@pytest.mark.parametrize("size", [(8, 8), (5, 11), (1, 2)])
def test_picture_norm_is_instance_norm(size, hybridize):
    x, gamma, beta = draw(3, 4, *size), draw(4, seed=1), draw(4, seed=2)
    norm = PictureNorm(4)
    set_all(norm, gamma=gamma, beta=beta)
    ours = run_block(norm, x, hybridize)
    theirs = run(lambda x, gamma, beta: nd.InstanceNorm(x, gamma, beta, eps=1e-5), x.copy(), gamma, beta)
    for name, answer in zip(("y", "x", "gamma", "beta"), theirs):
        np.testing.assert_allclose(ours[name], answer, atol=1e-5 * max(1, np.abs(answer).max()), rtol=0, err_msg=name)


@MODES
def test_picture_norm_is_batch_norm_of_one_picture(hybridize):
    x, gamma, beta = draw(1, 6, 16, 12), draw(6, seed=1), draw(6, seed=2)
    norm, batch_norm = PictureNorm(6), norm_layer("batch", 6)
    set_all(norm, gamma=gamma, beta=beta)
    set_all(batch_norm, gamma=gamma, beta=beta, running_mean=nd.zeros(6), running_var=nd.ones(6))
    ours, theirs = run_block(norm, x, hybridize), run_block(batch_norm, x.copy())
    np.testing.assert_allclose(ours["y"], theirs["y"], atol=2e-6, rtol=0)
    for name in ("x", "gamma", "beta"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-4, atol=2e-6, err_msg=name)
    assert np.abs(batch_norm.running_mean.data().asnumpy()).max() > 0.01  # it did run in train mode


def test_picture_norm_looks_at_no_other_picture():
    pictures = draw(3, 2, 6, 4)
    norm = PictureNorm(2)
    norm.initialize()
    together = norm(pictures).asnumpy()
    for number in range(3):
        np.testing.assert_array_equal(norm(pictures[number : number + 1]).asnumpy()[0], together[number])


def test_instance_norm_has_no_parameters():
    x = draw(2, 3, 4, 5)
    norm = norm_layer("instance", 3)
    norm.initialize()
    assert norm._collect_params_with_prefix() == {}
    pixels = x.asnumpy().astype(np.float64)
    mean, variance = (f(pixels, axis=(2, 3), keepdims=True) for f in (np.mean, np.var))
    np.testing.assert_allclose(norm(x).asnumpy(), (pixels - mean) / np.sqrt(variance + 1e-5), atol=2e-6)


def test_running_statistics_in_every_mode():
    x = draw(2, 3, 4, 5)
    norm = norm_layer("running", 3)
    values = {name: draw(3, seed=seed) for seed, name in enumerate(("gamma", "beta", "running_mean"))}
    set_all(norm, **values, running_var=nd.array([0.5, 1, 4]))
    quiet = norm(x).asnumpy()
    with mx.autograd.train_mode():
        np.testing.assert_array_equal(norm(x).asnumpy(), quiet)
    gamma, beta, mean = (value.asnumpy().reshape(3, 1, 1) for value in values.values())
    deviation = np.sqrt(np.reshape([0.5, 1, 4], (3, 1, 1)) + 1e-5)
    np.testing.assert_allclose(quiet, (x.asnumpy() - mean) / deviation * gamma + beta, rtol=1e-5, atol=1e-5)


def test_batch_norm_keeps_nine_tenths_of_what_it_knew():
    x = draw(2, 3, 8, 8)
    norm = norm_layer("batch", 3)
    norm.initialize()
    run(norm, x)
    expected = 0.1 * x.asnumpy().mean(axis=(0, 2, 3))  # from 0
    np.testing.assert_allclose(norm.running_mean.data().asnumpy(), expected, rtol=1e-5)


def test_other_norms():
    x = draw(1, 2, 3, 3)
    np.testing.assert_array_equal(norm_layer("none", 2)(x).asnumpy(), x.asnumpy())
    assert [norm for norm in NORMS if bias_before(norm)] == ["instance"]
    with pytest.raises(ValueError, match="no norm 'layer'; choose from batch, instance, none, syncbatch"):
        norm_layer("layer", 2)


@MODES
@pytest.mark.parametrize(("kernel", "padding", "use_bias"), [(4, 1, True), (1, 0, False)])
def test_one_channel_convolution(kernel, padding, use_bias, hybridize):
    x, weight, bias = draw(2, 32, 9, 7), draw(1, 32, kernel, kernel, seed=1), draw(1, seed=2)
    layer = OneChannelConv(32, kernel, padding=padding, use_bias=use_bias)
    set_all(layer, weight=weight, bias=bias)
    ours = run_block(layer, x, hybridize)
    shape = {"kernel": (kernel, kernel), "pad": (padding, padding), "num_filter": 1}
    arrays = [a.astype("float64") for a in ([x, weight, bias] if use_bias else [x, weight])]
    theirs = run(lambda *a: nd.Convolution(*a, **shape, no_bias=not use_bias), *arrays)
    assert set(ours) == {"y", "x", "weight", "bias"} - (set() if use_bias else {"bias"})
    assert off(ours.values(), theirs) < 2e-6


@MODES
@pytest.mark.parametrize("size", [(6, 4), (1, 1)])
def test_one_channel_deconvolution(size, hybridize):
    x, weight, bias = draw(2, 32, *size), draw(32, 1, 4, 4, seed=1), draw(1, seed=2)
    layer = OneChannelDeconv(32)
    set_all(layer, weight=weight, bias=bias)
    ours = run_block(layer, x, hybridize)
    shape = {"kernel": (4, 4), "stride": (2, 2), "pad": (1, 1), "num_filter": 1, "no_bias": False}
    theirs = run(lambda *a: nd.Deconvolution(*a, **shape), *(a.astype("float64") for a in (x, weight, bias)))
    assert ours["y"].shape == (2, 1, 2 * size[0], 2 * size[1])
    assert off(ours.values(), theirs) < 2e-6


@pytest.mark.parametrize("multiple", [1, 16])
def test_concatenation_of_channels(multiple):
    ours = run(
        lambda a, b: concat_channels(nd, a, b, plain=multiple % 16 == 0), draw(2, 16, 3, 4), draw(2, 32, 3, 4, seed=1)
    )
    theirs = run(lambda a, b: nd.concat(a, b, dim=1), draw(2, 16, 3, 4), draw(2, 32, 3, 4, seed=1))
    for our, their in zip(ours, theirs):
        np.testing.assert_array_equal(our, their)


def initialised(seed=0, ctx=None, **kwargs):
    net = get_model("unet", num_downs=5, ngf=16)
    init_weights(net, seed=seed, ctx=ctx or [mx.current_context()], **kwargs)
    return net._collect_params_with_prefix()


@pytest.mark.parametrize("init_gain", [0.02, 0.5])
def test_initial_weights(init_gain):
    groups = {"weight": [], "gamma": [], "beta": [], "bias": [], "running_mean": [], "running_var": []}
    for name, parameter in initialised(init_gain=init_gain).items():
        groups[name.rpartition(".")[2]].append(parameter.data().asnumpy().ravel())
    values = {kind: np.concatenate(arrays).astype(np.float64) for kind, arrays in groups.items()}
    # Ten standard errors of a mean, and of a standard deviation.
    for kind, mean in (("weight", 0), ("gamma", 1)):
        error = init_gain / values[kind].size ** 0.5
        assert abs(values[kind].mean() - mean) < 10 * error
        assert abs(values[kind].std() - init_gain) < 10 * error
        assert values[kind].std() > 0
    skewed = np.abs(values["weight"]) > 2 * init_gain
    assert skewed.mean() == pytest.approx(0.0455, abs=0.003)  # as of a normal distribution
    for kind in ("beta", "bias", "running_mean"):
        assert values[kind].size
        assert not values[kind].any()
    assert (values["running_var"] == 1).all()


def test_initial_weights_depend_on_the_seed_alone():
    once = initialised(seed=(3, 1))
    mx.random.seed(12345)
    mx.nd.random.uniform(shape=(7,)).wait_to_read()
    again = initialised(seed=(3, 1), ctx=[mx.cpu(0), mx.cpu(1)])
    other = initialised(seed=(3, 2))
    for name, parameter in once.items():
        value = parameter.data().asnumpy()
        for ctx in (mx.cpu(0), mx.cpu(1)):
            np.testing.assert_array_equal(again[name].data(ctx).asnumpy(), value)
        if name.endswith(("weight", "gamma")):
            assert (other[name].data().asnumpy() != value).mean() > 0.99


@pytest.mark.parametrize(
    ("init_type", "deviation"),
    # torch.nn.init counts 64 * 16 into and 256 * 16 out of a weight of shape (256, 64, 4, 4)
    [("xavier", 0.02 * (2 / (1024 + 4096)) ** 0.5), ("kaiming", (2 / 1024) ** 0.5), ("normal", 0.02)],
)
def test_other_ways_to_draw(init_type, deviation):
    weight = initialised(init_type=init_type)["up.1.deconv.weight"].data().asnumpy()
    assert weight.shape == (256, 64, 4, 4)
    assert weight.std() == pytest.approx(deviation, rel=0.01)
    assert abs(weight.mean()) < 10 * deviation / weight.size**0.5


@pytest.mark.parametrize("name", ["down.0.conv.weight", "down.4.conv.weight", "last.weight"])
def test_orthogonal_weights(name):
    weight = initialised(init_type="orthogonal", init_gain=0.5)[name].data().asnumpy()
    flat = weight.reshape(len(weight), -1)
    flat = flat if flat.shape[0] <= flat.shape[1] else flat.T
    np.testing.assert_allclose(flat @ flat.T, 0.25 * np.eye(len(flat)), atol=1e-6)


def test_no_such_way_to_draw():
    with pytest.raises(ValueError, match="no init_type 'uniform'; choose from normal, xavier, kaiming, orthogonal"):
        initialised(init_type="uniform")


@pytest.mark.parametrize(
    ("init_type", "deviation"),
    # torch.nn.init counts 128 * 16 into and 256 * 16 out of a weight of shape (256, 128, 4, 4), and kaiming_normal_
    # takes no gain from the reference
    [("xavier", 3 * (2 / (2048 + 4096)) ** 0.5), ("kaiming", (2 / 2048) ** 0.5), ("normal", 3)],
)
def test_other_ways_to_draw_a_convolution_with_a_gain(init_type, deviation):
    net = get_model("n_layers", n_layers=2, ndf=64)
    init_weights(net, seed=0, ctx=[mx.current_context()], init_type=init_type, init_gain=3)
    weight = net.model[5].weight.data().asnumpy()
    assert weight.shape == (256, 128, 4, 4)
    assert weight.std() == pytest.approx(deviation, rel=0.01)
    gammas = np.concatenate([net.model[layer].gamma.data().asnumpy() for layer in (3, 6)])
    assert gammas.std() == pytest.approx(3, rel=0.2)  # whatever the type, of 384


@pytest.mark.parametrize(("channels", "layer", "shape"), [(6, 0, (32, 6, 1, 1)), (6, 2, (64, 32, 1, 1))])
def test_orthogonal_columns_of_a_weight_with_more_outputs_than_inputs(channels, layer, shape):
    net = get_model("pixel", input_nc=channels, ndf=32)
    init_weights(net, seed=0, ctx=[mx.current_context()], init_type="orthogonal", init_gain=2)
    weight = net.net[layer].weight.data().asnumpy()
    assert weight.shape == shape
    flat = weight.reshape(shape[:2])
    np.testing.assert_allclose(flat.T @ flat, 4 * np.eye(shape[1]), atol=1e-5)


def test_dropout_is_gluons_without_cudnns_own_state():
    layer, gluons, x = Dropout(0.5), mx.gluon.nn.Dropout(0.5), mx.nd.ones((1, 4, 32, 32))
    dropped = []
    for net in (layer, gluons):
        mx.random.seed(3)
        with mx.autograd.train_mode():
            dropped.append(net(x).asnumpy())
    np.testing.assert_array_equal(*dropped)
    assert set(np.unique(dropped[0])) == {0, 2}
    np.testing.assert_array_equal(layer(x).asnumpy(), x.asnumpy())
    graph = json.loads(layer(mx.sym.var("data")).tojson())["nodes"]
    assert [node["attrs"]["cudnn_off"] for node in graph if node["op"] == "Dropout"] == ["True"]


@pytest.mark.parametrize("name", ["unet_128", "resnet_6blocks"])
def test_every_dropout_of_a_network_is_ours(name):
    layers = []
    get_model(name, ngf=2).apply(lambda block: layers.append(block) if isinstance(block, mx.gluon.nn.Dropout) else None)
    assert layers
    assert {type(layer) for layer in layers} == {Dropout}
