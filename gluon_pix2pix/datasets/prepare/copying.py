"""Files into the folder of a new data set, which gets its name when all of them are there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

from gluon_pix2pix import processors
from gluon_pix2pix.datasets.prepare.jobs import Progress
from gluon_pix2pix.threads import in_threads
from gluon_pix2pix.writing import PathLike, whole_folder

WAYS = ("copy", "link", "move")


def put_files(
    files: Mapping[str, Path],
    output: PathLike,
    *,
    way: str = "copy",
    workers: Optional[int] = None,
    progress: Optional[Progress] = None,
) -> Path:
    """Make a folder of copies or hard links, whole or not at all.

    Parameters
    ----------
    files
        Where each goes, relative to `output`, and the file that it is now.
    way
        One of `WAYS`. Hard links take no space, need the same file system, and are the same file by another name.
        "move" removes the originals when all are in place.

    Raises
    ------
    FileExistsError
        If `output` is there and not empty.
    OSError
        If a file cannot be read, copied or linked.
    """
    output = Path(output)
    with whole_folder(output, replace=False) as beside:  # two splits mixed would share pictures
        for folder in {(beside / name).parent for name in files}:
            folder.mkdir(parents=True, exist_ok=True)
        work = [(path, beside / name) for name, path in files.items()]
        put = in_threads(lambda ends: _put(*ends, way), work, workers=workers or processors())
        for done, _ in enumerate(put, 1):
            if progress:
                progress(done, len(files))
    if way == "move":
        for path in files.values():
            path.unlink()
    return output


def _put(source: Path, target: Path, way: str) -> None:
    if way == "link":
        os.link(source, target)
        return
    if way == "move":
        try:
            os.link(source, target)
            return
        except OSError:
            pass  # another file system, or one without links
    shutil.copy2(source, target)
