"""What there is to translate: a picture, a folder, a pattern, a list or a video, as files and the names of results."""

from __future__ import annotations

import glob
import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Optional

from gluon_pix2pix.pairs.layouts import LISTS as TABLES
from gluon_pix2pix.pairs.layouts import read_list, read_rows
from gluon_pix2pix.pictures.folders import EXTENSIONS, NO_DATA, Listing, list_images, natural_key, normal
from gluon_pix2pix.wording import not_there

LISTS = (".txt", *TABLES)
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")


class Input(NamedTuple):
    """A file to translate.

    `name` is the path of its results below the output folder, without an extension; `target` the file of the true
    answer, where a list tells it; `mask` that of a hole which is to be painted.
    """

    path: Path
    name: str
    target: Optional[Path] = None
    mask: Optional[Path] = None


class Inputs(NamedTuple):
    """All files to translate, no two of one name, and what else there is to say of where they are."""

    files: list[Input]
    notes: list[str]

    @property
    def pictures(self) -> list[Input]:
        """Those that are no videos."""
        return [file for file in self.files if not is_video(file.path)]

    def with_targets(self, targets: Sequence[Path]) -> Inputs:
        """Return the same with the pictures' true answers, in their order."""
        true = iter(targets)
        return self._replace(files=[f if is_video(f.path) else f._replace(target=next(true)) for f in self.files])

    def with_masks(self, masks: Sequence[Path]) -> Inputs:
        """Return the same with the pictures' masks, in their order."""
        marked = iter(masks)
        return self._replace(files=[f if is_video(f.path) else f._replace(mask=next(marked)) for f in self.files])

    @property
    def videos(self) -> list[Input]:
        """Those that are."""
        return [file for file in self.files if is_video(file.path)]


def is_video(path: Path) -> bool:
    """Tell by its name whether a file is a video."""
    return path.suffix.lower() in VIDEOS


def find_inputs(
    given: str | Path, *, direction: str = "AtoB", pairs: bool = True, split: Optional[str] = None
) -> Inputs:
    """Find the files that `given` stands for.

    Parameters
    ----------
    given
        A picture or video; a folder, with the pictures and videos of its subfolders; a pattern such as
        ``photos/**/*.jpg``; or a list: a text file (.txt) with a path in each line, or a table (.csv, .tsv) of paths,
        or of pairs as training reads them. Paths in a list are relative to it.
    direction
        Which column of a list of pairs is translated; the other has the true answers. "AtoB" is the first.
    pairs
        Whether the other column of a list has true answers; else it may hold anything.
    split
        Take only the lines of a list whose third column says so.

    Returns
    -------
    Inputs
        Names are the paths below the folder, below the pattern's part before its first wildcard, or below the folder
        that all files of a list share.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name, or no picture in it.
    ValueError
        If a list cannot be read, or two files would have results of one name, or results that scoring passes over.
    """
    path, notes = Path(given), []
    if split and path.suffix.lower() not in TABLES:
        raise ValueError(f"the split {split} is for a list of pairs (.csv, .tsv), and not for {given}")
    if path.is_dir():
        listing = list_images(path, arrays=True, also=VIDEOS)
        root, files, notes = path, _without_targets(listing.pictures), _notes(listing)
    elif path.is_file() and path.suffix.lower() in LISTS:
        listed = _in_list(path, direction, split)
        files = listed if pairs else _without_targets(file for file, _ in listed)
        _refuse_missing(files, path)
        files, notes = _once(_absolute(files), path)
        root = Path(os.path.commonpath([file.parent for file, _ in files]))
    elif path.exists():
        root, files = path.parent, _without_targets([path])
    elif glob.has_magic(str(given)):
        root, paths, notes = _by_pattern(str(given))
        files = _without_targets(paths)
    else:
        raise FileNotFoundError(not_there(path))
    return Inputs([_name(path, root, target) for path, target in _unique(files, root)], notes)


def refuse_both_sides(given: str | Path, direction: str) -> None:
    """Refuse a folder of A/ and B/, as training takes it: the true answers would be translated like the sources.

    Raises
    ------
    ValueError
        If it is one; the line says which words translate it.
    """
    folder = Path(given)
    sides = [folder / side for side in ("A", "B")]
    if not all(side.is_dir() for side in sides) or any(one.suffix.lower() in EXTENSIONS for one in folder.iterdir()):
        return
    source, target = sides if direction == "AtoB" else sides[::-1]
    words = shlex.join(["--input", str(source), "--targets", str(target)])
    raise ValueError(f"{given} has A/ and B/: {words} translates the sources (--pairs no translates all)")


def results_are_inputs(given: str | Path, output: Path) -> bool:
    """Tell whether results written into `output` would be found as inputs the next time, and translated again."""
    folder, output = Path(given), output.resolve()
    if folder.is_dir():
        return folder.resolve() in (output, *output.parents)
    if folder.exists() or not glob.has_magic(str(given)):
        return False
    root = _fixed_part(str(given)).resolve()
    # Results lie as deep below the output as inputs below the root: only ** or the root itself brings both together.
    return root == output or (root in output.parents and "**" in Path(given).parts)


_Files = list[tuple[Path, Optional[Path]]]  # a file, and that of its true answer


def _without_targets(paths: Iterable[Path]) -> _Files:
    return [(path, None) for path in paths]


def _notes(listing: Listing) -> list[str]:
    note = listing.note()
    return [note] if note else []


def _fixed_part(pattern: str) -> Path:
    """Return the folders that a pattern names before its first wildcard."""
    parts = Path(pattern).parts
    return Path(*parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))])


def _by_pattern(pattern: str) -> tuple[Path, list[Path], list[str]]:
    root = _fixed_part(pattern)
    if ".." in Path(pattern).parts[len(root.parts) :]:
        raise ValueError(f"the pattern {pattern!r} has .. behind a wildcard, so that names would be none")
    found = [path for path in map(Path, dict.fromkeys(glob.glob(pattern, recursive=True))) if path.is_file()]
    previews = [path for path in found if any(part.lower() in NO_DATA for part in path.relative_to(root).parts[:-1])]
    seen = set(previews)
    paths = [p for p in found if p not in seen and p.suffix.lower() in (*EXTENSIONS, ".npy", *VIDEOS)]
    if not paths:
        raise FileNotFoundError(f"no picture matches {pattern!r} ({' '.join(EXTENSIONS)} .npy)")
    others = [path for path in found if path not in seen.union(paths)]
    listing = Listing(root, paths, others, sorted({path.parent for path in previews}))
    return root, sorted(paths, key=lambda path: natural_key(path.as_posix())), _notes(listing)


def _in_list(path: Path, direction: str, split: Optional[str]) -> _Files:
    if path.suffix.lower() == ".txt":
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is no list of paths: it is not UTF-8 text") from error
        names = [line.strip() for line in lines]
        files = _without_targets(path.parent / name for name in names if name and not name.startswith("#"))
    else:
        files = _in_table(path, direction, split)
    if not files:
        raise FileNotFoundError(f"{path} lists no pictures: it needs a path in each line")
    return files


def _refuse_missing(files: _Files, where: Path) -> None:
    named = [file for pair in files for file in pair if file]
    missing = [file for file in named if not file.is_file()]
    if missing:
        hint = "; --pairs no passes over the true answers" if missing[0] not in {file for file, _ in files} else ""
        raise FileNotFoundError(
            f"{missing[0]} is listed in {where} and not there ({len(missing)} of {len(named)} are not){hint}"
        )


def _in_table(path: Path, direction: str, split: Optional[str]) -> _Files:
    rows = [row for row in read_rows(path) if any(row)]
    if all(len(row) == 1 for row in rows) and not split:
        rows = rows[1:] if rows and rows[0][0].lower() == "a" else rows
        return _without_targets(path.parent / row[0] for row in rows)
    splits = read_list(path)
    if split and split not in splits:
        raise ValueError(f"{path} has no pairs of the split {split}, but of {', '.join(splits)}")
    pairs = [pair for name, pairs in splits.items() for pair in pairs if split in (None, name)]
    return [(pair.b, pair.a) if direction == "BtoA" else (pair.a, pair.b) for pair in pairs]


def _absolute(files: _Files) -> _Files:
    """Return paths without .. in them, which after a link leads to where the linked folder is."""
    folder = os.path.realpath if any(".." in path.parts for path, _ in files) else os.path.abspath

    def absolute(path: Optional[Path]) -> Optional[Path]:
        return path and Path(folder(path.parent), path.name)

    return [(absolute(path), absolute(target)) for path, target in files]


def _once(files: _Files, where: Path) -> tuple[_Files, list[str]]:
    """Return each file once, however often it is listed."""
    found: dict[Path, Optional[Path]] = {}
    for path, target in files:
        other = found.setdefault(path, target)
        if other != target:
            raise ValueError(f"{where} names two true answers for {path}, {other} and {target}: keep one")
    repeated = len(files) - len(found)
    return list(found.items()), [f"{repeated} of the {len(files)} lines of {where} repeat another"] if repeated else []


def _unique(files: _Files, root: Path) -> Sequence[tuple[Path, Optional[Path]]]:
    """Return the files as they are, if no two of them have results of one name.

    Raises
    ------
    ValueError
        If two have.
    """
    by_name: dict[str, Path] = {}
    for path, _ in files:
        other = by_name.setdefault(normal(_stem(path, root)), path)
        if other != path:
            raise ValueError(f"{other} and {path} would have results of the same name: rename one")
    return files


def _stem(path: Path, root: Path) -> str:
    return path.relative_to(root).with_suffix("").as_posix()


def _name(path: Path, root: Path, target: Optional[Path]) -> Input:
    name = _stem(path, root)
    *folders, _ = name.split("/")
    if any(part.startswith(".") for part in name.split("/")) or any(part.lower() in NO_DATA for part in folders):
        raise ValueError(f"{path} would have the results {name}_fake, which scoring passes over as hidden: rename it")
    return Input(path, name, target)
