"""Every network by its name, with every norm: built, hybridised, exported, and read back by MXNet alone."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.core_options import DISCRIMINATORS, GENERATORS
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.gluon_network import copy_generator, untrained_generator

# Name -> what makes it small, and two sizes.
NETS = {
    "unet_512": ({"ngf": 2}, (512, 512), (512, 1024)),
    "unet_256": ({"ngf": 2}, (256, 256), (256, 512)),
    "unet_128": ({"ngf": 4}, (128, 128), (256, 128)),
    "unet": ({"ngf": 4, "num_downs": 3, "input_nc": 1, "output_nc": 2}, (16, 16), (40, 24)),
    "encoder_decoder": ({"ngf": 4, "num_downs": 4}, (32, 32), (48, 80)),
    "resnet_9blocks": ({"ngf": 4}, (16, 16), (20, 28)),
    "resnet_6blocks": ({"ngf": 4, "input_nc": 2, "output_nc": 1}, (16, 16), (20, 28)),
    "basic": ({"ndf": 4}, (32, 32), (40, 70)),
    "n_layers": ({"ndf": 4, "n_layers": 2, "input_nc": 3}, (32, 32), (40, 70)),
    "pixel": ({"ndf": 4}, (16, 16), (9, 23)),
}
NORMS = ("batch", "instance", "none")


def test_every_registered_network_is_in_the_table():
    assert set(NETS) == {*GENERATORS, *DISCRIMINATORS}


def build(name: str, norm: str, dropout: bool = True) -> tuple[mx.gluon.HybridBlock, dict]:
    """Return the network with weights as large as those of a trained one, and statistics that are its own."""
    kwargs = {**NETS[name][0], "norm": norm, **({"dropout": dropout} if name in GENERATORS else {})}
    net = get_model(name, **kwargs)
    init_weights(net, seed=3, ctx=[mx.cpu()], init_gain=0.2)
    rng = np.random.default_rng(0)
    for key, parameter in net._collect_params_with_prefix().items():
        if key.endswith(("bias", "beta", "running_mean")):
            parameter.set_data(mx.nd.array(rng.normal(0, 0.05, parameter.shape)))
        elif key.endswith("running_var"):
            parameter.set_data(mx.nd.array(rng.uniform(0.5, 2, parameter.shape)))
    return net, {"name": name, **kwargs}


def batches(name: str, batch_size: int) -> list[mx.nd.NDArray]:
    channels = NETS[name][0].get("input_nc", 3 if name in GENERATORS else 6)
    rng = np.random.default_rng(1)
    return [mx.nd.array(rng.uniform(-1, 1, (batch_size, channels, *size))) for size in NETS[name][1:]]


def answers(net: mx.gluon.Block, inputs: list[mx.nd.NDArray]) -> list[np.ndarray]:
    return [net(x).asnumpy() for x in inputs]


def read_back(net: mx.gluon.HybridBlock, folder: Path) -> mx.gluon.SymbolBlock:
    """Export a hybridised network and import its files."""
    mx.nd.waitall()
    net.export(str(folder / "net"), epoch=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MXNet's own, that the input has no type
        return mx.gluon.SymbolBlock.imports(str(folder / "net-symbol.json"), ["data"], str(folder / "net-0000.params"))


def assert_equal(ours: list[np.ndarray], theirs: list[np.ndarray], tolerance: float) -> None:
    for our, their in zip(ours, theirs):
        assert our.std() > 1e-3
        np.testing.assert_allclose(our, their, atol=tolerance * max(1, np.abs(their).max()), rtol=0)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", NETS)
def test_exported_and_read_back_it_is_the_same(name, norm, tmp_path):
    net, _ = build(name, norm)
    inputs = batches(name, batch_size=2 if name != "unet_512" else 1)
    imperative = answers(net, inputs)
    for x, y in zip(inputs, imperative):
        outputs = (NETS[name][0].get("output_nc", 3), *x.shape[2:]) if name in GENERATORS else (1, *y.shape[2:])
        assert y.shape == (len(x), *outputs)
    net.hybridize(static_alloc=True, static_shape=True)
    assert_equal(answers(net, inputs), imperative, 1e-6)
    assert_equal(answers(read_back(net, tmp_path), inputs), imperative, 1e-6)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", GENERATORS)
def test_its_translating_twin_too(name, norm, tmp_path):
    net, described = build(name, norm)
    inputs = batches(name, batch_size=1)
    twin = copy_generator(net, described, mx.cpu())
    once = answers(twin, inputs)
    assert_equal(answers(read_back(twin, tmp_path), inputs), once, 1e-6)

    # Of one picture, the statistics of a batch are its own. In float64: these gains make float32's noise 1e-5.
    net, _ = build(name, norm, dropout=False)
    inputs = [x.astype("float64") for x in inputs]
    for block in (net, twin):
        block.cast("float64")
    once = answers(twin, inputs)
    with mx.autograd.train_mode():
        expected = answers(net, inputs)
        assert_equal(answers(twin, inputs), once, 0)
    assert_equal(once, expected, 1e-10)


@pytest.mark.parametrize("name", GENERATORS)
def test_running_statistics_translate_as_they_predict(name):
    net, described = build(name, "batch")
    inputs = batches(name, batch_size=1)
    twin = untrained_generator(described, "running", dropout=False)
    twin.initialize()
    for key, parameter in net._collect_params_with_prefix().items():
        twin._collect_params_with_prefix()[key].set_data(parameter.data())
    # In float64: in float32 oneDNN has other convolutions for train mode where there is AVX-512, which round otherwise.
    inputs = [x.astype("float64") for x in inputs]
    for block in (net, twin):
        block.cast("float64")
    expected = answers(net, inputs)
    with mx.autograd.train_mode():
        assert_equal(answers(twin, inputs), expected, 0)
