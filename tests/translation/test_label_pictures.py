"""Pictures that a model of label pictures cannot know are noticed, whichever way they come."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from gluon_pix2pix.evaluation.palettes import CMP_COLOURS
from gluon_pix2pix.pairs.coding import make_coding
from gluon_pix2pix.pictures.files import encode_image, write_image
from gluon_pix2pix.translation.label_pictures import LabelPictures
from gluon_pix2pix.translation.network import Network
from gluon_pix2pix.translation.video_files import write_video

PALETTE = {"sky": [0, 0, 250], "ground": [120, 60, 0]}
LINE = "this model was trained on label pictures of 12 colours, and most of {} is in none of them: do not trust what"


def network(description=None, **coding) -> Network:
    return Network(compute=None, coding=make_coding(**coding), multiple=2, description=description or {})


def labels(height: int = 48, width: int = 64) -> np.ndarray:
    """Draw a label picture of facades, with the noise of JPEG."""
    rng = np.random.default_rng(0)
    colours = np.array(list(CMP_COLOURS.values()))[rng.integers(0, 12, (height // 8, width // 8))]
    noisy = colours.repeat(8, 0).repeat(8, 1) + rng.integers(-6, 7, (height, width, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def photo(height: int = 48, width: int = 64) -> np.ndarray:
    """Draw grays and browns, as houses have them."""
    y, x = np.mgrid[:height, :width]
    return np.stack([60 + x % 100, 70 + y, 70 + (x + y) % 60], axis=2).astype(np.uint8)


FACADES = {"options": {"dataset": "data/facades", "direction": "BtoA"}}


@pytest.mark.parametrize(
    ("described", "coding", "picture", "noticed"),
    [
        (FACADES, {}, photo(), True),
        (FACADES, {}, photo(400, 600), True),
        (FACADES, {}, photo()[:, :, :1], True),
        (FACADES, {}, labels(), False),
        (FACADES, {}, labels().astype(np.uint16) * 257, False),
        ({"options": {"dataset": "facades", "direction": "AtoB"}}, {}, photo(), False),  # takes photos
        ({}, {}, photo(), False),  # nobody knows
        ({"palette": PALETTE}, {}, photo(), True),
        ({"palette": PALETTE}, {}, np.full((9, 9, 3), (118, 61, 4), np.uint8), False),
        (FACADES, {"task": "inpainting"}, photo(), False),
        (FACADES, {"labels": 12}, photo()[:, :, :1] % 12, False),
    ],
)
def test_what_is_noticed(described, coding, picture, noticed):
    seen = LabelPictures(network(described, **coding))
    seen.look("a.png", picture)
    assert (seen.note is not None) == noticed


def test_the_palette_that_is_given_counts():
    palette = SimpleNamespace(names=("a", "b"), colours=((60, 70, 80), (100, 90, 110)), void=())
    for given, noticed in ((None, True), (palette, False)):
        seen = LabelPictures(network(FACADES), given)
        seen.look("a.png", np.full((9, 9, 3), (61, 70, 82), np.uint8))
        assert bool(seen.note) == noticed


def test_many_are_counted():
    seen = LabelPictures(network(FACADES))
    for number in range(5):
        seen.look(f"{number}.png", photo())
        seen.look("good.png", labels())
    assert "most of 0.png, 1.png, 2.png and 2 more is in none of them" in seen.note


@pytest.fixture
def model(write_model_folder, tmp_path):
    """A model of facades."""
    small = {"name": "unet", "num_downs": 3, "ngf": 4}
    return write_model_folder(tmp_path / "model", small, {}, dataset="data/facades", direction="BtoA", crop_size=48)


@pytest.fixture
def translate(call, model):
    return lambda *words: call("translate", "--model", model, "--gpu", "-1", *words)


def test_the_command_says_so(translate, tmp_path):
    for name, picture in (
        ("photo", photo()),
        ("labels", labels()),
        ("pair", np.hstack([labels(48, 48), photo(48, 48)])),
    ):
        (tmp_path / name).mkdir()
        write_image(tmp_path / name / f"{name}.png", picture)
    code, out, err = translate("--input", tmp_path / "photo", "--output", tmp_path / "a")
    assert (code, err) == (0, "")
    assert f"note: {LINE.format('photo.png')}" in out
    assert "do not trust" not in translate("--input", tmp_path / "labels", "--output", tmp_path / "b")[1]
    _, out, _ = translate("--input", tmp_path / "pair", "--output", tmp_path / "c")  # BtoA: the right half, a photo
    assert f"note: {LINE.format('pair.png')}" in out
    _, out, _ = translate("--input", tmp_path / "photo" / "photo.png", "--output", tmp_path / "one.png")
    assert f"note: {LINE.format('photo.png')}" in out
    write_video(tmp_path / "clip.mkv", [photo(), photo()], rate=5)
    _, out, _ = translate("--input", tmp_path / "clip.mkv", "--output", tmp_path / "d")
    assert f"note: {LINE.format('clip.mkv')}" in out


def test_of_standard_input(translate, monkeypatch, tmp_path):
    given = io.BytesIO(encode_image("a.png", photo()))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=given))
    code, _, err = translate("--input", "-", "--output", tmp_path / "out.png")
    assert (code, err.startswith(f"note: {LINE.format('standard input')}")) == (0, True)
