"""The picture files below a folder: the one walk by which training, translating, scoring and preparing find them."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

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

    `previews` are the folders of `NO_DATA`, which are not looked into.
    """

    folder: Path
    pictures: list[Path]
    others: list[Path] = field(default_factory=list)
    previews: list[Path] = field(default_factory=list)

    def note(self) -> Optional[str]:
        """Say in one line what was left out; None if nothing was."""
        unread = [path for path in self.others if path.suffix.lower() in UNREAD]
        kinds = Counter(path.suffix.lower() or "without extension" for path in self.others)
        words = [f"{count} {kind}" for kind, count in sorted(kinds.items()) if kind not in UNREAD]
        words += [f"what is in {path.relative_to(self.folder).as_posix()}/" for path in self.previews[:3]]
        words += [f"what is in {len(self.previews) - 3} more such folders"] if len(self.previews) > 3 else []
        if unread:
            named = ", ".join(path.relative_to(self.folder).as_posix() for path in unread[:5])
            more = f" and {len(unread) - 5} more" if len(unread) > 5 else ""
            words.append(f"{named}{more}, whose format cannot be read here: save such pictures as PNG or JPEG")
        return f"left out of {self.folder}: {', '.join(words)}" if words else None


def find_images(folder: PathLike, *, arrays: bool = False) -> list[Path]:
    """List the picture files of a folder and of the folders below it, in natural order.

    See `list_folder`, which says too what is left out.

    Raises
    ------
    FileNotFoundError
        If `folder` is not a folder, or holds no picture.
    """
    listing = list_folder(folder, arrays=arrays)
    if not listing.pictures:
        raise FileNotFoundError(no_pictures(listing, arrays=arrays))
    return listing.pictures


def no_pictures(listing: Listing, *, arrays: bool = False) -> str:
    """Say that a folder holds no picture, and what it holds instead."""
    note = listing.note()
    known = f"{' '.join(EXTENSIONS)}{' .npy' if arrays else ''}"
    return f"{listing.folder} holds no pictures ({known}){f'; {note}' if note else ''}"


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
        If `folder` is not a folder.
    OSError
        If a folder cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder")
    names, previews = _walk(folder)
    pictures = [name for name in names if name.lower().endswith((*EXTENSIONS, *also))]
    if arrays and not pictures:
        pictures = [name for name in names if name.lower().endswith(".npy")]
    others = set(names).difference(pictures)
    in_order = ([folder / name for name in sorted(found, key=natural_key)] for found in (pictures, others, previews))
    return Listing(folder, *in_order)


def _walk(folder: Path) -> tuple[list[str], list[str]]:
    """List the files below a folder, and the folders of `NO_DATA` there, relative to it."""
    files, previews = [], []
    waiting = [("", frozenset())]  # folders to look into, each with those it is in; a recursion would have its limit
    while waiting:
        below, above = waiting.pop()
        here = os.path.join(folder, below)
        status = os.stat(here)
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            continue
        with os.scandir(here) as entries:
            for entry in entries:
                name = os.path.join(below, entry.name)
                if entry.name.startswith("."):
                    continue
                if not _is_folder(entry):
                    files.append(name)
                elif entry.name.lower() in NO_DATA:
                    previews.append(name)
                else:
                    waiting.append((name, above | {identity}))
    return files, previews


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


def stem_of(path: Path, folder: Path) -> str:
    """Return a file's path below a folder, without its extension, normalised: what partners have in common."""
    return normal(path.relative_to(folder).with_suffix("").as_posix())
