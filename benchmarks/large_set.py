"""What a large data set costs before the first step, and in each epoch beside the steps: markdown tables, and json.

A set of so many pairs is made of links to the pictures of a small one, so that it takes no space; its files are in the
system's memory then, and what is measured is the program, not the disk. Each start is a fresh process that trains by
the command line, with a small network, and ends after its first step. Between the first and the second start, what was
found in the files is remembered.

    python benchmarks/large_set.py --folder data/facades/train --json large_set.json
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable, Literal, Optional

import tyro
from measuring import HERE, line_of, machine, peak_bytes, refuse_below, resident_bytes, write_json

SMALL = """--gpu -1 --generator unet --num-downs 5 --ngf 4 --discriminator n_layers --n-layers-D 1 --ndf 4
    --load-size 36 --crop-size 32 --n-epochs 1 --n-epochs-decay 0"""
LAYOUTS = {"side": "one file for both", "two": "A and B in folders of their own"}


@dataclass
class Options:
    """Measure a set of many pairs."""

    folder: Path = Path("data/facades/train")
    """The pictures that are linked to."""
    pairs: int = 100_000
    """How many pairs to make of them."""
    layout: Literal[tuple(LAYOUTS)] = "side"
    """side: a file for each pair. two: two, A and B."""
    starts: int = 2
    """Times to start training."""
    within: Optional[Path] = None
    """A folder for the links, on the file system to be measured [the system's for temporary files]."""
    json: Optional[Path] = None
    """A file for the numbers and the machine."""


def make_set(options: Options, root: Path) -> Path:
    """Make the set of hard links, or of symbolic ones where these cannot be, and return its folder."""
    pictures = sorted(path.resolve() for path in options.folder.iterdir() if path.suffix in (".jpg", ".png"))
    folders = [root / "train"] if options.layout == "side" else [root / "train" / side for side in "AB"]
    for folder in folders:
        folder.mkdir(parents=True)
        for number in range(options.pairs):
            picture = pictures[number % len(pictures)]
            link = folder / f"{number:07d}{picture.suffix}"
            try:
                os.link(picture, link)
            except OSError:  # another file system
                link.symlink_to(picture)
    return root


class FirstStep(BaseException):
    """Training has come to its first step; no handler of errors is to catch that."""


def start(root: str, run_dir: str) -> dict[str, float]:
    """Train to the end of the first step; return seconds and bytes."""
    began, marks = time.perf_counter(), {}
    from gluon_pix2pix.commands import cli
    from gluon_pix2pix.core.step import Pix2PixTrainer
    from gluon_pix2pix.pairs import locate
    from gluon_pix2pix.pairs.paired_images import PairedImages
    from gluon_pix2pix.runtime import mx
    from gluon_pix2pix.training import session

    marks["import"] = time.perf_counter() - began
    marks["resident before"] = resident_bytes()

    def timed(owner: object, name: str, key: str) -> None:
        function: Callable = getattr(owner, name)

        @functools.wraps(function)
        def run(*args: object, **kwargs: object) -> object:
            since = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                marks[key] = marks.get(key, 0) + time.perf_counter() - since

        setattr(owner, name, run)

    timed(locate, "find_splits", "walk")
    timed(PairedImages, "check_files", "check")
    timed(PairedImages, "fingerprint", "digest")
    timed(session, "epoch_keys", "order")
    step = Pix2PixTrainer.step

    def once(trainer: Pix2PixTrainer, *args: object, **kwargs: object) -> None:
        step(trainer, *args, **kwargs)
        mx.nd.waitall()
        raise FirstStep

    Pix2PixTrainer.step = once
    with contextlib.suppress(FirstStep), contextlib.redirect_stdout(sys.stderr):
        cli.run("train", [*SMALL.split(), "--dataset", root, "--run-dir", run_dir])
    marks |= {"to the first step": time.perf_counter() - began, "peak": peak_bytes(), "resident": resident_bytes()}
    return marks


def epoch(pairs: str, workers: str) -> dict[str, float]:
    """Go through an epoch's batches of one picture that is in memory; return seconds and bytes."""
    import numpy as np

    from gluon_pix2pix.pairs.loader import epoch_keys, load_batches

    picture = np.zeros((8, 8, 3), np.uint8)

    class OnePicture:
        """A data set of one pair, by any key."""

        def __getitem__(self, key: object) -> tuple:
            return picture, picture

    before, began = resident_bytes(), time.perf_counter()
    keys = epoch_keys(int(pairs), seed=0, epoch=0)
    ordered = time.perf_counter() - began
    for source, _ in load_batches(OnePicture(), keys, batch_size=1, workers=int(workers)):
        del source
    return {"order": ordered, "epoch": time.perf_counter() - began, "grown": peak_bytes() - before}


def ask(function: str, *words: object, **environment: str) -> dict[str, float]:
    """Call a function of this module in a fresh process."""
    command = [sys.executable, str(HERE / "large_set.py"), "--in-a-process", function, *map(str, words)]
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(command)} ended with exit code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(options: Options) -> dict[str, dict[str, float]]:
    """Return what each start and each epoch took."""
    found = {}
    with tempfile.TemporaryDirectory(dir=options.within) as folder:
        root = make_set(options, Path(folder) / "set")
        for number in range(1, options.starts + 1):
            name = f"start {number}"
            found[name] = ask("start", root, Path(folder) / f"run{number}", GLUON_PIX2PIX_CACHE=f"{folder}/cache")
        remembered = sum(path.stat().st_size for path in Path(folder, "cache").glob("*"))
        found["kept on disk"] = {"bytes": remembered}
    for workers in (0, 2):
        found[f"epoch, {workers} workers"] = ask("epoch", options.pairs, workers)
    return found


def tables(found: dict[str, dict[str, float]], pairs: int) -> str:
    """Return markdown tables."""
    lines = [
        f"| {pairs:,} pairs | imports | walk | look at files | digest of contents | to the first step | "
        "more memory then | peak |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, marks in found.items():
        if name.startswith("start"):
            seconds = [f"{marks[key]:.1f} s" for key in ("import", "walk", "check", "digest", "to the first step")]
            more = (marks["resident"] - marks["resident before"]) / 1e6
            lines.append(f"| {' | '.join([name, *seconds])} | {more:.0f} MB | {marks['peak'] / 1e6:.0f} MB |")
    lines += [
        "",
        "| an epoch beside its steps | order | all batches | a step | memory |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, marks in found.items():
        if name.startswith("epoch"):
            each = 1e6 * marks["epoch"] / pairs
            memory = f"{marks['grown'] / 1e6:.0f} MB"
            lines.append(f"| {name} | {marks['order']:.2f} s | {marks['epoch']:.1f} s | {each:.0f} us | {memory} |")
    return "\n".join(lines)


def main(options: Options) -> None:
    """Measure, print, write."""
    refuse_below(options, pairs=1, starts=1)
    about = machine()
    found = measure(options)
    print(f"{line_of(about)}\n\n{LAYOUTS[options.layout]}\n\n{tables(found, options.pairs)}")
    print(f"\nremembered: {found['kept on disk']['bytes'] / 1e6:.1f} MB on disk")
    if options.json:
        write_json(options.json, {"machine": about, "options": asdict(options), "found": found})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--in-a-process"]:
        print(json.dumps({"start": start, "epoch": epoch}[sys.argv[2]](*sys.argv[3:])))
    else:
        main(tyro.cli(Options, description=__doc__))
