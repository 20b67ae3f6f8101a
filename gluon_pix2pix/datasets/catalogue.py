"""The data sets that have a name: what their pictures show, how many there are, whose they are and where to get them.

Names, addresses and halves are those of the pix2pix authors (datasets/download_*dataset.sh and docs/datasets.md of
github.com/phillipi/pix2pix and github.com/junyanz/pytorch-CycleGAN-and-pix2pix). data/README.md tells where each count
and size is from.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from gluon_pix2pix.pairs.locate import Located, locate
from gluon_pix2pix.pictures.folders import list_folder
from gluon_pix2pix.wording import command, count, program
from gluon_pix2pix.writing import PathLike

DEMO_COUNTS = {"train": 400, "val": 40, "test": 20}
MIRROR = "GLUON_PIX2PIX_MIRROR"  # environment variable: a folder on the web that holds NAME.tar.gz

_HOME = "efrosgans.eecs.berkeley.edu/pix2pix/datasets"  # people.eecs.berkeley.edu/~tinghuiz, the former one, is gone
_COPIES = "https://github.com/akanametov/pix2pix/releases/download/1.0"  # a third party's copies, packed as zip


def _filled(text: str, data_root: PathLike) -> str:
    return text.format(program=program(), data_root=shlex.quote(str(data_root)))


@dataclass(frozen=True)
class Entry:
    """One named data set.

    `halves` says what the left (A) and the right half (B) of each picture show, `direction` which way the paper
    translates, `splits` how many pictures each folder has, `download_bytes` how long the archive is, about. A set comes
    from `urls`; or is prepared from others, `made_of`; or `request` says whom to ask; or it is drawn. What is `raw`
    cannot be trained on: it is as its authors publish it, and prepared by the command that `raw` names.
    """

    name: str
    halves: tuple[str, str]
    direction: str
    splits: dict[str, int]
    origin: str
    terms: str
    urls: tuple[str, ...] = ()
    download_bytes: int = 0
    made_of: tuple[str, ...] = ()
    request: str = ""
    raw: str = ""

    @property
    def drawn(self) -> bool:
        """Whether the set is drawn here instead of downloaded."""
        return not (self.urls or self.made_of or self.request)

    def addresses(self) -> tuple[str, ...]:
        """Where to download from, in the order to try; the mirror that the environment names stands in for all."""
        mirror = os.environ.get(MIRROR)
        return (f"{mirror.rstrip('/')}/{self.name}.tar.gz",) if mirror and self.urls else self.urls

    def how_to_get(self, data_root: PathLike) -> str:
        """Say in a clause what the user has to do to have the set under `data_root`."""
        if self.request:
            return _filled(self.request, data_root)
        return f"to get it: {command('data', 'get', self.name, '--data-root', data_root)}"

    def how_to_prepare(self, data_root: PathLike) -> str:
        """Say in a clause how a raw set becomes one to train on."""
        return f"to prepare it: {_filled(self.raw, data_root)}"

    def differences(self, folder: Path, counts: dict[str, int]) -> list[str]:
        """Say how a folder differs from the set as it is published, a line each; a drawn set does not."""
        return [
            f"{folder / split} holds {count(counts[split], 'picture')}, published are {published}"
            if split in counts
            else f"{folder} has no {split} split, published are {count(published, 'picture')}"
            for split, published in self.splits.items()
            if counts.get(split) != published and not self.drawn
        ]


_SCHEMES = ("https", "http")


def _published(name: str, *, copy: bool = False, **facts: object) -> Entry:
    urls = [f"{scheme}://{_HOME}/{name}.tar.gz" for scheme in _SCHEMES]
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
        "paris_streetview",
        halves=("photo", "photo"),
        direction="AtoB",
        splits={"train": 14900, "val": 100},
        origin="Google Street View of Paris, collected by Doersch et al. (SIGGRAPH 2012)",
        terms="the pictures are Google's; research only, on request; cite Pathak et al., CVPR 2016",
        request=(
            "it is by request: ask Deepak Pathak by e-mail (https://github.com/pathak22/context-encoder, its author), "
            "unpack what you get into FOLDER, then: {program} data get paris_streetview --from FOLDER "
            "--data-root {data_root}"
        ),
    ),
    Entry(
        "cmp",
        halves=("photo", "label map"),
        direction="BtoA",
        splits={"train": 400, "val": 100, "test": 106},
        origin="cmp_base and cmp_extended, prepared here",
        terms="as cmp_base",
        made_of=("cmp_base", "cmp_extended"),
    ),
    *(
        Entry(
            f"cmp_{part}",
            halves=("photo", "label map"),
            direction="BtoA",
            splits={part: 2 * count},
            origin="CMP Facade Database, https://cmp.felk.cvut.cz/~tylecr1/facade/",
            terms="CC BY-SA; cite Tylecek and Sara, GCPR 2013",
            urls=tuple(f"{scheme}://cmp.felk.cvut.cz/~tylecr1/facade/CMP_facade_DB_{part}.zip" for scheme in _SCHEMES),
            download_bytes=size,
            raw="{program} data get cmp --data-root {data_root}",
        )
        for part, count, size in (("base", 378, 35_000_000), ("extended", 228, 20_000_000))
    ),
    Entry(
        "cityscapes_raw",
        halves=("photo", "label map"),
        direction="BtoA",
        splits={"train": 2975, "val": 500},
        origin="Cityscapes, https://www.cityscapes-dataset.com",
        terms="non-commercial, on registration (https://www.cityscapes-dataset.com/license); cite Cordts, CVPR 2016",
        request=(
            "it is by registration at https://www.cityscapes-dataset.com: unpack its leftImg8bit_trainvaltest.zip and "
            "gtFine_trainvaltest.zip into FOLDER, then: {program} data cityscapes FOLDER "
            "{data_root}/cityscapes"
        ),
        raw="{program} data cityscapes {data_root}/cityscapes_raw {data_root}/cityscapes",
    ),
    Entry(
        "demo",
        halves=("drawn photo", "label map"),
        direction="BtoA",
        splits=DEMO_COUNTS,
        origin="drawn by this program",
        terms="yours",
    ),
)
CATALOGUE = {entry.name: entry for entry in _ENTRIES}


class NotOnDiskError(FileNotFoundError):
    """A data set of the catalogue is not under the data root (yet)."""


def find_named(name: str, data_root: PathLike = "data", *, photos: bool = False) -> Located:
    """Find a set of the catalogue under `data_root`; what it lacks is no error (see `Located.differences`).

    `photos` is as in `pairs.locate.locate`.

    Raises
    ------
    NotOnDiskError
        If its folder is not there.
    ValueError
        If it is raw, or has no train split.
    """
    entry, folder = CATALOGUE[name], Path(data_root, name)
    if not is_there(folder):
        raise NotOnDiskError(f"{folder} is not there; {entry.how_to_get(data_root)}")
    if entry.raw:
        raise ValueError(f"{folder} is raw, not pairs; {entry.how_to_prepare(data_root)}")
    located = locate(folder, photos=photos)
    return dataclasses.replace(
        located, name=name, direction=entry.direction, differences=entry.differences(folder, located.counts)
    )


def is_there(folder: Path) -> bool:
    """Whether a folder is there and not empty."""
    return folder.is_dir() and any(folder.iterdir())


def count_pictures(folder: Path) -> int:
    """Count the files in and below a folder that are pictures by name."""
    return len(list_folder(folder).pictures)
