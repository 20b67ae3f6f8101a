"""Damage weights and graphs of exports at random, and load them: python tests/fuzz/fuzz_models.py --trials 1000

A damaged file may load or be refused by a ValueError. Anything else counts, a crash of a native library too: the files
are loaded in processes of their own, fifty in each, and the one that ends a process is named. Trial N of seed S is
always the same. What vouches for the files (SHA-256) is made to fit, so that the loaders are reached.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

BATCH = 50
FILES = ("generator-0000.params", "generator-symbol.json", "generator.onnx")
NUMBERS = (0, 1, 77, 255, 0x7FFFFFFF, 0xFFFFFFFF)


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes with one to three places changed: near the beginning in half of the cases."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        at = int(rng.integers(len(data) if rng.random() < 0.5 else min(len(data), 400)))
        way = rng.integers(4)
        if way == 0:
            data[at] = int(rng.integers(256))
        elif way == 1:
            data[at : at + 4] = int(NUMBERS[rng.integers(len(NUMBERS))]).to_bytes(4, "little")
        elif way == 2:
            data[at : at + 1] = b"%d" % rng.integers(-9, 99999)
        else:
            del data[at : at + int(rng.integers(1, 64))]
    return bytes(data)


def load(folder: Path, name: str, data: bytes) -> str:
    """Load an export with this file in the place of its own, and return "loaded" or "refused"."""
    from gluon_pix2pix.translation.loading import load_network

    model = json.loads((folder / "model.json").read_text())
    model["sha256"][name] = hashlib.sha256(data).hexdigest()
    (folder / "model.json").write_text(json.dumps(model))
    before = (folder / name).read_bytes()
    (folder / name).write_bytes(data)
    try:
        load_network(folder, backend="onnx" if name.endswith("onnx") else "mxnet")
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return "refused"
    finally:
        (folder / name).write_bytes(before)
        model["sha256"][name] = hashlib.sha256(before).hexdigest()
        (folder / "model.json").write_text(json.dumps(model))
    return "loaded"


def child(export: Path, first: int, last: int, seed: int) -> None:
    """Do trials in this process, a line for each before and after."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(shutil.copytree(export, Path(home) / "export"))
        names = [name for name in FILES if (folder / name).exists()]
        for number in range(first, last):
            name, rng = names[number % len(names)], np.random.default_rng((seed, number))
            print(f"begin {number} {name}", flush=True)
            try:
                outcome = load(folder, name, damage((folder / name).read_bytes(), rng))
            except Exception as error:  # whatever it is, it is not what was promised
                outcome = f"failed {type(error).__name__}: {error}"[:300].replace("\n", " ")
            print(f"{outcome} {number} {name}", flush=True)


def run(export: Path, trials: int, seed: int) -> int:
    """Do trials, print what they came to, and return how many failed."""
    counts, failures, number = {"loaded": 0, "refused": 0}, [], 0
    while number < trials:
        last = min(number + BATCH, trials)
        words = [sys.executable, __file__, str(export), "--child", str(number), str(last), "--seed", str(seed)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60 + 10 * BATCH)
        lines = done.stdout.splitlines()
        for line in lines:
            kind = line.split()[0]
            if kind in counts:
                counts[kind] += 1
            elif kind == "failed":
                failures.append(line)
        number = last
        if done.returncode:  # and go on behind the trial that ended the process
            failures.append(
                f"the process ended with {done.returncode} at: {lines[-1] if lines else done.stderr[-200:]}"
            )
            number = int(lines[-1].split()[1]) + 1 if lines and lines[-1].startswith("begin") else last
    print(f"{trials} trials of seed {seed}: {counts}, {len(failures)} failed", *failures, sep="\n")
    return len(failures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("export", type=Path, help="the folder of an export, best of a small network")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.export, *options.child, options.seed)
        return 0
    return 1 if run(options.export, options.trials, options.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
