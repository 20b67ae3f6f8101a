"""Which parameters each network has, against the reference's rules of construction, told here a second time.

The rules are those of networks.py in junyanz/pytorch-CycleGAN-and-pix2pix.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model
from gluon_pix2pix.handover.torch_weights import upstream_key


class Layer(NamedTuple):
    """A convolution, the place of the norm that follows it, and whether it has a bias whatever the norm."""

    place: str
    weight: tuple[int, ...]
    outputs: int
    norm: Optional[str]
    bias: bool


def conv(place: str, inputs: int, outputs: int, size: int, *, norm: Optional[str] = None, bias: bool = False) -> Layer:
    return Layer(place, (outputs, inputs, size, size), outputs, norm, bias)


def deconv(
    place: str, inputs: int, outputs: int, size: int, *, norm: Optional[str] = None, bias: bool = False
) -> Layer:
    return Layer(place, (inputs, outputs, size, size), outputs, norm, bias)


def unet(widths: list[int], source: int = 3, target: int = 3, skips: bool = True) -> list[Layer]:
    """List the blocks from the outside in; each is the submodule of the one before."""
    double = 2 if skips else 1
    layers = [conv("model.model.0", source, widths[0], 4)]
    layers += [deconv("model.model.3", double * widths[0], target, 4, bias=True)]
    here = "model.model.1.model."
    for outer, inner in zip(widths[:-2], widths[1:-1]):
        # 0 LeakyReLU, 1 down, 2 norm, 3 submodule, 4 ReLU, 5 up, 6 norm
        layers += [conv(f"{here}1", outer, inner, 4, norm=f"{here}2")]
        layers += [deconv(f"{here}5", double * inner, outer, 4, norm=f"{here}6")]
        here += "3.model."
    # 0 LeakyReLU, 1 down, 2 ReLU, 3 up, 4 norm
    layers += [conv(f"{here}1", widths[-2], widths[-1], 4)]
    return [*layers, deconv(f"{here}3", widths[-1], widths[-2], 4, norm=f"{here}4")]


def resnet(blocks: int, width: int, second: int, source: int = 3, target: int = 3) -> list[Layer]:
    """List the layers; `second` is the place of each block's second convolution, 6 with dropout and 5 without."""
    layers = [conv("model.1", source, width, 7, norm="model.2")]
    layers += [conv("model.4", width, 2 * width, 3, norm="model.5")]
    layers += [conv("model.7", 2 * width, 4 * width, 3, norm="model.8")]
    for block in range(10, 10 + blocks):
        for place in (1, second):
            here = f"model.{block}.conv_block."
            layers += [conv(f"{here}{place}", 4 * width, 4 * width, 3, norm=f"{here}{place + 1}")]
    up = 10 + blocks
    layers += [deconv(f"model.{up}", 4 * width, 2 * width, 3, norm=f"model.{up + 1}")]
    layers += [deconv(f"model.{up + 3}", 2 * width, width, 3, norm=f"model.{up + 4}")]
    return [*layers, conv(f"model.{up + 7}", width, target, 7, bias=True)]


def patch(widths: list[int], channels: int = 6) -> list[Layer]:
    """List the layers; convolution, norm and LeakyReLU take three places, but the first has no norm."""
    layers = [conv("model.0", channels, widths[0], 4, bias=True)]
    for number, (before, width) in enumerate(zip(widths, widths[1:])):
        layers += [conv(f"model.{2 + 3 * number}", before, width, 4, norm=f"model.{3 + 3 * number}")]
    return [*layers, conv(f"model.{3 * len(widths) - 1}", widths[-1], 1, 4, bias=True)]


def pixel(width: int) -> list[Layer]:
    """List the layers; the last one has a bias before instance norm alone, although no norm follows it."""
    layers = [conv("net.0", 6, width, 1, bias=True), conv("net.2", width, 2 * width, 1, norm="net.3")]
    return [*layers, conv("net.5", 2 * width, 1, 1)]


def state_dict(layers: list[Layer], norm: str) -> dict[str, tuple[int, ...]]:
    """Spell the layers out as keys and shapes: instance norm has no parameters, and convolutions keep a bias then."""
    shapes = {}
    for layer in layers:
        shapes[f"{layer.place}.weight"] = layer.weight
        if layer.bias or norm == "instance":
            shapes[f"{layer.place}.bias"] = (layer.outputs,)
        if layer.norm and norm == "batch":
            names = ("weight", "bias", "running_mean", "running_var")
            shapes |= {f"{layer.norm}.{name}": (layer.outputs,) for name in names}
    return shapes


LEVELS = [8, 16, 32, 64, 64, 64, 64, 64, 64]
PATCHES = {1: [8, 16], 2: [8, 16, 32], 3: [8, 16, 32, 64], 4: [8, 16, 32, 64, 64], 5: [8, 16, 32, 64, 64, 64]}
PATCHES[6] = [8, 16, 32, 64, 64, 64, 64]
# Name in `get_model`, its arguments, the layers at width 8.
NETS = {
    "unet_512": ("unet_512", {"ngf": 8}, unet(LEVELS)),
    "unet_256": ("unet_256", {"ngf": 8}, unet(LEVELS[:8])),
    "unet_128": ("unet_128", {"ngf": 8}, unet(LEVELS[:7])),
    "unet of 5 levels": ("unet", {"ngf": 8, "num_downs": 5}, unet(LEVELS[:5])),
    "encoder_decoder": ("encoder_decoder", {"ngf": 8}, unet(LEVELS[:8], skips=False)),
    "unet_256, 1 to 4": ("unet_256", {"ngf": 8, "input_nc": 1, "output_nc": 4}, unet(LEVELS[:8], 1, 4)),
    "unet_256, 4 to 1": ("unet_256", {"ngf": 8, "input_nc": 4, "output_nc": 1}, unet(LEVELS[:8], 4, 1)),
    "resnet_9blocks": ("resnet_9blocks", {"ngf": 8}, resnet(9, 8, 6)),
    "resnet_6blocks": ("resnet_6blocks", {"ngf": 8}, resnet(6, 8, 6)),
    "resnet_6blocks, 2 to 5": ("resnet_6blocks", {"ngf": 8, "input_nc": 2, "output_nc": 5}, resnet(6, 8, 6, 2, 5)),
    "basic": ("basic", {"ndf": 8}, patch(PATCHES[3])),
    "basic on the target alone": ("basic", {"ndf": 8, "input_nc": 3}, patch(PATCHES[3], 3)),
    "pixel": ("pixel", {"ndf": 8}, pixel(8)),
}
NETS |= {f"n_layers {n}": ("n_layers", {"ndf": 8, "n_layers": n}, patch(widths)) for n, widths in PATCHES.items()}


def parameters_of(name: str, **kwargs) -> dict[str, tuple[int, ...]]:
    """Return shapes by the reference's keys."""
    net = get_model(name, **kwargs)
    names = net._collect_params_with_prefix()
    num_downs, dropout = len(getattr(net, "down", [])), kwargs.get("dropout", True)
    return {upstream_key(n, num_downs=num_downs, dropout=dropout): p.shape for n, p in names.items()}


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("net", NETS)
def test_keys_and_shapes(net, norm):
    name, kwargs, layers = NETS[net]
    assert parameters_of(name, **kwargs, norm=norm) == state_dict(layers, norm)


def test_synchronised_batch_norm_has_the_parameters_of_batch_norm():
    assert parameters_of("unet_128", ngf=8, norm="syncbatch") == state_dict(unet(LEVELS[:7]), "batch")
    assert parameters_of("basic", ndf=8, norm="syncbatch") == state_dict(patch(PATCHES[3]), "batch")


def test_without_dropout_a_resnet_has_its_second_convolutions_a_place_earlier():
    assert parameters_of("resnet_6blocks", ngf=8, dropout=False) == state_dict(resnet(6, 8, 5), "batch")
    assert parameters_of("unet_128", ngf=8, dropout=False) == state_dict(unet(LEVELS[:7]), "batch")


@pytest.mark.parametrize(
    ("file", "layers", "norm"),
    [
        ("G_unet_256_batch_nf8", unet(LEVELS[:8]), "batch"),
        ("G_unet_128_batch_nf8", unet(LEVELS[:7]), "batch"),
        ("G_resnet_6blocks_batch_nf8", resnet(6, 8, 6), "batch"),
        ("G_resnet_6blocks_instance_nf8", resnet(6, 8, 6), "instance"),
        ("D_basic_batch_nf8", patch(PATCHES[3]), "batch"),
        ("D_n_layers2_batch_nf8", patch(PATCHES[2]), "batch"),
        ("D_pixel_batch_nf8", pixel(8), "batch"),
    ],
)
def test_the_rules_are_the_references(reference, file, layers, norm):
    answers = (reference / "nets" / f"{file}.npz").arrays()
    shapes = {key[6:]: answers[key].shape for key in answers if key.startswith("param/")}
    told = {key: shape for key, shape in shapes.items() if not key.endswith("num_batches_tracked")}
    assert told == state_dict(layers, norm)


@pytest.mark.parametrize(
    ("name", "kwargs", "count"),
    [
        ("unet_256", {}, 54_413_955),
        ("unet_512", {}, 54_413_955 + 3 * 4 * 4 * 512 * 512 + 2 * 2 * 512),  # a level more: down, twice as wide up
        ("basic", {}, 2_768_705),
        ("resnet_9blocks", {"norm": "instance"}, 11_378_179),  # "11.378 M" and "2.765 M" in the reference's own logs
        ("basic", {"norm": "instance", "input_nc": 3}, 2_764_737),
    ],
)
def test_trained_parameters_at_full_width(name, kwargs, count):
    parameters = get_model(name, **kwargs).collect_params().values()
    assert sum(int(np.prod(p.shape)) for p in parameters if p.grad_req != "null") == count
