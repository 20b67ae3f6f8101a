"""Two sets of translations of the same pictures, side by side: which is better, and how sure that is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Optional

import numpy as np

from gluon_pix2pix.evaluation.named_metrics import LOWER_IS_BETTER, PIXEL_VALUES
from gluon_pix2pix.evaluation.pairing import Translated
from gluon_pix2pix.evaluation.score import Score
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.threads import in_threads
from gluon_pix2pix.writing import PathLike

RESAMPLES = 10_000
CONFIDENCE = 0.95
FEWEST = 10  # pictures of a verdict: bootstrap intervals of fewer are too narrow, and miss the mean too often


class Comparison(NamedTuple):
    """One column's values of set B against those of set A.

    `mean_a`, `mean_b`, `difference` (the mean of B - A) and its interval from `low` to `high` are of those `pictures`
    that have a finite value in both sets; None if there are none, and no interval of fewer than two. `a_better`,
    `b_better` and `equal` count all pictures that have a value in both, infinite PSNRs too. `largest` has the names
    of pictures and their finite differences, the largest first.
    """

    column: str
    pictures: int
    mean_a: Optional[float]
    mean_b: Optional[float]
    difference: Optional[float]
    low: Optional[float]
    high: Optional[float]
    a_better: int
    b_better: int
    equal: int
    largest: list[tuple[str, float]]

    @property
    def better(self) -> Optional[str]:
        """Which set is better, "A" or "B", if the interval excludes 0 and there are `FEWEST` pictures or more."""
        if self.low is None or self.low <= 0 <= self.high or self.pictures < FEWEST:
            return None
        return "B" if (self.difference > 0) != (self.column in LOWER_IS_BETTER) else "A"


def match_sets(
    pairs_a: Sequence[Translated], pairs_b: Sequence[Translated], *, folders: Sequence[PathLike]
) -> list[Translated]:
    """Return B's pairs in the order of A's, by name; both sets have the same names.

    Raises
    ------
    ValueError
        If they do not; the first of those that one set lacks are named.
    """
    by_name = {pair.label: pair for pair in pairs_b}
    names = {pair.label for pair in pairs_a}
    for here, there, lacking in (
        (*folders, [pair.label for pair in pairs_a if pair.label not in by_name]),
        (*folders[::-1], [pair.label for pair in pairs_b if pair.label not in names]),
    ):
        if lacking:
            more = ", ..." if len(lacking) > 3 else ""
            raise ValueError(
                f"{there} lacks {len(lacking)} of the pictures of {here} ({', '.join(lacking[:3])}{more}): only "
                "translations of the same pictures compare"
            )
    return [by_name[pair.label] for pair in pairs_a]


def check_same_targets(
    pairs_a: Sequence[Translated], pairs_b: Sequence[Translated], *, folders: Sequence[PathLike], workers: int = 1
) -> None:
    """See that pairs have the same true pictures, pixel by pixel; the files may differ in name and format.

    Raises
    ------
    ValueError
        If not; the first that differ are named. Or one does not decode.
    OSError
        If one cannot be read.
    """
    same = list(in_threads(lambda pair: _same_target(*pair), zip(pairs_a, pairs_b), workers=workers))
    names = [pair.label for pair, is_same in zip(pairs_a, same) if not is_same]
    if names:
        more = ", ..." if len(names) > 3 else ""
        raise ValueError(
            f"{folders[0]} and {folders[1]} have different targets for {len(names)} of {len(same)} pictures "
            f"({', '.join(names[:3])}{more}): only translations with the same targets compare (same data, direction "
            "and size)"
        )


def _same_target(pair_a: Translated, pair_b: Translated) -> bool:
    return pair_a.target == pair_b.target or pixel_digest(pair_a.target) == pixel_digest(pair_b.target)


def pixel_digest(path: PathLike) -> str:
    """Return the SHA-256 of a picture's shape, pixel type and pixels."""
    image = read_image(path)
    return hashlib.sha256(f"{image.shape} {image.dtype.str} ".encode() + image.tobytes()).hexdigest()


def compare_scores(scores_a: Sequence[Score], scores_b: Sequence[Score], *, seed: int = 0) -> list[Comparison]:
    """Compare two sets' scores of the same pictures, in the same order, column by column.

    MSE and MAE of pictures of different depths have no common unit: they are compared for none then.
    """
    labels = [score.pair.label for score in scores_a]
    one_depth = len({score.bits for score in scores_a}) == 1
    comparisons = []
    for column in scores_a[0].values:
        rows = [(name, a.values[column], b.values[column]) for name, a, b in zip(labels, scores_a, scores_b)]
        rows = rows if one_depth or column not in PIXEL_VALUES else []
        comparisons.append(_compare(column, [row for row in rows if None not in row], seed))
    return comparisons


def _compare(column: str, rows: list[tuple[str, float, float]], seed: int) -> Comparison:
    higher, lower = sum(b > a for _, a, b in rows), sum(b < a for _, a, b in rows)
    a_better, b_better = (higher, lower) if column in LOWER_IS_BETTER else (lower, higher)
    finite = [row for row in rows if np.isfinite(row[1:]).all()]
    a, b = (np.array([row[side] for row in finite]) for side in (1, 2))
    low, high = paired_bootstrap(b - a, seed=seed) if len(finite) > 1 else (None, None)
    ranked = sorted(((name, float(b - a)) for name, a, b in finite), key=lambda pair: -abs(pair[1]))
    means = [float(values.mean()) if finite else None for values in (a, b, b - a)]
    equal = len(rows) - higher - lower
    return Comparison(column, len(finite), *means, low, high, a_better, b_better, equal, ranked)


def paired_bootstrap(
    differences: np.ndarray, *, seed: int, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean of paired differences.

    Parameters
    ----------
    differences
        (N,), one a picture, N at least 2. Pictures are what is resampled, with replacement: the interval is about
        other pictures of the same kind, not about other runs of training.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If there are fewer than two differences.

    References
    ----------
    B. Efron, R. J. Tibshirani, An introduction to the bootstrap (1993), chapter 13, DOI 10.1201/9780429246593.
    """
    differences = np.asarray(differences, np.float64)
    count = differences.size
    if count < 2:
        raise ValueError(f"a bootstrap needs two pictures or more, not {count}")
    rng = np.random.default_rng(seed)
    block = max(1, 1_000_000 // count)  # some at a time: 10,000 resamples of 10,000 pictures would take 800 MB
    means = [
        differences[rng.integers(0, count, (min(block, resamples - start), count))].mean(axis=1)
        for start in range(0, resamples, block)
    ]
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)
