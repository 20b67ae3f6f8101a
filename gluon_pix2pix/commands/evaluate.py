"""Score translated pictures against the true ones: PSNR, SSIM, MSE and MAE of every pair, and their means.

Pairs are found by name, at any depth of the folder: NAME_fake.png and NAME_target.png, NAME_fake_B.png and
NAME_real_B.png, or NAME-outputs.png and NAME-targets.png. With --targets, two folders of equal names are compared.
Whatever cannot be scored is named, and the exit code is then 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import tyro
from tqdm import tqdm

from gluon_pix2pix.commands.cli import CommonOptions, UsageError
from gluon_pix2pix.evaluation.pairing import Pairs, find_pairs, match_folders
from gluon_pix2pix.evaluation.score import (
    METRICS,
    PROTOCOL,
    Score,
    check_writable,
    score_pairs,
    summarise,
    summarise_folders,
    write_scores,
)

LONGEST_TABLE = 20  # more pictures than these are in scores.csv only
HEADINGS = {"psnr": "PSNR (dB)", "ssim": "SSIM", "mse": "MSE", "mae": "MAE"}
DECIMALS = {"psnr": 2, "ssim": 4, "mse": 3, "mae": 3}


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class Options(CommonOptions):
    """What to score, and against what."""

    folder: tyro.conf.Positional[Path] = tyro.MISSING
    """Folder of translated pictures: one run's, or several runs' folders, at any depth."""
    targets: Optional[Path] = None
    """Folder of the true pictures, if they lie apart: paired by relative path without extension."""
    output: Optional[Path] = None
    """Folder for scores.json and scores.csv (default: beside the pictures)."""
    skip_bad: bool = False
    """Score the rest when some pictures cannot be scored; they are listed in scores.json, the exit code stays 1."""
    show: int = 3
    """How many of the worst and of the best pictures to name."""
    workers: int = field(default_factory=_processors)
    """How many pictures to score at a time."""


def main(options: Options) -> int:
    """Score, write scores.json and scores.csv, print the table; return 1 if anything was left out."""
    if options.workers < 1 or options.show < 0:
        raise UsageError(f"--workers is 1 or more and --show 0 or more, not {options.workers} and {options.show}")
    output = options.output or options.folder
    found = match_folders(options.folder, options.targets) if options.targets else find_pairs(options.folder)
    check_writable(output)  # before the work, not after it

    scores, problems = _score(found, workers=options.workers)
    for line in problems:
        print(line, file=sys.stderr)
    if problems and not (options.skip_bad and scores):
        raise ValueError(_refusal(len(problems), len(scores), output))
    try:
        write_scores(
            output,
            scores,
            folder=options.folder,
            targets=options.targets,
            left_out=problems,
            ignored=found.ignored,
        )
    finally:  # a full disk must not take the answer with it
        print("\n".join(_report(options.folder, scores, show=options.show)))
    if found.ignored:
        print(f"not looked at: {_count(len(found.ignored), 'picture')} of other names, such as {found.ignored[0]}")
    print(f"wrote {output / 'scores.json'} and {output / 'scores.csv'}")
    if problems:
        print(f"left out: {len(problems)} (named above and in scores.json)", file=sys.stderr)
    return 1 if problems else 0


def _score(found: Pairs, *, workers: int) -> tuple[list[Score], list[str]]:
    results = score_pairs(found.pairs, workers=workers)
    results = list(tqdm(results, "scoring", total=len(found.pairs), unit="picture", disable=None, leave=False))
    problems = found.problems + [result for result in results if isinstance(result, str)]
    return [result for result in results if isinstance(result, Score)], problems


def _refusal(problems: int, scores: int, output: Path) -> str:
    lines = f"{_count(problems, 'problem')} (above), and no scores written"
    if (output / "scores.json").exists():
        lines += f"; {output / 'scores.json'} is an earlier run's"
    return f"{lines}: mend them, or score the other {_count(scores, 'picture')} with --skip-bad" if scores else lines


def _report(folder: Path, scores: Sequence[Score], *, show: int) -> list[str]:
    overall, folders = summarise(scores), summarise_folders(scores)
    lines = [f"PSNR: {PROTOCOL['psnr']}", f"SSIM: {PROTOCOL['ssim']}; MSE, MAE: {PROTOCOL['mse_mae']}"]
    lines += ["", f"{folder}: {_count(len(scores), 'picture')}"]
    rows = [["", *HEADINGS.values()]]
    if len(scores) <= LONGEST_TABLE:
        rows += [_row(score.pair.label, score._asdict()) for score in scores]
    if len(folders) > 1:
        for name, summary in folders.items():
            rows.append(_row(f"mean of {name} ({summary['pictures']})", _statistic(summary, "mean")))
    for statistic in ("mean", "median", "min", "max"):
        rows.append(_row(statistic, _statistic(overall, statistic)))
    lines += [*_table(rows), ""]
    if overall["identical"]:
        lines.append(
            f"identical to their targets, PSNR inf: {overall['identical']} of {_count(len(scores), 'picture')}"
        )
        if overall["psnr_mean_of_finite"] is not None:
            lines.append(f"mean PSNR of the others: {overall['psnr_mean_of_finite']:.2f} dB")
    lines.append(f"PSNR of the mean MSE (another number than the mean PSNR): {overall['psnr_of_mean_mse']:.2f} dB")
    return lines + _worst_and_best(scores, min(show, len(scores) // 2))


def _worst_and_best(scores: Sequence[Score], count: int) -> list[str]:
    ranked = sorted(scores, key=lambda score: (score.psnr, score.ssim))
    lines = []
    for title, few in (("worst", ranked[:count]), ("best", ranked[::-1][:count])):
        if few:
            lines.append(f"{title}: " + ", ".join(f"{score.pair.label} ({score.psnr:.2f} dB)" for score in few))
    return lines


def _statistic(summary: dict[str, Any], statistic: str) -> dict[str, Optional[float]]:
    return {metric: summary[metric] and summary[metric][statistic] for metric in METRICS}


def _row(title: str, values: dict[str, Any]) -> list[str]:
    return [title, *("-" if values[key] is None else f"{values[key]:.{DECIMALS[key]}f}" for key in METRICS)]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for title, *cells in rows:
        numbers = [cell.rjust(width) for cell, width in zip(cells, widths[1:])]
        lines.append("  ".join([title.ljust(widths[0]), *numbers]))
    return lines
