"""What a run shows of itself at a checkpoint: sample pictures and the score on the validation pairs."""

from __future__ import annotations

from typing import Optional

import numpy as np

from gluon_pix2pix.data.pairs import PairedImages
from gluon_pix2pix.evaluation.metrics import psnr
from gluon_pix2pix.images import grid
from gluon_pix2pix.training.interrupt import StopRequest
from gluon_pix2pix.translation.translator import Translator


def draw_samples(translator: Translator, pairs: PairedImages, count: int = 4) -> np.ndarray:
    """Lay out source | fake | target of the first pairs, the same every time, a row each."""
    rows = []
    for index in range(min(count, len(pairs))):
        source, target = pairs.images(index)
        rows.append([source, translator(source), target])
    return grid(rows)


def score_validation(translator: Translator, pairs: PairedImages, count: int, stop: StopRequest) -> Optional[float]:
    """Return the mean PSNR (dB) of the first `count` pairs, or None if there are none or a stop was asked for."""
    scores = []
    for index in range(min(count, len(pairs))):
        if stop.signal:
            return None
        source, target = pairs.images(index)
        scores.append(psnr(target, translator(source), data_range=pairs.peak))
    return float(np.mean(scores)) if scores else None
