"""Prove a device: its numbers against the CPU's, its speed, its memory. docs/gpus.md says what is compared."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Optional

from gluon_pix2pix.commands.tables import table_lines
from gluon_pix2pix.diagnosis.bits import fingerprints, fingerprints_of
from gluon_pix2pix.diagnosis.installation import check_installation, probe_mxnet
from gluon_pix2pix.diagnosis.machine import check_machine
from gluon_pix2pix.diagnosis.selftest import NAMES, remarks, run_parts, table, write_report
from gluon_pix2pix.errors import CommonOptions, option_errors
from gluon_pix2pix.runtime import devices, mx
from gluon_pix2pix.writing import json_text


@dataclass
class Options(CommonOptions):
    """Prove a GPU: compare its numbers with the CPU's, from single operators to checkpoints. With --gpu -1 other CPU
    devices take its place. The exit code is 1 if anything fails."""

    gpu: Optional[str] = None
    """GPUs, such as 0 or 0,1; -1 for the CPU [the first GPU there is, else the CPU]."""
    parts: tuple[Literal[NAMES], ...] = NAMES
    """What is tested [all]."""
    report: Optional[Path] = Path("selftest.json")
    """Where the report is written, to be attached to an issue; it has no names of user or machine."""
    python: Optional[str] = None
    """Instead: whether another Python on this machine, with this program installed, computes the same bits."""
    fingerprints: bool = False
    """Instead: write the fingerprints that --python compares, as JSON."""


def main(options: Options) -> int:
    """Test, say how it went, and return the exit code."""
    if options.fingerprints:
        print(json_text(fingerprints()))
        return 0
    if options.python:
        return compare_pythons(options.python)
    with option_errors():
        ctx, device = devices(options.gpu)
    if ctx[0].device_type == "cpu":
        ctx = [mx.cpu(1), mx.cpu(2)]  # in the place of GPUs
        device += "; two CPU devices in the place of GPUs"
    print(f"device: {device}", flush=True)
    outcome = run_parts(ctx, options.parts, say=lambda line: print(line, flush=True))
    print("\n" + "\n".join(["  ".join(line) for line in _columns(table(outcome))]) + "\n")
    print("\n".join(remarks(outcome)))
    if options.report:
        probe = probe_mxnet()
        checks = [*check_installation(probe), *check_machine(probe, Path())]
        write_report(options.report, outcome, checks, ctx[0])
        print(f"report: {options.report}")
    verdict = "passed" if outcome.passed else "FAILED"
    print(f"selftest {verdict} in {outcome.seconds:.0f} s")
    return 0 if outcome.passed else 1


def _columns(rows: list[list[str]]) -> list[list[str]]:
    """Align numbers to the right and the last words, where the worst is, to the left."""
    aligned = table_lines([row[:-1] for row in rows])
    return [[line, row[-1]] for line, row in zip(aligned, rows)]


def compare_pythons(python: str) -> int:
    """Say stage by stage whether another Python computes the same bits; that is not promised, so 0 either way."""
    ours, theirs = fingerprints(), fingerprints_of(python)
    rows = [["", platform.python_version(), python]]
    for stage, digest in ours.items():
        other = theirs.get(stage, "-")
        rows.append([stage, digest, "the same bits" if other == digest else other])
    print("\n".join(table_lines(rows)))
    same = sum(theirs.get(stage) == digest for stage, digest in ours.items())
    print(f"{same} of {len(ours)} stages have the same bits")
    return 0
