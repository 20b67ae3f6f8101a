"""The data sets that have a name: list them, get one. Pictures of your own: prepare and check them.

data/README.md tells what the sets are, what a folder of your own has to look like, and gives a command for each case.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional, Union

import tyro

from gluon_pix2pix.commands import data_check, data_prepare
from gluon_pix2pix.commands.stage_bar import StageBar
from gluon_pix2pix.datasets import fetch
from gluon_pix2pix.datasets.catalogue import CATALOGUE, Entry, NotOnDiskError
from gluon_pix2pix.errors import CommonOptions, UsageError, option_errors
from gluon_pix2pix.pairs.layouts import SPLITS


@dataclass
class ListOptions(CommonOptions):
    """List the data sets: the default direction, the pictures of each split, the download, and what is on disk."""

    data_root: Path = Path("data")
    """The folder of the data sets."""


@dataclass
class GetOptions(CommonOptions):
    """Download a data set, prepare it, or draw the demo, into a folder of its name."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")] = tyro.MISSING
    """One of those that `data list` lists."""
    data_root: Path = Path("data")
    """The folder of the data sets."""
    url: tuple[str, ...] = ()
    """Addresses to try instead of the usual ones (tar.gz or zip). GLUON_PIX2PIX_MIRROR, if set, is an address to which
    /NAME.tar.gz is added."""
    sha256: Optional[str] = None
    """The digest that the archive must have."""
    source: Annotated[Optional[Path], tyro.conf.arg(name="from")] = None
    """paris_streetview: the folder of what its authors have sent you."""
    counts: Optional[tuple[int, int, int]] = None
    """demo: how many pictures to draw for train, val and test (0: no such split)."""
    size: Optional[int] = None
    """demo: the side of a picture, in pixels."""
    seed: Optional[int] = None
    """demo: another seed draws other buildings."""


# What each subcommand takes and does, in the order of a user's day.
COMMANDS = {
    "list": (ListOptions, lambda options: print(_table(options.data_root))),
    "get": (GetOptions, lambda options: _get(options)),
    "check": (data_check.CheckOptions, data_check.check),
    **data_prepare.COMMANDS,
}
Options = Union[tuple(Annotated[kind, tyro.conf.subcommand(name)] for name, (kind, _) in COMMANDS.items())]


def main(options: CommonOptions) -> Optional[int]:
    """Do what the subcommand says; return an exit code."""
    return next(run(options) for kind, run in COMMANDS.values() if type(options) is kind)


def _get(options: GetOptions) -> None:
    given = {"size": options.size, "seed": options.seed}
    drawing = {word: value for word, value in given.items() if value is not None}
    if options.counts is not None:
        if options.counts[0] < 1:
            raise UsageError(f"--counts: train needs 1 picture or more, not {options.counts[0]}")
        drawing["counts"] = {split: count for split, count in zip(SPLITS, options.counts) if count}
    with option_errors(), StageBar(options.name, size=_size(options.name)) as bar:
        located = fetch.get(
            options.name,
            options.data_root,
            urls=options.url,
            sha256=options.sha256,
            source=options.source,
            progress=bar,
            **drawing,
        )
    entry = CATALOGUE[located.name]
    print(f"{located.folder}: {_counts(located.counts)}")
    for difference in located.differences:
        print(f"note: {difference}")
    print(f"origin: {entry.origin}\nterms: {entry.terms}")
    if entry.raw:
        print(entry.how_to_prepare(options.data_root))


def _size(name: str) -> int:
    return CATALOGUE[name].download_bytes if name in CATALOGUE else 0


def _table(data_root: Path) -> str:
    rows = [("name", "A | B", "direction", "train/val/test", "download", f"in {data_root}")]
    for entry in CATALOGUE.values():
        counts = "/".join(str(entry.splits.get(split, "-")) for split in SPLITS)
        if not set(entry.splits) <= set(SPLITS):
            counts = f"{sum(entry.splits.values())} files"
        row = (entry.name, " | ".join(entry.halves), entry.direction, counts, _way(entry), _on_disk(entry, data_root))
        rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows)


def _way(entry: Entry) -> str:
    if entry.urls:
        return f"{entry.download_bytes / 1e6:,.0f} MB{', raw' if entry.raw else ''}"
    return "drawn" if entry.drawn else "by request" if entry.request else f"of {', '.join(entry.made_of)}"


def _on_disk(entry: Entry, data_root: Path) -> str:
    try:
        return _counts(fetch.find_set(entry.name, data_root).counts) or "there"
    except NotOnDiskError:
        return "-"
    except ValueError:
        return "no train pictures"


def _counts(splits: dict[str, int]) -> str:
    return ", ".join(f"{split} {count}" for split, count in splits.items())
