"""Time of one Adam update on the CPU: ours, MXNet's own, and PyTorch's two; a markdown table, and json.

python benchmarks/adam.py --torch-python path/to/python
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import tyro
from measuring import line_of, machine, refuse_below, table, torch_peer, write_json
from tqdm import tqdm

from gluon_pix2pix.core.optimizer import Adam
from gluon_pix2pix.runtime import mx, threads


@dataclass
class Options:
    """Measure Adam."""

    torch_python: Optional[Path] = Path(sys.executable)
    """The Python that has PyTorch; a PyTorch that is not there is left out."""
    size: int = 8_388_608
    """Weights; that many are in the U-Net's largest layer."""
    rounds: int = 5
    """Turns of each."""
    repeats: int = 5
    """Updates of a turn, of which the median counts; one more goes before."""
    json: Optional[Path] = None
    """A file for the numbers and the machine."""


def timed(optimizer: mx.optimizer.Optimizer, size: int, repeats: int) -> list[float]:
    """Return the milliseconds of each update, after one more."""
    weight, gradient = (mx.nd.random.uniform(shape=(size,)) for _ in range(2))
    state, times = optimizer.create_state(0, weight), []
    for _ in range(repeats + 1):
        mx.nd.waitall()
        start = time.perf_counter()
        optimizer.update(0, weight, gradient, state)
        mx.nd.waitall()
        times.append(1e3 * (time.perf_counter() - start))
    return times[1:]


def main(options: Options) -> None:
    """Measure in turns; print the table and write the json."""
    refuse_below(options, size=1, rounds=1, repeats=1)
    numbers = {"learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999}
    about = machine(threads=threads(), mxnet=mx.__version__, weights=options.size)
    contenders = {
        "here": lambda: timed(Adam(**numbers), options.size, options.repeats),
        "MXNet": lambda: timed(mx.optimizer.Adam(**numbers), options.size, options.repeats),
    }
    with contextlib.ExitStack() as stack:
        torch = torch_peer(options.torch_python, threads(), None)
        if torch:
            stack.callback(torch.close)
            about["torch"] = torch.about["torch"]
            asked = {"do": "adam", "size": options.size, "warm_up": 1, "repeats": options.repeats}
            for mode in ("eager", "fused"):
                contenders[f"PyTorch, {mode}"] = lambda m=mode: torch(**asked, mode=m)
        times = {name: [] for name in contenders}
        for name in tqdm([name for _ in range(options.rounds) for name in contenders], unit="turn", disable=None):
            times[name].append(statistics.median(contenders[name]()))
    against = ("MXNet", "PyTorch, eager", "PyTorch, fused")
    print(line_of(about), table(times, against), sep="\n\n")
    write_json(options.json, {"machine": about, "options": vars(options), "milliseconds": times})


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
