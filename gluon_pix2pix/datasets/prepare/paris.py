"""Paris StreetView, as its authors hand it out, into the folders of a data set."""

from __future__ import annotations

from pathlib import Path

from gluon_pix2pix.datasets.prepare.jobs import refuse_inside
from gluon_pix2pix.pictures.folders import find_images
from gluon_pix2pix.writing import PathLike

# paris_train_original.zip: 14,900 JPEGs; paris_eval.zip: 100 PNGs, and the same with holes in paris_eval_corrupted/.
FOLDERS = {"train": "paris_train_original", "val": "paris_eval_gt"}


def plan_paris(folder: PathLike, output: PathLike) -> dict[str, Path]:
    """Say which photo below `folder` goes where, as `put_files` takes it.

    Raises
    ------
    FileNotFoundError
        If paris_train_original/ or paris_eval_gt/ is not there, or holds no pictures.
    ValueError
        If `output` is or lies in `folder`.
    """
    refuse_inside(output, folder)
    files = {}
    for split, name in FOLDERS.items():
        found = [path for path in (Path(folder), *sorted(Path(folder).rglob(name))) if path.name == name]
        if not found:
            raise FileNotFoundError(f"{folder} has no {name}/: unpack the archives of Paris StreetView there")
        for path in find_images(found[0]):
            files[f"{split}/{path.name}"] = path
    return files
