"""From pairs of a translated and a true picture to one row of scores each, and to scores.json and scores.csv."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Optional, Union

import cv2
import numpy as np
import skimage

from gluon_pix2pix import __version__
from gluon_pix2pix.evaluation import metrics
from gluon_pix2pix.evaluation.pairing import Pair
from gluon_pix2pix.image_files import PathLike, read_image, write_atomically
from gluon_pix2pix.images import peak_of

METRICS = ("psnr", "ssim", "mse", "mae")

PROTOCOL = {
    "psnr": "dB, all pixels and channels of the saved files (integers, not cropped), peak 255 (8 bits) or 65535 (16), "
    "per picture, then averaged",
    "ssim": f"Wang et al. 2004, {metrics.SSIM_WINDOW} x {metrics.SSIM_WINDOW} Gaussian window of sigma "
    f"{metrics.SSIM_SIGMA}, population covariance, mean of the channels",
    "mse_mae": "in pixel values",
    "psnr_of_mean_mse": "dB, from the mean of MSE / peak^2: another number than the mean PSNR, and never above it",
    "psnr_mean_of_finite": "dB, the mean PSNR without identical pictures; null if there are no others",
    "inf": "the PSNR of identical pictures, and so of any mean over them",
    "null": "MSE and MAE are not averaged over pictures of different bit depths",
}


class Score(NamedTuple):
    """One picture's row: PSNR in dB (inf if identical), SSIM, MSE and MAE in pixel values."""

    pair: Pair
    width: int
    height: int
    channels: int
    bits: int
    psnr: float
    ssim: float
    mse: float
    mae: float


def score_pair(pair: Pair) -> Score:
    """Read and compare the two pictures of a pair.

    Raises
    ------
    ValueError
        If one does not decode, they differ in size, depth or channels, or are smaller than SSIM's window.
    OSError
        If one cannot be read.
    """
    fake, target = read_image(pair.fake), read_image(pair.target)
    for is_a, of_fake, of_target in (
        ("{1} x {0} pixels", fake.shape[:2], target.shape[:2]),
        ("of {0} channels (1 is gray, 3 colour)", fake.shape[2:], target.shape[2:]),
        ("of {0} bits a channel", (8 * fake.itemsize,), (8 * target.itemsize,)),
    ):
        if of_fake != of_target:
            raise ValueError(
                f"{pair.fake} is {is_a.format(*of_fake)} and its target {pair.target} {is_a.format(*of_target)}"
            )
    peak = peak_of(target)
    try:
        ssim = metrics.ssim(target, fake, data_range=peak)
    except ValueError as error:
        raise ValueError(f"{pair.fake}: {error}") from error
    height, width, channels = target.shape
    return Score(
        pair,
        width,
        height,
        channels,
        8 * target.itemsize,
        psnr=metrics.psnr(target, fake, data_range=peak),
        ssim=ssim,
        mse=metrics.mse(target, fake),
        mae=metrics.mae(target, fake),
    )


def score_pairs(pairs: Sequence[Pair], *, workers: int = 1) -> Iterator[Union[Score, str]]:
    """Score pairs in threads and yield, in their order, each one's `Score`, or a line that says why it has none."""
    with ThreadPoolExecutor(workers) as executor:  # decoding and filtering release the interpreter's lock
        yield from executor.map(_score_or_problem, pairs)


def _score_or_problem(pair: Pair) -> Union[Score, str]:
    try:
        return score_pair(pair)
    except OSError as error:
        return f"{error.filename}: {error.strerror}" if error.filename else f"{pair.fake}: {error}"
    except ValueError as error:
        return str(error)


def summarise(scores: Sequence[Score]) -> dict[str, Any]:
    """Return mean, median, min and max of each metric over pictures, and the two PSNRs that `PROTOCOL` names apart.

    With an identical picture among them the mean PSNR is inf; psnr_mean_of_finite leaves such pictures out and
    ``identical`` counts them. MSE and MAE of pictures of different depths have no common unit: their entries are None.
    """
    of = {metric: np.array([getattr(score, metric) for score in scores]) for metric in METRICS}
    bits = np.array([score.bits for score in scores])
    finite = of["psnr"][np.isfinite(of["psnr"])]
    summary: dict[str, Any] = {"pictures": len(scores), "identical": len(scores) - finite.size}
    for metric, values in of.items():
        comparable = metric in ("psnr", "ssim") or len(set(bits)) == 1
        functions = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max}
        summary[metric] = {name: float(f(values)) for name, f in functions.items()} if comparable else None
    summary["psnr_mean_of_finite"] = float(finite.mean()) if finite.size else None
    summary["psnr_of_mean_mse"] = metrics.psnr_of_mean_mse(of["mse"], data_range=2.0**bits - 1)
    return summary


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
) -> None:
    """Write scores.json (protocol, versions, means, every picture, what was left out) and scores.csv (every picture).

    Paths in them are relative to `folder`, a target's to `targets` if given. Strict JSON has no infinity: there a PSNR
    of identical pictures is the string "inf".
    """
    rows = []
    for score in scores:
        pair, *values = score
        row = {"folder": pair.folder, "name": pair.name, "fake": os.path.relpath(pair.fake, folder)}
        row["target"] = os.path.relpath(pair.target, targets or folder)
        rows.append({**row, **dict(zip(Score._fields[1:], values))})
    versions = {"gluon-pix2pix": __version__, "python": platform.python_version(), "numpy": np.__version__}
    report = {
        "protocol": PROTOCOL,
        "versions": {**versions, "opencv": cv2.__version__, "scikit-image": skimage.__version__},
        "folder": str(folder),
        "targets": str(targets) if targets else None,
        "overall": summarise(scores),
        "folders": summarise_folders(scores),
        "pictures": rows,
        "left_out": list(left_out),
        "ignored": [os.path.relpath(path, folder) for path in ignored],
    }
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    text = json.dumps(_without_infinity(report), indent=2, allow_nan=False) + "\n"
    write_atomically(Path(output) / "scores.json", text.encode())
    write_atomically(Path(output) / "scores.csv", table.getvalue().encode("utf-8", "surrogateescape"))


def _without_infinity(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_infinity(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_infinity(item) for item in value]
    return "inf" if value == float("inf") else value
