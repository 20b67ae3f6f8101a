"""A run's generator: read, built for translating, folded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gluon_pix2pix.translation.gluon_network import build_generator, load_run, untrained_generator
from gluon_pix2pix.translation.translator import Translator


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
        untrained_generator(described, "running", dropout=False)


def pictures(count=8):
    rng = np.random.default_rng(0)
    return [np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(count)]


def test_dropout_is_that_of_the_name_in_every_thread(tiny_run):
    """As a web service asks: one model, many threads at once."""
    translator = Translator.load(tiny_run)
    assert translator.network.dropout
    alone = [translator(picture, name=str(number)) for number, picture in enumerate(pictures())]
    assert (alone[0] != translator(pictures()[0], name="1")).any()
    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda item: translator(item[1], name=str(item[0])), enumerate(pictures())))
        np.testing.assert_array_equal(answers, alone)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_dropout_is_that_of_the_name_in_a_forked_process(tiny_run):
    """Some web servers load a model, and then fork."""
    program = """
import os, sys
import numpy
from gluon_pix2pix.translation.translator import Translator
translator, picture = Translator.load(sys.argv[1]), numpy.full((32, 32, 3), 99, "uint8")
first = [translator(picture, name=name) for name in "ab"]
child = os.fork()
again = [translator(picture, name=name) for name in "ab"]
if not child:
    os._exit(int((numpy.array(first) != again).any()))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert (numpy.array(first) == again).all() and (first[0] != first[1]).any()
"""
    command = [sys.executable, "-W", "ignore", "-c", program, tiny_run]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
