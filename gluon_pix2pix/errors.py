"""Errors as people read them: one line each, and which of them are about the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass


class UsageError(Exception):  # a ValueError raised by an options class would be drawn in a box by tyro
    """The command line asks for something that cannot be: exit code 2."""


@contextlib.contextmanager
def option_errors() -> Iterator[None]:
    """Turn the ValueErrors that wrong option values raise further down into usage errors."""
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error)) from error


def one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    text = " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{error.name} is not installed: pip install -e '.[cpu]' brings all that is needed"
    if isinstance(error, (UsageError, ValueError, OSError, ImportError, FloatingPointError)):
        return text
    # Not one of ours: its type belongs to the message, and the traceback to whoever mends it.
    return f"{type(error).__name__}: {text[:300]} (--debug shows where)"


@dataclass
class CommonOptions:
    """What every command takes."""

    debug: bool = False
    """Show the whole traceback of an error."""
