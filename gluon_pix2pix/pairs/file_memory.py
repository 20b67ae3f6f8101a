"""What was found in files, kept from one start to the next: a file of the same size and time is not looked at again."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from gluon_pix2pix import pictures
from gluon_pix2pix.reading import parse_json
from gluon_pix2pix.writing import write_atomically

HOME = "GLUON_PIX2PIX_CACHE"  # environment variable: the folder of memories, instead of the user's usual one

_MOST_BYTES = 1 << 29  # of a memory once unpacked: some millions of files
_RACY = 2_000_000_000  # nanoseconds: a file may change again within them without another time, on some file systems


class FileMemory:
    """Facts about files by their path, size and time of the last change.

    A memory that is damaged, cannot be written, or was made by another version of the readers is as good as none.

    Parameters
    ----------
    path
        The file that it is kept in; None keeps nothing.
    """

    def __init__(self, path: Optional[Path]):
        self._path, self._new = path, False
        self._known: dict[str, list] = {}
        self._seen: dict[str, list] = {}
        if path is not None:
            with contextlib.suppress(OSError, ValueError, EOFError):
                with gzip.open(path) as stream:
                    text = stream.read(_MOST_BYTES)
                kept = parse_json(text, {"readers": str, "files": {str: list}}, what="a memory of files")
                self._known = kept["files"] if kept["readers"] == _readers() else {}

    @classmethod
    def of(cls, folders: Sequence[Path], kind: str = "files") -> FileMemory:
        """Open a memory of a data set's folders, one of each kind, in the user's folder for such things."""
        usual = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        home = os.environ.get(HOME) or os.path.join(usual, "gluon-pix2pix")
        names = "\n".join(os.path.abspath(folder) for folder in folders)
        return cls(Path(home, f"{kind}-{hashlib.sha256(os.fsencode(names)).hexdigest()[:24]}.json.gz"))

    def recall(self, path: Path, status: os.stat_result) -> Optional[list]:
        """Return the facts about a file, if it is as it was."""
        key = os.path.abspath(path)
        found = self._known.get(key)
        if found is None or found[:2] != [status.st_size, status.st_mtime_ns]:
            return None
        self._seen[key] = found
        return found[2:]

    def learn(self, path: Path, status: os.stat_result, facts: Sequence) -> None:
        """Keep facts, values that JSON has, about a file whose `status` was asked for before it was read."""
        if time.time_ns() - status.st_mtime_ns > _RACY:
            self._seen[os.path.abspath(path)] = [status.st_size, status.st_mtime_ns, *facts]
            self._new = True

    def save(self) -> None:
        """Write what was recalled and learnt, if there is anything new; other files are forgotten."""
        if self._path is None or not (self._new or len(self._seen) < len(self._known)):
            return
        with contextlib.suppress(OSError, UnicodeError):  # no room, no such user: it is looked at again next time
            self._path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"readers": _readers(), "files": self._seen}, separators=(",", ":"))
            write_atomically(self._path, gzip.compress(text.encode("utf-8", "surrogatepass"), 1))


@functools.cache
def _readers() -> str:
    """Return a digest of the modules that look at pictures: what others have found, these may see otherwise."""
    digest = hashlib.sha256()
    for path in sorted([*Path(pictures.__file__).parent.glob("*.py"), Path(__file__).with_name("check.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()
