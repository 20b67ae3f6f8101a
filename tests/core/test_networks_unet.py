"""The U-Net: its parameters counted, its blocks looked at, sizes, and widths that MXNet's concat cannot take."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gluon_pix2pix.core.networks import UNetGenerator, get_model, init_weights
from gluon_pix2pix.runtime import mx

pytestmark = pytest.mark.device


def trainable(net):
    """Return the shapes of the trainable parameters by name; nothing is allocated."""
    return {name: p.shape for name, p in net._collect_params_with_prefix().items() if p.grad_req != "null"}


def initialised(**kwargs):
    net = UNetGenerator(**{"ngf": 2, "num_downs": 3, "dropout": False, **kwargs})
    init_weights(net, seed=0, ctx=[mx.current_context()], init_gain=0.2)
    return net


def noise(*shape, seed=0):
    return mx.nd.array(np.random.default_rng(seed).uniform(-1, 1, shape))


@pytest.mark.parametrize(
    ("name", "count"),
    [("unet_256", 54_413_955), ("unet_128", 41_828_995), ("unet_512", 66_998_915)],
)
def test_number_of_parameters(name, count):
    # Each level of 512 channels more has two 4x4 convolutions and two batch norms: 512 (512 + 1024) 16 + 4 * 512.
    assert sum(map(math.prod, trainable(get_model(name)).values())) == count
    assert 54_413_955 - 41_828_995 == 66_998_915 - 54_413_955 == 512 * (512 + 1024) * 16 + 4 * 512


def test_layers_of_the_paper():
    """Appendix 6.1.1: C64-C128-C256-C512-C512-C512-C512-C512, and CD512-CD1024-...-C128 counted after the skips."""
    shapes = trainable(get_model("unet_256"))
    downs = [shapes[f"down.{level}.conv.weight"] for level in range(8)]
    assert [shape[0] for shape in downs] == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [shape[1] for shape in downs] == [3, 64, 128, 256, 512, 512, 512, 512]
    ups = [shapes[f"up.{number}.deconv.weight"] for number in range(7)] + [shapes["last.weight"]]
    assert [shape[0] for shape in ups] == [512, 1024, 1024, 1024, 1024, 512, 256, 128]
    assert [shape[1] for shape in ups] == [512, 512, 512, 512, 256, 128, 64, 3]
    assert {shape[2:] for shape in downs + ups} == {(4, 4)}


def test_which_layers_have_bias_and_norm():
    names = set(trainable(get_model("unet_256")))
    assert {name for name in names if name.endswith("bias")} == {"last.bias"}
    normed = {name.rpartition(".")[0] for name in names if name.endswith("gamma")}
    assert normed == {f"down.{level}.norm" for level in range(1, 7)} | {f"up.{number}.norm" for number in range(7)}
    names = set(trainable(get_model("unet_256", norm="instance")))  # the reference: a bias in every convolution then
    assert {name for name in names if name.endswith("bias")} == {
        name[:-6] + "bias" for name in names if "weight" in name
    }
    assert len(names) == 2 * 16


@pytest.mark.parametrize(
    ("blocks", "num_downs", "dropped"),  # blocks are counted from the innermost, 0
    [
        ("upstream", 5, []),
        ("upstream", 7, [1, 2]),
        ("upstream", 8, [1, 2, 3]),
        ("paper", 5, [0, 1, 2]),
        ("paper", 7, [0, 1, 2]),
        ("paper", 8, [0, 1, 2]),
        ("paper", 2, [0]),
    ],
)
def test_which_blocks_have_dropout(blocks, num_downs, dropped):
    net = UNetGenerator(num_downs=num_downs, dropout_blocks=blocks)
    said = {number: str(up.dropout) for number, up in enumerate(net.up) if up.dropout}
    assert said == dict.fromkeys(dropped, "Dropout(p = 0.5, axes=())")
    assert not any(up.dropout for up in UNetGenerator(num_downs=num_downs, dropout_blocks=blocks, dropout=False).up)


def test_dropout_drops_half_and_only_in_train_mode():
    net = initialised(num_downs=2, ngf=64, dropout=True, dropout_blocks="paper")
    block, x = net.up[0], noise(1, 128, 4, 4)
    quiet = block(x).asnumpy()
    assert (quiet == 0).mean() < 0.01
    mx.random.seed(0)
    with mx.autograd.train_mode():
        assert (block(x).asnumpy() == 0).mean() == pytest.approx(0.5, abs=0.05)  # of 4096


@pytest.mark.parametrize("shape", [(8, 8), (16, 40), (48, 24)])
@pytest.mark.parametrize(("input_nc", "output_nc"), [(3, 3), (1, 3), (3, 1)])
def test_sizes_and_channels(shape, input_nc, output_nc):
    y = initialised(input_nc=input_nc, output_nc=output_nc)(noise(2, input_nc, *shape)).asnumpy()
    assert y.shape == (2, output_nc, *shape)
    assert np.abs(y).max() <= 1
    assert y.std() > 1e-3


@pytest.mark.parametrize("num_downs", [2, 5, 8])
def test_what_sides_have_to_be_a_multiple_of(num_downs):
    assert UNetGenerator(num_downs=num_downs, ngf=1).multiple == 2**num_downs


def test_skips_carry_the_details():
    """With the inner blocks silenced, the source reaches the output past them, and without skips it does not."""
    x = noise(1, 3, 16, 16)
    for skips in (True, False):
        net = initialised(skips=skips)
        silent = net.up[len(net.up) - 1]  # the outermost block below `last`; the skip past it is of the first down
        for parameter in silent.collect_params().values():
            parameter.set_data(mx.nd.zeros_like(parameter.data()))
        y = net(x).asnumpy()
        assert bool(y.std() > 1e-3) is skips
    assert trainable(initialised(skips=False))["last.weight"] == (2, 3, 4, 4)


@pytest.mark.parametrize("ngf", [1, 2, 3, 4, 6, 12, 20])
def test_widths_that_end_inside_a_block_of_onednn(ngf):
    """Hybridised with MXNet's own concat, these end in an error or in the death of the process."""
    answers = []
    for hybridize, dtype in ((False, "float64"), (True, "float32")):
        net = initialised(ngf=ngf)
        net.cast(dtype)
        if hybridize:
            net.hybridize(static_alloc=True, static_shape=True)
        x = noise(1, 3, 16, 16).astype(dtype)
        x.attach_grad()
        with mx.autograd.record():
            y = net(x)
            total = (y * noise(1, 3, 16, 16, seed=1).astype(dtype)).sum()
        total.backward()
        first = net.down[0].conv.weight.grad()
        answers.append([a.asnumpy() for a in (y, x.grad, first)])
    for exact, ours in zip(*answers):
        np.testing.assert_allclose(ours, exact, atol=2e-5 * np.abs(exact).max(), rtol=0)


@pytest.mark.parametrize(
    ("kwargs", "error"),
    [
        ({"num_downs": 1}, "a U-Net has 2 levels or more, not 1"),
        ({"dropout_blocks": "all"}, "dropout_blocks is one of upstream, paper, not 'all'"),
    ],
)
def test_errors(kwargs, error):
    with pytest.raises(ValueError, match=error):
        UNetGenerator(**kwargs)
