"""Compare two models by their translations of the same pictures: mean scores, and how sure the difference is.

Both folders are results as `evaluate` takes them, or two folders of fakes whose true pictures --targets names. Pictures
are paired by name and must have the same targets, pixel by pixel. Of fewer than 10 pictures there is no verdict.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Optional, Union

import tyro
from tqdm import tqdm

from gluon_pix2pix import processors
from gluon_pix2pix.commands.evaluate_options import DECIMALS, MetricName
from gluon_pix2pix.commands.tables import number, table_lines
from gluon_pix2pix.errors import CommonOptions, UsageError
from gluon_pix2pix.evaluation.compare import (
    CONFIDENCE,
    FEWEST,
    RESAMPLES,
    Comparison,
    check_same_targets,
    compare_scores,
    match_sets,
)
from gluon_pix2pix.evaluation.named_metrics import HEADINGS, LOWER_IS_BETTER, PROTOCOL
from gluon_pix2pix.evaluation.names import DEFAULT_METRICS
from gluon_pix2pix.evaluation.pairing import Translated, find_pairs, match_folders
from gluon_pix2pix.evaluation.score import Score, score_pairs
from gluon_pix2pix.reports.comparison_page import write_comparison_page
from gluon_pix2pix.wording import count
from gluon_pix2pix.writing import write_json


@dataclass
class Options(CommonOptions):
    """Which two sets of translations, and by what."""

    a: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="A")] = tyro.MISSING
    """Folder of one model's translated pictures."""
    b: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="B")] = tyro.MISSING
    """Folder of the other's."""
    targets: Optional[Path] = None
    """Folder of the true pictures of both, if they lie apart: paired by relative path without extension."""
    metrics: tuple[MetricName, ...] = DEFAULT_METRICS
    """What to compare."""
    output: Annotated[Optional[Path], tyro.conf.arg(metavar="FILE")] = None
    """A JSON file for the numbers, with every picture's difference."""
    page: Annotated[Optional[Path], tyro.conf.arg(metavar="FOLDER")] = None
    """Where the page with A, B and target of each picture goes [beside A, by both names: A_vs_B]."""
    show: int = 3
    """How many of the largest differences to name."""
    seed: int = 0
    """Decides what the bootstrap draws."""
    workers: int = field(default_factory=processors)
    """How many pictures to score at a time."""


def main(options: Options) -> None:
    """Score both sets, print the table."""
    if options.workers < 1 or options.show < 0 or options.seed < 0:
        raise UsageError("--workers is 1 or more, --show and --seed are 0 or more")
    if not options.metrics:
        raise UsageError(f"--metrics needs one or more of {' '.join(HEADINGS)}")
    if options.output and not options.output.absolute().parent.is_dir():
        raise UsageError(f"--output {options.output}: there is no folder {options.output.parent}")
    folders = (options.a, options.b)
    if options.a.resolve() == options.b.resolve():
        raise UsageError(f"{options.a} and {options.b} are the same folder: every difference would be 0")
    found = [match_folders(folder, options.targets) if options.targets else find_pairs(folder) for folder in folders]
    _stop_at([line for pairs in found for line in pairs.problems])
    pairs_a = found[0].pairs
    pairs_b = match_sets(pairs_a, found[1].pairs, folders=folders)
    check_same_targets(pairs_a, pairs_b, folders=folders, workers=options.workers)
    scores_a, scores_b = (_score(pairs, options) for pairs in (pairs_a, pairs_b))
    comparisons = compare_scores(scores_a, scores_b, seed=options.seed)
    lines = _report(folders, comparisons, pictures=len(pairs_a), options=options)
    print("\n".join(lines))
    if options.output:
        report = {
            "a": str(options.a),
            "b": str(options.b),
            "bootstrap": {"resamples": RESAMPLES, "confidence": CONFIDENCE, "seed": options.seed},
            "protocol": PROTOCOL,
            "metrics": [{**row._asdict(), "better": row.better, "largest": dict(row.largest)} for row in comparisons],
        }
        write_json(options.output, report)
        print(f"wrote {options.output}")
    page = write_comparison_page(
        options.page or options.a.resolve().with_name(f"{options.a.resolve().name}_vs_{options.b.resolve().name}"),
        pairs_a,
        pairs_b,
        folders=folders,
        metrics=[_for_page(row.column) for row in comparisons],
        scores=[
            [_difference(a.values[row.column], b.values[row.column]) for row in comparisons]
            for a, b in zip(scores_a, scores_b)
        ],
        table="\n".join(lines),
        workers=options.workers,
    )
    print(f"page: {page}")


def _for_page(column: str) -> dict[str, Any]:
    """Describe the column's difference as a page takes it."""
    title, _, unit = HEADINGS[column].partition(" (")
    return {
        "key": column,
        "title": f"{title} B - A",
        "unit": unit.rstrip(")"),
        "decimals": DECIMALS[column],
        "low": column in LOWER_IS_BETTER,
    }


def _difference(a: Optional[float], b: Optional[float]) -> Optional[float]:
    """Return B - A, None where one is missing or infinite."""
    known = a is not None and b is not None and math.isfinite(a) and math.isfinite(b)
    return b - a if known else None


def _score(pairs: Sequence[Translated], options: Options) -> list[Score]:
    results = score_pairs(pairs, metrics=options.metrics, workers=options.workers)
    results = list(tqdm(results, "scoring", total=len(pairs), unit="picture", disable=None, leave=False))
    _stop_at([result for result in results if isinstance(result, str)])
    return results


def _stop_at(problems: Sequence[str]) -> None:
    for line in problems:
        print(line, file=sys.stderr)
    if problems:
        raise ValueError(f"{count(len(problems), 'problem')} (above): mend them, then compare")


def _report(
    folders: Sequence[Path], comparisons: Sequence[Comparison], *, pictures: int, options: Options
) -> list[str]:
    lines = [f"A: {folders[0]}", f"B: {folders[1]}", f"{count(pictures, 'picture')}, the same targets", ""]
    rows: list[Sequence[Union[str, Any]]] = [
        ("", "mean A", "mean B", "B - A", f"{100 * CONFIDENCE:.0f} % interval", "A better", "B better", "equal", "")
    ]
    for row in comparisons:
        places = DECIMALS[row.column]
        difference, low, high = (
            "-" if value is None else f"{value:+.{places}f}" for value in (row.difference, row.low, row.high)
        )
        counts = [str(value) for value in (row.a_better, row.b_better, row.equal)]
        verdict = f"{row.better} is better" if row.better else "undecided" if row.pictures >= FEWEST else "no verdict"
        means = [number(value, places) for value in (row.mean_a, row.mean_b)]
        rows.append((HEADINGS[row.column], *means, difference, f"{low} to {high}", *counts, verdict))
    lines += [line.rstrip() for line in table_lines(rows)]
    for row in comparisons:
        if row.pictures < pictures:
            lines.append(
                f"{HEADINGS[row.column]}: means, difference and interval are of {row.pictures} of {pictures} pictures; "
                "the others have no value, or an infinite one"
            )
    if any(row.pictures < FEWEST for row in comparisons):
        lines.append(
            f"no verdict: of fewer than {FEWEST} pictures the interval is too narrow to be relied on; compare more"
        )
    lines += [
        "",
        f"interval: of the mean difference, by bootstrap over the pictures ({RESAMPLES:,} resamples, seed "
        f"{options.seed}); undecided: it has 0 in it",
        "it tells of other pictures of the kind, not of training the models again",
    ]
    for row in comparisons if options.show else ():
        named = [f"{name} ({value:+.{DECIMALS[row.column]}f})" for name, value in row.largest[: options.show]]
        if named:
            lines.append(f"largest differences in {HEADINGS[row.column]}: {', '.join(named)}")
    return lines
