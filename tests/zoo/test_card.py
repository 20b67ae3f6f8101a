"""Cards of models: what one says, and what is none."""

from __future__ import annotations

import pytest

from gluon_pix2pix.zoo import shipped
from gluon_pix2pix.zoo.card import CARD, find_card, read_card


def test_a_card(write_card, tmp_path):
    card = read_card(write_card(tmp_path, hours=3))
    assert (card.title, card.options["ngf"], card.hours, card.failures[1]) == ("noise to noise", 4, 3, "It is small.")
    assert card.lines()["training"] == "12,345 steps in 3 hours"
    assert find_card(tmp_path) == card
    assert find_card(tmp_path / "generator.onnx") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title": ""}, "title is empty"),
        ({"failures": []}, "failures is empty"),
        ({"licence": "CC0\nor so"}, "licence is one line of text"),
        ({"data": None}, "it has no data"),
        ({"author": "x"}, "there is no field 'author'; there are title, task, data"),
        ({"steps": -1}, "steps should be a whole number from 0, not -1"),
        ({"steps": 1.5}, "steps should be a whole number"),
        ({"hours": 0}, "hours should be more than 0, not 0"),
        ({"hours": float("inf")}, "hours should be more than 0, not inf"),
        ({"scores": {"psnr": "high"}}, "scores.psnr should be a number"),
        ({"scores": {"psnr": float("nan")}}, "scores.psnr is no number: nan"),
        ({"options": {"ngf": [4]}}, "options.ngf should be"),
        ({"failures": "none"}, "failures should be a list"),
    ],
)
def test_what_is_no_card(write_card, tmp_path, change, message):
    write_card(tmp_path, **change)
    with pytest.raises(ValueError, match=rf"{CARD} is not the card of a model: .*{message}"):
        read_card(tmp_path)


def test_no_card_at_all(tmp_path):
    with pytest.raises(FileNotFoundError, match=CARD):
        read_card(tmp_path)
    (tmp_path / CARD).write_text("{")
    with pytest.raises(ValueError, match="it is no JSON"):
        find_card(tmp_path)


def test_the_cards_in_the_box():
    for name in shipped.shipped_models():
        card = read_card(shipped.FOLDER / name)
        assert len(card.title) < 80
