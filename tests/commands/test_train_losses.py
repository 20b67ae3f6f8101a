"""Runs with losses, schedules and networks that are not the defaults: stopped and gone on with, they end the same."""

from __future__ import annotations

import csv
import itertools
import json
import signal
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.commands import cli
from gluon_pix2pix.core.step import Pix2PixTrainer
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.runs.log import LOSSES, read_log
from gluon_pix2pix.translation.translator import Translator

TINY = "--gpu -1 --generator unet --num-downs 3 --dropout-blocks paper --ngf 4 --discriminator n_layers --n-layers-D 1"
TINY += " --ndf 4 --load-size 18 --crop-size 16 --n-epochs-decay 0 --keep 9 --log-every 1 --num-workers 0"
TINY += " --max-dataset-size 3"
STEPS = 3  # in an epoch


@pytest.fixture
def train(tiny_pairs, capsys):
    """Train in this process; return what was said. `code` is the exit code that is expected."""

    def run(run_dir: Path, words: str, *, epochs: int, code: int = 0) -> str:
        command = [*TINY.split(), "--dataset", str(tiny_pairs), "--run-dir", str(run_dir), "--n-epochs", str(epochs)]
        with pytest.raises(SystemExit) as caught:
            cli.run("train", [*command, *words.split()])
        out, err = capsys.readouterr()
        assert (caught.value.code or 0, err) == (code, "")
        return out

    return run


@pytest.fixture
def stop_after(monkeypatch):
    """Send this process a SIGTERM after a given step of the next run, and no more."""

    def arrange(number: int) -> None:
        original, count = Pix2PixTrainer.step, itertools.count(1)

        def step(trainer, *args, **kwargs):
            losses = original(trainer, *args, **kwargs)
            if next(count) == number:
                signal.raise_signal(signal.SIGTERM)
            return losses

        monkeypatch.setattr(Pix2PixTrainer, "step", step)

    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # so that a mistake does not end the tests
    yield arrange
    signal.signal(signal.SIGTERM, before)


def state(run_dir: Path, name: str) -> dict:
    return json.loads((run_dir / "checkpoints" / name / "state.json").read_text())


def lines(run_dir: Path) -> list[dict]:
    """Return the losses and rates of each step."""
    events = [event for event in read_log(run_dir) if event["event"] == "train"]
    return [{k: event[k] for k in ("epoch", "step", *LOSSES, "lr") if k in event} for event in events]


def epoch_means(run_dir: Path) -> list[float]:
    totals = [line.get("G_GAN", 0) + line.get("G_L1", 0) for line in lines(run_dir)]
    return np.reshape(totals, (-1, STEPS)).mean(axis=1).tolist()


def test_plateau_goes_on_where_it_was(train, stop_after, tmp_path):
    """With a rate so low that nothing is learnt, the loss rests, and the rate falls after its sixth epoch of that."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    words = "--lr-policy plateau --lr 1e-7 --save-every 9 --val-pictures 0"
    train(whole, words, epochs=9)
    train(parts, words, epochs=5)
    stop_after(STEPS + 2)
    train(parts, words, epochs=9, code=143)

    stopped = state(parts, "step_0006_000002")
    assert stopped["history"] == pytest.approx(epoch_means(whole)[:6])
    log = lines(parts)[6 * STEPS :]
    assert stopped["losses"] == pytest.approx([line["G_GAN"] + line["G_L1"] for line in log])
    assert len(stopped["losses"]) == 2

    train(parts, words, epochs=9)
    assert lines(parts) == lines(whole)
    assert state(parts, "epoch_0009") == state(whole, "epoch_0009")  # with the sums of all weights
    assert state(whole, "epoch_0009")["history"] == pytest.approx(epoch_means(whole))
    assert state(whole, "epoch_0009")["losses"] == []
    rates = [line["lr"] for line in lines(whole)][::STEPS]
    falls = [after / before for before, after in zip(rates, rates[1:])]
    assert sorted(falls)[0] == pytest.approx(0.2)
    assert falls.count(1.0) == 7


OTHERS = {
    "l1 alone": "--lambda-gan 0 --norm none --init-type xavier --init-gain 1 --lr-policy constant",
    "gan alone": "--lambda-l1 0 --gan-mode lsgan --label-smoothing 0.1 --netG encoder_decoder --no-dropout",
    "pool": "--pool-size 2 --gan-mode hinge --init-type kaiming",
    "unconditional": "--no-conditional --d-lr 1e-3 --lr-policy step --lr-decay-iters 1 --beta1 0",
    "residual": "--netG resnet_6blocks --netD pixel --norm instance --init-type orthogonal --init-gain 0.5 "
    "--lr-policy cosine --batch-size 2",
}
NAMES = {"l1 alone": {"G_L1"}, "gan alone": {"D_real", "D_fake", "G_GAN"}}


@pytest.mark.parametrize("kind", OTHERS)
def test_stopped_in_the_second_epoch_it_ends_the_same(train, stop_after, tmp_path, tiny_pairs, kind):
    words, steps = f"{OTHERS[kind]} --save-every 2", 2 if kind == "residual" else STEPS
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, words, epochs=2)
    stop_after(steps + 1)
    out = train(parts, words, epochs=2, code=143)
    assert out.endswith("step_0001_000001; the same command goes on from there\n")
    train(parts, words, epochs=2)
    assert state(parts, "epoch_0002") == state(whole, "epoch_0002")
    assert lines(parts) == lines(whole)

    found = set(lines(whole)[0]) - {"epoch", "step", "lr"}
    assert found == NAMES.get(kind, set(LOSSES))
    with open(whole / "losses.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * steps
    assert {name for name in LOSSES if rows[0][name]} == found
    assert read_image(whole / "losses.png").std() > 5

    picture = read_image(tiny_pairs / "val" / "1.png")[:, :64]
    fakes = [Translator.load(run, dropout=False)(picture) for run in (whole, parts)]
    assert fakes[0].shape == (16, 16, 3)
    np.testing.assert_array_equal(*fakes)
