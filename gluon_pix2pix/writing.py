"""Files and folders that are written whole or not at all: beside their final name, then renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Union

PathLike = Union[str, os.PathLike]

_UMASK = os.umask(0o022)  # can only be read by setting it, which is for the whole process: once, before any thread
os.umask(_UMASK)


def write_atomically(path: PathLike, data: bytes) -> None:
    """Write a file beside its final name and rename it, so that nobody ever sees half of it."""
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, 0o666 & ~_UMASK)  # mkstemp makes files for the owner alone
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
