"""Two folders, A and B, into pairs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np

from gluon_pix2pix.datasets.prepare.jobs import Job, refuse_inside
from gluon_pix2pix.datasets.prepare.operations import side_by_side
from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.pictures.folders import find_images
from gluon_pix2pix.writing import PathLike


class Partners(NamedTuple):
    """A pair of files, by its name: the path below A and B, without ending."""

    name: str
    a: Path
    b: Path


def find_partners(a_dir: PathLike, b_dir: PathLike) -> tuple[list[Partners], list[str]]:
    """Find the files of two folders that belong together: same place, same name, whatever the endings.

    Returns
    -------
    list[Partners], list[str]
        In natural order; names may also end in _A and _B, as in 1_A.jpg and 1_B.png. And a line for each file that
        has no partner, or of which there are two.

    Raises
    ------
    FileNotFoundError
        If one is no folder, or holds no picture.
    ValueError
        If no file has a partner.
    """
    troubles = []
    a_files, b_files = _by_name(Path(a_dir), troubles), _by_name(Path(b_dir), troubles)
    names = {name: name for name in a_files.keys() & b_files.keys()}
    names |= {name: other for name in a_files.keys() - names.keys() if (other := _suffixed(name)) in b_files}
    found = [Partners(n if names[n] == n else n[:-2], a_files[n], b_files[names[n]]) for n in a_files if n in names]
    if not found:
        raise ValueError(
            f"no picture of {a_dir} has a partner in {b_dir}: partners have the same name, which "
            f"{next(iter(a_files.values())).name} and {next(iter(b_files.values())).name} have not"
        )
    troubles += [f"{path} has no partner in {b_dir}" for name, path in a_files.items() if name not in names]
    taken = set(names.values())
    troubles += [f"{path} has no partner in {a_dir}" for name, path in b_files.items() if name not in taken]
    return found, troubles


def _suffixed(name: str) -> str:
    return f"{name[:-2]}_B" if name.endswith("_A") else ""


def _by_name(folder: Path, troubles: list[str]) -> dict[str, Path]:
    files = {}
    for path in find_images(folder, arrays=True):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if files.setdefault(name, path) is not path:
            troubles.append(f"{files[name]} and {path} have the same name: the second is left out")
    return files


def combine_jobs(
    a_dir: PathLike, b_dir: PathLike, output: PathLike, *, format: str = "png", resize_b: Optional[str] = None
) -> tuple[list[Job], list[str]]:
    """Return the jobs that put A and B side by side, A on the left, and the troubles of `find_partners`.

    Parameters
    ----------
    resize_b
        If not None: bring B to A's size where it has another one, by averages ("smooth") or nearest pixels
        ("nearest", for label maps). Otherwise such a pair is a trouble.

    Raises
    ------
    FileNotFoundError, ValueError
        As `find_partners` does; and if `output` is or lies in A or B.
    """
    refuse_inside(output, a_dir, b_dir)
    partners, troubles = find_partners(a_dir, b_dir)
    jobs = [
        Job(Path(output, f"{pair.name}.{format}"), (pair.a, pair.b), lambda pair=pair: _combine(pair, resize_b))
        for pair in partners
    ]
    return jobs, troubles


def _combine(pair: Partners, resize_b: Optional[str]) -> np.ndarray:
    a, b = read_image(pair.a), read_image(pair.b)
    if resize_b is not None:
        b = resize(b, *a.shape[:2], nearest=resize_b == "nearest")
    try:
        return side_by_side(a, b)
    except ValueError as error:
        raise ValueError(f"{pair.a} and {pair.b}: {error}") from None
