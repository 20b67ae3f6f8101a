"""From pairs of a translated and a true picture to one row of scores each, and to scores.json and scores.csv."""

from __future__ import annotations

import csv
import io
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional, TypeVar, Union

import cv2
import numpy as np
import skimage

from gluon_pix2pix import __version__
from gluon_pix2pix.errors import one_line
from gluon_pix2pix.evaluation.metrics import mse, psnr_of_mean_mse
from gluon_pix2pix.evaluation.named_metrics import HEADINGS, LOWER_IS_BETTER, PIXEL_VALUES, PROTOCOL, score_pair
from gluon_pix2pix.evaluation.names import DEFAULT_METRICS
from gluon_pix2pix.evaluation.pairing import Translated
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.threads import in_threads
from gluon_pix2pix.wording import count
from gluon_pix2pix.writing import PathLike, write_atomically, write_json

Result = TypeVar("Result")


class Score(NamedTuple):
    """One picture's row: `values` has a number, or None, for each column of `named_metrics.columns`.

    `error` is the mean squared error over all pixels and channels, in squared pixel values, whatever the columns.
    """

    pair: Translated
    width: int
    height: int
    channels: int
    bits: int
    error: float
    values: dict[str, Optional[float]]


def read_pair(pair: Translated) -> tuple[np.ndarray, np.ndarray]:
    """Read a pair's target and fake, two arrays of one shape and dtype.

    Raises
    ------
    ValueError
        If one does not decode, or they differ in size, depth or channels.
    OSError
        If one cannot be read.
    """
    fake, target = read_image(pair.fake), read_image(pair.target)
    for is_a, of_fake, of_target in (
        ("{1} x {0} pixels", fake.shape[:2], target.shape[:2]),
        ("{0}", *((f"of {count(picture.shape[2], 'channel')} (1 is gray, 3 colour)",) for picture in (fake, target))),
        ("of {0} bits a channel", (8 * fake.itemsize,), (8 * target.itemsize,)),
    ):
        if of_fake != of_target:
            raise ValueError(
                f"{pair.fake} is {is_a.format(*of_fake)} and its target {pair.target} {is_a.format(*of_target)}"
            )
    return target, fake


def score_files(pair: Translated, *, metrics: Sequence[str] = DEFAULT_METRICS) -> Score:
    """Read and compare the two pictures of a pair.

    Raises
    ------
    ValueError
        If they do not compare (see `read_pair`), or are smaller than SSIM's window.
    OSError
        If one cannot be read.
    """
    target, fake = read_pair(pair)
    try:
        values = score_pair(target, fake, metrics)
    except ValueError as error:
        raise ValueError(f"{pair.fake}: {error}") from error
    height, width, channels = target.shape
    return Score(pair, width, height, channels, 8 * target.itemsize, mse(target, fake), values)


def score_pairs(
    pairs: Sequence[Translated], *, metrics: Sequence[str] = DEFAULT_METRICS, workers: int = 1
) -> Iterator[Union[Score, str]]:
    """Score pairs in threads and yield, in their order, each one's `Score`, or a line that says why it has none."""
    return map_pairs(partial(score_files, metrics=metrics), pairs, workers=workers)


def map_pairs(
    function: Callable[[Translated], Result], pairs: Sequence[Translated], *, workers: int
) -> Iterator[Result | str]:
    """Give a function's results of pairs, worked out in threads, in order; a line instead where it cannot read one."""
    return in_threads(partial(_result_or_problem, function), pairs, workers=workers)


def _result_or_problem(function: Callable[[Translated], Result], pair: Translated) -> Result | str:
    try:
        return function(pair)
    except (OSError, ValueError) as error:
        return one_line(error, *(path for path in (pair.fake, pair.target, pair.source) if path))


def summarise(scores: Sequence[Score]) -> dict[str, Any]:
    """Return mean, median, min and max of each column over pictures, and the two PSNRs that `PROTOCOL` names apart.

    With an identical picture among them the mean PSNR is inf; psnr_mean_of_finite leaves such pictures out and
    ``identical`` counts them. MSE and MAE of pictures of different depths have no common unit: their entries are None.
    Pictures without a value are left out, and ``pictures`` in the column's entry counts the others; if none has one,
    the entry is None.
    """
    errors = np.array([score.error for score in scores])
    bits = np.array([score.bits for score in scores])
    different = errors > 0
    psnrs = [psnr_of_mean_mse([e], data_range=2.0**b - 1) for e, b in zip(errors[different], bits[different])]
    summary: dict[str, Any] = {"pictures": len(scores), "identical": len(scores) - len(psnrs)}
    for column in scores[0].values:
        present = [score.values[column] for score in scores if score.values[column] is not None]
        comparable = column not in PIXEL_VALUES or len(set(bits)) == 1
        summary[column] = _statistics(present, len(scores)) if comparable and present else None
    summary["psnr_mean_of_finite"] = float(np.mean(psnrs)) if psnrs else None
    summary["psnr_of_mean_mse"] = psnr_of_mean_mse(errors, data_range=2.0**bits - 1)
    return summary


def _statistics(values: Sequence[float], pictures: int) -> dict[str, float]:
    functions = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}
    statistics = {name: float(function(values)) for name, function in functions.items()}
    return statistics if len(values) == pictures else {**statistics, "pictures": len(values)}


def summarise_folders(scores: Sequence[Score]) -> dict[str, dict[str, Any]]:
    """Return `summarise` of each folder's pictures, in the order of the folders' first ones."""
    groups: dict[str, list[Score]] = {}
    for score in scores:
        groups.setdefault(score.pair.folder, []).append(score)
    return {folder: summarise(group) for folder, group in groups.items()}


def check_writable(folder: PathLike) -> None:
    """Make `folder` if need be and see that files can be written there.

    Raises
    ------
    OSError
        If not; the line names the folder.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(
            f"cannot write scores.json in {folder} ({error.strerror}): --output names another folder"
        ) from error


def write_scores(
    output: PathLike,
    scores: Sequence[Score],
    *,
    folder: PathLike,
    targets: Optional[PathLike] = None,
    left_out: Sequence[str] = (),
    ignored: Sequence[Path] = (),
    more_columns: Sequence[dict[str, Any]] = (),
    more_sections: Optional[dict[str, Any]] = None,
) -> None:
    """Write scores.json (protocol, versions, means, every picture, what was left out) and scores.csv (every picture).

    Paths in them are relative to `folder`, a target's to `targets` if given; a picture without a source has null
    there. `more_columns` are added to the pictures' rows, one for each of `scores`, and `more_sections` to
    scores.json. Strict JSON has no infinity: there a PSNR of identical pictures is the string "inf".
    """
    rows = []
    for score, more in zip(scores, more_columns or [{}] * len(scores)):
        pair = score.pair
        row = {"folder": pair.folder, "name": pair.name, "fake": os.path.relpath(pair.fake, folder)}
        row["target"] = os.path.relpath(pair.target, targets or folder)
        row["source"] = pair.source and os.path.relpath(pair.source, folder)
        row.update({key: getattr(score, key) for key in ("width", "height", "channels", "bits")})
        rows.append({**row, **score.values, **more})
    versions = {"gluon-pix2pix": __version__, "python": platform.python_version(), "numpy": np.__version__}
    report = {
        "protocol": PROTOCOL,
        "versions": {**versions, "opencv": cv2.__version__, "scikit-image": skimage.__version__},
        "folder": str(folder),
        "targets": str(targets) if targets else None,
        "metrics": {
            column: {"title": HEADINGS[column], "better": "lower" if column in LOWER_IS_BETTER else "higher"}
            for column in scores[0].values
        },
        "overall": summarise(scores),
        "folders": summarise_folders(scores),
        **(more_sections or {}),
        "pictures": rows,
        "left_out": list(left_out),
        "ignored": [os.path.relpath(path, folder) for path in ignored],
    }
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _as_cell(value) for key, value in row.items()} for row in rows)
    write_json(Path(output) / "scores.json", report)
    write_atomically(Path(output) / "scores.csv", table.getvalue().encode("utf-8", "surrogateescape"))


def _as_cell(value: Any) -> Any:
    """Put a quote in front of a name that a spreadsheet would take for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
