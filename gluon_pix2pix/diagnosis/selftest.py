"""The self-test: its parts one after the other, what they come to, and the report to attach to an issue."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import gluon_pix2pix
from gluon_pix2pix.diagnosis.check import Check, anonymous
from gluon_pix2pix.diagnosis.comparison import Row, uses_tf32
from gluon_pix2pix.diagnosis.networks import check_networks
from gluon_pix2pix.diagnosis.operators import check_operators
from gluon_pix2pix.diagnosis.speed import Speed, check_full_width
from gluon_pix2pix.diagnosis.training import (
    check_checkpoint,
    check_devices,
    check_float16,
    check_memory,
    check_training,
)
from gluon_pix2pix.diagnosis.translating import check_dropout, check_translation
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.writing import write_json

# Name -> rows for devices, of which the first is compared with the CPU.
PARTS: dict[str, Callable[[Sequence[mx.Context]], Iterator[Row]]] = {
    "operators": lambda devices: check_operators(devices[0]),
    "networks": lambda devices: check_networks(devices[0]),
    "training": check_training,
    "float16": check_float16,
    "dropout": check_dropout,
    "devices": check_devices,
    "translation": check_translation,
    "checkpoint": check_checkpoint,
    "memory": check_memory,
}
FULL_WIDTH = "full width"
NAMES = (*PARTS, FULL_WIDTH)
_VARIABLES = ("MXNET_", "CUDA_", "CUDNN_", "NVIDIA_", "OMP_")


class Outcome(NamedTuple):
    """What a self-test has come to."""

    devices: list[str]
    rows: list[Row]
    speeds: list[Speed]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return all(row.state != "FAILED" for row in self.rows)


def run_parts(devices: Sequence[mx.Context], names: Sequence[str], *, say: Callable[[str], None]) -> Outcome:
    """Run the named parts on devices; `say` is told of each when it is done."""
    rows, speeds, begun = [], [], time.monotonic()
    for name in NAMES:
        if name not in names:
            continue
        part_begun = time.monotonic()
        found = list(check_full_width(devices, speeds) if name == FULL_WIDTH else PARTS[name](devices))
        rows += found
        failed = sum(row.state == "FAILED" for row in found)
        words = f"{failed} of {len(found)} FAILED" if failed else f"{len(found)} done"
        say(f"{name}: {words} in {time.monotonic() - part_begun:.0f} s")
    return Outcome([str(device) for device in devices], rows, speeds, time.monotonic() - begun)


def table(outcome: Outcome) -> list[list[str]]:
    """Return a row of words for each part: what it came to, and the worst of its comparisons."""
    lines = [["part", "passed", "left out", "worst", "allowed", "where"]]
    for part in dict.fromkeys(row.part for row in outcome.rows):
        rows = [row for row in outcome.rows if row.part == part]
        compared = [row for row in rows if row.difference is not None]
        states = [row.state for row in rows]
        left_out = states.count("left out")
        passed = f"{states.count('ok')} of {len(rows) - left_out}"
        if not compared:
            lines.append([part, passed, str(left_out), "-", "-", ""])
            continue
        worst = max(compared, key=lambda row: row.difference / row.allowed if row.allowed else row.difference * 1e30)
        lines.append([part, passed, str(left_out), f"{worst.difference:.1e}", f"{worst.allowed:.0e}", worst.name])
    return lines


def remarks(outcome: Outcome) -> list[str]:
    """Say what failed, what was left out, and how fast training was, a line each."""
    lines = []
    for row in outcome.rows:
        if row.state == "FAILED":
            how = f"{row.difference:.2e} and {row.allowed:.0e} is allowed" if row.difference is not None else row.note
            lines.append(f"FAILED {row.part}, {row.name}: {how}")
        elif row.state == "left out":
            lines.append(f"left out: {row.part}, {row.name}: {row.note}")
        elif row.note:
            lines.append(f"note: {row.part}, {row.name}: {row.note}")
    for speed in outcome.speeds:
        words = "default networks, 256x256, batch of 1, float32"
        lines.append(f"training on {speed.device}: {speed.images_per_second:.2f} images/s ({words})")
    return lines


def write_report(path: Path, outcome: Outcome, checks: Sequence[Check], device: mx.Context) -> None:
    """Write all of it as JSON, without names of user and machine: for an issue."""
    variables = {name: anonymous(value) for name, value in os.environ.items() if name.startswith(_VARIABLES)}
    report = {
        "gluon_pix2pix": gluon_pix2pix.__version__,
        "passed": outcome.passed,
        "devices": outcome.devices,
        "tf32": uses_tf32(device),
        "seconds": round(outcome.seconds, 1),
        "speeds": [asdict(speed) for speed in outcome.speeds],
        "variables": dict(sorted(variables.items())),
        "doctor": [check.as_json() for check in checks],
        "rows": [_row_as_json(row) for row in outcome.rows],
    }
    write_json(path, report)


def _row_as_json(row: Row) -> dict:
    difference = row.difference if row.difference is None or row.difference < float("inf") else "not finite"
    return {**asdict(row), "note": anonymous(row.note), "difference": difference, "state": row.state}
