"""Score translated pictures against the true ones: PSNR, SSIM, MSE and MAE of every pair, and their means.

Pairs are found by name, at any depth of the folder: NAME_fake.png and NAME_target.png, NAME_fake_B.png and
NAME_real_B.png, or NAME-outputs.png and NAME-targets.png. With --targets, two folders of equal names are compared.
Whatever cannot be scored is named, and the exit code is then 1. --palette is for label pictures, --segmenter for photos
that are made of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional

from tqdm import tqdm

from gluon_pix2pix.commands.evaluate_labels import (
    LabelTask,
    check_label_colours,
    label_columns,
    label_report,
    label_section,
    label_task,
    score_labels,
    without_source,
)
from gluon_pix2pix.commands.evaluate_options import DECIMALS, Options
from gluon_pix2pix.commands.tables import number, table_lines
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.evaluation.named_metrics import HEADINGS, LOWER_IS_BETTER, PROTOCOL
from gluon_pix2pix.evaluation.names import METRICS
from gluon_pix2pix.evaluation.pairing import Found, find_pairs, match_folders
from gluon_pix2pix.evaluation.score import (
    Score,
    check_writable,
    score_pairs,
    summarise,
    summarise_folders,
    write_scores,
)
from gluon_pix2pix.reports.results_page import write_results_page
from gluon_pix2pix.wording import count

LONGEST_TABLE = 20  # more pictures than these are in scores.csv only


def main(options: Options) -> int:
    """Score, write scores.json and scores.csv, print the table; return 1 if anything was left out."""
    if options.workers < 1 or options.show < 0:
        raise UsageError(f"--workers is 1 or more and --show 0 or more, not {options.workers} and {options.show}")
    if not options.metrics:
        raise UsageError(f"--metrics needs one or more of {' '.join(METRICS)}")
    task = label_task(options)
    output = options.output or options.folder
    found = match_folders(options.folder, options.targets) if options.targets else find_pairs(options.folder)
    check_writable(output)  # before the work, not after it

    scores, problems = _score(found, options)
    problems += without_source(task, [score.pair for score in scores])
    scores = [score for score in scores if score.pair.source or not (task and task.dataset)]
    _stop_or_go_on(problems, scores, options)
    labels = Labels()
    if task:
        labels, scores = _score_labels(task, scores, options)
        problems += labels.problems
    try:
        write_scores(
            output,
            scores,
            folder=options.folder,
            targets=options.targets,
            left_out=problems,
            ignored=found.ignored,
            more_columns=labels.columns,
            more_sections=labels.section,
        )
    finally:  # a full disk must not take the answer with it
        print("\n".join([*_report(options.folder, scores, show=options.show), *label_report(labels.section)]))
    for note in found.notes:
        print(f"note: {note}")
    if found.ignored:
        print(f"not looked at: {count(len(found.ignored), 'picture')} of other names, such as {found.ignored[0]}")
    print(f"wrote {output / 'scores.json'} and {output / 'scores.csv'}")
    print(f"page: {write_results_page(output, workers=options.workers)}")
    if problems:
        print(f"left out: {len(problems)} (named above and in scores.json)", file=sys.stderr)
    return 1 if problems else 0


def _score(found: Found, options: Options) -> tuple[list[Score], list[str]]:
    results = score_pairs(found.pairs, metrics=options.metrics, workers=options.workers)
    results = list(tqdm(results, "scoring", total=len(found.pairs), unit="picture", disable=None, leave=False))
    problems = found.problems + [result for result in results if isinstance(result, str)]
    return [result for result in results if isinstance(result, Score)], problems


class Labels(NamedTuple):
    """What was found out about labels: a line for each problem, columns for each picture, a section of scores.json."""

    problems: Sequence[str] = ()
    columns: Sequence[dict[str, Any]] = ()
    section: Optional[dict[str, Any]] = None


def _score_labels(task: LabelTask, scores: list[Score], options: Options) -> tuple[Labels, list[Score]]:
    """Score labels, and return with them those of `scores` whose labels could be scored."""
    pairs, segmenter, facts = [score.pair for score in scores], None, {}
    check_label_colours(task, pairs, options.folder)
    if task.dataset:
        from gluon_pix2pix.commands.evaluate_segmenter import obtain  # here: plain scoring needs no MXNet

        segmenter, facts = obtain(task, options)
    results = score_labels(task, pairs, segmenter, workers=options.workers)
    problems = [result for result in results if isinstance(result, str)]
    scores = [score for score, result in zip(scores, results) if not isinstance(result, str)]
    _stop_or_go_on(problems, scores, options)
    confusions = [result for result in results if not isinstance(result, str)]
    return Labels(problems, label_columns(confusions), label_section(task, confusions, facts)), scores


def _stop_or_go_on(problems: Sequence[str], scores: Sequence[Score], options: Options) -> None:
    """Name the problems, and refuse to go on unless the rest is wanted and there is a rest."""
    for line in problems:
        print(line, file=sys.stderr)
    if problems and not (options.skip_bad and scores):
        raise ValueError(_refusal(len(problems), len(scores), options.output or options.folder))


def _refusal(problems: int, scores: int, output: Path) -> str:
    lines = f"{count(problems, 'problem')} (above), and no scores written"
    if (output / "scores.json").exists():
        lines += f"; {output / 'scores.json'} is an earlier run's"
    return f"{lines}: mend them, or score the other {count(scores, 'picture')} with --skip-bad" if scores else lines


def _report(folder: Path, scores: Sequence[Score], *, show: int) -> list[str]:
    overall, folders = summarise(scores), summarise_folders(scores)
    shown = tuple(scores[0].values)
    lines = [*_protocol_lines(shown), "", f"{folder}: {count(len(scores), 'picture')}"]
    rows = [["", *(HEADINGS[column] for column in shown)]]
    if len(scores) <= LONGEST_TABLE:
        rows += [_row(score.pair.label, score.values) for score in scores]
    if len(folders) > 1:
        for name, summary in folders.items():
            rows.append(_row(f"mean of {name} ({summary['pictures']})", _statistic(summary, "mean", shown)))
    for statistic in ("mean", "median", "min", "max"):
        rows.append(_row(statistic, _statistic(overall, statistic, shown)))
    lines += [*table_lines(rows), ""]
    for column in shown:
        pictures = (overall[column] or {}).get("pictures", len(scores))
        if pictures < len(scores):
            lines.append(f"{HEADINGS[column]}: of {pictures} of {count(len(scores), 'picture')}; the others have none")
    if overall["identical"]:
        lines.append(f"identical to their targets, PSNR inf: {overall['identical']} of {count(len(scores), 'picture')}")
        if overall["psnr_mean_of_finite"] is not None:
            lines.append(f"mean PSNR of the others: {overall['psnr_mean_of_finite']:.2f} dB")
    lines.append(f"PSNR of the mean MSE (another number than the mean PSNR): {overall['psnr_of_mean_mse']:.2f} dB")
    return lines + _worst_and_best(scores, show)


def _protocol_lines(shown: Sequence[str]) -> list[str]:
    """Say how each column of the table came about, in a line for each metric but the shortest."""
    lines = [f"PSNR: {PROTOCOL['psnr']}"]
    words = [f"SSIM: {PROTOCOL['ssim']}"] if "ssim" in shown or "ms_ssim" in shown else []
    pixel_values = [HEADINGS[column] for column in ("mse", "mae") if column in shown]
    words += [f"{', '.join(pixel_values)}: {PROTOCOL['mse_mae']}"] if pixel_values else []
    lines += ["; ".join(words)] if words else []
    for name, column, title in (
        ("ms_ssim", "ms_ssim", "MS-SSIM"),
        ("psnr_rgb", "psnr_r", "PSNR R, G, B"),
        ("psnr_y", "psnr_y", "PSNR Y"),
        ("psnr_ab", "psnr_ab", "PSNR ab"),
        ("checkerboard", "checkerboard", "checkerboard"),
    ):
        if column in shown:
            lines.append(f"{title}: {PROTOCOL[name]}")
    return lines


def _worst_and_best(scores: Sequence[Score], show: int) -> list[str]:
    """Name the worst and the best pictures by the first column; the others decide between equals."""
    first = next(iter(scores[0].values))
    known = [score for score in scores if score.values[first] is not None]
    ranked = sorted(known, key=lambda score: _goodness(score.values))
    few, unit = min(show, len(ranked) // 2), " dB" if HEADINGS[first].endswith("(dB)") else ""
    by = "" if first == "psnr" else f" by {HEADINGS[first].removesuffix(' (dB)')}"
    lines = []
    for title, chosen in (("worst", ranked[:few]), ("best", ranked[::-1][:few])):
        if chosen:
            named = [f"{score.pair.label} ({number(score.values[first], DECIMALS[first])}{unit})" for score in chosen]
            lines.append(f"{title}{by}: " + ", ".join(named))
    return lines


def _goodness(values: dict[str, Optional[float]]) -> list[float]:
    return [-value if column in LOWER_IS_BETTER else value for column, value in values.items() if value is not None]


def _statistic(summary: dict[str, Any], statistic: str, shown: Sequence[str]) -> dict[str, Optional[float]]:
    return {column: summary[column] and summary[column][statistic] for column in shown}


def _row(title: str, values: dict[str, Optional[float]]) -> list[str]:
    return [title, *(number(value, DECIMALS[column]) for column, value in values.items())]
