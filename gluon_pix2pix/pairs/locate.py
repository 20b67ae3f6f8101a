"""A data set on disk: its folder or list, found by a path or by its name among others, with the pairs of each split."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gluon_pix2pix.pairs.layouts import KNOWN, LISTS, SPLITS, WHOLE, Split, find_splits
from gluon_pix2pix.pictures.files import image_size
from gluon_pix2pix.pictures.folders import EXTENSIONS
from gluon_pix2pix.wording import command, did_you_mean, not_there
from gluon_pix2pix.writing import PathLike

_LOOKED_AT = 8  # files whose shapes tell what all of a folder are


@dataclass(frozen=True)
class Located:
    """A data set on disk: its folder (or list), a short name, the way it is translated by default, and its splits.

    Without splits on disk, `undivided`, all pairs are those of train; `holdout.hold_out` takes some away from them.
    `differences` has a line for each way in which it is not as it was published; a set of one's own has none.
    """

    folder: Path
    name: str
    direction: str = "AtoB"
    splits: dict[str, Split] = field(default_factory=dict, repr=False)
    differences: list[str] = field(default_factory=list)
    undivided: bool = False

    @property
    def counts(self) -> dict[str, int]:
        """How many pairs each split has."""
        return {name: len(split.pairs) for name, split in self.splits.items()}


def locate(
    dataset: PathLike, data_root: PathLike = "data", *, photos: bool = False, names: Sequence[str] = ()
) -> Located:
    """Find a data set on disk: a folder, or a list, of a layout of `layouts`, or one of that name under `data_root`.

    Parameters
    ----------
    dataset
        A folder or a list of pairs (.csv, .tsv).
    data_root
        Where it may be too, among others.
    photos
        Whether the files are single pictures, of which a task makes its own pairs.
    names
        What else it could have been, for the message.

    Raises
    ------
    ValueError
        If it is not there, or has no train split in one of the layouts.
    """
    folder = Path(dataset)
    if not folder.exists():
        folder = Path(data_root, dataset)
    if not _may_be_a_set(folder):
        known = f"the data sets are {', '.join(names)}" if names else f"`{command('data', 'list')}` lists those"
        near = did_you_mean(str(dataset), names)
        raise ValueError(f"there is no data set and no folder {str(dataset)!r}, here or in {data_root}; {known}{near}")
    splits = pairs_of(folder, photos=photos)
    name = folder.resolve().stem if folder.is_file() else folder.resolve().name
    undivided = WHOLE in splits
    return Located(folder, name, splits={"train": splits[WHOLE]} if undivided else splits, undivided=undivided)


def pairs_of(folder: PathLike, *, photos: bool = False) -> dict[str, Split]:
    """Find what there is to train on in a folder, or a list: `layouts.find_splits`, with train or all pairs in it.

    Training and `data check` both ask here.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or list.
    ValueError
        If it has no train split in one of the layouts, or as `layouts.find_splits` does.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(not_there(folder))
    if not _may_be_a_set(folder):
        raise FileNotFoundError(f"{folder} is neither a folder of pictures nor a list of pairs ({' '.join(LISTS)})")
    splits = find_splits(folder, photos=photos)
    if not {"train", WHOLE} & splits.keys():
        raise ValueError(_no_pairs(folder, photos=photos))
    if WHOLE in splits and not photos:
        _refuse_halves(folder, splits[WHOLE])
    return splits


def _refuse_halves(folder: Path, split: Split) -> None:
    """Refuse a folder of pictures that are no wider than high: halves, or photos, which would be cut in the middle."""
    shapes = {}
    for pair in split.pairs[:_LOOKED_AT]:
        if pair.b is not None:
            return
        with contextlib.suppress(ValueError, OSError):  # the check of all files says what is wrong with it
            shapes[pair.a] = image_size(pair.a)
    if not shapes or any(width > height for height, width in shapes.values()):
        return
    path, (height, width) = next(iter(shapes.items()))
    parent = folder.absolute().parent
    if all((parent / side).is_dir() for side in ("A", "B")) and folder.absolute().name in ("A", "B"):
        way = f"{parent} has A/ and B/: pass that folder"
    else:
        way = (
            f"photos alone are for --task colorization or inpainting; if these are pairs all the same, put them into "
            f"{folder / 'train'}"
        )
    raise ValueError(f"{path} is {width} x {height} pixels, too narrow for A and B side by side: {way}")


def _may_be_a_set(path: Path) -> bool:
    return path.is_dir() or (path.is_file() and path.suffix.lower() in LISTS)


def _no_pairs(folder: Path, *, photos: bool) -> str:
    if not folder.is_dir():
        return f"{folder} lists no pairs for train"
    lack = "holds no pictures" if (folder / "train").is_dir() else "is missing"
    what = (
        f"{folder / 'train'} {lack}" if any((folder / name).is_dir() for name in SPLITS) else f"{folder} has no pairs"
    )
    known = f"pictures in train/, or without splits in the folder ({' '.join(EXTENSIONS)})" if photos else KNOWN
    what = what.replace("no pairs", "no pictures") if photos else what
    return f"{what}: a data set is a folder with {known}; val and test likewise, if there are such"
