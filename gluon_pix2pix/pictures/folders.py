"""The picture files below a folder: the one walk by which training, translating, scoring and preparing find them."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from gluon_pix2pix.wording import not_there
from gluon_pix2pix.writing import PathLike

EXTENSIONS = (".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".jp2")

# Folders that other programs leave beside pictures; what they hold are previews, or copies of the folder's own files.
# Synology, macOS' archives, QNAP, galleries. Those of Jupyter and GNOME are hidden by their names.
NO_DATA = ("@eadir", "__macosx", "@__thumb", "thumbs", "thumbnails")
# Pictures by name that no library here decodes: people do not expect that these are left out.
UNREAD = (".heic", ".heif", ".avif", ".jxl", ".psd", ".svg", ".dng", ".cr2", ".cr3", ".nef", ".arw")


@dataclass(frozen=True)
class Listing:
    """What was found below a folder: its pictures in natural order (2.jpg before 10.jpg), and the files left out.

    `names` are the pictures' paths below the folder, their letters composed.
    `previews` are the folders of `NO_DATA`, which are not looked into, and `empty` those with nothing in them.
    """

    folder: Path
    pictures: list[Path]
    others: list[Path] = field(default_factory=list)
    previews: list[Path] = field(default_factory=list)
    empty: list[Path] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def note(self) -> Optional[str]:
        """Say in one line what was left out; None if nothing was."""
        dead = [path for path in self.others if not path.exists()]
        unread = [path for path in self.others if path.suffix.lower() in UNREAD and path not in dead]
        rest = [path for path in self.others if path.suffix.lower() not in UNREAD and path not in dead]
        kinds = Counter(path.suffix.lower() or "without extension" for path in rest)
        words = [f"{count} {kind}" for kind, count in sorted(kinds.items())]
        words += [f"what is in {path.relative_to(self.folder).as_posix()}/" for path in self.previews[:3]]
        words += [f"what is in {len(self.previews) - 3} more such folders"] if len(self.previews) > 3 else []
        words += [f"{self._names(dead)}, which leads nowhere"] if dead else []
        words += [f"{self._names(unread)}, whose format cannot be read here: save it as PNG or JPEG"] if unread else []
        return f"left out of {self.folder}: {', '.join(words)}" if words else None

    def _names(self, paths: list[Path]) -> str:
        names = [path.relative_to(self.folder).as_posix() for path in paths]
        return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def find_images(folder: PathLike, *, arrays: bool = False) -> list[Path]:
    """List the picture files of a folder and of the folders below it, in natural order; see `list_images`."""
    return list_images(folder, arrays=arrays).pictures


def list_images(folder: PathLike, *, arrays: bool = False, also: tuple[str, ...] = ()) -> Listing:
    """List the files of a folder as `list_folder` does, one picture at least.

    Raises
    ------
    FileNotFoundError
        If `folder` is not a folder, or holds no picture; the message says what it holds instead.
    OSError
        If a folder cannot be read.
    """
    listing = list_folder(folder, arrays=arrays, also=also)
    if not listing.pictures:
        note = listing.note()
        known = f"{' '.join(EXTENSIONS)}{' .npy' if arrays else ''}"
        raise FileNotFoundError(f"{folder} holds no pictures ({known}){f'; {note}' if note else ''}")
    return listing


def list_folder(folder: PathLike, *, arrays: bool = False, also: tuple[str, ...] = ()) -> Listing:
    """List the files of a folder and of the folders below it, in natural order of their normalised names.

    Hidden files and folders, and those of `NO_DATA`, are no data. Links are followed, but not those to a folder that
    the link itself is in: such loops lead to nothing new.

    Parameters
    ----------
    folder
        Where they are; its own name may be any.
    arrays
        Whether .npy arrays count as pictures where there are no others; beside pictures, they are something else.
    also
        Further extensions, in small letters, whose files are listed as pictures.

    Raises
    ------
    FileNotFoundError
        If `folder` is not a folder, or not there.
    OSError
        If a folder cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder" if folder.exists() else not_there(folder))
    files, previews, empty = _walk(folder)
    pictures = [name for name in files if name.lower().endswith((*EXTENSIONS, *also))]
    if arrays and not pictures:
        pictures = [name for name in files if name.lower().endswith(".npy")]
    pictures.sort(key=natural_key)
    rest = set(files).difference(pictures), previews, empty
    in_order = ([folder / name for name in sorted(found, key=natural_key)] for found in rest)
    names = [normal(name) for name in pictures]
    return Listing(folder, [folder / name for name in pictures], *in_order, names=names)


def _walk(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """List the files below a folder, the folders of `NO_DATA` there and the empty ones, relative to it."""
    files, previews, empty = [], [], []
    waiting = [("", frozenset())]  # folders to look into, each with those it is in; a recursion would have its limit
    while waiting:
        below, above = waiting.pop()
        here = os.path.join(folder, below)
        status = os.stat(here)
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            continue
        with os.scandir(here) as entries:
            found = list(entries)
            if not found and below:
                empty.append(below)
            for entry in found:
                name = os.path.join(below, entry.name)
                if entry.name.startswith("."):
                    continue
                if not _is_folder(entry):
                    files.append(name)
                elif entry.name.lower() in NO_DATA:
                    previews.append(name)
                else:
                    waiting.append((name, above | {identity}))
    return files, previews, empty


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: whoever reads it will say so
        return False


def natural_key(name: str) -> tuple:
    """Return a sorting key under which numbers inside `name` count as numbers, and é is é however it is spelt."""
    words = re.split(r"(\d+)", normal(name))
    return [int(word) if index % 2 else word for index, word in enumerate(words)], name


def normal(name: str) -> str:
    """Return a name with its letters composed (NFC): macOS writes é as two characters, other systems as one."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)
