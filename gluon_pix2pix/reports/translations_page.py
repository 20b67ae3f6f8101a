"""The page of a folder of translated pictures that have no targets, index.html: each beside its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

from gluon_pix2pix.reading import read_json
from gluon_pix2pix.reports.gallery import Shown, add_gallery, add_head, add_noscript, write_gallery
from gluon_pix2pix.translation.result_folder import RECORD
from gluon_pix2pix.wording import count

_TOLD = {"model?": str, "checkpoint?": str, "statistics?": (str, None), "dropout?": bool, "seed?": int}
_TOLD |= {"tile?": (int, None), "size?": (None, [int]), "mask?": (str, None)}


def write_translations_page(folder: Path, pictures: Sequence[tuple[str, Mapping[str, Path]]]) -> Path:
    """Write index.html and its thumbs/ into a folder of results; return the page's path.

    Parameters
    ----------
    pictures
        Each one's name, and its files: "source" and "fake".

    Raises
    ------
    OSError, ValueError
        If a picture cannot be read, or the page not be written.
    """
    shown = [Shown(name, files) for name, files in pictures]
    name = folder.resolve().name
    about = about_translation(folder)

    def add_body() -> None:
        add_head(name, count(len(shown), "picture"), *([about] if about else []))
        add_gallery()
        add_noscript()

    return write_gallery(folder, f"{name}: translated", shown, add_body, main="fake")


def about_translation(folder: Path) -> Optional[str]:
    """Say by which model, checkpoint and modes a folder's pictures were translated; None if it has no record of it."""
    try:
        made = read_json(folder / RECORD, _TOLD, what="the record of a translation")
    except (ValueError, OSError):
        return None
    words = [f"model {made['model']}"] if made.get("model") else []
    words += [made["checkpoint"]] if made.get("checkpoint") else []
    words += [f"statistics: {made['statistics']}"] if made.get("statistics") else []
    if "dropout" in made:
        words.append(f"with dropout, seed {made.get('seed', 0)}" if made["dropout"] else "without dropout")
    size = made.get("size")
    words += [f"translated at {size[1]} x {size[0]}" if size and len(size) == 2 else "at the pictures' own size"]
    words += [f"in tiles of {made['tile']}"] if made.get("tile") else []
    words += [f"holes by {made['mask']}"] if made.get("mask") else []
    return "  ·  ".join(words)
