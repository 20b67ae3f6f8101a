"""The pictures of a tar.gz or zip archive that a stranger packed, into a folder; anything unusual in it is refused."""

from __future__ import annotations

import errno
import gzip
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Callable, NamedTuple, Optional

from gluon_pix2pix.pictures.folders import EXTENSIONS
from gluon_pix2pix.writing import naming_errors

GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"  # the first bytes of the two kinds of archive
CHUNK = 1 << 18  # bytes
MOST_FOLDERS, LONGEST = 32, 1024  # of a member's path, in bytes; data sets have two or three, and much less
# What the standard library raises over damaged archives, as mutating good ones has shown.
DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, NotImplementedError, ValueError, OverflowError),
)


class ArchiveError(ValueError):
    """An archive is damaged, or holds what no archive of pictures does; the message is one line."""


class _Member(NamedTuple):
    """One entry of an archive: its name, what it is ("file", "folder" or what to refuse), and how to read it."""

    name: str
    kind: str
    open: Callable[[], BinaryIO]


class _Budget:
    """Counts unpacked bytes and stops at a limit, whatever sizes the archive claims."""

    def __init__(self, archive: Path, limit: int) -> None:
        self.archive, self.left, self.limit = archive, limit, limit

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise ArchiveError(f"{self.archive} unpacks to more than {self.limit:,} bytes: it looks like a bomb")


class _Metered:
    """A readable stream that spends a budget."""

    def __init__(self, stream: BinaryIO, budget: _Budget) -> None:
        self.stream, self.budget = stream, budget

    def __enter__(self) -> _Metered:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.budget.spend(len(data))
        return data


def unpack(
    archive: Path,
    folder: Path,
    *,
    max_bytes: int = 1 << 40,
    max_files: int = 1_000_000,
    max_ratio: float = 10,
    progress: Optional[Callable[[int, Optional[int]], None]] = None,
) -> int:
    """Unpack the picture files of an archive into a new folder, keeping the archive's own folders.

    Files that are no pictures by name, and hidden ones (`._1.jpg` and the like), are left out. Nothing of the archive
    but names and contents is used: no owners, no permissions. After an error `folder` is incomplete: unpack into a
    temporary folder, and rename that or remove it.

    Parameters
    ----------
    archive
        A gzipped tar or a zip file.
    folder
        Must not exist.
    max_bytes, max_files, max_ratio
        Bounds on the unpacked bytes, the number of members, and the unpacked bytes by those of the archive (of 1 MiB
        at least). Pictures are compressed already, so that the ratio of a real archive is near 1.
    progress
        Called with the number of pictures so far, and None.

    Returns
    -------
    int
        The number of pictures.

    Raises
    ------
    ArchiveError
        If the archive is damaged or cut off, goes beyond a bound, or has a member that is neither file nor folder
        (links, devices, pipes), lies outside of `folder` or comes twice.
    """
    budget = _Budget(archive, min(max_bytes, int(max_ratio * max(archive.stat().st_size, 1 << 20))))
    folder.mkdir()
    pictures = 0
    with open(archive, "rb") as stream:
        begin = stream.read(4)
    members = _zip_members(archive, budget) if begin == ZIP else _tar_members(archive, budget, folder)
    try:
        for number, member in enumerate(members, 1):
            if number > max_files:
                raise ArchiveError(f"{archive} holds more than {max_files:,} files: it looks like a bomb")
            target = folder.joinpath(*_safe_parts(archive, member))
            if member.kind == "folder" or target.suffix.lower() not in EXTENSIONS or target.name.startswith("."):
                continue
            _write(archive, member, target)
            pictures += 1
            if progress:
                progress(pictures, None)
    except ArchiveError:
        raise
    except (*DAMAGE, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL, errno.ENAMETOOLONG):
            raise  # EINVAL: zipfile sought before 0
        raise ArchiveError(f"{archive} is damaged or no archive ({str(error)[:100]})") from error
    return pictures


def _safe_parts(archive: Path, member: _Member) -> list[str]:
    """Split a member's name into folders and file name, or refuse the member."""
    name = member.name
    shown = repr(name[:100])
    parts = [part for part in name.split("/") if part not in ("", ".")]
    # Backslashes and colons are paths on some systems; no picture of a data set needs them.
    if name.startswith("/") or ".." in parts or set(name) & set("\\:\0"):
        raise ArchiveError(f"{archive} is refused: its member {shown} would land outside of the data set")
    if any(len(os.fsencode(part)) > 255 for part in parts) or len(os.fsencode(name)) > LONGEST:
        raise ArchiveError(f"{archive} is refused: the name of its member {shown} is too long")
    if len(parts) > MOST_FOLDERS:
        raise ArchiveError(f"{archive} is refused: its member {shown} lies {len(parts) - 1:,} folders deep")
    if member.kind not in ("file", "folder"):
        raise ArchiveError(f"{archive} is refused: its member {shown} is {member.kind}, not a file or folder")
    return parts


def _write(archive: Path, member: _Member, target: Path) -> None:
    """Copy one picture to its place, which must be free."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        output = open(target, "xb")  # noqa: SIM115
    except (FileExistsError, NotADirectoryError):
        raise ArchiveError(f"{archive} is refused: it holds {member.name[:100]!r} twice") from None
    with naming_errors(target), output, member.open() as source:
        while chunk := source.read(CHUNK):
            output.write(chunk)


def _tar_members(archive: Path, budget: _Budget, folder: Path) -> Iterator[_Member]:
    """The members of a gzipped tar in their order. Every byte that comes out of gzip, headers too, is on the budget."""
    # A second lock, of Python's own: it is in 3.12, and in the last releases of those before.
    data_filter = getattr(tarfile, "data_filter", lambda info, folder: info)
    with gzip.open(archive) as stream:
        metered = _Metered(stream, budget)
        with tarfile.open(fileobj=metered, mode="r|") as tar:
            for info in tar:
                kind = _tar_kind(info)
                yield _Member(info.name, kind, lambda info=info: tar.extractfile(data_filter(info, str(folder))))
        while metered.read(CHUNK):  # gzip compares its checksum at the very end
            pass


def _tar_kind(info: tarfile.TarInfo) -> str:
    if info.isdir():
        return "folder"
    if info.issparse():
        return "a sparse file"
    if info.isreg():
        return "file"
    return "a link" if info.issym() or info.islnk() else "a device or pipe"


def _zip_members(archive: Path, budget: _Budget) -> Iterator[_Member]:
    """The members of a zip file in the order of its directory."""
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            mode = info.external_attr >> 16
            kind = "folder" if info.is_dir() else "file"
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                kind = "a link" if stat.S_ISLNK(mode) else "a device or pipe"
            elif info.flag_bits & 1:
                kind = "encrypted"
            yield _Member(info.filename, kind, lambda info=info: _Metered(packed.open(info), budget))
