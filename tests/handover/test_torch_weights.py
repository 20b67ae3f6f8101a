"""Names of parameters there and back. (tests/parity holds them against the reference's own files.)"""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.handover import torch_weights
from gluon_pix2pix.handover.torch_weights import from_torch, to_torch, upstream_key
from gluon_pix2pix.runtime import mx


@pytest.mark.parametrize(
    ("name", "kwargs", "num_downs"),
    [
        ("unet_256", {}, 8),
        ("unet_128", {}, 7),
        ("unet_512", {}, 9),
        ("unet_256", {"norm": "instance"}, 8),
        ("unet", {"num_downs": 2}, 2),
        ("unet", {"num_downs": 5, "output_nc": 1}, 5),
        ("basic", {}, 0),
        ("n_layers", {"n_layers": 5}, 0),
        ("pixel", {}, 0),
    ],
)
def test_names_are_one_to_one(name, kwargs, num_downs):
    names = list(get_model(name, **kwargs)._collect_params_with_prefix())
    keys = [upstream_key(name, num_downs=num_downs) for name in names]
    assert len(set(keys)) == len(names) > 3
    ends = {key.rpartition(".")[2] for key in keys}
    assert ends <= {"weight", "bias", "running_mean", "running_var"}


@pytest.mark.parametrize(
    ("name", "num_downs", "key"),
    [  # as models/networks.py of the reference nests its blocks
        ("down.0.conv.weight", 8, "model.model.0.weight"),
        ("down.1.conv.weight", 8, "model.model.1.model.1.weight"),
        ("down.1.norm.gamma", 8, "model.model.1.model.2.weight"),
        ("down.2.norm.running_var", 8, "model.model.1.model.3.model.2.running_var"),
        ("down.4.conv.weight", 5, "model.model.1.model.3.model.3.model.3.model.1.weight"),
        ("up.0.deconv.weight", 5, "model.model.1.model.3.model.3.model.3.model.3.weight"),
        ("up.0.norm.beta", 5, "model.model.1.model.3.model.3.model.3.model.4.bias"),
        ("up.3.deconv.weight", 5, "model.model.1.model.5.weight"),
        ("up.3.norm.running_mean", 5, "model.model.1.model.6.running_mean"),
        ("last.bias", 5, "model.model.3.bias"),
        ("model.3.gamma", 0, "model.3.weight"),
        ("net.5.weight", 0, "net.5.weight"),
    ],
)
def test_keys(name, num_downs, key):
    assert upstream_key(name, num_downs=num_downs) == key


def test_keys_of_a_resnets_blocks():
    """Without dropout, what stands behind its place in a block moves up by one."""
    names = ("model.11.conv_block.1.weight", "model.11.conv_block.6.weight", "model.11.conv_block.7.gamma")
    keys = ["model.11.conv_block.1.weight", "model.11.conv_block.6.weight", "model.11.conv_block.7.weight"]
    assert [upstream_key(name) for name in names] == keys
    moved = ["model.11.conv_block.1.weight", "model.11.conv_block.5.weight", "model.11.conv_block.6.weight"]
    assert [upstream_key(name, dropout=False) for name in names] == moved


# Whole networks. The reference's lists of keys are spelt out here from models/networks.py, layer by layer.


def normed(place, norm):
    """The keys of a norm layer at that place."""
    batch = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return [f"{place}.{word}" for word in batch] if norm == "batch" else []


def conv(place, bias):
    return [f"{place}.weight", *([f"{place}.bias"] if bias else [])]


def unet_keys(num_downs, norm):
    bias = norm == "instance"

    def level(depth, place):
        if depth == num_downs - 1:  # LeakyReLU, conv, ReLU, deconv, norm
            return conv(f"{place}.model.1", bias) + conv(f"{place}.model.3", bias) + normed(f"{place}.model.4", norm)
        # LeakyReLU, conv, norm, the level inside, ReLU, deconv, norm
        down = conv(f"{place}.model.1", bias) + normed(f"{place}.model.2", norm)
        up = conv(f"{place}.model.5", bias) + normed(f"{place}.model.6", norm)
        return down + level(depth + 1, f"{place}.model.3") + up

    return conv("model.model.0", bias) + level(1, "model.model.1") + conv("model.model.3", True)


def resnet_keys(n_blocks, norm, dropout):
    bias, second = norm == "instance", 6 if dropout else 5
    keys = []
    for place in (1, 4, 7):
        keys += conv(f"model.{place}", bias) + normed(f"model.{place + 1}", norm)
    for place in range(10, 10 + n_blocks):
        for inside in (1, second):
            keys += conv(f"model.{place}.conv_block.{inside}", bias)
            keys += normed(f"model.{place}.conv_block.{inside + 1}", norm)
    for place in (10 + n_blocks, 13 + n_blocks):
        keys += conv(f"model.{place}", bias) + normed(f"model.{place + 1}", norm)
    return keys + conv(f"model.{17 + n_blocks}", True)


def patchgan_keys(n_layers, norm):
    keys = conv("model.0", True)
    for place in range(2, 2 + 3 * n_layers, 3):
        keys += conv(f"model.{place}", norm == "instance") + normed(f"model.{place + 1}", norm)
    return keys + conv(f"model.{2 + 3 * n_layers}", True)


def pixel_keys(norm):
    bias = norm == "instance"
    return conv("net.0", True) + conv("net.2", bias) + normed("net.3", norm) + conv("net.5", bias)


U, D = {"input_nc": 1, "output_nc": 2, "ngf": 3}, {"input_nc": 4, "ndf": 3}
NETWORKS = [
    *[({"name": "unet_128", **U, "norm": n, "dropout": True}, unet_keys(7, n)) for n in ("batch", "instance", "none")],
    ({"name": "unet_256", **U, "norm": "batch", "dropout": False}, unet_keys(8, "batch")),
    ({"name": "unet_512", **U, "norm": "batch", "dropout": True}, unet_keys(9, "batch")),
    ({"name": "unet", "num_downs": 6, **U, "norm": "instance", "dropout": True}, unet_keys(6, "instance")),
    *[
        ({"name": f"resnet_{blocks}blocks", **U, "norm": norm, "dropout": dropout}, resnet_keys(blocks, norm, dropout))
        for blocks in (6, 9)
        for norm in ("batch", "instance", "none")
        for dropout in (True, False)
    ],
    *[({"name": "basic", **D, "norm": norm}, patchgan_keys(3, norm)) for norm in ("batch", "instance", "none")],
    *[({"name": "n_layers", "n_layers": n, **D, "norm": "batch"}, patchgan_keys(n, "batch")) for n in (1, 2, 6)],
    ({"name": "n_layers", "n_layers": 1, **D, "norm": "none"}, patchgan_keys(1, "none")),
    *[({"name": "pixel", **D, "norm": norm}, pixel_keys(norm)) for norm in ("batch", "instance", "none")],
]
for described, _ in NETWORKS:
    if described["name"].startswith("unet"):
        described["dropout_blocks"] = "upstream"


def make(described):
    """The network, every array of it filled with numbers of its own, and what it is for the reference."""
    net = get_model(**described)
    init_weights(net, seed=1, ctx=[mx.cpu()])
    rng = np.random.default_rng(2)
    for parameter in net.collect_params().values():
        parameter.set_data(mx.nd.array(rng.standard_normal(parameter.shape)))
    return net, to_torch(net, described)


@pytest.mark.parametrize(("described", "keys"), NETWORKS, ids=["-".join(map(str, net.values())) for net, _ in NETWORKS])
def test_there_and_back(described, keys):
    net, state = make(described)
    assert list(state) == keys
    assert {key.rpartition(".")[2] for key in keys if state[key].dtype == np.int64} <= {"num_batches_tracked"}
    assert all(state[key].shape == () for key in keys if "num_batches" in key)
    kind, found, parameters = from_torch(state, dropout=described.get("dropout", True))
    assert found == described
    assert kind == ("generator" if "ngf" in described else "discriminator")
    expected = net._collect_params_with_prefix()
    assert set(parameters) == set(expected)
    for name, array in parameters.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, expected[name].data().asnumpy())


def test_paper_dropout_and_synchronised_norms_have_the_same_keys():
    described = {"name": "unet", "num_downs": 5, **U, "norm": "syncbatch", "dropout": True, "dropout_blocks": "paper"}
    assert list(make(described)[1]) == unet_keys(5, "batch")


def test_what_the_reference_does_not_have():
    described = {"name": "encoder_decoder", "num_downs": 5, "ngf": 2}
    with pytest.raises(ValueError, match="has no encoder_decoder"):
        make(described)
    with pytest.raises(ValueError, match="no U-Net of fewer than 5 levels"):
        make({"name": "unet", "num_downs": 4, "ngf": 2})


@pytest.fixture(scope="module")
def basic():
    return make({"name": "basic", **D, "norm": "batch"})[1]


@pytest.fixture(scope="module")
def resnet():
    return make({"name": "resnet_6blocks", **U, "norm": "instance", "dropout": False})[1]


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_wrappers(basic, prefix):
    found = from_torch({prefix + key: array for key, array in basic.items()})
    plain = from_torch(basic)
    assert found[:2] == plain[:2]
    assert found[2].keys() == plain[2].keys()


def test_instance_norms_before_0_4(resnet):
    """They had running statistics, which were not used."""
    old = dict(resnet)
    for place in (2, 5, 8):
        old[f"model.{place}.running_mean"] = old[f"model.{place}.running_var"] = np.ones(3, np.float32)
        old[f"model.{place}.num_batches_tracked"] = np.zeros((), np.int64)
    kind, described, parameters = from_torch(old)
    assert (kind, described["norm"], described["dropout"]) == ("generator", "instance", False)
    assert parameters.keys() == from_torch(resnet)[2].keys()


def test_types_become_float32(basic):
    doubled = {key: array.astype(np.float64) if array.dtype.kind == "f" else array for key, array in basic.items()}
    for name, array in from_torch(doubled)[2].items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, from_torch(basic)[2][name])


def test_keys_and_shapes_come_before_the_numbers(basic, monkeypatch):
    """What no network has is refused before anything is copied."""
    copied = []
    monkeypatch.setattr(torch_weights, "_to_float32", lambda key, array: copied.append(key))
    for state, match in [
        ({**basic, "model.12.weight": np.ones(1, np.float32)}, "it has 'model.12.weight'"),
        ({**basic, "model.5.weight": np.ones((5, 6, 4, 4))}, "shape"),
        ({key: array for key, array in basic.items() if key != "model.11.bias"}, "is missing"),
    ]:
        with pytest.raises(ValueError, match=match):
            from_torch(state)
    assert copied == []
    from_torch(basic)
    assert copied == [key for key in basic if "num_batches" not in key]


def test_first_key_that_does_not_fit(basic, resnet):
    def without(state, *keys):
        return {key: array for key, array in state.items() if key not in keys}

    one = np.ones(1, np.float32)
    for state, match in [
        ({"layer1.conv.weight": one}, "first key, 'layer1.conv.weight', is of none of the networks"),
        ({"x.num_batches_tracked": one}, "first key, '', is of none"),
        ({"model.0.weight": one}, "no convolution 'model.0.weight'"),
        ({"model.model.5.weight": one}, "no convolution 'model.model.0.weight'"),
        (
            {**basic, "model.12.weight": one},
            "it has 'model.12.weight', and .* has not: basic input_nc 4 ndf 3 norm batch",
        ),
        (without(basic, "model.11.bias"), "'model.11.bias' is missing"),
        ({**basic, "model.5.weight": np.ones((5, 6, 4, 4))}, r"shape \(5, 6, 4, 4\), and .* it is \(12, 6, 4, 4\)"),
        (
            {**basic, "model.5.weight": np.full((12, 6, 4, 4), np.nan)},
            "'model.5.weight' has values that are not finite",
        ),
        ({**basic, "model.11.bias": np.float64([1e300])}, "'model.11.bias' has values that are not finite"),
        ({**basic, "model.11.bias": np.int64([1])}, r"'model.11.bias' has no weights, but \(1,\) int64"),
        ({**basic, "model.0.weight": np.ones((1 << 40, 0, 4, 4))}, "'model.0.weight' has no weights"),
        (without(resnet, *(key for key in resnet if key.startswith("model.10."))), "a resnet of 5 blocks"),
        # Upsampling by a bilinear filter and a convolution: the reference's resnet_6blocks+ of 2018.
        ({**without(resnet, "model.16.weight", "model.16.bias"), "model.18.weight": one}, "it has 'model.18.weight'"),
    ]:
        with pytest.raises(ValueError, match=match):
            from_torch(state)
