"""Colours to classes: the palettes that have a name, files, noise and blur, and pictures that are no label pictures."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from gluon_pix2pix.datasets.demo.pairs import draw_facade
from gluon_pix2pix.evaluation.palettes import PALETTES, check_colours, labels_of, palette_of_set, read_palette
from gluon_pix2pix.evaluation.segmentation import VOID
from gluon_pix2pix.pictures.files import read_image

FACADES, CITYSCAPES = PALETTES["facades"], PALETTES["cityscapes"]


def test_the_palettes_have_the_papers_numbers_of_classes():
    assert (len(FACADES.names), len(FACADES.void)) == (12, 0)
    assert (len(CITYSCAPES.names), len(set(CITYSCAPES.colours))) == (19, 19)
    assert CITYSCAPES.names[0] == "road"
    assert CITYSCAPES.names[-1] == "bicycle"
    assert not set(CITYSCAPES.void) & set(CITYSCAPES.colours)


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_each_colour_is_its_class(palette, dtype):
    colours = np.array([[*palette.colours, *palette.void]], np.uint8)
    picture = colours.astype(dtype) * (257 if dtype == np.uint16 else 1)
    expected = [*range(len(palette.names)), *[VOID] * len(palette.void)]
    assert labels_of(picture, palette).tolist() == [expected]


def test_the_nearest_colour_wins():
    picture = np.array([[[10, 60, 240], [250, 20, 10]]], np.uint8)  # near facade (0, 48, 255) and pillar (255, 0, 0)
    assert [FACADES.names[label] for label in labels_of(picture, FACADES)[0]] == ["facade", "pillar"]


def test_jpeg_changes_labels_at_edges_alone():
    labels = draw_facade(3, 128)[1]
    jpeg = cv2.imdecode(cv2.imencode(".jpg", labels, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], cv2.IMREAD_COLOR)
    assert not np.array_equal(jpeg, labels)
    true = labels_of(labels, FACADES)
    inside = cv2.morphologyEx(true, cv2.MORPH_GRADIENT, np.ones((5, 5))) == 0
    assert inside.mean() > 0.5
    assert np.array_equal(labels_of(jpeg, FACADES)[inside], true[inside])


def test_real_facades_have_these_colours_and_photos_have_not(facades):
    pictures = [read_image(path) for path in sorted((facades / "val").glob("*.jpg"))[:10]]
    check_colours([picture[:, 256:] for picture in pictures], FACADES, what="the right halves")
    with pytest.raises(
        ValueError,
        match=r"the left halves are not label pictures of this palette: only 0 % of .* the right direction\?",
    ):
        check_colours([picture[:, :256] for picture in pictures], FACADES, what="the left halves")


def test_gray_pictures_are_maps_of_labels():
    picture = np.array([[[0], [11], [VOID]]], np.uint8)
    assert labels_of(picture, FACADES).tolist() == [[0, 11, VOID]]
    check_colours([picture], FACADES, what="maps")
    with pytest.raises(ValueError, match=r"labels from 0 to 11 \(and 255 for none\), and this one holds the value 12"):
        labels_of(np.full((2, 2, 1), 12, np.uint8), FACADES)
    with pytest.raises(ValueError, match="this one is of uint16"):
        labels_of(np.zeros((2, 2, 1), np.uint16), FACADES)
    with pytest.raises(ValueError, match="label pictures have 1 or 3 channels, not 4"):
        labels_of(np.zeros((2, 2, 4), np.uint8), FACADES)


TEXT = """# who lives here
name, r, g, b
sky, 0, 0, 255
traffic light 250 170 30  # two words
void\t0 0 0
void\t1 1 1
"""


def test_palettes_from_files(tmp_path):
    (tmp_path / "own.txt").write_text("\ufeff" + TEXT)
    colours = {"sky": [0, 0, 255], "traffic light": [250, 170, 30], "void": [0, 0, 0]}
    (tmp_path / "own.json").write_text(json.dumps(colours))
    text, from_json = (read_palette(tmp_path / name) for name in ("own.txt", "own.json"))
    assert text.names == from_json.names == ("sky", "traffic light")
    assert text.colours == from_json.colours == ((0, 0, 255), (250, 170, 30))
    assert (text.void, from_json.void) == (((0, 0, 0), (1, 1, 1)), ((0, 0, 0),))
    assert read_palette("cityscapes") is CITYSCAPES


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "sky,0,0", "line 1 is 'sky,0,0', and should be a name and three numbers"),
        ("a.csv", "\nsky,0,0,-5", "line 2 is"),
        ("a.csv", "sky,0,0,256\nsea,0,0,1", r"the colour of 'sky' is \[0, 0, 256\], and should be three whole numbers"),
        ("a.csv", "sky,0,0,5\nsea,0,0,5", r"'sky' and 'sea' have the same colour \[0, 0, 5\]"),
        ("a.csv", "sky,0,0,5\nsky,0,0,6", "there are two classes 'sky'"),
        ("a.csv", "sky,0,0,5\nvoid,0,0,6", "it has 1 classes, and 2 to 254 can be told apart"),
        ("a.json", "[[0, 0, 5]]", "it should be an object of names"),
        ("a.json", '{"sky": [0, 0, true]}', "the colour of 'sky'"),
        ("a.json", "{", "Expecting property name"),
    ],
)
def test_files_that_are_no_palettes(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name} is not a palette: .*{message}"):
        read_palette(tmp_path / name)


def test_neither_a_palette_nor_a_file():
    with pytest.raises(ValueError, match="no palette and no file 'ade20k'; the palettes are facades, cityscapes"):
        read_palette("ade20k")


@pytest.mark.parametrize(
    ("dataset", "direction", "classes"),
    [
        ("facades", "BtoA", 12),
        ("/somewhere/demo/", "BtoA", 12),
        ("cityscapes", "BtoA", 19),
        ("facades", "AtoB", None),
        ("maps", "BtoA", None),
        ("", "BtoA", None),
    ],
)
def test_the_palette_of_a_published_set(dataset, direction, classes):
    palette = palette_of_set(dataset, direction)
    assert (palette and len(palette.names)) == classes
