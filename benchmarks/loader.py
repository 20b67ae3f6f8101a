"""How many pairs a second the loader reads, against the bare OpenCV decode and resize of the same files: a table, json.

The bare loop reads each file, decodes it, and resizes both halves to the load size, in one thread: no reading can do
less. The variants take turns, and a round takes each of them once over all files, so that a slow minute of the machine
does not fall on one of them alone. A ratio above 1 is how much slower than bare the loader is.

    python benchmarks/loader.py --folder data/facades/train --json loader.json
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import cv2
import numpy as np
import tyro
from measuring import line_of, machine, refuse_below, write_json
from tqdm import tqdm

from gluon_pix2pix.pairs.loader import epoch_keys, load_batches
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.runtime import threads


@dataclass
class Options:
    """Measure how many pairs a second the loader reads from side-by-side files."""

    folder: Path = Path("data/facades/train")
    """Side-by-side pairs."""
    load_size: int = 286
    """Pictures are enlarged to this many pixels a side..."""
    crop_size: int = 256
    """...and cropped to this many."""
    batch_size: int = 1
    """Pairs in a batch."""
    workers: tuple[int, ...] = (0, 1, 2)
    """Numbers of threads that read ahead."""
    rounds: int = 7
    """Times that each variant reads all files, after once for warming up."""
    json: Optional[Path] = None
    """A file for every number and the machine."""


def read_bare(path: Path, load_size: int) -> None:
    """Read, decode and resize both halves of a file with nothing but OpenCV."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    width = image.shape[1] // 2
    for half in (image[:, :width], image[:, width:]):
        cv2.resize(half, (load_size, load_size), interpolation=cv2.INTER_LINEAR)


def run_bare(pairs: PairedImages, options: Options, workers: int) -> None:
    """Read all files bare, in one thread or several."""
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        each = pool.map if workers > 1 else map
        for _ in each(lambda pair: read_bare(pair.a, options.load_size), pairs.pairs):
            pass


def run_loader(pairs: PairedImages, options: Options, workers: int, epoch: int) -> None:
    """Read all files as training does."""
    keys = epoch_keys(len(pairs), seed=0, epoch=epoch)
    for _, target in load_batches(pairs, keys, batch_size=options.batch_size, workers=workers):
        target.wait_to_read()


def measure(options: Options) -> dict[str, list[float]]:
    """Return each variant's pairs a second, round by round."""
    sizes = {"load_size": options.load_size, "crop_size": options.crop_size}
    plain, cached = (PairedImages(options.folder, **sizes, cache=cache) for cache in (False, True))
    cached.check_files()
    variants = {}
    for workers in options.workers:
        variants[f"loader, {workers} workers"] = lambda epoch, n=workers: run_loader(plain, options, n, epoch)
        variants[f"cache, {workers} workers"] = lambda epoch, n=workers: run_loader(cached, options, n, epoch)
    for count in sorted({max(workers, 1) for workers in options.workers}):
        variants[f"bare, {count} threads"] = lambda epoch, n=count: run_bare(plain, options, n)
    found: dict[str, list[float]] = {name: [] for name in variants}
    for number, (name, run) in tqdm(list(turns(variants, options.rounds + 1)), disable=None):
        began = time.perf_counter()
        run(number)
        if number:  # the first round fills the cache, and the system's
            found[name].append(len(plain) / (time.perf_counter() - began))
    return found


def turns(variants: dict, rounds: int) -> Iterator[tuple[int, tuple]]:
    """Yield every variant once a round, each round beginning with another."""
    items = list(variants.items())
    for number in range(rounds):
        first = number % len(items)
        for item in items[first:] + items[:first]:
            yield number, item


def ratio_to_bare(name: str, found: dict[str, list[float]]) -> list[float]:
    """Return, round by round, how many times as long as the bare loop with as many threads a variant takes."""
    count = max(int(name.split(",")[1].split()[0]), 1)
    return [bare / own for own, bare in zip(found[name], found[f"bare, {count} threads"])]


def table(found: dict[str, list[float]]) -> str:
    """Return a markdown table of medians, spreads and ratios."""
    lines = ["| | pairs/s | least - most | times the bare loop's time |", "| --- | --- | --- | --- |"]
    for name, rates in found.items():
        ratio = statistics.median(ratio_to_bare(name, found))
        lines.append(f"| {name} | {statistics.median(rates):.0f} | {min(rates):.0f} - {max(rates):.0f} | {ratio:.2f} |")
    return "\n".join(lines)


def main(options: Options) -> None:
    """Measure, print the table, write the numbers."""
    refuse_below(options, rounds=1, batch_size=1, workers=0)
    about = machine(threads=threads(), opencv=cv2.__version__)
    cv2.setNumThreads(1)  # a worker is one thread
    found = measure(options)
    print(line_of(about), table(found), sep="\n\n")
    write_json(options.json, {"machine": about, "options": vars(options), "pairs_per_second": found})


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
