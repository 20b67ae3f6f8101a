"""A second network added to a model folder: what a killed process leaves, and when things reach the disk."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.handover import converted
from gluon_pix2pix.handover.converted import convert_file, read_options
from gluon_pix2pix.handover.torch_file import write_tensors
from gluon_pix2pix.handover.torch_weights import to_torch
from gluon_pix2pix.runs.checkpoint import load_initial
from gluon_pix2pix.runtime import mx

GENERATOR = {"name": "unet", "num_downs": 5, "input_nc": 3, "output_nc": 3, "ngf": 2, "norm": "batch"}
DISCRIMINATOR = {"name": "n_layers", "n_layers": 1, "input_nc": 6, "ndf": 2, "norm": "batch"}

# Converts sys.argv[1] into sys.argv[2], and ends without cleaning up as soon as something is renamed to sys.argv[3].
ENDS = """
import os, sys
from gluon_pix2pix.handover.converted import convert_file
replace = os.replace
def replace_and_end(source, target):
    replace(source, target)
    if os.path.basename(target) == sys.argv[3]:
        os._exit(9)
os.replace = replace_and_end
convert_file(sys.argv[1], sys.argv[2])
"""


def build(described, seed):
    net = get_model(**described)
    init_weights(net, seed=seed, ctx=[mx.cpu()])
    return net


def assert_same(net, other):
    expected = other._collect_params_with_prefix()
    for name, parameter in net._collect_params_with_prefix().items():
        np.testing.assert_array_equal(parameter.data().asnumpy(), expected[name].data().asnumpy())


@pytest.fixture
def networks(tmp_path):
    """Generator and discriminator; the first is in the folder "model", the second in net_D.pth."""
    nets = [build(GENERATOR, 0), build(DISCRIMINATOR, 0)]
    for letter, net, described in zip("GD", nets, (GENERATOR, DISCRIMINATOR)):
        write_tensors(tmp_path / f"net_{letter}.pth", to_torch(net, described))
    convert_file(tmp_path / "net_G.pth", tmp_path / "model", crop_size=64)
    return nets


@pytest.mark.parametrize(
    ("last", "left", "there"),
    [
        ("options.json", [".epoch_0000.part", "epoch_0000"], ["generator"]),
        (".epoch_0000.old", [".epoch_0000.old", ".epoch_0000.part"], None),
        ("epoch_0000", [".epoch_0000.old", "epoch_0000"], ["generator", "discriminator"]),
    ],
)
def test_a_conversion_killed_at_a_rename_loses_nothing(networks, tmp_path, last, left, there):
    path, model = tmp_path / "net_D.pth", tmp_path / "model"
    assert subprocess.run([sys.executable, "-c", ENDS, path, model, last], timeout=100).returncode == 9
    assert sorted(os.listdir(model / "checkpoints")) == left
    found = [build(GENERATOR, 1), build(DISCRIMINATOR, 1)]
    if there:
        assert load_initial(model, *found, [mx.cpu()]) == there
        assert_same(found[0], networks[0])

    convert_file(path, model)  # once more, and all is there
    assert load_initial(model, *found, [mx.cpu()]) == ["generator", "discriminator"]
    for net, expected in zip(found, networks):
        assert_same(net, expected)
    assert read_options(model)["options"]["crop_size"] == 64
    assert os.listdir(model / "checkpoints") == ["epoch_0000"]


def test_the_old_stands_again_when_the_new_cannot_take_its_place(networks, tmp_path, monkeypatch):
    replace = os.replace

    def fail(source, target):
        if os.path.basename(source) == ".epoch_0000.part":
            raise OSError("no such luck")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no such luck"):
        convert_file(tmp_path / "net_D.pth", tmp_path / "model")
    generator = build(GENERATOR, 1)
    assert load_initial(tmp_path / "model", generator, None, [mx.cpu()]) == ["generator"]
    assert_same(generator, networks[0])
    assert os.listdir(tmp_path / "model" / "checkpoints") == ["epoch_0000"]


def test_all_is_on_the_disk_before_the_old_gives_way(networks, tmp_path, monkeypatch):
    done, sync, replace = [], converted.sync, os.replace
    monkeypatch.setattr(converted, "sync", lambda path: (done.append(f"sync {path.name}"), sync(path)))
    monkeypatch.setattr(
        os, "replace", lambda *paths: (done.append(f"rename to {os.path.basename(paths[1])}"), replace(*paths))
    )
    convert_file(tmp_path / "net_D.pth", tmp_path / "model")
    assert sorted(done[:3]) == ["sync discriminator.params", "sync generator.params", "sync state.json"]
    assert done[3:] == [
        *["sync .epoch_0000.part", "rename to options.json", "sync options.json", "sync model"],
        *["rename to .epoch_0000.old", "rename to epoch_0000", "sync checkpoints"],
    ]
