"""How the pairs of a data set may lie on disk, and which file belongs to which; names are read, no picture is.

For each split (train, val, test) of a folder, one of

    train/1.jpg               A and B side by side in one file
    train/A/1.jpg  train/B/   a file for each half (so do A/train/ and B/train/, and trainA/ and trainB/)
    train.csv  train.tsv      a list: a pair of paths on each line, relative to the list

or a list alone, whose third column names the splits. Without splits, the folder itself holds A/ and B/, or pictures
side by side; `holdout` draws the pairs to validate on. Partners have the same path below their folders, up to the
extension. Photos, of which a task makes its own pairs, lie in train/ or, without splits, in the folder itself.
"""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Optional

from gluon_pix2pix.pairs.matching import Names, by_stem, match
from gluon_pix2pix.pictures.files import image_size
from gluon_pix2pix.pictures.folders import EXTENSIONS, Listing, list_folder, list_images
from gluon_pix2pix.wording import count
from gluon_pix2pix.writing import PathLike

LISTS = {".csv": ",", ".tsv": "\t"}
SPLITS = ("train", "val", "test")
WHOLE = ""  # the name of what is not split
KNOWN = (
    "train/ of pictures whose left half is A and right half B, or train/A/ and train/B/, or A/train/ and B/train/, or "
    "trainA/ and trainB/, or train.csv; or, without splits, with such pictures in it, or with A/ and B/ "
    f"({' '.join(EXTENSIONS)}, or .npy alone)"
)


class PairPaths(NamedTuple):
    """The files of a pair, under a name that is the same wherever the data set lies; `b` is None for one file."""

    name: str
    a: Path
    b: Optional[Path] = None

    @property
    def stem(self) -> str:
        """What the names of both files below their folders have in common."""
        return self.name.split("\t")[0]

    @property
    def files(self) -> tuple[Path, ...]:
        """The file, or A and B."""
        return (self.a,) if self.b is None else (self.a, self.b)


@dataclass(frozen=True)
class Split:
    """The pairs of a split in their order, and the folders (or the list) that they are in.

    `problems` has a line for each file that should be half of a pair and is not, `notes` one for each folder that says
    what else was left out.
    """

    pairs: list[PairPaths]
    folders: tuple[Path, ...]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_splits(dataset: PathLike, *, photos: bool = False) -> dict[str, Split]:
    """Find the splits of a data set, by the layouts above.

    Parameters
    ----------
    dataset
        A folder, or a list (.csv, .tsv).
    photos
        Whether the files are single pictures and not pairs.

    Returns
    -------
    dict of str to Split
        Those of `SPLITS` that are there and hold a pair; or all pairs of a folder without splits, under `WHOLE`; or
        none.

    Raises
    ------
    ValueError
        If a split is there in two layouts, a list cannot be read, or no file of a split has a partner.
    """
    dataset = Path(dataset)
    if dataset.suffix.lower() in LISTS and dataset.is_file():
        if photos:
            raise ValueError(f"{dataset} is a list of pairs: photos are taken from a folder")
        return {split: Split(pairs, (dataset,)) for split, pairs in read_list(dataset).items()}
    if photos:
        found = {name: side_by_side(dataset / name) for name in SPLITS if _pictures_below(dataset / name)}
    else:
        found = {name: split for name in SPLITS if (split := _find_split(dataset, name))}
    if not found and not any((dataset / name).is_dir() for name in SPLITS):
        whole = _find_whole(dataset, photos=photos)
        return {WHOLE: whole} if whole else {}
    return found


def _find_whole(dataset: Path, *, photos: bool) -> Optional[Split]:
    """Return what a folder without splits holds: all photos below it; or its A/ and B/, or the pairs directly in it."""
    if photos:
        return side_by_side(dataset) if _pictures_below(dataset) else None
    halves = dataset / "A", dataset / "B"
    _refuse_halves([halves])
    direct = _holds_pictures(dataset)
    if all(half.is_dir() for half in halves):
        split, beside = (
            two_folders(*halves),
            [f"left out of {dataset}: the pictures beside A/ and B/"] if direct else [],
        )
        return Split(split.pairs, split.folders, split.problems, [*beside, *split.notes])
    if not direct:
        return None
    split = side_by_side(dataset)
    pairs = [pair for pair in split.pairs if "/" not in pair.name]  # below may be runs, results, contact sheets
    deeper = len(split.pairs) - len(pairs)
    more = [f"left out of {dataset}: pictures in folders below it, {deeper:,} of them"] if deeper else []
    return Split(pairs, split.folders, notes=[*more, *split.notes])


def side_by_side(folder: PathLike) -> Split:
    """Take each picture of a folder, and of the folders below, for a whole pair (or for a photo), in natural order.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no picture in it.
    """
    folder = Path(folder)
    listing = list_images(folder, arrays=True)
    pairs = list(map(PairPaths, listing.names, listing.pictures))
    return Split(pairs, (folder,), notes=_notes(listing))


def two_folders(folder_a: PathLike, folder_b: PathLike) -> Split:
    """Bring the pictures of two folders, and of the folders below, together by their relative names.

    They are in natural order of A's names. Extensions may differ, and where no file has the same name, 1_A goes with
    1_B.

    Raises
    ------
    FileNotFoundError
        If one of them is no folder, or holds no picture.
    ValueError
        If none has a partner.
    """
    folders = Path(folder_a), Path(folder_b)
    listings = [list_images(folder, arrays=True) for folder in folders]
    found = match(*_without_side(*(by_stem(listing) for listing in listings)))
    problems = [
        f"{' and '.join(map(str, paths))} have one name for their partner: rename one" for *_, paths in found.doubles
    ]
    for side, other in ((0, 1), (1, 0)):
        problems += [f"{path} has no partner in {folders[other]}" for path in found.lone[side].values()]
    if not found.pairs:
        raise ValueError(f"no file in {folders[0]} has the name of one in {folders[1]}: {problems[0]}")
    pairs = [PairPaths(f"{name}\t{a.suffix}\t{b.suffix}", a, b) for name, (a, b) in found.pairs.items()]
    return Split(pairs, folders, problems, [note for listing in listings for note in _notes(listing)])


def _without_side(a: Names, b: Names) -> tuple[Names, Names]:
    """Rename what ends in _A, and its partner in _B, unless there is a file of the same name."""
    renamed = {
        name[:-2]
        for name in a
        if name.endswith("_A") and name not in b and f"{name[:-2]}_B" in b and name[:-2] not in a
    }
    sides = []
    for names, ending in ((a, "_A"), (b, "_B")):
        sides.append({n[:-2] if n.endswith(ending) and n[:-2] in renamed else n: files for n, files in names.items()})
    return sides[0], sides[1]


def _notes(listing: Listing) -> list[str]:
    note = listing.note()
    return [note] if note else []


def read_list(path: PathLike, *, split: Optional[str] = None) -> dict[str, list[PairPaths]]:
    """Read a list of pairs in its own order: two columns of paths, relative to its folder, under "A,B" or no head.

    Parameters
    ----------
    path
        Commas part the columns of a .csv file, tabs those of a .tsv file.
    split
        The split that the whole list is of. Without, a third column may name it, and a list without one is for train.

    Returns
    -------
    dict of str to list of PairPaths
        The pairs of each split that there is.

    Raises
    ------
    OSError
        If it cannot be opened.
    ValueError
        If a line has not these columns, or there is none.
    """
    path = Path(path)
    splits: dict[str, list[PairPaths]] = {}
    for number, row in enumerate(read_rows(path), 1):
        if not any(row) or (number == 1 and [word.lower() for word in row[:2]] == ["a", "b"]):
            continue
        if len(row) != 2 and (split or len(row) != 3):
            columns = "two columns, A and B" if split else "two columns, A and B, and for the split a third"
            raise ValueError(f"{path}, line {number}, has {count(len(row), 'column')}: a list of pairs has {columns}")
        name = row[2] if len(row) == 3 else split or "train"
        if name not in SPLITS or not (row[0] and row[1]):
            what = "names a split" if name not in SPLITS else "lacks a path"
            raise ValueError(f"{path}, line {number}, {what}: {row} (the splits are {', '.join(SPLITS)})")
        splits.setdefault(name, []).append(PairPaths("\t".join(row[:2]), path.parent / row[0], path.parent / row[1]))
    if not splits:
        raise ValueError(f"{path} is a list without pairs")
    return {name: splits[name] for name in SPLITS if name in splits}


def read_rows(path: Path) -> list[list[str]]:
    """Return the cells of a table of paths, line by line: commas part them in a .csv file, tabs in a .tsv file.

    Raises
    ------
    OSError
        If it cannot be opened.
    ValueError
        If it is no text, or no table.
    """
    tabs = path.suffix.lower() == ".tsv"
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            quoting = csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL
            rows = csv.reader(stream, delimiter=LISTS[path.suffix.lower()], quoting=quoting)
            return [[cell.strip() for cell in row] for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no list of paths in UTF-8: {error}") from error


def describe_layout(pairs: Sequence[PairPaths]) -> dict:
    """Say how the pairs of training lie on disk, for whoever has to tell later whether a file is a pair.

    Returns
    -------
    dict
        `side_by_side`, whether a file holds both; and `width_to_height` of such files, None if they differ in that.
    """
    found = {"side_by_side": pairs[0].b is None, "width_to_height": None}
    with contextlib.suppress(OSError, ValueError):  # a file that is bad is left out, or ends the run, elsewhere
        shapes = [image_size(pair.a) for pair in pairs[:8]] if found["side_by_side"] else []
        if shapes and all(abs(h * shapes[0][1] - w * shapes[0][0]) < shapes[0][0] for h, w in shapes):
            found["width_to_height"] = round(shapes[0][1] / shapes[0][0], 4)
    return found


def _find_split(dataset: Path, name: str) -> Optional[Split]:
    """Return a split in whichever layout it is there, or None."""
    layouts = [(dataset / name / "A", dataset / name / "B"), (dataset / "A" / name, dataset / "B" / name)]
    layouts.append((dataset / f"{name}A", dataset / f"{name}B"))
    found = [folders for folders in layouts if all(folder.is_dir() for folder in folders)]
    found += [(path,) for path in (dataset / f"{name}{suffix}" for suffix in LISTS) if path.is_file()]
    if _holds_pictures(dataset / name):
        found.append((dataset / name,))
    if len(found) > 1:
        places = " and in ".join(str(layout[0]) for layout in found)
        raise ValueError(f"the {name} split is there twice, in {places}: move one away, or pass a list as --dataset")
    if not found:
        _refuse_halves(layouts)
        if not _pictures_below(dataset / name):
            return None
        found.append((dataset / name,))
    (paths,) = found
    if len(paths) == 2:
        return two_folders(*paths)
    if paths[0].suffix.lower() in LISTS:
        return Split(read_list(paths[0], split=name)[name], paths)
    split = side_by_side(paths[0])
    whole = [pair for pair in split.pairs if pair.name.split("/")[0] not in ("A", "B")]  # but no lone halves
    return Split(whole, split.folders, notes=split.notes)


def _refuse_halves(layouts: list[tuple[Path, Path]]) -> None:
    """Raise ValueError if the pictures of A are there and those of B are not, or the other way round."""
    for a, b in layouts:
        for there, missing in ((a, b), (b, a)):
            if _holds_pictures(there) and not missing.is_dir():
                raise ValueError(f"{there} has no partner: the other halves of its pairs belong into {missing}")


def _pictures_below(folder: Path) -> list[Path]:
    return list_folder(folder, arrays=True).pictures if folder.is_dir() else []


def _holds_pictures(folder: Path) -> bool:
    names = (path.name for path in folder.iterdir()) if folder.is_dir() else ()
    return any(name.lower().endswith((*EXTENSIONS, ".npy")) and not name.startswith(".") for name in names)
