"""The self-test passes on CPU devices in the place of GPUs, and fails on each fault that is put into one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.core.optimizer import Adam
from gluon_pix2pix.core.step import OneProcess
from gluon_pix2pix.diagnosis import networks, selftest, speed, training, translating
from gluon_pix2pix.diagnosis.check import Check
from gluon_pix2pix.diagnosis.comparison import Row
from gluon_pix2pix.diagnosis.selftest import Outcome, remarks, run_parts, table, write_report
from gluon_pix2pix.diagnosis.speed import Speed
from gluon_pix2pix.runs.adam_moments import get_moments
from gluon_pix2pix.runtime import mx

DEVICES = [mx.cpu(1), mx.cpu(2)]  # in the place of GPUs; what is wrong here is so on these alone


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """One network of each kind, and few steps."""
    monkeypatch.setattr(networks, "GENERATORS", ("unet",))
    monkeypatch.setattr(networks, "DISCRIMINATORS", ("basic",))
    monkeypatch.setattr(networks, "NORMS", ("instance",))
    monkeypatch.setattr(training, "configurations", lambda: {"unet": {}})
    monkeypatch.setattr(training, "MEMORY_STEPS", (3, 50))
    monkeypatch.setattr(speed, "FULL", {"ngf": 4})


def run(*names):
    """Run parts; the states of all rows, and the names of those that failed."""
    outcome = run_parts(DEVICES, names, say=lambda line: None)
    return [row.state for row in outcome.rows], [row.name for row in outcome.rows if row.state == "FAILED"]


def test_everything_passes():
    said = []
    outcome = run_parts(DEVICES, selftest.NAMES, say=said.append)
    assert [line.split(":")[0] for line in said] == list(selftest.NAMES)
    assert {row.part for row in outcome.rows} == set(selftest.NAMES)
    assert [row.name for row in outcome.rows if row.state == "FAILED"] == []
    assert [row.name for row in outcome.rows if row.state == "left out"] == ["scaled losses", "norm syncbatch"]
    assert outcome.passed
    assert [s.device for s in outcome.speeds] == ["cpu(1)"]
    assert outcome.speeds[0].images_per_second > 0


def test_all_networks_norms_and_losses_are_trained(monkeypatch):
    monkeypatch.undo()
    words = " ".join(training.configurations())
    for name in ("unet_256", "unet_512", "resnet_9blocks", "pixel", "n_layers", "instance", "none", "lsgan", "hinge"):
        assert name in words


def wrong_on_the_device(function, amount):
    """Wrap an operator so that its result is off by `amount` of itself on the tested devices."""

    def wrapped(data, *args, **kwargs):
        result = function(data, *args, **kwargs)
        return result * (1 + amount) if data.context in DEVICES else result

    return wrapped


@pytest.mark.parametrize(
    ("operator", "amount", "failed"),
    [
        ("Convolution", 1e-3, "Convolution 4/2/1: result"),
        ("Deconvolution", 1e-3, "Deconvolution 4/2/1: result"),
        ("LeakyReLU", 1e-5, "LeakyReLU: result"),
        ("LayerNorm", 1e-3, "instance norm: result"),
        ("BatchNorm", 1e-3, "BatchNorm in training: result"),
        ("flip", 1e-6, "flip: result"),
        ("concat", 1e-6, "concat of 16s: result"),
        ("multi_sum_sq", 1e-4, "multi_sum_sq"),
    ],
)
def test_a_wrong_operator_is_named(monkeypatch, operator, amount, failed):
    monkeypatch.setattr(mx.nd, operator, wrong_on_the_device(getattr(mx.nd, operator), amount))
    assert any(name.startswith(failed.split(":")[0]) for name in run("operators")[1])


def test_a_wrong_gradient_is_named(monkeypatch):
    real = mx.nd.Activation

    def half_backward(data, **kwargs):
        result = real(data, **kwargs)
        # the same result, whose gradient is half
        return (result + mx.nd.BlockGrad(result)) / 2 if data.context in DEVICES else result

    monkeypatch.setattr(mx.nd, "Activation", half_backward)
    assert {"relu: gradient 0", "tanh: gradient 0"} <= set(run("operators")[1])


def test_a_wrong_weight_of_a_network_is_seen(monkeypatch):
    real = networks.init_weights

    def off(net, *, ctx, **kwargs):
        real(net, ctx=ctx, **kwargs)
        if ctx[0] in DEVICES:
            parameter = next(iter(net.collect_params().values()))
            parameter.set_data(parameter.data(ctx[0]) * 1.05)

    monkeypatch.setattr(networks, "init_weights", off)
    failed = run("networks")[1]
    assert "unet, norm batch: output" in failed
    assert any(name.startswith("basic, norm batch") for name in failed)


@pytest.fixture
def adam(monkeypatch):
    """Change the gradient that Adam gets on the tested devices."""

    def change(how):
        real = Adam.update

        def update(self, index, weight, grad, state):
            real(self, index, weight, how(grad) if weight.context in DEVICES else grad, state)

        monkeypatch.setattr(Adam, "update", update)

    return change


def test_a_wrong_update_is_seen(adam):
    adam(lambda grad: mx.nd.sign(grad))  # of the same size after Adam's first step, and wrong after
    failed = run("training")[1]
    assert "unet: generator's weights" in failed


def test_numbers_that_are_not_finite_are_a_failure(adam):
    adam(lambda grad: grad * float("nan"))
    outcome = run_parts(DEVICES, ["training"], say=lambda line: None)
    assert not outcome.passed
    assert "no longer finite" in outcome.rows[-1].note


def test_a_loss_that_is_off_is_seen(monkeypatch):
    import gluon_pix2pix.core.step as step

    monkeypatch.setattr(step, "l1_loss", wrong_on_the_device(step.l1_loss, 0.02))
    assert "G_L1" in " ".join(run("training")[1])


def test_dropout_without_the_seed_is_seen(monkeypatch):
    monkeypatch.setattr(mx.random, "seed", lambda seed: None)
    failed = run("dropout")[1]
    assert "the same seed twice" in failed
    assert "the same seed in another network" in failed


def test_dropout_that_is_always_the_same_is_seen(monkeypatch):
    real = mx.random.seed
    monkeypatch.setattr(mx.random, "seed", lambda seed: real(1))
    assert run("dropout")[1] == ["another seed drops the same (1) or other values (0)"]


def test_dropout_of_another_part_is_seen(monkeypatch):
    real = translating.Dropout
    monkeypatch.setattr(translating, "Dropout", lambda rate: real(0.45))
    assert "the part that is dropped, less a half" in run("dropout")[1]


def test_gradients_that_are_not_added_up_over_devices_are_seen(monkeypatch):
    monkeypatch.setattr(OneProcess, "sum_gradients", lambda self, learner: None)
    assert len(run("devices")[1]) >= 2


def test_one_device_is_not_compared_with_itself():
    outcome = run_parts(DEVICES[:1], ["devices"], say=lambda line: None)
    assert [(row.state, row.note) for row in outcome.rows] == [("left out", "--gpu names one device")]


def test_a_checkpoint_that_loses_adams_moments_is_seen(monkeypatch):
    real = training.load_checkpoint

    def forget(path, trainer):
        real(path, trainer)
        for learner in trainer.learners:
            for moment in get_moments(learner).values():
                moment[:] = 0

    monkeypatch.setattr(training, "load_checkpoint", forget)
    assert any("Adam's moments of the generator" in name for name in run("checkpoint")[1])


def test_memory_that_is_kept_is_seen(monkeypatch):
    kept, real = [], training.step

    def step(options, trainer, draw=0):
        kept.append(np.ones(1 << 18))  # 2 MiB
        return real(options, trainer, draw)

    monkeypatch.setattr(training, "step", step)
    (name,) = run("memory")[1]
    assert name.startswith("this process, MiB more")


def test_pictures_that_are_off_are_seen(monkeypatch):
    real = translating._pictures

    def off(path, ctx, pictures, **how):
        return [p // 2 if ctx in DEVICES else p for p in real(path, ctx, pictures, **how)]

    monkeypatch.setattr(translating, "_pictures", off)
    failed = run("translation")[1]
    assert failed == [f"{name}, gray levels" for name in _TRANSLATED]


_TRANSLATED = ["a run, statistics picture", "a run, statistics running", "an export", "in tiles"]

ROWS = [
    Row("operators", "a", 1e-7, 1e-5),
    Row("operators", "b", 4e-6, 1e-5),
    Row("training", "c", float("inf"), 1e-3),
    Row("training", "d", note="out of memory in /root/x", failed=True),
    Row("float16", "e", note="GPUs alone"),
    Row("operators", "f", 0.0, 0.0, note="the biased one"),
]
OUTCOME = Outcome(["cpu(1)"], ROWS, [Speed("cpu(1)", 1.5)], 12.3)


def test_the_table_has_the_worst_of_each_part():
    assert table(OUTCOME)[1:] == [
        ["operators", "3 of 3", "0", "4.0e-06", "1e-05", "b"],
        ["training", "0 of 2", "0", "inf", "1e-03", "c"],
        ["float16", "0 of 0", "1", "-", "-", ""],
    ]
    assert remarks(OUTCOME) == [
        "FAILED training, c: inf and 1e-03 is allowed",
        "FAILED training, d: out of memory in /root/x",
        "left out: float16, e: GPUs alone",
        "note: operators, f: the biased one",
        "training on cpu(1): 1.50 images/s (default networks, 256x256, batch of 1, float32)",
    ]
    assert not OUTCOME.passed


def test_the_report_is_json_without_names(tmp_path, monkeypatch):
    home = str(tmp_path / "home")
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("MXNET_HOME", home)
    rows = [*ROWS, Row("translation", "g", note=f"{home}/run is not there", failed=True)]
    write_report(tmp_path / "r.json", OUTCOME._replace(rows=rows), [Check("GPU", home)], DEVICES[0])
    text = (tmp_path / "r.json").read_text()
    report = json.loads(text, parse_constant=pytest.fail)
    assert home not in text
    assert report["rows"][2]["difference"] == "not finite"
    assert report["rows"][-1]["note"] == "~/run is not there"
    assert report["variables"]["MXNET_HOME"] == "~"
    assert (report["passed"], report["tf32"], report["devices"]) == (False, False, ["cpu(1)"])
    assert not list(Path(tmp_path).glob(".*"))
