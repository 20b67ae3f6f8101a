"""What a run shows of itself at a checkpoint: sample pictures and the score on the validation pairs."""

from __future__ import annotations

from typing import NamedTuple, Optional

import numpy as np

from gluon_pix2pix.data.coding import OneHot
from gluon_pix2pix.data.pairs import PairedImages
from gluon_pix2pix.evaluation.metrics import psnr
from gluon_pix2pix.images import peak_of
from gluon_pix2pix.training.interrupt import StopRequest
from gluon_pix2pix.translation.translator import Translator


class Score(NamedTuple):
    """A number that is higher for better generators; `key` is its name in state.json and in the log."""

    key: str
    value: Optional[float]
    text: str = ""


def sample_rows(translator: Translator, pairs: PairedImages, count: int = 4) -> list[list[np.ndarray]]:
    """Return [source, fake, target] of the first pairs, the same every time, on white where sizes differ."""
    source, target = pairs.coding.source, pairs.coding.target
    rows = []
    for index in range(min(count, len(pairs))):
        given, true = pairs.images(index)
        rows.append([source.show(given), target.show(translator(given)), target.show(true)])
    height, width = np.max([row[0].shape[:2] for row in rows], axis=0)
    return [[_on_white(picture, height, width) for picture in row] for row in rows]


def _on_white(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    room = [(0, height - picture.shape[0]), (0, width - picture.shape[1]), (0, 0)]
    return np.pad(picture, room, constant_values=peak_of(picture))


def score_validation(translator: Translator, pairs: PairedImages, count: int, stop: StopRequest) -> Score:
    """Score the first `count` pairs: by PSNR in dB, for label maps by the share of right pixels.

    Colourisation is scored on the a and b of CIE L*a*b* alone, whose range is 220 here; the L is given. The value is
    None if there are no pairs or a stop was asked for.
    """
    target = pairs.coding.target
    labels, (high, low) = isinstance(target, OneHot), pairs.target_range
    key, scores = "val_accuracy" if labels else "val_psnr", []
    for index in range(min(count, len(pairs))):
        if stop.signal:
            return Score(key, None)
        given, true = pairs.images(index)
        fake = translator(given)
        if labels:
            scores.append(np.mean(fake == true))
        else:
            scores.append(psnr(target.values(true), target.values(fake), data_range=high - low))
    if not scores:
        return Score(key, None)
    value = float(np.mean(scores))
    if labels:
        return Score(key, value, f", {value:.1%} of the validation pixels right")
    what = "PSNR of ab" if pairs.coding.task == "colorization" else "PSNR"
    return Score(key, value, f", validation {what} {value:.2f} dB")
