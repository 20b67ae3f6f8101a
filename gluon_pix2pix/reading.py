"""JSON files, read with their shape checked: whatever is in one, the answer is a value of that shape or one line."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Union

PathLike = Union[str, os.PathLike]

MOST_BYTES = 1 << 28  # of a JSON file: far above any of ours, far below what a machine cannot hold
COUNT = range(1 << 53)  # whole numbers from 0, as far as every reader of JSON has them exactly


class _ShapeError(ValueError):
    """A value is not of its shape."""


def read_json(path: PathLike, shape: Any, *, what: str) -> Any:
    """Read a JSON file and check its shape.

    Parameters
    ----------
    path
        A file.
    shape
        See `check_shape`.
    what
        What the file should be, for the message: "the options of a run".

    Raises
    ------
    ValueError
        If the file is not JSON of that shape.
    OSError
        If it is not there or cannot be read.
    """
    with open_file(path) as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"{path} is not {what}: it has more than {MOST_BYTES >> 20} MiB")
    return parse_json(data, shape, what=f"{path} is not {what}")


def parse_json(text: Union[str, bytes], shape: Any, *, what: str) -> Any:
    """Parse JSON and check its shape; `what` begins the message: "FILE is not the options of a run".

    Raises
    ------
    ValueError
        If it is not JSON of that shape.
    """
    try:
        value = json.loads(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
        check_shape(value, shape)
    except _ShapeError as error:
        raise ValueError(f"{what}: {error}") from None
    except RecursionError:
        raise ValueError(f"{what}: it is nested too deeply") from None
    except ValueError as error:
        reason = "it is empty" if not text.strip() else f"it is no JSON ({error})"
        raise ValueError(f"{what}: {reason}") from error
    return value


@contextlib.contextmanager
def said_by(path: PathLike, what: str) -> Iterator[None]:
    """Let a ValueError that comes of what a file says name the file; `what` is as in `read_json`.

    What it quotes of the file may be of any length, and is cut.
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path} is not {what}: {str(error)[:400]}") from error


def open_file(path: PathLike) -> BinaryIO:
    """Open a file to read its bytes; what is no file, such as a pipe, which would be waited for, is refused.

    Raises
    ------
    OSError
        If it is not there, cannot be read or is no file; the message names it.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            kind = "a folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "a pipe or device"
            raise OSError(f"{os.fspath(path)} is {kind}, not a file")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def check_shape(value: Any, shape: Any, name: str = "it") -> None:
    """Check what JSON holds.

    Parameters
    ----------
    value
        As `json.loads` returns it.
    shape
        A type (float takes whole numbers too, up to the largest float; int takes no truth values); None; a range of
        whole numbers; a set of words, of which it is one; a tuple of shapes, of which one fits; a list of one shape,
        which all items have; a dict of the one key `str`, whose shape the values of all keys have; or a dict of names
        to shapes. There a name that ends in "?" may be missing, and others than these may be there.

    Raises
    ------
    ValueError
        If it is of another shape; the message says where and what was expected.
    """
    if isinstance(shape, dict) and isinstance(value, dict):
        for key, inner in shape.items():
            if key is str:
                for each, item in value.items():
                    check_shape(item, inner, _inside(name, each))
            elif key.rstrip("?") in value:
                check_shape(value[key.rstrip("?")], inner, _inside(name, key.rstrip("?")))
            elif not key.endswith("?"):
                raise _ShapeError(f"it has no {key}" if name == "it" else f"{name} lacks {key}")
    elif isinstance(shape, list) and isinstance(value, list):
        for number, item in enumerate(value):
            check_shape(item, shape[0], f"{name}[{number}]")
    elif isinstance(shape, (dict, list)) or not _fits(value, shape):
        raise _ShapeError(f"{name} should be {_words(shape)}, not {_shown(value)}")


def _fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, tuple):
        return any(_matches(value, one) for one in shape)
    if isinstance(shape, range):
        return type(value) is int and value in shape
    if isinstance(shape, (set, frozenset)):
        return isinstance(value, str) and value in shape
    if shape is None or shape is object:
        return shape is object or value is None
    if shape is float and type(value) is int:
        return abs(value) <= sys.float_info.max  # no float is larger, and sums with one would fail
    return isinstance(value, (int, float) if shape is float else shape) and isinstance(value, bool) == (shape is bool)


def _matches(value: Any, shape: Any) -> bool:
    try:
        check_shape(value, shape)
    except _ShapeError:
        return False
    return True


def _inside(name: str, key: str) -> str:
    key = key if len(key) <= 60 else f"{key[:60]}..."
    return key if name == "it" else f"{name}.{key}"


_WORDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", dict: "an object"}
_WORDS |= {list: "a list", None: "null", object: "anything"}


def _words(shape: Any) -> str:
    if isinstance(shape, tuple):
        return " or ".join(map(_words, shape))
    if isinstance(shape, range):
        return f"a whole number from {shape.start}" + ("" if shape == COUNT else f" to {shape[-1]}")
    if isinstance(shape, (set, frozenset)):
        return f"one of {', '.join(sorted(shape))}"
    return _WORDS[type(shape) if isinstance(shape, (dict, list)) else shape]


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return _WORDS[type(value)]
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
