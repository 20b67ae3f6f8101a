"""The discriminators: parameters, sizes of the maps, and what a logit sees."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gluon_pix2pix.core.networks import PatchDiscriminator, PixelDiscriminator, get_model
from gluon_pix2pix.runtime import mx

pytestmark = pytest.mark.device


def trainable(net):
    return {name: p.shape for name, p in net._collect_params_with_prefix().items() if p.grad_req != "null"}


def map_shape(net, *size):
    """Infer the shape of the logits from the graph; nothing is computed."""
    return net(mx.sym.var("pair")).infer_shape(pair=(1, 6, *size))[1][0]


def test_number_of_parameters():
    assert sum(map(math.prod, trainable(get_model("basic")).values())) == 2_768_705
    # 1x1 convolutions 6 to 64 (with bias), 64 to 128, 128 to 1, and a batch norm
    assert sum(map(math.prod, trainable(get_model("pixel")).values())) == 7 * 64 + 64 * 128 + 2 * 128 + 128


@pytest.mark.parametrize(("n_layers", "size"), [(1, 126), (2, 62), (3, 30), (4, 14), (5, 6)])
def test_maps_of_256_pixels(n_layers, size):
    net = PatchDiscriminator(n_layers=n_layers)
    assert map_shape(net, 256, 256) == (1, 1, size, size)
    assert net.patches_per_side(256) == size


def test_map_of_the_pixel_discriminator():
    net = PixelDiscriminator()
    assert map_shape(net, 256, 256) == (1, 1, 256, 256)
    assert map_shape(net, 5, 1) == (1, 1, 5, 1)
    assert net.patches_per_side(256) == 256


@pytest.mark.parametrize("n_layers", [1, 2, 3, 5])
@pytest.mark.parametrize(("height", "width"), [(128, 100), (97, 255), (300, 512)])
def test_patches_per_side_is_the_size_of_the_map(n_layers, height, width):
    net = PatchDiscriminator(n_layers=n_layers, ndf=1)
    assert map_shape(net, height, width) == (1, 1, net.patches_per_side(height), net.patches_per_side(width))


@pytest.mark.parametrize(("n_layers", "smallest"), [(1, 6), (2, 12), (3, 24), (4, 48)])
def test_smallest_picture_that_can_be_judged(n_layers, smallest):
    net = PatchDiscriminator(n_layers=n_layers, ndf=1)
    assert (net.patches_per_side(smallest), net.patches_per_side(smallest - 1)) == (1, 0)
    assert map_shape(net, smallest, smallest) == (1, 1, 1, 1)


@pytest.mark.parametrize(("n_layers", "field"), [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286)])
def test_receptive_field(n_layers, field):
    """The pixels on which one logit has a gradient, with weights that let nothing cancel."""
    net = PatchDiscriminator(input_nc=1, ndf=1, n_layers=n_layers, norm="none")
    net.initialize(mx.init.Constant(0.1))
    pair = mx.nd.ones((1, 1, 448, 448))
    pair.attach_grad()
    with mx.autograd.record():
        logits = net(pair)
        middle = logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2]
    middle.backward()
    rows, columns = np.nonzero(pair.grad.asnumpy()[0, 0])
    for seen in (rows, columns):
        assert (seen.max() - seen.min() + 1, len(set(seen))) == (field, field)
        assert seen.min() > 0
        assert seen.max() < 447


def test_a_pixel_discriminator_sees_one_pixel():
    net = PixelDiscriminator(input_nc=2, ndf=1, norm="none")
    net.initialize(mx.init.Constant(0.1))
    pair = mx.nd.ones((1, 2, 7, 5))
    pair.attach_grad()
    with mx.autograd.record():
        logit = net(pair)[0, 0, 3, 2]
    logit.backward()
    assert np.argwhere(pair.grad.asnumpy()).tolist() == [[0, 0, 3, 2], [0, 1, 3, 2]]


@pytest.mark.parametrize(
    ("name", "norm", "biases", "norms"),
    [
        ("basic", "batch", ["model.0.bias", "model.11.bias"], [3, 6, 9]),
        ("basic", "instance", [f"model.{layer}.bias" for layer in (0, 11, 2, 5, 8)], []),
        ("pixel", "batch", ["net.0.bias"], [3]),  # the reference's last layer has none either
        ("pixel", "instance", ["net.0.bias", "net.2.bias", "net.5.bias"], []),
    ],
)
def test_which_layers_have_bias_and_norm(name, norm, biases, norms):
    names = set(trainable(get_model(name, norm=norm)))
    assert sorted(name for name in names if name.endswith("bias")) == biases
    assert sorted(int(name.split(".")[1]) for name in names if name.endswith("gamma")) == norms


def test_widths():
    shapes = trainable(PatchDiscriminator(ndf=64, n_layers=5))
    widths = [shapes[f"model.{layer}.weight"][0] for layer in (0, 2, 5, 8, 11, 14, 17)]
    assert widths == [64, 128, 256, 512, 512, 512, 1]


def test_no_layers():
    with pytest.raises(ValueError, match="a PatchGAN has 1 layer or more, not 0; the 1x1 discriminator is 'pixel'"):
        PatchDiscriminator(n_layers=0)
