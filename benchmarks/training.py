"""Time and memory of a training step on the CPU, here and by PyTorch: markdown tables, and json.

A U-Net and the 70x70 PatchGAN, each contender in a process of its own. They take turns, so that a slow minute of the
machine does not fall on one of them alone; ratios of medians are what to look at.

    python benchmarks/training.py --torch-python path/to/python --json training.json
"""

from __future__ import annotations

import contextlib
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import tyro
from measuring import HERE, Peer, line_of, machine, refuse_below, table, torch_peer, write_json
from tqdm import tqdm

from gluon_pix2pix.runtime import threads

# What glibc does better with networks' memory: keep what was freed, and give out large pieces without mmap.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
EAGER, BEST, LOW = "PyTorch, eager", "PyTorch, best float32", "PyTorch, best bfloat16"


@dataclass
class Options:
    """Measure training steps."""

    torch_python: Optional[Path] = Path(sys.executable)
    """The Python that has PyTorch; a PyTorch that is not there is left out."""
    upstream: Optional[Path] = None
    """A clone of pytorch-CycleGAN-and-pix2pix, whose networks PyTorch takes then."""
    settings: tuple[str, ...] = ("1x256x64", "4x256x64")
    """What to measure: pairs in a batch x pixels a side x channels of the first layers."""
    rounds: int = 5
    """Turns of each contender."""
    repeats: int = 3
    """Steps of a turn, of which the median counts."""
    warm_up: int = 2
    """Steps before those, in each turn."""
    json: Optional[Path] = None
    """A file for every number and the machine."""


@dataclass
class Setting:
    """What is trained: `levels` halve `size` pixels to one, or to two with 512."""

    batch: int
    size: int
    width: int

    @property
    def levels(self) -> int:
        """The U-Net's depth: unet_256, but for pictures that are too small for it."""
        return min(self.size.bit_length() - 1, 8)


def parse_setting(text: str) -> Setting:
    """Read "1x256x64", or end with a line."""
    with contextlib.suppress(ValueError, TypeError):
        setting = Setting(*(int(word) for word in text.split("x", 2)))
        if min(setting.batch, setting.width) > 0 and setting.size >= 32 and setting.size % 2**setting.levels == 0:
            return setting
    sys.exit(f"error: --settings {text}: it has to be like 1x256x64, the size a power of two or a multiple of 256")


def start_contenders(options: Options, stack: contextlib.ExitStack) -> dict[str, tuple[Peer, str]]:
    """Start every contender's process: name -> the process and the mode to ask it for."""
    contenders = {"MXNet, float32": (Peer(sys.executable, HERE / "mxnet_peer.py"), "float32")}
    ours = contenders["MXNet, float32"][0].about
    if "bfloat16" in ours["modes"]:
        contenders["MXNet, bfloat16"] = (Peer(sys.executable, HERE / "mxnet_peer.py"), "bfloat16")
    for name, mode, environment in ((EAGER, "eager", {}), (BEST, "best", MALLOC), (LOW, "bfloat16", MALLOC)):
        if mode != "bfloat16" or "bfloat16" in ours["modes"]:
            peer = torch_peer(options.torch_python, threads(), options.upstream, **environment)
            contenders |= {name: (peer, mode)} if peer else {}
    for peer, _ in contenders.values():
        stack.callback(peer.close)
    return contenders


def main(options: Options) -> None:
    """Measure; print the tables and write the json."""
    refuse_below(options, rounds=1, repeats=1, warm_up=0)
    settings = {text: parse_setting(text) for text in options.settings}
    about = machine(threads=threads())
    times, peaks = {}, {}
    with contextlib.ExitStack() as stack:
        contenders = start_contenders(options, stack)
        for peer, _ in contenders.values():
            about |= {what: peer.about[what] for what in ("mxnet", "torch") if what in peer.about}
        print(line_of(about))
        for text, setting in settings.items():
            found = times[text] = {name: [] for name in contenders}
            turns = [name for _ in range(options.rounds) for name in contenders]
            for name in tqdm(turns, text, unit="turn", disable=None):
                peer, mode = contenders[name]
                steps = {"warm_up": options.warm_up, "repeats": options.repeats}
                asked = {"do": "train", "mode": mode, "levels": setting.levels, **vars(setting), **steps}
                found[name].append(statistics.median(peer(**asked)))
            peaks[text] = {name: peer(do="peak") / 1e6 for name, (peer, _) in contenders.items()}
            print(f"\n{text}:\n\n{table(found, (EAGER, BEST, LOW))}")
            print("\npeak memory so far: " + ", ".join(f"{name} {mb:,.0f} MB" for name, mb in peaks[text].items()))
    write_json(options.json, {"machine": about, "options": vars(options), "milliseconds": times, "peak_mb": peaks})


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
