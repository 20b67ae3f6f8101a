"""A page of many pictures, each in several forms (source, fake, target): an overview, and each of them large."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from dominate import tags

from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.collage import collage, for_screen
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.reports.page import as_url, printable, write_page
from gluon_pix2pix.threads import in_threads

THUMB = 128  # pixels that a picture in the overview is high
GAP = 2
_SHOWN_BY_BROWSERS = (".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".bmp", ".gif")
# matplotlib's inferno at 17 places, as the three tables that an SVG filter takes, for red, green and blue.
HEAT = (
    ".001 .042 .129 .238 .342 .441 .541 .640 .736 .822 .894 .947 .978 .988 .975 .948 .988",
    ".000 .028 .047 .037 .062 .099 .135 .171 .216 .275 .353 .449 .558 .675 .798 .917 .998",
    ".014 .141 .291 .396 .429 .432 .415 .381 .330 .266 .194 .115 .035 .065 .206 .411 .645",
)


class Shown(NamedTuple):
    """A picture of a page: its name, its files by what they are, from left to right, and its scores."""

    name: str
    files: Mapping[str, Path]
    scores: Sequence[Any] = ()


def write_gallery(
    folder: Path,
    title: str,
    pictures: Sequence[Shown],
    add_body: Callable[[], None],
    *,
    main: str,
    metrics: Sequence[dict] = (),
    workers: int = 2,
) -> Path:
    """Write a page, index.html, and its small pictures, thumbs/; return the page's path.

    Parameters
    ----------
    folder
        Where the page will be; links are relative to it.
    pictures
        In the order of the page.
    add_body
        Makes the tags of the page, `add_head` and `add_gallery` among them.
    main
        Which of a picture's files is looked at; it is wiped over the others.
    metrics
        What `Shown.scores` are: key, title, unit, decimals, and whether a low one is the better.
    workers
        How many pictures to shrink at a time.

    Raises
    ------
    OSError, ValueError
        If a picture cannot be read or written.
    """
    (folder / "thumbs").mkdir(parents=True, exist_ok=True)
    drawn = in_threads(lambda one: _draw(one, folder, main), pictures, workers=workers)
    shown = [{"name": printable(one.name), "scores": list(one.scores), **more} for one, more in zip(pictures, drawn)]
    data = {"metrics": list(metrics), "pictures": shown, "heat": HEAT, "main": main}
    scripts = ("page.js", "overview.js", "viewer.js", "results.js")
    write_page(folder / "index.html", title, data, add_body, styles=("page.css", "results.css"), scripts=scripts)
    return folder / "index.html"


def add_gallery() -> None:
    """Put what the scripts fill into the page that is being written."""
    tags.section(id="tiles", aria_label="Scores")
    tags.div(id="tools", role="search")
    tags.main(id="pictures")


def add_head(title: str, *lines: str) -> None:
    """Put the page's name and lines about it above all else."""
    with tags.header():
        tags.h1(printable(title))
        for line in lines:
            tags.p(printable(line), cls="quiet")


def add_noscript() -> None:
    """Say why the page is empty where scripts are off."""
    tags.noscript("The pictures are listed by this page's own script, which the browser has switched off.")


def _draw(one: Shown, folder: Path, main: str) -> dict[str, Any]:
    """Write one small picture of all that belongs together; return what the page needs to show it and its files."""
    key = sha1(os.fsencode(os.path.relpath(one.files[main], folder))).hexdigest()[:16]
    images = {role: for_screen(read_image(path)) for role, path in one.files.items()}
    urls = {role: as_url(os.path.relpath(path, folder)) for role, path in one.files.items()}
    for role, path in one.files.items():
        if path.suffix.lower() not in _SHOWN_BY_BROWSERS:
            urls[role] = f"thumbs/{key}_{role}.png"
            write_image(folder / urls[role], images[role])
    small = [_small(image) for image in images.values()]
    strip = collage([small], gap=GAP, ground=0)
    write_image(folder / "thumbs" / f"{key}.jpg", strip)
    height, width = images[main].shape[:2]
    widths = [image.shape[1] for image in small]
    return {"thumb": f"thumbs/{key}.jpg", "widths": widths, "high": THUMB, "size": (width, height), "files": urls}


def _small(image: np.ndarray) -> np.ndarray:
    """Return a picture as the overview has it: (THUMB, W, 3) uint8."""
    height, width = image.shape[:2]
    return resize(image, THUMB, max(1, round(width * THUMB / height)))
