"""What a segmenter learns from: read from either layout, and kept only as far as there is room."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.evaluation import labelled_photos
from gluon_pix2pix.evaluation.labelled_photos import LabelledPhotos
from gluon_pix2pix.evaluation.palettes import PALETTES
from gluon_pix2pix.pairs.layouts import PairPaths, side_by_side
from gluon_pix2pix.pictures.files import read_image, write_image


def test_reads_pairs_of_either_layout(tiny_pairs, tmp_path):
    pairs = side_by_side(tiny_pairs / "val").pairs
    palette = PALETTES["facades"]
    photos = LabelledPhotos(pairs, direction="BtoA", palette=palette, load_size=64)
    assert len(photos) == 2
    photo, labels = photos[0]
    assert (photo.shape, labels.shape) == ((64, 64, 3), (64, 64, 1))
    picture = read_image(pairs[0].a)
    assert np.array_equal(photo, picture[:, :64])
    assert np.array_equal(np.array(palette.colours)[labels[:, :, 0]], picture[:, 64:])

    write_image(tmp_path / "a.png", picture[:, 64:])
    write_image(tmp_path / "b.png", picture[:, :64].astype(np.uint16) * 257)
    parted = [PairPaths("1", tmp_path / "a.png", tmp_path / "b.png")]
    again = LabelledPhotos(parted, direction="AtoB", palette=palette, load_size=64)[0]
    assert np.array_equal(again[0], photo)
    assert np.array_equal(again[1], labels)


def test_refuses_photos_for_labels(tiny_pairs, tmp_path):
    pairs = side_by_side(tiny_pairs / "val").pairs
    with pytest.raises(ValueError, match=r"the sources \(AtoB\) of the pairs in .*val are not label pictures"):
        LabelledPhotos(pairs, direction="AtoB", palette=PALETTES["facades"], load_size=64)
    write_image(tmp_path / "1.png", np.full((8, 16, 1), 99, np.uint8))
    with pytest.raises(ValueError, match=r"1.png: a gray picture is taken for a map of labels"):
        LabelledPhotos(
            [PairPaths("1", tmp_path / "1.png")], direction="AtoB", palette=PALETTES["facades"], load_size=8
        )[0]


def test_only_what_has_room_stays_in_memory(tiny_pairs, monkeypatch):
    reads = []
    monkeypatch.setattr(labelled_photos, "read_image", lambda path: reads.append(path.name) or read_image(path))
    monkeypatch.setattr(labelled_photos, "_KEPT", 2 * 4 * 16 * 16)
    pairs = side_by_side(tiny_pairs / "train").pairs
    photos = LabelledPhotos(pairs, direction="BtoA", palette=PALETTES["facades"], load_size=16)
    reads.clear()
    epochs = [[photos[index] for index in range(4)] for _ in range(3)]
    assert reads == ["1.png", "2.png", "3.png", "4.png", "3.png", "4.png", "3.png", "4.png"]
    for first, again in zip(epochs[0], epochs[2]):
        assert all(np.array_equal(*pictures) for pictures in zip(first, again))
