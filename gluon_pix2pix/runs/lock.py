"""Who may write into a run's folder: one process at a time, and only while the folder is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional

from gluon_pix2pix.writing import LockedError, lock_folder, unlock_folder


class RunLock:
    """Make a run's folder and hold it while the block runs, so that no second process trains into it.

    Raises
    ------
    OSError
        If another process holds it.
    """

    def __init__(self, run_dir: Path):
        self._run_dir = run_dir
        self._lock: Optional[int] = None

    def __enter__(self) -> RunLock:
        self._run_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._lock = lock_folder(self._run_dir)
        except LockedError:
            raise LockedError(
                f"another process is training into {self._run_dir}: wait for it, or pass another --run-dir"
            ) from None
        return self

    def __exit__(self, *exception: object) -> None:
        unlock_folder(self._lock)
        self._lock = None

    @property
    def is_there(self) -> bool:
        """Whether the folder is still the one that is held."""
        if self._lock is None:  # a system without locks on folders
            return self._run_dir.is_dir()
        try:
            return os.path.samestat(os.fstat(self._lock), os.stat(self._run_dir))
        except FileNotFoundError:
            return False

    def check(self) -> None:
        """See that the folder is still the one that is held.

        Raises
        ------
        FileNotFoundError
            If it was removed, or another has its name.
        """
        if not self.is_there:
            raise FileNotFoundError(f"{self._run_dir} was removed or replaced while it was trained into")
