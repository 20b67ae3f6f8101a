"""Words that many messages need: how many of what, and commands as they can be typed where they are printed."""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

NAME = "gluon-pix2pix"  # the command that a wheel installs


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return words about the nearest of those that there are, to be put behind a message; "" if none is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def not_there(path: Path) -> str:
    """Say that there is no such file or folder, from where it was looked for, and which name there is near to it."""
    beside = (one.name for one in path.parent.iterdir()) if path.parent.is_dir() else ()
    where = "" if path.is_absolute() else f" in {Path.cwd()}"
    return f"there is no file or folder {path}{where}{did_you_mean(path.name, beside)}"


def count(amount: int, noun: str) -> str:
    """Write "1 picture" or "2,000 pictures"."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def program() -> str:
    """Return what starts this program here: its command if that is on the path, else Python with the module."""
    here = os.path.dirname(sys.executable)
    if _is_in(NAME, here):
        return NAME
    if _is_in("python", here) or not here:
        return "python -m gluon_pix2pix"
    below = os.path.relpath(sys.executable)  # an environment that is not activated
    return f"{shlex.quote(sys.executable if below.startswith('..') else below)} -m gluon_pix2pix"


def command(*words: object) -> str:
    """Return a line that runs a command of this program: each word is quoted where a shell would part or change it."""
    return f"{program()} {shlex.join(map(str, words))}"


def _is_in(name: str, folder: str) -> bool:
    """Whether a command that the shell would take is the one of this Python's environment."""
    found = shutil.which(name)
    return found is not None and folder in (os.path.dirname(found), os.path.dirname(os.path.realpath(found)))
