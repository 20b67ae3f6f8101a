"""Images a second of one process with all processors, and of two workers that share them: a markdown table, and json.

Both train for an epoch on the drawn facades with the same batches, in turns. The rate is that of the steps in the log,
without the first and the last.

    python benchmarks/scaling.py --json scaling.json
"""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import tyro
from measuring import line_of, machine, refuse_below, write_json
from tqdm import tqdm

PROGRAM = [sys.executable, "-m", "gluon_pix2pix"]
LAUNCH = [*PROGRAM, "launch", "--workers", "2", "--servers", "1", "--"]
CONTENDERS = {"one process": PROGRAM, "two workers": LAUNCH}


@dataclass
class Options:
    """Measure two workers on this machine against one process."""

    widths: tuple[int, ...] = (16, 32)
    """Channels of both networks' first layers."""
    batches: tuple[int, ...] = (4, 8)
    """Pairs in a batch, of both workers together."""
    pairs: int = 48
    """Pairs in the epoch."""
    size: int = 256
    """Pixels a side."""
    rounds: int = 3
    """Turns of each."""
    json: Optional[Path] = None
    """A file for the numbers and the machine."""


def rate_of(program: list[str], where: dict[str, str], options: Options, width: int, batch: int) -> float:
    """Train for an epoch and return the images a second of a step, the median."""
    words = {**where, "dataset": "demo", "max-dataset-size": options.pairs}
    words |= {"crop-size": options.size, "load-size": options.size, "ngf": width, "ndf": width, "batch-size": batch}
    words |= {"n-epochs": 1, "n-epochs-decay": 0, "val-pictures": 0, "log-every": 1, "gpu": -1}
    command = [*program, "train", *(str(word) for name, value in words.items() for word in (f"--{name}", value))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        sys.exit(f"error: {' '.join(command)} ended with exit code {done.returncode}: {' '.join(last)}")
    events = [json.loads(line) for line in Path(where["run-dir"], "log.jsonl").read_text().splitlines()]
    rates = [event["images_per_second"] for event in events if event["event"] == "train"]
    return statistics.median(rates[1:-1])


def measure(options: Options) -> dict[str, dict[str, list[float]]]:
    """Return each contender's rates, by width and batch."""
    settings = list(itertools.product(options.widths, options.batches))
    found = {f"width {width}, batches of {batch}": {name: [] for name in CONTENDERS} for width, batch in settings}
    turns = list(itertools.product(range(options.rounds), zip(found, settings), CONTENDERS))
    with tempfile.TemporaryDirectory() as data:
        for _, (text, setting), name in tqdm(turns, unit="epoch", disable=None):
            with tempfile.TemporaryDirectory() as run:  # gone after the turn: at full width a checkpoint has 690 MB
                words = {"data-root": data, "run-dir": run}
                found[text][name].append(rate_of(CONTENDERS[name], words, options, *setting))
    return found


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """Lay the rates out, and how many times as fast two workers are."""
    lines = ["| | one process | two workers | times as fast |", "| --- | ---: | ---: | ---: |"]
    for text, rates in found.items():
        one, two = (statistics.median(rates[name]) for name in CONTENDERS)
        cells = [f"{statistics.median(r):.2f} ({min(r):.2f} - {max(r):.2f})" for r in rates.values()]
        lines.append(f"| {text} | {' | '.join(cells)} | {two / one:.2f} |")
    return "\n".join(lines)


def main(options: Options) -> None:
    """Measure; print the table and write the json."""
    refuse_below(options, widths=1, batches=2, pairs=1, size=256, rounds=1)
    if options.pairs < 4 * max(options.batches):
        sys.exit(f"error: --pairs {options.pairs} is below 4 batches")
    about = machine()
    found = measure(options)
    print(line_of(about), table(found), sep="\n\n")
    write_json(options.json, {"machine": about, "options": vars(options), "images_per_second": found})


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
