"""Files and folders that are written whole or not at all: beside their final name, then renamed.

What is being written has a hidden name and, if it is a folder, a lock, which the system lets go of when the process
ends, however it ends. So the next process that writes the same folder can tell what a killed one has left behind from
what another is still at work on.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional, Union

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None

PathLike = Union[str, os.PathLike]

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # errors that the next file would meet as well

_LONGEST = 96  # bytes of a name that a temporary name repeats: some file systems allow no more than 143 in all
# .part is not whole, .old was moved aside for a moment. Names of earlier versions have nothing random in between.
_RANDOM = r"\.[a-z0-9_]{8}"
_LEFTOVER = rf"({_RANDOM}\.(part(\.\w+)?|old)|\.part)"


class LockedError(OSError):
    """Another process holds a folder."""


def write_atomically(path: PathLike, data: bytes, *, durable: bool = False) -> None:
    """Write a file beside its final name and rename it, so that nobody ever sees half of it.

    `durable` waits until it is on the disk: then a power failure does not lose it either.
    """
    with whole_file(path, durable=durable) as temporary:
        temporary.write_bytes(data)


def write_json(path: PathLike, value: Any, *, durable: bool = False) -> None:
    """Write a value as indented JSON, whole or not at all; see `json_text`."""
    write_atomically(path, f"{json_text(value, indent=2)}\n".encode(), durable=durable)


def json_text(value: Any, *, indent: Optional[int] = None) -> str:
    """Return a value as strict JSON, which has no infinity: such numbers become "inf", "-inf" and "nan"."""
    return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return str(float(value)) if isinstance(value, float) and not math.isfinite(value) else value


@contextlib.contextmanager
def whole_file(path: PathLike, *, durable: bool = False) -> Iterator[Path]:
    """Lend a hidden path beside `path`, with its extension, to write to; it becomes `path` when the block is through.

    Of a block that fails nothing is left, and what was at `path` stays.
    """
    path = Path(path)
    with naming_errors(path):
        temporary = _make_hidden(path, f".part{path.suffix}", lambda new: new.touch(exist_ok=False))
    try:
        with naming_errors(path, temporary):
            yield temporary
            if durable:
                sync(temporary)
            os.replace(temporary, path)
            if durable:
                sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: PathLike, *, durable: bool = False, replace: bool = True) -> Iterator[Path]:
    """Lend a hidden folder beside `path` to write to; it becomes `path` when the block is through.

    A folder that was there stays until then. One that a process had moved aside to make room, and was killed in that
    moment, is put back first, and what killed processes have left half written is removed.

    Parameters
    ----------
    durable
        Wait until all is on the disk.
    replace
        False raises FileExistsError, in the end too, if there is such a folder and it is not empty.
    """
    path = Path(path).resolve() if Path(path).is_symlink() else Path(path)  # a link stays one
    with naming_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(path)
        _refuse_filled(path, replace)
        temporary, lock = _new_folder(path)
    try:
        with naming_errors(path, temporary):
            yield temporary
            if durable:
                _sync_below(temporary)
            _refuse_filled(path, replace)
            _take_place(temporary, path)
            if durable:
                sync(path.parent)
    finally:
        unlock_folder(lock)
        shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(path: PathLike) -> None:
    """Remove a folder, which loses its name before its first file: whoever is killed meanwhile leaves no half of it."""
    path = Path(path)
    aside = _hidden_name(path, ".part")
    os.rename(path, aside)
    shutil.rmtree(aside)


def remove_leftovers(folder: PathLike, *, of: str = ".+") -> None:
    """Remove from a folder what killed processes have left half written; nobody may be writing there.

    `of` is a regular expression for the names that it was to have in the end.
    """
    leftover = re.compile(rf"\.{of}{_LEFTOVER}", re.DOTALL)
    for path in Path(folder).iterdir():
        if leftover.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def lock_folder(folder: PathLike, *, wait: bool = False) -> Optional[int]:
    """Hold a folder until `unlock_folder`, or until the process ends.

    Returns
    -------
    int or None
        What `unlock_folder` takes; None where the system has no such locks.

    Raises
    ------
    LockedError
        If another holds it, and `wait` is not asked for.
    FileNotFoundError
        If there is no such folder, or it was removed while waiting.
    """
    if fcntl is None:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(f"another process holds {folder}") from None
        except OSError:
            pass  # some network file systems have no locks
        if not os.path.samestat(os.fstat(handle), os.stat(folder)):
            raise FileNotFoundError(f"{folder} was removed by another process")
    except BaseException:
        os.close(handle)
        raise
    return handle


def unlock_folder(lock: Optional[int]) -> None:
    """Let go of what `lock_folder` holds."""
    if lock is not None:
        os.close(lock)


def sync(path: PathLike) -> None:
    """See a file or a folder's list of names onto the disk."""
    if os.name == "nt" and os.path.isdir(path):
        return  # Windows opens no folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_below(folder: Path) -> None:
    for parent, _, names in os.walk(folder):
        for name in names:
            sync(Path(parent, name))
        sync(parent)


@contextlib.contextmanager
def naming_errors(path: Path, temporary: Optional[Path] = None) -> Iterator[None]:
    """Let the system's errors name the final path: a full disk's name none, others the temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            named = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes, os.PathLike)) else None
            if named is None or temporary is None:
                error.filename = str(path)
            else:
                error.filename = named.replace(str(temporary), str(path))
        raise
    except Exception as error:
        if "FileStream.Write incomplete" not in str(error):  # all that MXNet says of a full disk, and of no file
            raise
        full = shutil.disk_usage(path.parent).free < 1 << 20
        code = errno.ENOSPC if full else errno.EFBIG  # else a quota, or a limit of file sizes
        raise OSError(code, os.strerror(code), str(path)) from error


def _short(name: str) -> str:
    """Return a name, or what stands for it where it is too long to be part of a longer one."""
    if len(os.fsencode(name)) <= _LONGEST:
        return name
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
    return f"{name[: _LONGEST // 4 - 6]}~{digest}"  # a character has 4 bytes at most


def _new_folder(path: Path) -> tuple[Path, Optional[int]]:
    """Make the hidden folder that shall become `path`, and hold it."""
    while True:
        folder = _make_hidden(path, ".part", Path.mkdir)
        with contextlib.suppress(LockedError, FileNotFoundError):  # one who clears up was quicker than the lock
            return folder, lock_folder(folder)


def _hidden_name(path: Path, ending: str) -> Path:
    return path.parent / f".{_short(path.name)}.{secrets.token_hex(4)}{ending}"


def _make_hidden(path: Path, ending: str, make: Callable[[Path], None]) -> Path:
    """Make a file or folder under a hidden name beside a path; its rights are as the user's umask has it."""
    while True:
        with contextlib.suppress(FileExistsError):
            name = _hidden_name(path, ending)
            make(name)
            return name


def _refuse_filled(path: Path, replace: bool) -> None:
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{path} is a file: name a folder")
    if not replace and path.exists() and any(path.iterdir()):
        raise FileExistsError(f"{path} is there already: name a new folder, or remove it")


def _take_place(temporary: Path, path: Path) -> None:
    """Rename a finished folder; one that was there goes, once this one has its place."""
    if not path.exists():
        os.rename(temporary, path)
        return
    lock = lock_folder(path)  # so that nobody takes the folder moved aside for one left behind
    try:
        aside = _hidden_name(path, ".old")
        os.rename(path, aside)
        try:
            os.rename(temporary, path)
        except BaseException:
            os.rename(aside, path)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    finally:
        unlock_folder(lock)


def _clear_leftovers(path: Path) -> None:
    """Put back what a killed process had moved aside, and remove what it had half written."""
    left = re.compile(rf"\.{re.escape(_short(path.name))}({_RANDOM}\.part|({_RANDOM})?\.old)")
    for entry in sorted(path.parent.iterdir()):
        if not left.fullmatch(entry.name):
            continue
        with contextlib.suppress(OSError):  # another process is at work on it, or has just renamed it
            lock = lock_folder(entry)
            if entry.suffix == ".old" and not path.exists():
                os.rename(entry, path)
            elif lock is not None:
                shutil.rmtree(entry, ignore_errors=True)
            unlock_folder(lock)
