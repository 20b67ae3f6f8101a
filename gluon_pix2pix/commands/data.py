"""The data sets that have a name: list them, download or draw one.

data/README.md tells what they are, and what a folder of your own has to look like.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional, Union

import tyro
from tqdm import tqdm

from gluon_pix2pix.commands.cli import CommonOptions, UsageError, option_errors
from gluon_pix2pix.data import fetch
from gluon_pix2pix.data.catalogue import CATALOGUE, SPLITS, Entry, Located, NotOnDiskError, locate


@dataclass
class ListOptions(CommonOptions):
    """List the data sets: the default direction, the pictures of each split, the download, and what is on disk."""

    data_root: Path = Path("data")
    """The folder of the data sets."""


@dataclass
class GetOptions(CommonOptions):
    """Download a data set, or draw the demo, into a folder of its name."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")] = tyro.MISSING
    """One of those that `data list` lists."""
    data_root: Path = Path("data")
    """The folder of the data sets."""
    url: tuple[str, ...] = ()
    """Addresses to try instead of the usual ones (tar.gz or zip). GLUON_PIX2PIX_MIRROR, if set, is an address to which
    /NAME.tar.gz is added."""
    sha256: Optional[str] = None
    """The digest that the archive must have."""
    counts: Optional[tuple[int, int, int]] = None
    """demo: how many pictures to draw for train, val and test (0: no such split)."""
    size: Optional[int] = None
    """demo: the side of a picture, in pixels."""
    seed: Optional[int] = None
    """demo: another seed draws other buildings."""


Options = Union[
    Annotated[ListOptions, tyro.conf.subcommand("list")],
    Annotated[GetOptions, tyro.conf.subcommand("get")],
]


def main(options: Options) -> None:
    """Do what the subcommand says."""
    if isinstance(options, ListOptions):
        print(_table(options.data_root))
    else:
        _get(options)


def _get(options: GetOptions) -> None:
    given = {"size": options.size, "seed": options.seed}
    drawing = {word: value for word, value in given.items() if value is not None}
    if options.counts is not None:
        if options.counts[0] < 1:
            raise UsageError(f"--counts: train needs 1 picture or more, not {options.counts[0]}")
        drawing["counts"] = {split: count for split, count in zip(SPLITS, options.counts) if count}
    with option_errors(), StageBar(options.name) as bar:
        located = fetch.get(
            options.name, options.data_root, urls=options.url, sha256=options.sha256, progress=bar, **drawing
        )
    print(f"{located.folder}: {_counts(located.splits)}")
    for difference in located.differences():
        print(f"note: {difference}")
    print(f"origin: {located.entry.origin}\nterms: {located.entry.terms}")


class StageBar:
    """Shows what `fetch.Progress` reports: a bar for each stage on a terminal, a line for each elsewhere."""

    def __init__(self, name: str) -> None:
        self.name, self.stage, self.bar = name, "", None

    def __enter__(self) -> StageBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, stage: str, done: int, total: Optional[int]) -> None:
        """Show that `done` of `total` of a stage is done."""
        if stage != self.stage:
            self.__exit__()
            self.stage = stage
            words = f"{stage} {self.name}" if stage != "wait" else f"wait for another process to get {self.name}"
            unit = {"unit": "B", "unit_scale": True} if stage == "download" else {"unit": " pictures"}
            self.bar = tqdm(desc=words, total=total, disable=None, **unit)
            if self.bar.disable:
                print(words, file=sys.stderr)
        self.bar.total = total
        self.bar.update(done - self.bar.n)


def _table(data_root: Path) -> str:
    rows = [("name", "A | B", "direction", "train/val/test", "download", f"in {data_root}")]
    for entry in CATALOGUE.values():
        size = "drawn" if entry.drawn else f"{entry.download_bytes / 1e6:,.0f} MB"
        counts = "/".join(str(entry.splits.get(split, "-")) for split in SPLITS)
        rows.append((entry.name, " | ".join(entry.halves), entry.direction, counts, size, _on_disk(entry, data_root)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows)


def _on_disk(entry: Entry, data_root: Path) -> str:
    try:
        located: Located = locate(entry.name, data_root)
    except NotOnDiskError:
        return "-"
    except ValueError:
        return "no train pictures"
    return _counts(located.splits)


def _counts(splits: dict[str, int]) -> str:
    return ", ".join(f"{split} {count}" for split, count in splits.items())
