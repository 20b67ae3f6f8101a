"""What a run shows of itself at a checkpoint: sample pictures and the score on the validation pairs."""

from __future__ import annotations

import math
from typing import NamedTuple, Optional

import numpy as np

from gluon_pix2pix.evaluation.metrics import SSIM_WINDOW
from gluon_pix2pix.evaluation.named_metrics import HEADINGS, score_pair
from gluon_pix2pix.pairs.coding import Coding, OneHot, Pixels
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.pictures.arithmetic import peak_of
from gluon_pix2pix.training.interrupt import StopRequest
from gluon_pix2pix.translation.translator import Translator


class Scores(NamedTuple):
    """Means over the validation pictures under their names in state.json and the log; `best_by` is what counts."""

    values: dict[str, Optional[float]]
    best_by: str

    @property
    def text(self) -> str:
        """The one that counts, in words."""
        value = self.values.get(self.best_by)
        if value is None:
            return ""
        if self.best_by == "val_accuracy":
            return f", {value:.1%} of the validation pixels right"
        name = self.best_by[len("val_") :]
        number = f"{value:.2f} dB" if name.startswith("psnr") else f"{value:.4f}"
        heading = HEADINGS.get(name, "PSNR of R, G, B")
        return f", validation {heading.replace(' (dB)', '')} {number}"


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


def metric_of(coding: Coding, chosen: Optional[str]) -> str:
    """Return the metric that decides which checkpoint is best: the task's own unless one is chosen.

    Label maps have but the share of right pixels; colourisation, whose lightness is given, is scored on a and b.

    Raises
    ------
    ValueError
        If the chosen metric is not for that task.
    """
    if isinstance(coding.target, OneHot):
        if chosen is not None:
            raise ValueError(f"label maps are scored by the share of right pixels, not by {chosen}")
        return "accuracy"
    return chosen or ("psnr_ab" if coding.task == "colorization" else "psnr")


def score_validation(
    translator: Translator, pairs: PairedImages, count: int, stop: StopRequest, *, metric: Optional[str] = None
) -> Scores:
    """Score the first `count` pairs, as `evaluate` does: by `metric`, and by PSNR and SSIM.

    A value is None if there are no pairs, a stop was asked for, or pictures have no such value. An identical picture
    counts with `identical_psnr`.
    """
    best_by = metric_of(pairs.coding, metric)
    rows: list[dict[str, Optional[float]]] = []
    for index in range(min(count, len(pairs))):
        if stop.signal:
            return Scores({f"val_{best_by}": None}, f"val_{best_by}")
        given, true = pairs.images(index)
        rows.append(_score(pairs.coding, true, translator(given), best_by))
    values = {f"val_{name}": _mean([row[name] for row in rows]) for name in (rows[0] if rows else (best_by,))}
    return Scores(values, f"val_{best_by}")


def _score(coding: Coding, true: np.ndarray, fake: np.ndarray, best_by: str) -> dict[str, Optional[float]]:
    if best_by == "accuracy":
        return {"accuracy": float(np.mean(fake == true))}
    true = coding.target.values(true) if isinstance(coding.target, Pixels) else true
    too_small = min(true.shape[:2]) < SSIM_WINDOW
    scores = score_pair(true, fake, dict.fromkeys((best_by, "psnr", *(() if too_small else ("ssim",)))))
    scores = {name: identical_psnr(true) if value == math.inf else value for name, value in scores.items()}
    if best_by == "psnr_rgb":  # one number for its three columns, to be compared by
        scores[best_by] = _mean([scores[f"psnr_{channel}"] for channel in "rgb"])
    return scores


def identical_psnr(picture: np.ndarray) -> float:
    """Return the PSNR, in dB, that an identical picture counts with: more than any other's, and not infinite.

    One infinite score would make the mean of all infinite, which no later checkpoint could beat. A picture of which one
    value is off by 1 has 20 dB less than this.
    """
    return 10 * math.log10(float(peak_of(picture)) ** 2 * picture.size) + 20


def _mean(values: list[Optional[float]]) -> Optional[float]:
    return None if None in values or not values else float(np.mean(values))
