"""Networks within other things: checkpoints, modules that have them, wrappers, Parameters; and other kinds of files."""

from __future__ import annotations

import argparse
import os
import sys
import types
from collections import OrderedDict

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.handover.converted import convert_file, differences_from_torch, notes_on
from gluon_pix2pix.handover.torch_file import read_state_dicts, read_tensors
from gluon_pix2pix.handover.torch_weights import find_networks, from_torch, to_torch
from gluon_pix2pix.runs.options_file import read_options
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.loading import load_network

GENERATOR = {"name": "unet", "num_downs": 5, "input_nc": 3, "output_nc": 3, "ngf": 2, "norm": "batch"}
GENERATOR |= {"dropout": True, "dropout_blocks": "upstream"}
RESNET = {"name": "resnet_6blocks", "input_nc": 3, "output_nc": 3, "ngf": 2, "norm": "batch", "dropout": False}
DISCRIMINATOR = {"name": "n_layers", "n_layers": 2, "input_nc": 6, "ndf": 2, "norm": "batch"}


def state_of(described, seed=0):
    net = get_model(**described)
    init_weights(net, seed=seed, ctx=[mx.cpu()], init_gain=0.2)
    return to_torch(net, described)


@pytest.fixture(scope="module")
def states():
    return {
        "G": state_of(GENERATOR),
        "D": state_of(DISCRIMINATOR),
        "R": state_of(RESNET),
        "ema": state_of(GENERATOR, 1),
    }


@pytest.fixture
def save(tmp_path, torch_save):
    """Write what `found` makes of arrays, each as a tensor of its own storage."""

    def write(found, make=torch_save.tensor):
        numbers = iter(range(10_000))

        def tensors(value):
            if isinstance(value, np.ndarray):
                return (make if value.dtype.kind == "f" else torch_save.tensor)(str(next(numbers)), value)
            return {key: tensors(item) for key, item in value.items()} if isinstance(value, dict) else value

        return torch_save.save(tmp_path / "net.pth", tensors(found))

    return write


def prefixed(state, prefix):
    return OrderedDict((f"{prefix}{key}", array) for key, array in state.items())


def checkpoint(states):
    """What a training program keeps: counters, texts, and Adam's state by numbers."""
    moments = {0: {"step": np.array(3.0, "f4"), "exp_avg": np.zeros(3, "f4")}}
    groups = [{"lr": 2e-4, "betas": (0.5, 0.999), "amsgrad": False, "params": [0], "foreach": None}]
    optimizer = {"state": moments, "param_groups": groups}
    seen = np.frombuffer(b"random state", np.uint8)
    return {"epoch": 3, "arch": "pix2pix", "state_dict": states["G"], "optimizer": optimizer, "rng": seen, "best": 12.5}


def module(states):
    """A module that has both networks, and another of somebody else's."""
    both = {**prefixed(states["G"], "generator.module."), **prefixed(states["D"], "discriminator.")}
    return {**both, "vgg.features.0.weight": np.zeros((4, 3, 3, 3), "f4")}


WRAPPED = {
    "flat": (lambda s: s["G"], {"": "G"}),
    "checkpoint": (checkpoint, {"state_dict": "G"}),
    "both": (lambda s: {"netG": s["G"], "netD": s["D"]}, {"netG": "G", "netD": "D"}),
    "deep": (lambda s: {"model": {"generator": s["G"]}}, {"model.generator": "G"}),
    "netG.": (lambda s: prefixed(s["G"], "netG."), {"netG": "G"}),
    "module.": (lambda s: prefixed(s["G"], "module."), {"module": "G"}),
    "compiled": (lambda s: prefixed(s["G"], "_orig_mod.module."), {"_orig_mod.module": "G"}),
    "module": (module, {"generator.module": "G", "discriminator": "D"}),
    "model.": (lambda s: prefixed(s["R"], "model."), {"": "R"}),
    "model.model.": (lambda s: prefixed(s["G"], "model."), {"": "G"}),
}


@pytest.mark.parametrize("name", WRAPPED)
@pytest.mark.parametrize("kind", ["tensor", "parameter"])
def test_networks_are_found_wherever_they_are(states, save, torch_save, name, kind):
    wrap, expected = WRAPPED[name]
    path = save(wrap(states), make=getattr(torch_save, kind))
    found = find_networks(read_state_dicts(path))
    assert {network.where for network in found} == set(expected)
    for network in found:
        kind, described, parameters = from_torch(states[expected[network.where]])
        assert (network.kind, network.described) == (kind, described)
        assert network.parameters.keys() == parameters.keys()
        for key, array in parameters.items():
            np.testing.assert_array_equal(network.parameters[key], array)


def test_both_networks_of_a_file_are_taken(states, save, tmp_path):
    found = convert_file(save({"netD": states["D"], "netG": states["G"]}), tmp_path / "model")
    assert [(network.kind, network.where) for network in found] == [("generator", "netG"), ("discriminator", "netD")]
    run = read_options(tmp_path / "model")
    assert (run["generator"], run["discriminator"]) == (GENERATOR, DISCRIMINATOR)
    assert run["converted"]["discriminator"]["under"] == "netD"


def test_several_of_a_kind(states, save, tmp_path):
    path = save({"netG": states["G"], "netG_ema": states["ema"]})
    with pytest.raises(
        ValueError, match="several networks of a kind, under 'netG', 'netG_ema': --network names the one"
    ):
        convert_file(path, tmp_path / "model")
    with pytest.raises(ValueError, match="no network under 'ema', but under 'netG', 'netG_ema'"):
        convert_file(path, tmp_path / "model", network="ema")
    (found,) = convert_file(path, tmp_path / "model", network="netG_ema")
    expected = from_torch(states["ema"])[2]
    assert all((array == expected[name]).all() for name, array in found.parameters.items())


def test_nothing_known_is_said_of_the_largest(save):
    path = save({"a": {"layer1.conv.weight": np.ones((4, 3, 3, 3), "f4")}, "step": np.ones(1, "f4")})
    with pytest.raises(
        ValueError, match=r"under 'a', its first key, 'layer1\.conv\.weight', is of none of the networks"
    ):
        find_networks(read_state_dicts(path))
    with pytest.raises(ValueError, match="it holds no state_dict"):
        read_state_dicts(save({"epoch": 3, "nothing": {}}))


def test_a_dict_within_itself_ends(tmp_path, torch_save):
    """The pickle's memo can say so; and that a dict is in another a thousand times."""
    header = b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s."
    with pytest.raises(ValueError, match="it holds no state_dict"):
        read_state_dicts(torch_save.save_members(tmp_path / "net.pth", {"net/data.pkl": header}))


def without_statistics(state):
    return {key: array for key, array in state.items() if not key.endswith(("running_mean", "running_var", "tracked"))}


def test_parameters_without_running_statistics(states, save, tmp_path):
    """named_parameters() has no buffers: the answer by each picture's statistics is that of the whole."""
    (found,) = convert_file(save(without_statistics(states["G"])), tmp_path / "part", dropout=False)
    assert found.described["norm"] == "picture"
    assert "running statistics are not in the file" in notes_on([found])[0]
    convert_file(save(states["G"]), tmp_path / "whole", dropout=False)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, 32, 32)).astype("f4")
    part, whole = (load_network(tmp_path / name, dropout=False).compute(x, None) for name in ("part", "whole"))
    np.testing.assert_array_equal(part, whole)
    with pytest.raises(ValueError, match="trained with norm picture has no running statistics, only picture"):
        load_network(tmp_path / "part", statistics="running")
    assert (
        "has norms with a scale and a shift but no running"
        in differences_from_torch(read_options(tmp_path / "part"))[0]
    )


def test_a_discriminator_without_running_statistics_is_as_good(states, save):
    """It always runs in train mode."""
    (found,) = find_networks(read_state_dicts(save(without_statistics(states["D"]))))
    assert found.described == DISCRIMINATOR
    assert (found.parameters["model.3.running_mean"] == 0).all()
    assert (found.parameters["model.3.running_var"] == 1).all()


@pytest.mark.parametrize("described", [GENERATOR, RESNET])
def test_instance_norm_with_a_scale_and_a_shift(described, save, tmp_path):
    """With convolutions' biases of 0 it is batch norm of one picture, in train mode."""
    net = get_model(**{**described, "dropout": False})
    init_weights(net, seed=0, ctx=[mx.cpu()], init_gain=0.2)
    rng = np.random.default_rng(0)
    for name, parameter in net._collect_params_with_prefix().items():
        if name.endswith(("gamma", "beta")):
            parameter.set_data(mx.nd.array(rng.normal(size=parameter.shape)))
    biases = {key: array for key, array in state_of({**described, "norm": "instance"}).items() if key.endswith("bias")}
    assert not any(array.any() for array in biases.values())
    state = {**biases, **without_statistics(to_torch(net, {**described, "dropout": False}))}
    (found,) = convert_file(save(state), tmp_path / "model", dropout=False)
    assert found.described["norm"] == "instance_affine"
    x = rng.uniform(-1, 1, (1, 3, 32, 32)).astype("f4")
    with mx.autograd.train_mode():
        expected = net(mx.nd.array(x)).asnumpy()
    answer = load_network(tmp_path / "model").compute(x, None)
    assert np.abs(answer - expected).max() < 1e-4


# What has to be saved anew


def test_more_than_tensors(states, tmp_path, torch_save):
    args = torch_save.Reduced(argparse.Namespace)
    path = torch_save.save(tmp_path / "run.pth", {"x": torch_save.tensor("0", np.ones(3, "f4")), "args": args})
    with pytest.raises(
        ValueError, match=r"names 'argparse\.Namespace', which is no part of a tensor; .* python -c"
    ) as caught:
        read_state_dicts(path)
    assert "torch.load('run.pth', map_location='cpu', weights_only=False)" in str(caught.value)
    line = str(caught.value).partition('python -c "')[2][:-1]
    assert _saved_by(line, {"state_dict": {"w": 1}}) == {"w": 1}
    assert _saved_by(line, types.SimpleNamespace(state_dict=lambda: {"w": 2})) == {"w": 2}


def test_programs_of_torchscript(tmp_path, torch_save):
    members = {"net/data.pkl": b"", "net/constants.pkl": b"", "net/code/__torch__.py": b"class Net"}
    path = torch_save.save_members(tmp_path / "net.pt", members)
    with pytest.raises(ValueError, match=r"net\.pt is a program of TorchScript, not weights alone: ") as caught:
        read_tensors(path)
    line = str(caught.value).partition('python -c "')[2][:-1]
    assert _saved_by(line, types.SimpleNamespace(state_dict=lambda: {"w": 3})) == {"w": 3}


def _saved_by(line, loaded):
    """Run the line of Python that a message gives, with a PyTorch that loads one thing; return what it saves."""
    kept = []
    torch = types.ModuleType("torch")
    torch.load = lambda *_, **__: loaded
    torch.jit = types.SimpleNamespace(load=torch.load)
    torch.save = lambda value, path: kept.append(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", torch)
        exec(compile(line, "line", "exec"), {})
    return kept[0]


@pytest.mark.parametrize("read", [read_tensors, read_state_dicts])
def test_a_pipe_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "net.pth")
    with pytest.raises(OSError, match=r"net\.pth is a pipe or device, not a file"):
        read(tmp_path / "net.pth")
