"""A data set of the catalogue onto the disk: downloaded and counted, prepared, or drawn; whole or not at all."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable, Optional

from gluon_pix2pix.datasets.catalogue import CATALOGUE, Entry, NotOnDiskError, count_pictures, find_named, is_there
from gluon_pix2pix.datasets.demo.pairs import write_demo
from gluon_pix2pix.datasets.download import DownloadError, download
from gluon_pix2pix.datasets.prepare.cmp import cmp_jobs
from gluon_pix2pix.datasets.prepare.copying import put_files
from gluon_pix2pix.datasets.prepare.jobs import run_jobs
from gluon_pix2pix.datasets.prepare.paris import plan_paris
from gluon_pix2pix.datasets.reachable import find_unreachable
from gluon_pix2pix.datasets.unpack import GZIP, ZIP, ArchiveError, unpack
from gluon_pix2pix.pairs.layouts import find_splits, side_by_side
from gluon_pix2pix.pairs.locate import Located
from gluon_pix2pix.wording import command, count
from gluon_pix2pix.writing import UNWRITABLE, LockedError, PathLike, lock_folder, unlock_folder

# Called with a stage ("connect" before an address is asked, "download" in bytes, "unpack", "prepare", "copy" or "draw"
# in pictures, "wait" for another process that is getting the same set), how much of it is done, and of how much if that
# is known.
Progress = Callable[[str, int, Optional[int]], None]


def find_set(name: str, data_root: PathLike = "data") -> Located:
    """Find a set of the catalogue as `find_named` does, and raw ones, which that refuses, too: each file as one."""
    entry, folder = CATALOGUE[name], Path(data_root, name)
    if not (entry.raw and is_there(folder)):
        return find_named(name, data_root)
    splits = {split: side_by_side(folder / split) for split in entry.splits if (folder / split).is_dir()}
    counts = {split: len(found.pairs) for split, found in splits.items()}
    return Located(folder, name, entry.direction, splits, entry.differences(folder, counts))


def get(
    name: str,
    data_root: PathLike = "data",
    *,
    urls: Sequence[str] = (),
    sha256: Optional[str] = None,
    source: Optional[PathLike] = None,
    progress: Optional[Progress] = None,
    **drawing: object,
) -> Located:
    """Download, prepare or draw a data set of the catalogue into `data_root`/`name`, unless it is there already.

    An interrupted download goes on where it stopped when `get` is called again. Of several processes that want the same
    set, one gets it and the others wait for that.

    Parameters
    ----------
    name
        A name of the catalogue.
    data_root
        The folder of the data sets; made if need be.
    urls
        Addresses to try one after the other, instead of the catalogue's.
    sha256
        The digest that the archive must have.
    source
        For paris_streetview: the folder of what its authors have sent; its pictures are copied.
    progress
        See `Progress`.
    **drawing
        What a drawn set is to be like: `counts`, `size` and `seed` of `demo.write_demo`. It is an error if another one
        is on disk.

    Raises
    ------
    ValueError
        If the catalogue has no such name, the arguments do not go with it, or `data_root` holds pairs itself.
    NotOnDiskError
        If the set is only to be had by request; the message says how.
    DownloadError
        If no address gives an archive of the set with at least the pictures that the catalogue counts.
    """
    if name not in CATALOGUE:
        raise ValueError(f"there is no data set {name!r} to get; the data sets are {', '.join(CATALOGUE)}")
    entry = CATALOGUE[name]
    _check_arguments(entry, urls, sha256, source, drawing)
    folder, report = Path(data_root, name), progress or _silent
    if not drawing and not (entry.request and source is None):
        with contextlib.suppress(NotOnDiskError):
            return find_set(name, data_root)
    _refuse_inside_a_set(data_root, name)
    if source is not None:
        put_files(plan_paris(source, folder), folder, progress=functools.partial(report, "copy"))
    elif entry.drawn:
        write_demo(folder, progress=functools.partial(report, "draw"), **drawing)
    elif not entry.request:
        _get_whole(entry, folder, urls, sha256, report)
    return find_set(name, data_root)


def _check_arguments(
    entry: Entry, urls: Sequence[str], sha256: Optional[str], source: Optional[PathLike], drawing: dict
) -> None:
    if not entry.urls and (urls or sha256):
        how = "drawn" if entry.drawn else "by request" if entry.request else f"made of {' and '.join(entry.made_of)}"
        raise ValueError(f"{entry.name} is {how}, not downloaded: it takes no address and no digest")
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"{sha256!r} is no SHA-256: it has 64 hexadecimal digits")
    if source is not None and entry.name != "paris_streetview":
        raise ValueError(f"only paris_streetview is copied from a folder, not {entry.name}")
    if not entry.drawn and drawing:
        raise ValueError(f"{entry.name} is downloaded, not drawn: it takes no {', '.join(drawing)}")


def _refuse_inside_a_set(data_root: PathLike, name: str) -> None:
    """Raise ValueError if the folder of the named sets is itself a set of somebody's own."""
    splits = find_splits(data_root) if Path(data_root).is_dir() else {}
    if any(len(split.pairs) > 1 for split in splits.values()):  # one picture alone may be a contact sheet
        raise ValueError(
            f"--data-root {data_root} holds pairs itself, and {name} would be written among them: --dataset "
            f"{data_root} trains on those; --data-root is the folder where sets with a name are kept"
        )


def _get_whole(entry: Entry, folder: Path, urls: Sequence[str], sha256: Optional[str], report: Progress) -> None:
    """Download a set, or prepare it from others that are got first, beside `folder`, and rename it to that."""
    parts = [get(part, folder.parent, progress=report).folder for part in entry.made_of]
    with _workshop(folder, report) as workshop:
        with contextlib.suppress(NotOnDiskError):
            find_set(entry.name, folder.parent)
            return  # another process has just got it
        if parts:
            made = _prepare(parts, workshop / "unpacked", report)
        else:
            made = _download_set(entry, urls or entry.addresses(), workshop, sha256, report)
        os.rename(made, folder)
        shutil.rmtree(workshop, ignore_errors=True)  # halves from other addresses too


def _prepare(parts: Sequence[Path], folder: Path, report: Progress) -> Path:
    jobs, problems = cmp_jobs(parts, folder)
    outcome = run_jobs(jobs, progress=functools.partial(report, "prepare"))
    if problems := [*problems, *outcome.problems]:
        raise DownloadError(f"{count(len(problems), 'picture')} could not be prepared; the first: {problems[0]}")
    return folder


def _silent(stage: str, done: int, total: Optional[int]) -> None:
    pass


def _download_set(entry: Entry, urls: Sequence[str], workshop: Path, sha256: Optional[str], report: Progress) -> Path:
    """Return the unpacked and counted folder of the first address that has it."""
    _check_space(entry, workshop)
    lost, problems = find_unreachable(urls), []
    if len(lost) < len(urls):
        report("connect", 0, None)
    for url in urls:
        if url in lost:
            problems.append(f"{url}: {lost[url]}")
            continue
        try:
            return _from_address(entry, url, workshop, sha256, report)
        except DownloadError as error:
            problems.append(str(error))
        except ArchiveError as error:
            problems.append(f"{url}: {str(error).replace(str(_archive(workshop, url)), 'its archive')}")
    raise no_address(entry, workshop.parent, problems)


def no_address(entry: Entry, data_root: Path, problems: Sequence[str]) -> DownloadError:
    """Return an error of several lines: each address with what is wrong with it, and the ways on."""
    root = [] if data_root == Path("data") else ["--data-root", data_root]
    ways = {
        "a drawn set": command("train", "--dataset", "demo", *root),
        "your own pictures": command("train", "--dataset", "FOLDER"),
        "another address": command("data", "get", entry.name, "--url", "ADDRESS", *root),
        "by hand": f"unpack the archive so that {data_root / entry.name / next(iter(entry.splits))} has its pictures",
    }
    lines = [f"could not get {entry.name}:", *problems, "ways on:", *(f"{way}: {what}" for way, what in ways.items())]
    return DownloadError("\n".join(line if line.endswith(":") else f"  {line}" for line in lines))


def check_network(name: str, data_root: PathLike) -> None:
    """Say at once, before anything is prepared, that a set is to be downloaded and there is no network.

    Raises
    ------
    DownloadError
        If no address of the set, or of one that it is made of, has a host that is found.
    """
    for part in CATALOGUE[name].made_of or (name,):
        entry, lost = CATALOGUE[part], {}
        if entry.urls and not is_there(Path(data_root, part)):
            lost = find_unreachable(entry.addresses())
        if lost and len(lost) == len(entry.addresses()):
            raise no_address(entry, Path(data_root), [f"{url}: {why}" for url, why in lost.items()])


def _from_address(entry: Entry, url: str, workshop: Path, sha256: Optional[str], report: Progress) -> Path:
    """Return the unpacked and counted folder of one address; an archive that fails is not kept."""
    expected = sum(entry.splits.values())
    archive = _archive(workshop, url)
    if sha256 or not archive.exists():  # it is there if the last call was interrupted while unpacking
        download(
            url,
            archive,
            progress=functools.partial(report, "download"),
            sha256=sha256,
            begins=(GZIP, ZIP),
            max_bytes=2 * entry.download_bytes,
        )
    unpacked = Path(tempfile.mkdtemp(prefix="unpacked-", dir=workshop)) / entry.name
    try:
        unpack(
            archive,
            unpacked,
            max_files=2 * expected + 1000,
            progress=lambda done, _: report("unpack", done, expected),
        )
        folder = _counted(entry, unpacked)
    except Exception as error:
        if not (isinstance(error, OSError) and error.errno in UNWRITABLE):  # those are not the archive's
            archive.unlink()
        _remove(unpacked.parent)
        raise
    archive.unlink()
    return folder


def _archive(workshop: Path, url: str) -> Path:
    """Return where an address' archive goes: what another one has sent is not taken for it."""
    return workshop / f"archive-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def _check_space(entry: Entry, workshop: Path) -> None:
    # Archive and pictures lie side by side for a while; JPEG does not shrink when packed.
    need, free = 21 * entry.download_bytes // 10, shutil.disk_usage(workshop).free
    if free < need:
        raise DownloadError(
            f"{workshop.parent} has {free / 1e9:.1f} GB free, and getting {entry.name} takes {need / 1e9:.1f} GB: make "
            "room or name another folder as --data-root"
        )


def _counted(entry: Entry, unpacked: Path) -> Path:
    """Return the folder of the splits, directly in `unpacked` or one below, if no split is short of pictures."""
    first = next(iter(entry.splits))
    for folder in (unpacked, *sorted(path for path in unpacked.iterdir() if path.is_dir())):
        if (folder / first).is_dir():
            break
    else:
        raise ArchiveError(f"the archive has no {first} folder")
    for split, published in entry.splits.items():
        found = count_pictures(folder / split) if (folder / split).is_dir() else 0
        if found < published:
            there = count(found, "picture")
            raise ArchiveError(f"the archive's {split} split has {there} of the {published} that are published")
    return folder


@contextlib.contextmanager
def _workshop(folder: Path, report: Progress) -> Iterator[Path]:
    """Lend a hidden folder beside `folder` to make it in, to one process at a time.

    What a later call can use, a download or half of it, stays there; without that the folder is removed.
    """
    workshop = folder.with_name(f".{folder.name}.part")
    lock = _locked(workshop, report)
    try:
        _clear(workshop)
        yield workshop
    finally:
        _clear(workshop)
        with contextlib.suppress(OSError):
            workshop.rmdir()
        unlock_folder(lock)


def _clear(workshop: Path) -> None:
    """Remove what was being unpacked or prepared, by a call that was killed too."""
    for folder in workshop.glob("unpacked*"):
        _remove(folder)


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError, RecursionError):  # a folder that cannot be removed is in nobody's way
        shutil.rmtree(folder)


def _locked(workshop: Path, report: Progress) -> Optional[int]:
    """Make the folder, wait until nobody else holds it, and return its lock."""
    while True:
        workshop.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # it was removed in the meantime: by its last holder, who is done
            try:
                return lock_folder(workshop)
            except LockedError:
                report("wait", 0, None)
                return lock_folder(workshop, wait=True)
