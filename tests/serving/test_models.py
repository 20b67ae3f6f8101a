"""Models under their names: those in the box, with their cards and examples."""

from __future__ import annotations

import asyncio
import shutil

import httpx
import numpy as np
import pytest

from gluon_pix2pix.serving.app import create_app
from gluon_pix2pix.serving.models import find_models
from gluon_pix2pix.zoo import shipped

from .conftest import pixels, png


@pytest.fixture
def box(models, write_card, tmp_path, monkeypatch):
    """A box with a model "houses" that has a card and examples, and one "plain" with a card alone."""
    for name in ("houses", "plain"):
        write_card(shutil.copytree(models["symbol"], tmp_path / "zoo" / name))
    examples = tmp_path / "zoo" / "houses" / "examples"
    examples.mkdir()
    for number in range(8):
        (examples / f"{number}.png").write_bytes(png(np.full((40, 40, 3), number, np.uint8)))
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "zoo")
    return tmp_path / "zoo"


def ask(app, paths):
    """Get what is at each path."""

    async def get():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return [await client.get(f"/v1/models{path}") for path in paths]

    return asyncio.run(get())


def test_models_in_the_box_are_served_by_name(box):
    app = create_app(["houses", "plain"])
    listed, example, none = ask(app, ["", "/houses/examples/5", "/houses/examples/6"])
    houses, plain = listed.json()["models"]
    assert (houses["name"], plain["name"]) == ("houses", "plain")
    assert houses["card"] == {
        "title": "noise to noise",
        "task": "Makes noise of noise.",
        "trained on": "4 drawn pairs",
        "licence": "CC0",
        "options": "generator unet, ngf 4, lr 0.0002",
        "training": "12,345 steps in 0.5 hours",
        "scores": "psnr 12.35",
        "command": "python train_pix2pix.py --dataset demo",
        "does badly": "Noise stays noise. It is small.",
    }
    assert len(houses["examples"]) == 6
    assert (pixels(example.content) == 6).all()  # of eight every so many-eth
    assert none.status_code == 404


def test_a_card_that_is_none(box, write_card):
    write_card(box / "plain", title="")
    with pytest.raises(ValueError, match=r"plain/card.json is not the card of a model: title is empty"):
        create_app(["houses", "plain"])


def test_the_way_on_is_quoted_where_a_path_has_blanks(models, tmp_path):
    path = tmp_path / "my models" / "net.onnx"
    path.parent.mkdir()
    path.write_bytes(models["net"].read_bytes())
    with pytest.raises(
        ValueError, match=r"two models are named 'net', .* pass --model 'OTHER=.*/my models/net\.onnx'$"
    ):
        find_models([str(path), str(path)])
    with pytest.raises(
        ValueError, match=r"'a b' is no name for a model .* pass --model 'NAME=.*/my models/net\.onnx'$"
    ):
        find_models([f"a b={path}"])
