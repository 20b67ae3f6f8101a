"""The data sets that have a name: what their pictures show, how many there are, whose they are and where to get them.

Names, addresses and halves are those of the pix2pix authors (datasets/download_*dataset.sh and docs/datasets.md of
github.com/phillipi/pix2pix and github.com/junyanz/pytorch-CycleGAN-and-pix2pix). data/README.md tells where each count
and size is from.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from gluon_pix2pix.data.demo import COUNTS, SPLITS
from gluon_pix2pix.image_files import EXTENSIONS, PathLike

MIRROR = "GLUON_PIX2PIX_MIRROR"  # environment variable: a folder on the web that holds NAME.tar.gz

_HOME = "efrosgans.eecs.berkeley.edu/pix2pix/datasets"  # people.eecs.berkeley.edu/~tinghuiz, the former one, is gone
_COPIES = "https://github.com/akanametov/pix2pix/releases/download/1.0"  # a third party's copies, packed as zip


@dataclass(frozen=True)
class Entry:
    """One named data set.

    `halves` says what the left (A) and the right half (B) of each picture show, `direction` which way the paper
    translates, `splits` how many pictures each folder has, `download_bytes` how long the archive is, about. Without
    `urls` the set is drawn.
    """

    name: str
    halves: tuple[str, str]
    direction: str
    splits: dict[str, int]
    origin: str
    terms: str
    urls: tuple[str, ...] = ()
    download_bytes: int = 0

    @property
    def drawn(self) -> bool:
        """Whether the set is drawn here instead of downloaded."""
        return not self.urls

    def addresses(self) -> tuple[str, ...]:
        """Where to download from, in the order to try; the mirror that the environment names stands in for all."""
        mirror = os.environ.get(MIRROR)
        return (f"{mirror.rstrip('/')}/{self.name}.tar.gz",) if mirror else self.urls


def _published(name: str, *, copy: bool = False, **facts: object) -> Entry:
    urls = [f"{scheme}://{_HOME}/{name}.tar.gz" for scheme in ("https", "http")]
    return Entry(name=name, urls=(*urls, *([f"{_COPIES}/{name}.zip"] if copy else [])), **facts)


_ENTRIES = (
    _published(
        "facades",
        copy=True,
        halves=("photo", "label map"),
        direction="BtoA",
        splits={"train": 400, "val": 100, "test": 106},
        download_bytes=30_168_306,
        origin="CMP Facade Database, https://cmp.felk.cvut.cz/~tylecr1/facade/",
        terms="cite Tylecek and Sara, GCPR 2013",
    ),
    _published(
        "maps",
        copy=True,
        halves=("aerial photo", "map"),
        direction="AtoB",
        splits={"train": 1096, "val": 1098},
        download_bytes=250_242_400,
        origin="Google Maps around New York City, scraped by the pix2pix authors",
        terms="the pictures are Google's; no licence is known",
    ),
    _published(
        "cityscapes",
        halves=("photo", "label map"),
        direction="BtoA",
        splits={"train": 2975, "val": 500},
        download_bytes=103_441_232,
        origin="Cityscapes, https://www.cityscapes-dataset.com",
        terms="non-commercial, on registration (https://www.cityscapes-dataset.com/license); cite Cordts, CVPR 2016",
    ),
    _published(
        "edges2shoes",
        halves=("edges", "photo"),
        direction="AtoB",
        splits={"train": 49825, "val": 200},
        download_bytes=2_200_000_000,
        origin="UT Zappos50K, https://vision.cs.utexas.edu/projects/finegrained/utzap50k; edges by HED",
        terms="academic, non-commercial use; cite Yu and Grauman, CVPR 2014",
    ),
    _published(
        "edges2handbags",
        halves=("edges", "photo"),
        direction="AtoB",
        splits={"train": 138567, "val": 200},
        download_bytes=8_600_000_000,
        origin="Amazon handbags of iGAN, https://github.com/junyanz/iGAN; edges by HED",
        terms="no licence is known; cite Zhu et al., ECCV 2016",
    ),
    _published(
        "night2day",
        halves=("night", "day"),
        direction="BtoA",
        splits={"train": 17823, "val": 10, "test": 2287},
        download_bytes=2_000_000_000,
        origin="webcams of the Transient Attributes database, http://transattr.cs.brown.edu",
        terms="no licence is known; cite Laffont et al., SIGGRAPH 2014",
    ),
    Entry(
        "demo",
        halves=("drawn photo", "label map"),
        direction="BtoA",
        splits=COUNTS,
        origin="drawn by this program",
        terms="yours",
    ),
)
CATALOGUE = {entry.name: entry for entry in _ENTRIES}


class NotOnDiskError(FileNotFoundError):
    """A data set of the catalogue is not under the data root (yet)."""


@dataclass(frozen=True)
class Located:
    """A data set on disk: its folder, a short name, the default direction, and the pictures in each split."""

    folder: Path
    name: str
    direction: str
    splits: dict[str, int]
    entry: Optional[Entry] = field(default=None, repr=False)

    def differences(self) -> list[str]:
        """Say how the folder differs from the set as it is published, a line each; a drawn set or a user's does not."""
        if self.entry is None or self.entry.drawn:
            return []
        return [
            f"{self.folder / split} holds {self.splits[split]} pictures, published are {count}"
            if split in self.splits
            else f"{self.folder} has no {split} split, published are {count} pictures"
            for split, count in self.entry.splits.items()
            if self.splits.get(split) != count
        ]


def locate(dataset: PathLike, data_root: PathLike = "data") -> Located:
    """Find a data set on disk: by its name under `data_root`, or as any folder of the same layout.

    The layout is train/, and if there are such val/ and test/, of pictures whose left half is A and right half B. What
    a set of the catalogue lacks on disk is no error (see `Located.differences`). Folders of one's own are A to B.

    Raises
    ------
    NotOnDiskError
        If `dataset` is a name of the catalogue and its folder is not there.
    ValueError
        If it is neither a name nor a folder, or the folder has no train split.
    """
    entry = CATALOGUE.get(str(dataset))
    folder = Path(data_root, dataset) if entry else Path(dataset)
    if entry and not _is_there(folder):
        command = f"python -m gluon_pix2pix data get {entry.name} --data-root {data_root}"
        raise NotOnDiskError(f"{folder} is not there; to get it: {command}")
    if not folder.is_dir():
        folder = Path(data_root, dataset)  # a set of one's own among the others
    if not folder.is_dir():
        names = ", ".join(CATALOGUE)
        raise ValueError(f"there is no data set and no folder {str(dataset)!r}; the data sets are {names}")
    splits = {split: count_pictures(folder / split) for split in SPLITS if (folder / split).is_dir()}
    if not splits.get("train"):
        lack = "holds no pictures" if "train" in splits else "is missing"
        raise ValueError(
            f"{folder / 'train'} {lack}: a data set is a folder with train/, and val/ and test/ if there are such, of "
            f"pictures whose left half is A and right half B ({' '.join(EXTENSIONS)})"
        )
    name = entry.name if entry else folder.resolve().name
    return Located(folder, name, entry.direction if entry else "AtoB", splits, entry)


def _is_there(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def count_pictures(folder: Path) -> int:
    """Count the files of a folder that are pictures by name."""
    with os.scandir(folder) as files:
        return sum(file.name.lower().endswith(EXTENSIONS) and not file.name.startswith(".") for file in files)
