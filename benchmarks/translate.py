"""Time of translating with unet_256, here and by PyTorch running the same network: markdown tables, and json.

The contenders take turns, batch after batch, so that a slow minute of the machine does not fall on one of them alone;
ratios of medians are what to look at where others are at work.

    python benchmarks/translate.py --torch-python path/to/python --json translate.json
"""

from __future__ import annotations

import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Optional

import numpy as np
import tyro
from measuring import Peer, line_of, machine, refuse_below, table, torch_peer, write_json
from tqdm import tqdm

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.handover.export import export_generator
from gluon_pix2pix.runs.checkpoint import sha256
from gluon_pix2pix.runtime import mx, threads
from gluon_pix2pix.translation.loading import load_network


@dataclass
class Options:
    """Measure translating pictures on the CPU."""

    torch_python: Optional[Path] = Path(sys.executable)
    """The Python that has PyTorch; a PyTorch that is not there is left out."""
    upstream: Optional[Path] = None
    """A clone of pytorch-CycleGAN-and-pix2pix, whose U-Net PyTorch takes then."""
    batches: tuple[int, ...] = (1, 8)
    """Pictures in a batch."""
    size: int = 256
    """Pixels a side, a multiple of 256."""
    ngf: int = 64
    """Channels of the outermost level."""
    rounds: int = 7
    """Turns of each contender."""
    repeats: int = 5
    """Batches of a turn, of which the median counts; one more goes before."""
    clock: Literal["wall", "processor"] = "wall"
    """Whether to take the time that passes, or that of this process on the processors: with OMP_NUM_THREADS=1 it is the
    same but for what other programs take of the machine."""
    json: Optional[Path] = None
    """A file for every number and the machine."""


def write_run(folder: Path, ngf: int) -> Path:
    """Write a folder as `convert` does: unet_256 with its initial weights, which take as long as any."""
    described = {"name": "unet_256", "input_nc": 3, "output_nc": 3, "ngf": ngf, "norm": "batch", "dropout": False}
    net = get_model(**described)
    init_weights(net, seed=0, ctx=[mx.cpu()])
    checkpoint = folder / "checkpoints" / "epoch_0000"
    checkpoint.mkdir(parents=True)
    net.save_parameters(str(checkpoint / "generator.params"))
    sums = {"generator.params": sha256(checkpoint / "generator.params")}
    (checkpoint / "state.json").write_text(json.dumps({"epoch": 0, "step": 0, "sha256": sums}))
    options = {"crop_size": 256, "direction": "AtoB"}
    (folder / "options.json").write_text(json.dumps({"options": options, "generator": described}))
    return folder


def timed(compute: Callable, batch: int, size: int, repeats: int, clock: str) -> list[float]:
    """Return the milliseconds of each batch, arrays in and out, after one more."""
    x = np.random.default_rng(0).uniform(-1, 1, (batch, 3, size, size)).astype(np.float32)
    now, times = time.process_time if clock == "processor" else time.perf_counter, []
    for _ in range(repeats + 1):
        start = now()
        compute(x, None)
        times.append(1e3 * (now() - start))
    return times[1:]


def our_contenders(folder: Path, options: Options) -> dict[str, Callable]:
    """Build what is measured here: name -> (batch, size, repeats, clock) -> milliseconds."""
    run, contenders = write_run(folder / "run", options.ngf), {}
    for mode in ("running", "picture"):
        export_generator(run, folder / mode, statistics=mode, onnx=True)
        networks = {
            f"MXNet, {mode} statistics": load_network(run, statistics=mode, dropout=False),
            f"ONNX Runtime, {mode} statistics": load_network(folder / mode, backend="onnx"),
        }
        for name, network in networks.items():
            contenders[name] = lambda *how, compute=network.compute: timed(compute, *how)
    return contenders


def ask_torch(torch: Peer, mode: str, width: int, batch: int, size: int, repeats: int, clock: str) -> list[float]:
    """Return what PyTorch takes, as `timed` does."""
    net = {"mode": mode, "levels": 8, "width": width}
    return torch(do="translate", **net, batch=batch, size=size, warm_up=1, repeats=repeats, clock=clock)


def torch_contenders(options: Options, stack: contextlib.ExitStack) -> tuple[dict[str, Callable], Optional[str]]:
    """Start PyTorch once for each of its modes; return the contenders and its version, or none and None.

    One process for all would build, and compile, the network anew at every turn, as it keeps one; and after a few times
    PyTorch gives up compiling, and says so on stderr alone.
    """

    def start() -> Optional[Peer]:
        peer = torch_peer(options.torch_python, threads(), options.upstream)
        if peer:
            stack.callback(peer.close)
        return peer

    peer = start()
    if peer is None:
        return {}, None
    about = peer.about
    peers = {mode: start() if number else peer for number, mode in enumerate(about["modes"])}
    return {f"PyTorch, {m}": partial(ask_torch, p, m, options.ngf) for m, p in peers.items()}, about["torch"]


def measure(contenders: dict[str, Callable], options: Options) -> dict[int, dict[str, list[float]]]:
    """Return each contender's milliseconds at each batch size, a median for each round."""
    results = {batch: {name: [] for name in contenders} for batch in options.batches}
    turns = [(batch, name) for _ in range(options.rounds) for batch in options.batches for name in contenders]
    for batch, name in tqdm(turns, "measuring", unit="turn", disable=None):
        results[batch][name].append(
            statistics.median(contenders[name](batch, options.size, options.repeats, options.clock))
        )
    return results


def main(options: Options) -> None:
    """Measure; print the tables and write the json."""
    refuse_below(options, size=256, ngf=1, rounds=1, repeats=1, batches=1)
    if options.size % 256:
        sys.exit(f"error: --size {options.size} is no multiple of 256")
    about = machine(threads=threads(), clock=options.clock, mxnet=mx.__version__)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        theirs, version = torch_contenders(options, stack)  # before ours, which take a while to build
        about |= {"torch": version} if version else {}
        results = measure(our_contenders(folder, options) | theirs, options)
    print(line_of(about))
    for batch, times in results.items():
        print(f"\nBatches of {batch}:\n\n{table(times, theirs)}")
    write_json(options.json, {"machine": about, "options": vars(options), "milliseconds": results})


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
