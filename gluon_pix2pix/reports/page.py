"""One HTML file that opens from disk: style, program and data are in it; it fetches only the pictures beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dominate import document, tags
from dominate.util import raw

from gluon_pix2pix.writing import write_atomically


def write_page(
    path: Path,
    title: str,
    data: Any,
    add_body: Callable[[], None],
    *,
    styles: tuple[str, ...],
    scripts: tuple[str, ...],
) -> None:
    """Write a page whole; letters that UTF-8 does not have (names of undecodable bytes) become question marks.

    Parameters
    ----------
    title
        The name of the page, as text.
    data
        What the scripts draw: anything that JSON holds. They find it in the element "data".
    add_body
        Called once, in another thread: the tags that it makes are the page's body, before the scripts run.
    styles, scripts
        Names of files beside this module.
    """
    # Each tag asks asyncio for its loop. In the main thread that makes one, which nobody closes (and from Python 3.12
    # on it is deprecated); in another thread there is none, and dominate does without.
    with ThreadPoolExecutor(1) as pool:
        text = pool.submit(_render, title, data, add_body, styles, scripts).result()
    write_atomically(path, text.encode("utf-8", "replace"))


def _render(
    title: str, data: Any, add_body: Callable[[], None], styles: tuple[str, ...], scripts: tuple[str, ...]
) -> str:
    page = document(title=title)
    page["lang"] = "en"
    with page.head:
        tags.meta(charset="utf-8")
        tags.meta(name="viewport", content="width=device-width, initial-scale=1")
        tags.meta(name="color-scheme", content="light dark")
        tags.link(rel="icon", href="data:,")  # no request for a favicon.ico that is not there
        tags.style(raw("\n".join(_file(name) for name in styles)))
        tags.script(raw(as_json(data)), type="application/json", id="data")
        tags.script(raw(f"addEventListener('DOMContentLoaded', () => {{\n{_join(scripts)}\n}});"))
    with page:
        add_body()
    return page.render(pretty=False)


def as_json(data: Any) -> str:
    """Return data as JSON that cannot end the script element which holds it."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def as_url(path: str) -> str:
    """Return a relative path as the URL that a page in its folder has for it."""
    return quote(os.fsencode(path.replace(os.sep, "/")))


def printable(text: str) -> str:
    """Return a file's name with a question mark for each byte that is no letter, as a page can hold it."""
    return text.encode("utf-8", "replace").decode()


def _file(name: str) -> str:
    return (files("gluon_pix2pix.reports") / name).read_text(encoding="utf-8")


def _join(scripts: tuple[str, ...]) -> str:
    return "\n".join(_file(name) for name in scripts)
