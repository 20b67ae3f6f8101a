"""The network that reads labels off photos: that it learns, repeats, and takes what it is given."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.evaluation.segmentation import VOID, agreement, confusion_matrix
from gluon_pix2pix.evaluation.segmenter import SegmentationUNet, Segmenter, train_segmenter
from gluon_pix2pix.runtime import mx

SETTINGS = {"size": 32, "width": 16, "num_downs": 3, "batch_size": 4, "learning_rate": 2e-3, "ctx": mx.cpu()}


def stripes(count=8, size=36):
    """Photos that are dark where the label is 0 and bright where it is 1."""
    rng = np.random.default_rng(0)
    labels = np.zeros((count, size, size, 1), np.uint8)
    for label in labels:
        label[:, rng.integers(4, 18) : rng.integers(19, 32)] = 1
    noise = rng.integers(0, 40, (count, size, size, 3))
    return (60 + 100 * labels + noise).astype(np.uint8), labels


def train(photos, labels, *, epochs=6, seed=0, **more):
    net = train_segmenter(list(zip(photos, labels)), classes=2, epochs=epochs, seed=seed, **SETTINGS, **more)
    return Segmenter(net, size=32, ctx=mx.cpu())


def test_it_learns():
    photos, labels = stripes()
    steps = []
    segmenter = train(photos, labels, progress=lambda *step: steps.append(step))
    assert [step[:2] for step in steps] == [(step, 12) for step in range(1, 13)]
    assert steps[-1][2] < 0.5 * steps[0][2]
    counts = [confusion_matrix(label[:, :, 0], segmenter(photo), 2) for photo, label in zip(photos, labels)]
    scores = agreement(np.sum(counts, axis=0))
    assert scores.share.max() < 0.75
    assert scores.pixel_accuracy > 0.9


def test_a_seed_repeats_it():
    photos, labels = stripes(4)
    weights = [
        [
            parameter.data().asnumpy()
            for parameter in train(photos, labels, epochs=1, seed=seed).net.collect_params().values()
        ]
        for seed in (1, 1, 2)
    ]
    assert all(np.array_equal(a, b) for a, b in zip(weights[0], weights[1]))
    assert not all(np.array_equal(a, b) for a, b in zip(weights[0], weights[2]))


def test_void_pixels_teach_nothing():
    photos, labels = stripes(2)
    losses = []
    train(photos, np.full_like(labels, VOID), epochs=1, progress=lambda step, steps, loss: losses.append(loss))
    assert losses == [0]


def test_any_photo_is_labelled_at_its_own_size():
    segmenter = train(*stripes(2), epochs=1)
    photo = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    labels = segmenter(photo)
    assert (labels.shape, labels.dtype, labels.max() < 2) == ((40, 56), np.uint8, True)
    assert np.array_equal(labels, segmenter(photo.astype(np.uint16) * 257))
    assert segmenter(photo[:, :, :1]).shape == (40, 56)


@pytest.mark.parametrize(("classes", "num_downs"), [(2, 2), (12, 6), (19, 5)])
def test_one_score_for_each_class(classes, num_downs):
    net = SegmentationUNet(classes, width=16, num_downs=num_downs)
    net.initialize()
    side = 2**num_downs
    assert net(mx.nd.zeros((2, 3, side, 2 * side))).shape == (2, classes, side, 2 * side)
