"""Where a training step's time goes on the CPU, by oneDNN's own account: a markdown table, and json.

Each convolution's rate is its arithmetic, 2 for each multiplication, over its time. No step can be faster than all of
that arithmetic at the highest rate that this machine reaches; the last lines say how near it comes.

    python benchmarks/operators.py --batch 1 --json operators.json
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Optional

import tyro
from measuring import HERE, line_of, machine, refuse_below, write_json

from gluon_pix2pix.core_options import PRECISIONS
from gluon_pix2pix.runtime import mx, threads

# Of a convolution: mb1_ic64oc128_ih128oh64kh4sh2dh0ph1_iw128ow64kw4sw2dw0pw1
SHAPE = re.compile(r"mb(\d+)_(?:g\d+)?ic(\d+)oc(\d+)_ih(\d+)oh(\d+)kh(\d+)\w*_iw(\d+)ow(\d+)kw(\d+)")


@dataclass
class Options:
    """Measure where the time of a training step goes."""

    batch: int = 1
    """Pairs in a batch."""
    size: int = 256
    """Pixels a side."""
    width: int = 64
    """Channels of the first layers."""
    precision: Literal[PRECISIONS[:2]] = "float32"
    """Of the convolutions."""
    steps: int = 8
    """Steps, whose mean is taken."""
    json: Optional[Path] = None
    """A file for the numbers and the machine."""


class Primitive(NamedTuple):
    """One piece of work that oneDNN did."""

    kind: str  # convolution, reorder ...
    direction: str  # forward_training, backward_data, backward_weights; undef
    gflop: float  # 0 if it is no convolution
    ms: float


def parse(line: str) -> Optional[Primitive]:
    """Read a line of oneDNN's verbose output; None if it tells of no work done."""
    cells = line.strip().split(",")
    if cells[:2] != ["dnnl_verbose", "exec"]:
        return None
    kind, direction, shape, ms = cells[3], cells[5], cells[-2], float(cells[-1])
    found = SHAPE.match(shape) if kind in ("convolution", "deconvolution") else None
    gflop = 0.0
    if found:
        batch, inputs, outputs, ih, oh, kh, iw, ow, kw = map(int, found.groups())
        places = oh * ow if kind == "convolution" else ih * iw
        gflop = 2e-9 * batch * inputs * outputs * places * kh * kw
    return Primitive(kind, direction, gflop, ms)


def run_steps(options: Options) -> tuple[float, list[Primitive]]:
    """Train in a process that tells what oneDNN does; return a step's milliseconds and the work of all steps."""
    setting = {"batch": options.batch, "size": options.size, "width": options.width, "levels": 8}
    asked = {"do": "train", "mode": options.precision, **setting}
    words = [{**asked, "warm_up": 3, "repeats": 0}, {**asked, "warm_up": 0, "repeats": options.steps}]
    done = subprocess.run(
        [sys.executable, str(HERE / "mxnet_peer.py")],
        input="".join(json.dumps(word) + "\n" for word in words),
        env={**os.environ, "DNNL_VERBOSE": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"error: the training process ended with exit code {done.returncode}")
    lines = done.stdout.splitlines()
    start, end = (place for place, line in enumerate(lines) if line.startswith("["))
    work = [primitive for primitive in map(parse, lines[start:end]) if primitive]
    return statistics.mean(json.loads(lines[end])), work


def product_rate(side: int = 4096, repeats: int = 5) -> float:
    """Return the GFLOP/s of the fastest of some products of two square float32 matrices."""
    a, b = (mx.nd.random.uniform(shape=(side, side)) for _ in range(2))
    times = []
    for _ in range(repeats):
        mx.nd.waitall()
        start = time.perf_counter()
        mx.nd.dot(a, b).wait_to_read()
        times.append(time.perf_counter() - start)
    return 2e-9 * side**3 / min(times)


def table(work: list[Primitive], step_ms: float, steps: int) -> str:
    """Lay out a step's time by kind of work, the largest first."""
    sums = defaultdict(lambda: [0.0, 0.0])
    for primitive in work:
        direction = "" if primitive.direction == "undef" else f", {primitive.direction.replace('_', ' ')}"
        entry = sums[primitive.kind.replace("_", " ") + direction]
        entry[0] += primitive.ms / steps
        entry[1] += primitive.gflop / steps
    inside = sum(ms for ms, _ in sums.values())
    rows = sorted(sums.items(), key=lambda item: -item[1][0])
    lines = ["| | a step | share | rate |", "| --- | ---: | ---: | ---: |"]
    for name, (ms, gflop) in [*rows, ("Adam, and all else outside of oneDNN", (max(step_ms - inside, 0.0), 0.0))]:
        rate = f"{1e3 * gflop / ms:,.0f} GFLOP/s" if gflop else ""
        lines.append(f"| {name} | {ms:,.1f} ms | {ms / step_ms:.1%} | {rate} |")
    return "\n".join(lines)


def main(options: Options) -> None:
    """Measure; print the table and the limit, and write the json."""
    refuse_below(options, batch=1, size=256, width=1, steps=1)
    about = machine(threads=threads(), mxnet=mx.__version__)
    step_ms, work = run_steps(options)
    gflop = sum(primitive.gflop for primitive in work) / options.steps
    large = max(primitive.gflop for primitive in work) / 4  # short ones are timed too coarsely
    fastest = max(1e3 * primitive.gflop / primitive.ms for primitive in work if primitive.gflop >= large)
    product = product_rate()
    limits = {"step_ms": step_ms, "gflop": gflop, "fastest_convolution": fastest, "matrix_product": product}
    print(line_of(about), table(work, step_ms, options.steps), sep="\n\n")
    print(
        f"\nA step takes {step_ms:,.0f} ms while oneDNN reports, for {gflop:,.1f} GFLOP: {1e3 * gflop / step_ms:,.0f} "
        f"GFLOP/s. The fastest convolution reached {fastest:,.0f}, a product of large matrices {product:,.0f}. "
        f"At the first rate all of it would take {1e3 * gflop / fastest:,.0f} ms."
    )
    write_json(options.json, {"machine": about, "options": vars(options), "limits": limits, "work": work})


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
