"""A second network added to a model folder: what a killed process leaves, and when things reach the disk."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from gluon_pix2pix import writing
from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.handover.converted import convert_file, read_options
from gluon_pix2pix.handover.torch_file import write_tensors
from gluon_pix2pix.handover.torch_weights import to_torch
from gluon_pix2pix.runs.checkpoint import load_initial
from gluon_pix2pix.runtime import mx

GENERATOR = {"name": "unet", "num_downs": 5, "input_nc": 3, "output_nc": 3, "ngf": 2, "norm": "batch"}
DISCRIMINATOR = {"name": "n_layers", "n_layers": 1, "input_nc": 6, "ndf": 2, "norm": "batch"}

# Converts sys.argv[1] into sys.argv[2], and ends without cleaning up as soon as something is renamed to sys.argv[3].
ENDS = """
import os, re, sys
from gluon_pix2pix.handover.converted import convert_file
replace = os.replace
def replace_and_end(source, target):
    replace(source, target)
    if re.sub(r"[.][a-z0-9_]{8}([.]old)$", r"\\1", os.path.basename(target)) == sys.argv[3]:
        os._exit(9)
os.replace = os.rename = replace_and_end
convert_file(sys.argv[1], sys.argv[2])
"""


def plain(name: str) -> str:
    """Return a temporary name without what is random in it."""
    return re.sub(r"\.[a-z0-9_]{8}(\.(part|old)\b)", r"\1", name)


def names_in(folder) -> list[str]:
    return sorted(plain(name) for name in os.listdir(folder))


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
    assert names_in(model / "checkpoints") == left
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
    rename = os.rename

    def fail(source, target):
        if os.path.basename(target) == "epoch_0000" and os.path.basename(source).endswith(".part"):
            raise OSError("no such luck")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError, match="no such luck"):
        convert_file(tmp_path / "net_D.pth", tmp_path / "model")
    generator = build(GENERATOR, 1)
    assert load_initial(tmp_path / "model", generator, None, [mx.cpu()]) == ["generator"]
    assert_same(generator, networks[0])
    assert os.listdir(tmp_path / "model" / "checkpoints") == ["epoch_0000"]


def test_all_is_on_the_disk_before_the_old_gives_way(networks, tmp_path, monkeypatch):
    done = []

    def noted(word, function):
        def do(*paths):
            done.append(f"{word} {plain(os.path.basename(paths[-1]))}")
            return function(*paths)

        return do

    monkeypatch.setattr(writing, "sync", noted("sync", writing.sync))
    monkeypatch.setattr(os, "replace", noted("rename to", os.replace))
    monkeypatch.setattr(os, "rename", noted("rename to", os.rename))
    convert_file(tmp_path / "net_D.pth", tmp_path / "model")
    first = done.index("rename to options.json")
    assert done[first - 1 : first + 2] == ["sync .options.json.part.json", "rename to options.json", "sync model"]
    files = ["sync discriminator.params", "sync generator.params", "sync state.json"]
    assert sorted(done[first + 2 : -4]) == files
    assert done[-4:] == [
        *["sync .epoch_0000.part", "rename to .epoch_0000.old", "rename to epoch_0000", "sync checkpoints"]
    ]
