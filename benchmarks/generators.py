"""Memory and time of a training step of each generator, with the 70x70 PatchGAN: a markdown table, and json.

Every measurement has a fresh process of its own. The generators take turns, and a round takes each of them once, so
that a slow minute of the machine does not fall on one of them alone.

    python benchmarks/generators.py --json generators.json
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import statistics
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, Optional

import numpy as np
import tyro
from measuring import line_of, machine, peak_bytes, refuse_below, write_json
from tqdm import tqdm

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.core.step import Pix2PixTrainer
from gluon_pix2pix.core_options import GENERATORS
from gluon_pix2pix.runtime import mx, threads

NAMES = tuple(name for name in GENERATORS if name != "unet")  # that is unet_256, unless it is given another depth


@dataclass
class Options:
    """Measure memory and time of a training step of each generator on the CPU."""

    generators: tuple[Literal[NAMES], ...] = NAMES
    """Which ones, in the order of the table."""
    size: int = 256
    """Pixels a side, 24 or more; a generator that cannot take it gets the next size that it can."""
    batch_size: int = 1
    """Pairs in a step."""
    ngf: int = 64
    """Channels of the generator's outermost layer."""
    ndf: int = 64
    """Channels of the discriminator's first layer."""
    rounds: int = 5
    """Fresh processes for each generator; the table has their median, and the least and the most."""
    steps: int = 10
    """Timed steps of a process, of which it takes the median."""
    warm_up: int = 3
    """Steps before those, in which MXNet plans its memory."""
    json: Optional[Path] = None
    """A file for every number and the machine."""


@dataclass
class Measurement:
    """What one process found."""

    parameters: int  # trained ones, of the generator
    size: int  # pixels a side
    step_ms: float
    peak_mb: float  # 10**6 bytes


def measure(name: str, options: Options) -> Measurement:
    """Train a generator for a few steps on noise; has to be called in a fresh process."""
    generator = get_model(name, ngf=options.ngf)
    discriminator = get_model("basic", ndf=options.ndf)
    for number, net in enumerate((generator, discriminator)):
        init_weights(net, seed=number, ctx=[mx.cpu()])
        net.hybridize(static_alloc=True, static_shape=True)
    trainer = Pix2PixTrainer(generator, discriminator, ctx=[mx.cpu()])

    size = -(-options.size // generator.multiple) * generator.multiple
    noise = np.random.default_rng(0).uniform(-1, 1, (2, options.batch_size, 3, size, size)).astype(np.float32)
    source, target = mx.nd.array(noise[0]), mx.nd.array(noise[1])
    times = []
    for step in range(options.warm_up + options.steps):
        mx.nd.waitall()
        start = time.perf_counter()
        trainer.step(source, target, seed=(0, 0, step))
        mx.nd.waitall()
        times.append(time.perf_counter() - start)

    trained = [p for p in generator.collect_params().values() if p.grad_req != "null"]
    return Measurement(
        parameters=sum(parameter.data().size for parameter in trained),
        size=size,
        step_ms=1e3 * statistics.median(times[options.warm_up :]),
        peak_mb=peak_bytes() / 1e6,
    )


def measure_apart(name: str, options: Options) -> Measurement:
    """Call `measure` in a process that is started for it and ends with it, even if this one is killed meanwhile."""
    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_measure_and_send, args=(sender, name, options))
    process.start()
    sender.close()  # now the child alone holds that end, and its death ends the wait below
    try:
        return receiver.recv()
    except EOFError:
        process.join()
        sys.exit(f"error: the process that measured {name} ended with exit code {process.exitcode}")
    finally:
        process.join()


def _measure_and_send(sender: Connection, name: str, options: Options) -> None:
    sender.send(measure(name, options))


def table(results: dict[str, list[Measurement]]) -> str:
    """Lay the medians out in markdown, with the least and the most of the rounds beside the times."""
    lines = ["| generator | parameters | size | step | least - most | peak memory |", "| --- " + "| ---: " * 5 + "|"]
    for name, rounds in results.items():
        times = [measured.step_ms for measured in rounds]
        peak = statistics.median(measured.peak_mb for measured in rounds)
        size = rounds[0].size
        lines.append(
            f"| {name} | {rounds[0].parameters:,} | {size}x{size} | {statistics.median(times):,.0f} ms "
            f"| {min(times):,.0f} - {max(times):,.0f} ms | {peak:,.0f} MB |"
        )
    return "\n".join(lines)


def main(options: Options) -> None:
    """Measure round by round; print the table and write the json."""
    refuse_below(options, size=24, batch_size=1, ngf=1, ndf=1, rounds=1, steps=1, warm_up=0)
    here = machine(threads=threads(), mxnet=mx.__version__)
    results: dict[str, list[Measurement]] = {name: [] for name in options.generators}
    turns = [name for _ in range(options.rounds) for name in results]
    for name in tqdm(turns, "measuring", unit="process", disable=None):
        results[name].append(measure_apart(name, options))

    print(line_of(here), table(results), sep="\n\n")
    rounds = {name: [dataclasses.asdict(m) for m in measured] for name, measured in results.items()}
    write_json(options.json, {"machine": here, "options": vars(options), "rounds": rounds})


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
