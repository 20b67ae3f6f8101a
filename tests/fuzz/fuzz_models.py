"""Damage weights, graphs and PyTorch's files at random, and load them: python tests/fuzz/fuzz_models.py --trials 1000

A damaged file may load or be refused by a ValueError. Anything else counts, a crash of a native library too: the files
are loaded in processes of their own, fifty in each, and the one that ends a process is named. Trial N of seed S is
always the same. What vouches for the files (SHA-256, the sums in a .pth) is made to fit, so that the loaders are
reached.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

BATCH = 50
FILES = ("generator-0000.params", "generator-symbol.json", "generator.onnx", "latest_net_G.pth")
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


def write_pth(path: Path) -> None:
    """Write a small U-Net's weights as PyTorch does."""
    from gluon_pix2pix.core.networks import get_model, init_weights
    from gluon_pix2pix.handover.torch_file import write_tensors
    from gluon_pix2pix.handover.torch_weights import to_torch
    from gluon_pix2pix.runtime import mx

    described = {"name": "unet", "num_downs": 5, "ngf": 4, "dropout": True}
    net = get_model(**described)
    init_weights(net, seed=0, ctx=[mx.cpu()])
    write_tensors(path, to_torch(net, described))


def damage_member(data: bytes, rng: np.random.Generator) -> bytes:
    """Return a zip with one of its members damaged, its pickle in most cases, and sums that fit."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    names = [name for name in members if name.endswith("data.pkl")] if rng.random() < 0.8 else []
    names = names or [name for name, content in members.items() if len(content) > 256]  # so that some is left
    name, new = names[rng.integers(len(names))], io.BytesIO()
    members[name] = damage(members[name], rng)
    with zipfile.ZipFile(new, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return new.getvalue()


def read_pth(path: Path, data: bytes) -> str:
    """Look for networks in a damaged file of PyTorch's, and return "loaded" or "refused"."""
    from gluon_pix2pix.handover.torch_file import read_state_dicts
    from gluon_pix2pix.handover.torch_weights import find_networks

    path.with_name("damaged.pth").write_bytes(data)
    try:
        find_networks(read_state_dicts(path.with_name("damaged.pth")))
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return "refused"
    return "loaded"


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
        write_pth(folder / FILES[-1])
        names = [name for name in FILES if (folder / name).exists()]
        for number in range(first, last):
            name, rng = names[number % len(names)], np.random.default_rng((seed, number))
            print(f"begin {number} {name}", flush=True)
            try:
                whole = (folder / name).read_bytes()
                if name.endswith(".pth"):
                    way = damage_member if rng.random() < 0.7 else damage
                    outcome = read_pth(folder / name, way(whole, rng))
                else:
                    outcome = load(folder, name, damage(whole, rng))
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
