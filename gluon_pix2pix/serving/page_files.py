"""The files of the page, as they stand beside this module."""

from __future__ import annotations

from importlib.resources import files

MEDIA_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def page_files() -> dict[str, tuple[bytes, str]]:
    """Return the bytes and the media type of each file of the page, by its name; index.html is the page itself."""
    folder = files("gluon_pix2pix.serving") / "page"
    found = sorted((entry for entry in folder.iterdir() if "." in entry.name[1:]), key=lambda entry: entry.name)
    kinds = {entry: MEDIA_TYPES.get(entry.name.rpartition(".")[2]) for entry in found}
    return {entry.name: (entry.read_bytes(), kind) for entry, kind in kinds.items() if kind}
