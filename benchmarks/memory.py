"""Memory of training and translating on the CPU, beside PyTorch's, and whether it grows: markdown tables, and json.

Peaks are the most that was resident in a fresh process, libraries and all, with batches of 1 and 256x256 pixels.

    python benchmarks/memory.py --torch-python path/to/python --json memory.json
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import tyro
from measuring import HERE, Peer, line_of, machine, refuse_below, torch_peer, write_json
from tqdm import tqdm
from translate import write_run

from gluon_pix2pix.handover.export import export_generator
from gluon_pix2pix.runtime import mx, threads

PICTURE = {"batch": 1, "size": 256}
TURNS = 20  # of the steps whose growth is looked at


@dataclass
class Options:
    """Measure memory."""

    torch_python: Optional[Path] = Path(sys.executable)
    """The Python that has PyTorch; a PyTorch that is not there is left out."""
    upstream: Optional[Path] = None
    """A clone of pytorch-CycleGAN-and-pix2pix, whose networks PyTorch takes then."""
    width: int = 64
    """Channels of the networks' first layers."""
    steps: int = 2000
    """Steps of a small network, between which memory should not grow."""
    json: Optional[Path] = None
    """A file for the numbers and the machine."""


def peak_of(start: Callable[[], Optional[Peer]], **asked) -> Optional[float]:
    """Return the peak of a process, in MB, after it was asked for something; None if it does not come up."""
    peer = start()
    if peer is None:
        return None
    with contextlib.closing(peer):
        peer(**asked)
        return peer(do="peak") / 1e6


def peaks(options: Options, folder: Path) -> dict[str, dict[str, Optional[float]]]:
    """Return the peaks of training and of translating, by program."""
    run = write_run(folder / "run", options.width)
    export_generator(run, folder / "export", onnx=True)

    def torch() -> Optional[Peer]:
        return torch_peer(options.torch_python, threads(), options.upstream)

    def ours(model: str, backend: str) -> Peer:
        return Peer(sys.executable, HERE / "translate_peer.py", folder / model, backend)

    net = {"levels": 8, "width": options.width, "warm_up": 0}
    train, translate = ({"do": do, **PICTURE, **net} for do in ("train", "translate"))
    return {
        "training": {
            "MXNet": peak_of(lambda: Peer(sys.executable, HERE / "mxnet_peer.py"), **train, mode="float32", repeats=8),
            "PyTorch": peak_of(torch, **train, mode="eager", repeats=8),
        },
        "translating": {
            "MXNet": peak_of(lambda: ours("run", "mxnet"), **translate),
            "ONNX Runtime": peak_of(lambda: ours("export", "onnx"), **translate),
            "PyTorch": peak_of(torch, **translate, mode="eval", repeats=3),
        },
    }


def growth(steps: int) -> list[float]:
    """Train a small network; return what is resident, in MB, after each twentieth of the steps."""
    with contextlib.closing(Peer(sys.executable, HERE / "mxnet_peer.py")) as peer:
        found = []
        asked = {"do": "train", "mode": "float32", **PICTURE, "levels": 8, "width": 8, "warm_up": 0}
        for _ in tqdm(range(TURNS), f"{steps} steps", disable=None):
            peer(**asked, repeats=-(-steps // TURNS))
            found.append(peer(do="resident") / 1e6)
        return found


def table(found: dict[str, dict[str, Optional[float]]]) -> str:
    """Lay the peaks out, and how they compare with PyTorch's."""
    lines = ["| | peak memory | of PyTorch's |", "| --- | ---: | ---: |"]
    for what, programs in found.items():
        for name, peak in programs.items():
            if peak is not None:
                ratio = f"{peak / programs['PyTorch']:.2f}" if programs["PyTorch"] else ""
                lines.append(f"| {what}, {name} | {peak:,.0f} MB | {ratio} |")
    return "\n".join(lines)


def main(options: Options) -> None:
    """Measure; print the table and the growth, and write the json."""
    refuse_below(options, width=1, steps=TURNS)
    about = machine(threads=threads(), mxnet=mx.__version__)
    with tempfile.TemporaryDirectory() as folder:
        found = peaks(options, Path(folder))
    print(line_of(about), table(found), sep="\n\n", flush=True)
    resident = growth(options.steps)
    print(f"\nresident in {options.steps} steps: " + ", ".join(f"{mb:,.1f}" for mb in resident) + " MB")
    write_json(options.json, {"machine": about, "options": vars(options), "peak_mb": found, "resident_mb": resident})


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
