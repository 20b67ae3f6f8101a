"""A digest of a data set: of its pairs' names and contents, wherever it lies and however its place is spelt."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from gluon_pix2pix import processors
from gluon_pix2pix.pairs.file_memory import FileMemory
from gluon_pix2pix.pairs.layouts import PairPaths
from gluon_pix2pix.reading import open_file
from gluon_pix2pix.threads import in_threads

_CHUNK = 1 << 20  # bytes


def digest_pairs(pairs: Sequence[PairPaths], memory: Optional[FileMemory] = None) -> str:
    """Return the SHA-256, in hexadecimal, of pairs in their order: of the files' own sums and the pairs' names.

    Parameters
    ----------
    memory
        Knows the sums of files that have the same size and time as before, and learns those of others.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    memory, digest = memory or FileMemory(None), hashlib.sha256()
    sums = in_threads(
        lambda path: _sum(path, memory),
        (path for pair in pairs for path in pair.files),
        workers=processors(),
        chunk=32,  # those that are known take no longer than being handed over
    )
    for pair in pairs:
        contents = " ".join(next(sums) for _ in pair.files)
        digest.update(f"{contents} {pair.name}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _sum(path: Path, memory: FileMemory) -> str:
    status = os.stat(path)
    known = memory.recall(path, status)
    if known and isinstance(known[0], str):
        return known[0]
    digest = hashlib.sha256()
    with open_file(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    memory.learn(path, status, [digest.hexdigest()])
    return digest.hexdigest()
