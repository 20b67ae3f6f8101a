"""The colours of labels: what training has seen, and label maps of other palettes read by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gluon_pix2pix.pairs.label_colours import Contradiction, LabelColours, colours_of, read_labels_by_colour
from gluon_pix2pix.pictures.files import read_label_palette, read_labels

RED, GREEN, BLUE, BLACK = "ff0000", "00ff00", "0000ff", "000000"


def write(path, labels, palette=None):
    picture = Image.fromarray(np.array(labels, np.uint8), "P" if palette else "L")
    if palette:
        picture.putpalette(bytes.fromhex("".join(palette)))
    picture.save(path)
    return path


def test_what_is_known_is_json(tmp_path):
    colours = LabelColours()
    colours.add(Path("1"), [2, 0], [RED, BLACK])
    colours.add(Path("2"), [0, 1], [BLACK, GREEN])
    assert colours.known() == {"0": BLACK, "1": GREEN, "2": RED}
    with pytest.raises(
        Contradiction, match=r"^1 and 3 have palettes .*: label 2 is #ff0000 in .* and #0000ff in the second"
    ):
        colours.add(Path("3"), [2], [BLUE])
    assert colours.known() == {"0": BLACK, "1": GREEN, "2": RED}


KNOWN = {"0": BLACK, "1": RED, "2": GREEN}


@pytest.mark.parametrize(
    ("labels", "palette", "read"),
    [
        ([0, 1, 2], (BLACK, RED, GREEN), [0, 1, 2]),
        ([0, 1, 2], (GREEN, BLACK, RED), [2, 0, 1]),
        ([3, 1], (BLUE, RED, BLUE, GREEN), [2, 1]),
        ([3], (BLACK, RED, GREEN, BLUE), [3]),  # neither the number nor the colour was there
        ([0, 1, 2], None, [0, 1, 2]),
    ],
)
def test_labels_are_read_by_their_colours(tmp_path, labels, palette, read):
    path = write(tmp_path / "1.png", [labels], palette)
    assert read_labels_by_colour(path, KNOWN)[0, :, 0].tolist() == read
    assert read_labels_by_colour(path, {}).tolist() == read_labels(path).tolist()


def test_another_palette_is_refused(tmp_path):
    path = write(tmp_path / "1.png", [[0, 1]], (BLACK, BLUE))
    with pytest.raises(ValueError, match=r"1\.png has another palette .*: label 1 is #0000ff here, and was #ff0000 in"):
        read_labels_by_colour(path, KNOWN)
    path = write(tmp_path / "2.png", [[0, 1]], (RED, BLACK))
    with pytest.raises(ValueError, match="label 1 is #000000 here"):  # which of the two black ones?
        read_labels_by_colour(path, {"0": BLACK, "1": RED, "2": BLACK})


@given(st.permutations(range(4)), st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_any_order_of_a_palette_is_the_same_labels(tmp_path_factory, order, labels):
    colours = (BLACK, RED, GREEN, BLUE)
    path = write(
        tmp_path_factory.mktemp("labels") / "1.png",
        [[order.index(label) for label in labels]],
        [colours[label] for label in order],
    )
    assert read_labels_by_colour(path, dict(zip("0123", colours)))[0, :, 0].tolist() == labels
    assert colours_of([0, 9], read_label_palette(path))[:1] == [colours[order[0]]]
