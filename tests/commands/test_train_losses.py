"""Runs with losses, schedules and networks that are not the defaults: stopped and gone on with, they end the same."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.runs.log import LOSSES, read_log
from gluon_pix2pix.translation.translator import Translator

STEPS = 3  # in an epoch


@pytest.fixture
def train_three(train, tiny_pairs):
    """Train on three pairs; return what was said. `code` is the exit code that is expected."""

    def run(run_dir: Path, words: str, *, epochs: int, code: int = 0) -> str:
        more = ["--dataset", tiny_pairs, "--max-dataset-size", STEPS, "--num-workers", 0, "--ngf", 4, "--ndf", 4]
        found, out, err = train(*more, "--run-dir", run_dir, *words.split(), epochs=epochs)
        assert (found, err) == (code, "")
        return out

    return run


def state(run_dir: Path, name: str) -> dict:
    return json.loads((run_dir / "checkpoints" / name / "state.json").read_text())


def lines(run_dir: Path) -> list[dict]:
    """Return the losses and rates of each step."""
    events = [event for event in read_log(run_dir) if event["event"] == "train"]
    return [{k: event[k] for k in ("epoch", "step", *LOSSES, "lr") if k in event} for event in events]


def epoch_means(run_dir: Path) -> list[float]:
    totals = [line.get("G_GAN", 0) + line.get("G_L1", 0) for line in lines(run_dir)]
    return np.reshape(totals, (-1, STEPS)).mean(axis=1).tolist()


def test_plateau_goes_on_where_it_was(train_three, sigterm_after_step, tmp_path):
    """With a rate so low that nothing is learnt, the loss rests, and the rate falls after its sixth epoch of that."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    words = "--lr-policy plateau --lr 1e-7 --save-every 9 --val-pictures 0"
    train_three(whole, words, epochs=9)
    train_three(parts, words, epochs=5)
    sigterm_after_step(STEPS + 2)
    train_three(parts, words, epochs=9, code=143)

    stopped = state(parts, "step_0006_000002")
    assert stopped["history"] == pytest.approx(epoch_means(whole)[:6])
    log = lines(parts)[6 * STEPS :]
    assert stopped["losses"] == pytest.approx([line["G_GAN"] + line["G_L1"] for line in log])
    assert len(stopped["losses"]) == 2

    train_three(parts, words, epochs=9)
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
def test_stopped_in_the_second_epoch_it_ends_the_same(train_three, sigterm_after_step, tmp_path, tiny_pairs, kind):
    words, steps = f"{OTHERS[kind]} --save-every 2", 2 if kind == "residual" else STEPS
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train_three(whole, words, epochs=2)
    sigterm_after_step(steps + 1)
    out = train_three(parts, words, epochs=2, code=143)
    assert out.endswith("step_0001_000001; the same command goes on from there\n")
    train_three(parts, words, epochs=2)
    assert state(parts, "epoch_0002") == state(whole, "epoch_0002")
    assert lines(parts) == lines(whole)

    found = set(lines(whole)[0]) - {"epoch", "step", "lr"}
    assert found == NAMES.get(kind, set(LOSSES))
    with open(whole / "losses.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * steps
    assert {name for name in LOSSES if rows[0][name]} == found

    picture = read_image(tiny_pairs / "val" / "1.png")[:, :64]
    fakes = [Translator.load(run, dropout=False)(picture) for run in (whole, parts)]
    assert fakes[0].shape == (16, 16, 3)
    np.testing.assert_array_equal(*fakes)
