"""The scores that decide which checkpoint is the best."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gluon_pix2pix.evaluation.metrics import psnr
from gluon_pix2pix.pairs.coding import make_coding
from gluon_pix2pix.training.interrupt import StopRequest
from gluon_pix2pix.training.validation import identical_psnr, score_validation


class Pairs:
    """Pictures of 16 x 16 pixels, each its own target."""

    def __init__(self, count: int, task: str = "pairs"):
        rng = np.random.default_rng(0)
        self.coding = make_coding(task)
        self.pictures = [rng.integers(0, 256, (16, 16, 3), np.uint8) for _ in range(count)]

    def __len__(self) -> int:
        return len(self.pictures)

    def images(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.pictures[index], self.pictures[index]


def translators(pairs: Pairs, wrong: int):
    """Two that translate all but the first `wrong` pictures exactly; of these the second has less wrong."""

    def translator(share):
        def translate(picture):
            number = next(n for n, p in enumerate(pairs.pictures) if p is picture)
            noise = np.random.default_rng(1).integers(0, share, picture.shape, np.uint8) if number < wrong else 0
            return np.clip(picture.astype(int) + noise, 0, 255).astype(np.uint8)

        return translate

    return translator(60), translator(20)


@pytest.mark.parametrize("metric", ["psnr", "psnr_y", "psnr_ab", "psnr_rgb"])
def test_one_identical_picture_does_not_freeze_the_best(metric):
    pairs = Pairs(3)
    worse, better = translators(pairs, 2)
    scores = [score_validation(each, pairs, 9, StopRequest(), metric=metric) for each in (worse, better)]
    low, high = (score.values[score.best_by] for score in scores)
    assert math.isfinite(high)
    assert low < high
    all_right = score_validation(lambda picture: picture, pairs, 9, StopRequest(), metric=metric)
    assert high < all_right.values[all_right.best_by] < math.inf
    assert "inf" not in all_right.text


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_identical_picture_has_more_than_any_other(dtype):
    picture = np.full((4, 4, 3), 7, dtype)
    other = picture.copy()
    other[0, 0, 0] += 1
    assert identical_psnr(picture) == pytest.approx(psnr(picture, other, data_range=np.iinfo(dtype).max) + 20)
