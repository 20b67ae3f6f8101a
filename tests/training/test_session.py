"""What a run shows early, and says of how long it will take."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from gluon_pix2pix.commands import train
from gluon_pix2pix.core.loop import StepNumbers
from gluon_pix2pix.runs.log import read_log
from gluon_pix2pix.training import epoch_end, session
from gluon_pix2pix.training.begin import fitting_model
from gluon_pix2pix.training.epoch_end import is_time_for_samples
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.run import Own
from gluon_pix2pix.training.session import say_how_long
from gluon_pix2pix.translation.exported import read_model
from gluon_pix2pix.zoo.shipped import find_model, shipped_models


def test_samples_come_early(tiny_options, tmp_path, monkeypatch):
    """After the first steps, and at each of the first epochs, whatever --save-every says; they change no weight."""
    monkeypatch.setattr(epoch_end, "FIRST_STEPS", 3)
    run_dir, shown_after = tmp_path / "early", []

    def show_samples(run, **words):
        shown_after.append(run.trainer.steps)
        return original(run, **words)

    original = epoch_end.show_samples
    monkeypatch.setattr(epoch_end, "show_samples", show_samples)
    assert train.main(tiny_options(run_dir=run_dir, n_epochs=2, save_every=9)) is None
    there = sorted(path.name for path in (run_dir / "samples").iterdir())
    assert there == ["epoch_0000_000003_steps.png", "epoch_0001.png", "epoch_0002.png"]
    samples = [(event["epoch"], event.get("step")) for event in read_log(run_dir) if event["event"] == "samples"]
    assert samples == [(1, 3), (1, None), (2, None)]
    pairs = shown_after[1]
    assert shown_after == [3, pairs, 2 * pairs]  # the weights are those that the name tells
    assert re.search(r'"epoch": ?"3 steps"', (run_dir / "index.html").read_text())
    monkeypatch.setattr(epoch_end, "FIRST_STEPS", 99)
    later = tmp_path / "later"
    assert train.main(tiny_options(run_dir=later, n_epochs=2, save_every=9, sample_every=2)) is None
    assert [path.name for path in (later / "samples").iterdir()] == ["epoch_0002.png"]
    weights = [(run / "checkpoints/epoch_0002/generator.params").read_bytes() for run in (run_dir, later)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("every", "expected"),
    [(None, [1, 2, 3, 4, 5, 10, 20, 30, 33]), (4, [4, 8, 12, 16, 20, 24, 28, 32, 33])],
)
def test_when_there_are_samples(tiny_options, every, expected):
    run = SimpleNamespace(options=tiny_options(n_epochs=33, save_every=10, sample_every=every))
    assert [epochs for epochs in range(1, 34) if is_time_for_samples(run, epochs)] == expected


@pytest.mark.parametrize(("seconds", "words"), [(1.0, None), (2.0, "about 6 hours"), (36.0, "about 4 days")])
def test_how_long_it_takes_is_said_where_it_is_long(tiny_options, seconds, words):
    """100 epochs of 100 pairs, of which 12 are done: 9,988 are left."""
    said = []
    run = SimpleNamespace(options=tiny_options(n_epochs=100), train_set=range(100), say=said.append)
    say_how_long(run, StepNumbers(1, 12, 2e-4, 1, {}), seconds)
    assert (len(said) == 0) == (words is None)
    if words:
        assert f"the 100 epochs will take {words} on this machine" in said[0]
        assert "--run-dir runs/quick" in said[0]


def test_it_is_measured_without_the_first_two_steps(tiny_options, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(session, "LONG_HOURS", 0)
    monkeypatch.setattr(session, "MEASURED_STEPS", 1)
    assert train.main(tiny_options(run_dir=tmp_path)) is None
    assert sum("will take about 0 hours" in line for line in capsys.readouterr().out.splitlines()) == 1


SMALL = {"ngf": 16, "upsample": "resize"}


@pytest.mark.parametrize("name", shipped_models())
def test_a_run_could_begin_from_a_model_in_the_box(name):
    model = read_model(find_model(name))
    trained = {"generator": model["generator"]["name"], "task": model["coding"]["task"]}
    assert fitting_model(TrainOptions.of(**SMALL, **trained), Own()) == name
    assert fitting_model(TrainOptions.of(**SMALL, **trained, init_from=name), Own()) is None
    assert fitting_model(TrainOptions.of(**SMALL, **trained), Own(generator=object())) is None


@pytest.mark.parametrize(
    "other",
    [{"generator": "resnet_9blocks", "upsample": "deconv"}, {"task": "inpainting"}, {"ngf": 64}, {"labels": 12}],
)
def test_there_may_be_none_that_fits(other):
    assert fitting_model(TrainOptions.of(**{**SMALL, **other}), Own()) is None
