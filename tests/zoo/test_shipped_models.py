"""The models in the box themselves: whole, small, and as good as their cards say."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from gluon_pix2pix.evaluation.metrics import psnr
from gluon_pix2pix.evaluation.named_metrics import score_pair
from gluon_pix2pix.handover.export import export_generator
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.translation.exported import read_model
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.zoo.card import read_card
from gluon_pix2pix.zoo.shipped import find_model, shipped_models

NAMES = ("colorize", "facades")


def test_what_is_in_the_box():
    assert shipped_models() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_is_whole_and_small_and_names_no_place(name):
    folder = find_model(name)
    model = read_model(folder)
    for file, digest in model["sha256"].items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == digest
    assert sum(path.stat().st_size for path in folder.iterdir()) < 16e6
    for file in ("model.json", "card.json", "generator-symbol.json"):
        assert "/root/" not in (folder / file).read_text()
        assert "/work/" not in (folder / file).read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_of_this_model(name):
    folder = find_model(name)
    card, model = read_card(folder), read_model(folder)
    options = card.options
    assert options["n_epochs"] + options["n_epochs_decay"] == model["epoch"]
    assert {key: options[key] for key in ("ngf", "upsample")} == {
        key: model["generator"][key] for key in ("ngf", "upsample")
    }
    assert options["generator"] == model["generator"]["name"]
    assert all(f"--{word.replace('_', '-')} {options[word]}" in card.command for word in ("ngf", "ndf", "n_epochs"))


def test_facades_scores_what_its_card_says(facades):
    translate = Translator.load("facades")
    scores = []
    for number in range(1, 101):
        pair = read_image(facades / "val" / f"{number}.jpg")
        photo, labels = np.split(pair, 2, axis=1)
        scores.append(psnr(photo, translate(labels), data_range=255))
    assert np.mean(scores) == pytest.approx(read_card(find_model("facades")).scores["PSNR (dB)"], abs=0.01)


def test_colorize_keeps_the_lightness_and_knows_a_sky():
    """A grey ramp above a noisy dark ground, as a landscape has them: a gray answer would have no colour at all."""
    rows, rng = np.linspace(230, 170, 128), np.random.default_rng(0)
    photo = np.repeat(rows[:, None], 256, axis=1)
    ground = rng.normal(90, 30, (128, 256))
    gray = np.clip(np.concatenate([photo, ground]), 0, 255).astype(np.uint8)
    answer = Translator.load("colorize")(np.repeat(gray[:, :, None], 3, axis=2)).astype(int)
    assert answer.shape == (256, 256, 3)
    weights = (0.2126, 0.7152, 0.0722)  # near enough to L*: it stays, but for rounding and colours that are cut
    assert np.abs(answer @ weights - gray).mean() < 8
    assert np.ptp(answer, axis=2).mean() > 5


def test_colorize_is_better_than_no_colour(facades):
    """On the first facades of validation; PSNR of the colours alone is what the card tells of all."""
    translate = Translator.load("colorize")
    ours, grays = [], []
    for number in range(1, 21):
        photo = np.split(read_image(facades / "val" / f"{number}.jpg"), 2, axis=1)[0]
        gray = np.repeat(np.rint(photo @ [0.299, 0.587, 0.114]).astype(np.uint8)[:, :, None], 3, axis=2)
        ours.append(score_pair(photo, translate(gray), ("psnr_ab",))["psnr_ab"])
        grays.append(score_pair(photo, gray, ("psnr_ab",))["psnr_ab"])
    assert np.mean(ours) > np.mean(grays) + 0.5


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_on_to_onnx(name, tmp_path):
    checked = export_generator(name, tmp_path / name, onnx=True)["checked"]
    assert checked["difference_from_the_net"]["generator-symbol.json"] < 1e-6
    assert checked["difference_from_the_net"]["generator.onnx"] < 3e-5  # of the net in float64
