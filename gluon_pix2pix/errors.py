"""Errors as people read them: one line each, and which of them are about the command line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

from gluon_pix2pix.installing import is_missing


class UsageError(Exception):  # a ValueError raised by an options class would be drawn in a box by tyro
    """The command line asks for something that cannot be: exit code 2."""


@contextlib.contextmanager
def option_errors() -> Iterator[None]:
    """Turn the ValueErrors that wrong option values raise further down into usage errors."""
    try:
        yield
    except ValueError as error:
        raise UsageError(str(error)) from error


def one_line(error: Exception, *paths: object) -> str:
    """Return one line about an error. It names a file: the error's own, one of `paths`, or else the first of those."""
    text = _message(error)
    if not paths or any(str(path) in text for path in paths):
        return text
    named = isinstance(error, OSError) and error.filename is not None and error.strerror
    return text if named else f"{paths[0]}: {text}"


def reason_of(error: Exception, longest: int = 200) -> str:
    """Return the first line of what an error says, for a sentence that names the file: MXNet's go on for pages."""
    lines = str(error).strip().splitlines()
    return " ".join(lines[0].split())[:longest] if lines else type(error).__name__


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        named = error.filename is not None
        return f"{_as_text(error.filename)}: {error.strerror}" if named else error.strerror
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ModuleNotFoundError) and error.name:
        return is_missing(error.name)
    if isinstance(error, (UsageError, ValueError, OSError, ImportError, FloatingPointError)):
        return text
    if isinstance(error, MemoryError):
        return text if "out of memory" in text else "out of memory"
    if is_out_of_memory(error):
        return (
            "the device is out of memory: translating takes less with --batch-size 1 and --keep-size --tile 256, "
            "training with a smaller --batch-size, --crop-size, --ngf or --ndf"
        )
    # Not one of ours: its type belongs to the message, and the traceback to whoever mends it.
    return f"{type(error).__name__}: {text[:300]} (--debug shows where)"


def is_out_of_memory(error: Exception) -> bool:
    """Whether MXNet, CUDA or cuDNN could not get memory: they say it each in their own words."""
    words = ("out of memory", "ALLOC_FAILED", "Failed to allocate CPU Memory", "convolution algorithm.  with workspace")
    return any(word in str(error) for word in words)


def _as_text(name: object) -> str:
    return os.fsdecode(name) if isinstance(name, (str, bytes, os.PathLike)) else str(name)


@dataclass
class CommonOptions:
    """What every command takes."""

    debug: bool = False
    """Show the whole traceback of an error."""
