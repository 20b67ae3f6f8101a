"""The demo set: facades drawn on the spot, photo and label map side by side, for a first run that downloads nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable, Optional, Union

import numpy as np

from gluon_pix2pix.datasets.catalogue import DEMO_COUNTS
from gluon_pix2pix.datasets.demo.layout import Plan, edges, plan_facade
from gluon_pix2pix.datasets.demo.painter import paint_facade
from gluon_pix2pix.evaluation.palettes import CMP_COLOURS
from gluon_pix2pix.pairs.layouts import SPLITS
from gluon_pix2pix.pictures.files import PathLike, write_image
from gluon_pix2pix.reading import read_json
from gluon_pix2pix.writing import whole_folder, write_json

SMALLEST = 32
DRAWING = 1  # one more whenever the same seed begins to give another picture


def draw_facade(seed: Union[int, Sequence[int]], size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Draw a facade twice: as a photo and as its label map. One seed is one building, at every size.

    Parameters
    ----------
    seed
        Anything that `numpy.random.default_rng` takes: a whole number or several.
    size
        Side of the pictures in pixels, 32 or more.

    Returns
    -------
    photo : numpy.ndarray
        (size, size, 3) uint8 RGB.
    labels : numpy.ndarray
        (size, size, 3) uint8 RGB, every pixel one of the colours of `CMP_COLOURS`.

    Raises
    ------
    ValueError
        If `size` is too small, or numpy refuses the seed.
    """
    _check_size(size)
    rng = np.random.default_rng(seed)
    plan = plan_facade(rng)
    return paint_facade(plan, size, rng), _label_map(plan, size)


def _label_map(plan: Plan, size: int) -> np.ndarray:
    names = list(CMP_COLOURS)
    classes = np.full((size, size), names.index("background"), np.uint8)
    for part in plan.parts:
        left, top, right, bottom = (max(0, edge) for edge in edges(part, size))
        classes[top:bottom, left:right] = names.index(part.name)
    return np.array(list(CMP_COLOURS.values()), np.uint8).take(classes, axis=0)


def write_demo(
    folder: PathLike,
    counts: Mapping[str, int] = DEMO_COUNTS,
    *,
    size: int = 256,
    seed: int = 0,
    progress: Optional[Callable[[int, int], None]] = None,
) -> Path:
    """Draw a whole data set into `folder`, unless it is there already.

    Pairs are `folder`/<split>/1.png, 2.png, ...: photo A on the left, label map B on the right, lossless. No facade
    comes twice. `folder`/demo.json says how the set was drawn. Under its own name the folder is complete.

    Parameters
    ----------
    folder
        Where the set goes; folders above it are made.
    counts
        Pictures in each split; splits are train, val and test, and what is not named is not made.
    size
        Side of photo and label map in pixels, 32 or more.
    seed
        0 or more; another seed is another set.
    progress
        Called with the pictures that are drawn and their total after each.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    ValueError
        If an argument is out of range, or `folder` holds anything but this very set.
    """
    _check_size(size)
    _check_set(counts, seed)
    folder = Path(folder)
    wanted = {"drawing": DRAWING, "size": size, "seed": seed, "counts": {name: counts[name] for name in sorted(counts)}}
    if _is_there(folder, wanted):
        return folder
    try:
        with whole_folder(folder, replace=False) as beside:
            _draw_all(beside, wanted, progress)
    except FileExistsError:  # another process may have been quicker
        if not _is_there(folder, wanted):
            raise
    return folder


def _draw_all(folder: Path, wanted: dict, progress: Optional[Callable[[int, int], None]]) -> None:
    counts, done = wanted["counts"], 0
    for split in counts:
        (folder / split).mkdir(parents=True)
        for number in range(1, counts[split] + 1):
            pair = draw_facade((wanted["seed"], SPLITS.index(split), number), wanted["size"])
            write_image(folder / split / f"{number}.png", np.hstack(pair))
            done += 1
            if progress:
                progress(done, sum(counts.values()))
    write_json(folder / "demo.json", wanted)


def _is_there(folder: Path, wanted: dict) -> bool:
    """Whether `folder` is the set that is wanted; nothing or an empty folder is not, anything else is refused."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    try:
        found = read_json(folder / "demo.json", dict, what="the description of a demo set")
    except (OSError, ValueError):
        raise ValueError(f"{folder} is there and is no finished demo set: choose another data root") from None
    if found == wanted:
        return True
    raise ValueError(
        f"{folder} holds a demo set of {_describe(found)}, not the wanted one of {_describe(wanted)}: "
        f"delete {folder} or choose another data root"
    )


def _describe(drawn: object) -> str:
    return json.dumps(drawn).replace('"', "")[1:-1]


def _check_size(size: int) -> None:
    if size < SMALLEST:
        raise ValueError(f"a drawn facade is {SMALLEST} pixels wide or more, not {size}")


def _check_set(counts: Mapping[str, int], seed: int) -> None:
    if seed < 0:
        raise ValueError(f"a demo set's seed is 0 or more, not {seed}")
    if not counts:
        raise ValueError(f"a demo set needs at least one split of {', '.join(SPLITS)}")
    for split, count in counts.items():
        if split not in SPLITS:
            raise ValueError(f"a demo set has no split {split!r}; its splits are {', '.join(SPLITS)}")
        if count < 1:
            raise ValueError(f"the split {split} of a demo set needs 1 picture or more, not {count}")
