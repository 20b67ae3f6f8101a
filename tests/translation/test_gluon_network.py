"""A run's generator: read, built for translating, folded."""

from __future__ import annotations

import json
import shutil

import pytest

from gluon_pix2pix.translation.gluon_network import _with_statistics, build_generator, load_run


@pytest.fixture
def run_copy(tiny_run, tmp_path):
    """A copy of the run, to be changed."""
    return shutil.copytree(tiny_run, tmp_path / "run")


def describe(run_dir, **changes):
    run = json.loads((run_dir / "options.json").read_text())
    run["generator"] |= changes
    (run_dir / "options.json").write_text(json.dumps(run))


def test_what_is_loaded_says_what_it_is(tiny_run):
    network = load_run(tiny_run, epoch="1")
    assert (network.statistics, network.dropout, network.multiple) == ("picture", True, 32)
    assert (network.trained_at, network.direction, network.identity["checkpoint"]) == ((32, 32), "BtoA", "epoch_0001")
    assert network.coding.source.channels == 3


def test_errors(tiny_run, run_copy):
    with pytest.raises(ValueError, match="statistics is one of picture, batch, running, not 'mean'"):
        build_generator(tiny_run, statistics="mean")
    with pytest.raises(FileNotFoundError, match="has no checkpoint 7; there: epoch_0001, epoch_0002"):
        build_generator(tiny_run, epoch="7")
    with pytest.raises(ValueError, match="an epoch is a number, 'latest' or 'best', not 'newest'"):
        build_generator(tiny_run, epoch="newest")
    describe(run_copy, ngf=8)
    with pytest.raises(ValueError, match=r"generator\.params does not fit the generator that the options describe"):
        build_generator(run_copy)
    weights = run_copy / "checkpoints" / "epoch_0002" / "generator.params"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match=r"generator\.params is missing or damaged: remove .*epoch_0002 to fall back"):
        build_generator(run_copy)


def test_running_statistics_that_there_are_not():
    described = {"name": "unet_128", "norm": "instance", "dropout": False}
    with pytest.raises(ValueError, match="trained with norm instance has no running statistics, only picture"):
        _with_statistics(described, "running", dropout=False)
