"""A folder of results: what is there already, and that results of two translations never mix in it.

translation.json in it says by what the results were made, and of which file each is.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.pictures.folders import list_folder
from gluon_pix2pix.reading import read_json
from gluon_pix2pix.translation.inputs import Input, is_video
from gluon_pix2pix.translation.options import FORMATS
from gluon_pix2pix.translation.result_files import PARTS
from gluon_pix2pix.translation.video_files import CODECS
from gluon_pix2pix.writing import LockedError, lock_folder, remove_leftovers, unlock_folder, write_json

RECORD = "translation.json"
_SUFFIXES = (*FORMATS.values(), *CODECS)
_SHAPE = {"sources?": {str: str}, "cut?": {str: str}}
_SHOWN = 3  # names that a refusal lists


class ResultFolder:
    """The folder that results are written to, held for one translation; a context.

    Parameters
    ----------
    folder
        Made if it is not there; what was made is gone again if nothing was translated.
    settings
        What results depend on, beside the picture itself.
    inputs
        What is to be translated.
    overwrite
        Whether results that are there are removed.
    model
        What the model is called, for who reads the record.

    Raises
    ------
    UsageError
        If there are results of other settings, or of other files by the same names, and they are not to be
        overwritten; or of names that would not be overwritten.
    OSError
        If nothing can be written there, or another process is at work there; the line names the folder.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        inputs: Iterable[Input],
        *,
        overwrite: bool,
        model: Optional[str] = None,
    ):
        self.folder, self._settings, self._overwrite = folder, dict(settings), overwrite
        self._about = {"model": model} if model else {}
        self._inputs = {file.name: file for file in inputs}
        self._record, self._before, self._made = folder / RECORD, None, []

    def __enter__(self) -> ResultFolder:
        self._said = self._check()
        self._made = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = lock_folder(self.folder)
        except LockedError:
            raise OSError(f"another process is translating into {self.folder}: pass another --output") from None
        except OSError as error:
            self._remove_made()
            raise OSError(
                f"cannot write results into {self.folder} ({error.strerror}): pass another --output"
            ) from error
        try:
            self._remove_leftovers()
            if self._overwrite:
                for path in [path for name in self._inputs for path in self._paths_of(name)]:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            write_json(self._record, self._said)
        except BaseException:
            unlock_folder(self._lock)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        unlock_folder(self._lock)

    def remember_cut(self, cut: Mapping[str, str]) -> list[str]:
        """Keep in mind what is not whole, by names, and return a line for each that is so: these, and earlier ones."""
        self._said = {**self._said, "cut": {**self._said["cut"], **cut}}
        write_json(self._record, self._said)
        return [line for name, line in self._said["cut"].items() if name in self._inputs]

    def forget(self) -> None:
        """Leave all as it was: nothing was translated."""
        if self._before is None:
            self._record.unlink(missing_ok=True)
        else:
            write_json(self._record, self._before)
        self._remove_made()

    @property
    def names(self) -> list[str]:
        """The names of all pictures and videos whose results are recorded here, those of earlier translations too."""
        return list(self._said["sources"])

    def old_scores(self) -> Optional[Path]:
        """Return the file of scores that is there: it is of pictures that were there before."""
        path = self.folder / "scores.json"
        return path if path.exists() else None

    def _check(self) -> dict:
        """Return what translation.json shall say, if what is there may stay or go."""
        if self._record.exists():
            try:
                what = "the record of a translation (--overwrite begins anew)"
                self._before = read_json(self._record, _SHAPE, what=what)
            except ValueError:
                if not self._overwrite:
                    raise
        before, there = self._before or {}, sorted({*_fakes_in(self.folder), *filter(self._paths_of, self._inputs)})
        differ = [name for name, value in self._settings.items() if before.get(name, value) != value]
        others = [name for name in there if name not in self._inputs]
        if there and (differ or not before):
            self._refuse_mixing(f"other {', '.join(differ)}" if before else f"it has no {RECORD}", others)
        known, ours = before.get("sources", {}), {}
        for name, file in self._inputs.items():
            ours[name] = os.path.abspath(file.path)
            if not self._overwrite and name in there and known.get(name, ours[name]) != ours[name]:
                raise UsageError(
                    f"{name}_fake in {self.folder} is of {known[name]}, and that of {ours[name]} would have the same "
                    "name: pass another --output, or --overwrite"
                )
        kept = {name: known[name] for name in others if name in known}
        gone = self._inputs if self._overwrite else {}
        cut = {name: line for name, line in before.get("cut", {}).items() if name in there and name not in gone}
        settings = {name: value for name, value in before.items() if name != "input"}
        return {**settings, **self._about, **self._settings, "sources": {**kept, **ours}, "cut": cut}

    def _refuse_mixing(self, why: str, others: Sequence[str]) -> None:
        other = f"{self.folder} has pictures of another translation ({why})"
        if not self._overwrite:
            raise UsageError(f"{other}: pass --overwrite, or another --output")
        if others:
            more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
            names = ", ".join(others[:_SHOWN])
            raise UsageError(
                f"{other}, and these inputs do not replace {names}{more}: remove them, or pass another --output"
            )

    def _remove_leftovers(self) -> None:
        """Remove what translations that were killed have left half written, and nothing else that is hidden."""
        for folder in {self.folder, *((self.folder / name).parent for name in self._inputs)}:
            if folder.is_dir():
                remove_leftovers(folder, of=rf"({re.escape(RECORD)}|.+_({'|'.join(PARTS)})\.\w+)")

    def _paths_of(self, name: str) -> list[Path]:
        """List what is there of a picture or video, whatever wrote it."""
        stem = self.folder / name
        paths = [stem.with_name(f"{stem.name}_{part}{suffix}") for part in PARTS for suffix in _SUFFIXES]
        paths += [stem.with_name(f"{stem.name}_fake")] if is_video(self._inputs[name].path) else []
        return [path for path in paths if os.path.exists(path)]  # False too for a name that is too long

    def _remove_made(self) -> None:
        """Remove the folders that were made here, those below that are empty with them."""
        if self.folder in self._made:
            for path in sorted(self.folder.rglob("*"), reverse=True):
                with contextlib.suppress(OSError):
                    path.rmdir()
        for path in self._made:
            with contextlib.suppress(OSError):  # it is not empty
                path.rmdir()


def has_targets_of_before(folder: Path) -> bool:
    """Tell whether an earlier translation into a folder knew the true answers, so that its pictures can be scored."""
    try:
        what = "the record of a translation"
        made = read_json(folder / RECORD, {"pictures?": str, "targets?": (str, None)}, what=what)
    except (ValueError, OSError):  # no record, or none that is one: ResultFolder says so
        return False
    return made.get("pictures", "single") != "single" or made.get("targets") is not None


def _fakes_in(folder: Path) -> set[str]:
    """Return the names of all fakes below a folder: NAME_fake, of any format, or a folder of frames."""
    if not folder.is_dir():
        return set()
    listing = list_folder(folder, also=tuple(CODECS))
    apart = {path.parent for path in listing.others if path.name == RECORD} - {folder}  # folders of other results
    fakes = {path.with_suffix("") for path in listing.pictures} | {path.parent for path in listing.pictures}
    ours = [
        path
        for path in fakes
        if path.name.endswith("_fake") and path != folder and not apart.intersection(path.parents)
    ]
    return {path.relative_to(folder).as_posix()[: -len("_fake")] for path in ours}
