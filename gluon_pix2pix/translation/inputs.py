"""What there is to translate: a picture, a folder, a pattern, a list or a video, as paths and the names of results."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import NamedTuple

from gluon_pix2pix.pictures.folders import EXTENSIONS, list_images, natural_key

LISTS = (".txt", ".csv", ".tsv")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


class Inputs(NamedTuple):
    """Files to translate, and for each the path of its results below the output folder, without an extension.

    `note` says what else a folder holds; empty if nothing.
    """

    root: Path
    paths: list[Path]
    names: list[str]
    note: str = ""


def find_inputs(given: str | Path) -> Inputs:
    """Find the files that `given` stands for.

    Parameters
    ----------
    given
        A picture or video; a folder, with the pictures and videos of its subfolders; a pattern such as
        ``photos/**/*.jpg``; or a text file (.txt, .csv, .tsv) with a path in the first column of each line, relative
        to the file.

    Returns
    -------
    Inputs
        `root` is the folder itself, the pattern's part before its first wildcard, or what a list's files share.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name, or no picture in it.
    ValueError
        If a list is no text, or two files differ by nothing but the extension: their results would be one.
    """
    path, note = Path(given), None
    if path.is_dir():
        listing = list_images(path, also=VIDEOS)
        root, paths, note = path, listing.pictures, listing.note()
    elif path.is_file() and path.suffix.lower() in LISTS:
        paths = _in_list(path)
        root = Path(os.path.commonpath([p.parent for p in paths]))
    elif path.exists():
        root, paths = path.parent, [path]
    elif glob.has_magic(str(given)):
        root, paths = _by_pattern(str(given))
    else:
        raise FileNotFoundError(f"{given} is neither a picture nor a folder nor a pattern of names")
    return Inputs(root, paths, _names(paths, root), note or "")


def is_video(path: Path) -> bool:
    """Tell by its name whether a file is a video."""
    return path.suffix.lower() in VIDEOS


def _by_pattern(pattern: str) -> tuple[Path, list[Path]]:
    found = [Path(name) for name in glob.glob(pattern, recursive=True)]
    paths = [path for path in found if path.is_file() and (path.suffix.lower() in EXTENSIONS or is_video(path))]
    if not paths:
        raise FileNotFoundError(f"no picture matches {pattern!r} ({' '.join(EXTENSIONS)})")
    parts = Path(pattern).parts
    root = Path(*parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))])
    return root, sorted(paths, key=lambda path: natural_key(path.as_posix()))


def _in_list(path: Path) -> list[Path]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no list of paths: it is not UTF-8 text") from error
    separator = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower())
    firsts = [line.split(separator)[0].strip() if separator else line.strip() for line in lines]
    if separator and firsts[:1] in (["A"], ["a"]):  # a list of pairs may say which column is which
        firsts = firsts[1:]
    paths = [path.parent / name for name in firsts if name and not name.startswith("#")]
    if not paths:
        raise FileNotFoundError(f"{path} lists no pictures: it needs a path in each line")
    missing = [p for p in paths if not p.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{missing[0]} is listed in {path} and not there ({len(missing)} of {len(paths)} are not)"
        )
    return paths


def _names(paths: list[Path], root: Path) -> list[str]:
    by_name: dict[str, Path] = {}
    for path in paths:
        name = Path(os.path.relpath(path, root)).with_suffix("").as_posix()
        other = by_name.setdefault(name, path)
        if other != path:
            raise ValueError(f"{other} and {path} would have results of the same name: rename one")
    return list(by_name)
