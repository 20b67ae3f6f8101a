"""Run every benchmark, one after the other; print all their tables at the end, and write all numbers to one json file.

python benchmarks/all.py --torch-python path/to/python --json benchmarks.json
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Optional

import tyro
from measuring import HERE, write_json

TORCH = {"training", "translate", "memory", "adam"}  # those that take --torch-python
WITHOUT_ROUNDS = {"memory", "operators", "large_set"}
NEEDED = {
    "loader": ("folder",),
    "large_set": ("folder",),
    "low_precision": ("model", "pictures"),
}  # those that cannot do without
# Settings with which each runs in seconds, and shows only that it works.
QUICK = {
    "training": "--settings 1x256x4 --rounds 1 --repeats 1 --warm-up 1",
    "translate": "--ngf 4 --batches 1 --rounds 1 --repeats 1",
    "operators": "--width 4 --steps 1",
    "memory": "--width 4 --steps 20",
    "adam": "--size 1000 --rounds 1 --repeats 1",
    "generators": "--size 32 --ngf 4 --ndf 4 --rounds 1 --steps 1 --warm-up 0",
    "loader": "--rounds 1 --workers 0",
    "large_set": "--pairs 20",
    "low_precision": "--calibrate 1 --count 1 --rounds 1",
    "scaling": "--widths 4 --batches 2 --pairs 8 --rounds 1",
}


@dataclass
class Options:
    """Run the benchmarks."""

    torch_python: Optional[Path] = Path(sys.executable)
    """The Python that has PyTorch; a PyTorch that is not there is left out."""
    upstream: Optional[Path] = None
    """A clone of pytorch-CycleGAN-and-pix2pix, whose networks PyTorch takes then."""
    folder: Optional[Path] = None
    """Side-by-side pairs to read; without, `loader` and `large_set` are left out."""
    model: Optional[Path] = None
    """A run..."""
    pictures: Optional[Path] = None
    """...and pairs to translate with it; without, `low_precision` is left out."""
    only: tuple[Literal[tuple(QUICK)], ...] = tuple(QUICK)
    """Which ones."""
    rounds: Optional[int] = None
    """Turns of each contender [each script's own default]."""
    quick: bool = False
    """Run all with tiny settings, which say nothing of speed."""
    json: Path = Path("benchmarks.json")
    """A file for every number."""


def command_of(name: str, options: Options) -> Optional[list[str]]:
    """Return the words that run a script; None if it lacks what it needs."""
    words = [sys.executable, str(HERE / f"{name}.py")]
    if name in TORCH:
        words += ["--torch-python", str(options.torch_python)]
    if name in TORCH - {"adam"} and options.upstream:
        words += ["--upstream", str(options.upstream)]
    for option in NEEDED.get(name, ()):
        if getattr(options, option) is None:
            return None
        words += [f"--{option}", str(getattr(options, option))]
    words += QUICK[name].split() if options.quick else []
    if options.rounds is not None and name not in WITHOUT_ROUNDS:
        words += ["--rounds", str(options.rounds)]  # the last one counts
    return words


def run(words: list[str], written: Path) -> tuple[int, str]:
    """Run a script, show what it prints as it comes, and return its exit code and all that it printed."""
    printed = []
    with subprocess.Popen([*words, "--json", str(written)], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            printed.append(line)
    return process.returncode, "".join(printed)


def main(options: Options) -> int:
    """Run them; return 1 if one has failed."""
    texts, numbers, failed = {}, {}, []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            words = command_of(name, options)
            if words is None:
                lacking = " and ".join(f"--{option}" for option in NEEDED[name])
                print(f"{name} is left out: it needs {lacking}", flush=True)
                continue
            print(f"\n{name}\n", flush=True)
            written = Path(folder) / f"{name}.json"
            code, texts[name] = run(words, written)
            if code:
                failed.append(name)
            else:
                numbers[name] = json.loads(written.read_text())
    print("\n".join(f"\n## {name}\n\n{text}" for name, text in texts.items()))
    write_json(options.json, numbers)
    if failed:
        print(f"error: {', '.join(failed)} failed: see above", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, description=__doc__)))
