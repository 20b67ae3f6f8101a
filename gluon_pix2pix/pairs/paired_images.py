"""Pairs of pictures on disk as a data set: read, resized or jittered, and coded for the networks."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Callable, Optional, TypeVar, Union

import numpy as np

from gluon_pix2pix.errors import one_line
from gluon_pix2pix.pairs.check import check_pairs, half_size, other_depth
from gluon_pix2pix.pairs.coding import Coding, OneHot, Pixels, make_coding
from gluon_pix2pix.pairs.digest import digest_pairs
from gluon_pix2pix.pairs.file_memory import FileMemory
from gluon_pix2pix.pairs.layouts import PairPaths, Split, side_by_side
from gluon_pix2pix.pairs.options import DIRECTIONS, DataOptions
from gluon_pix2pix.pairs.picture_cache import PictureCache
from gluon_pix2pix.pairs.preprocess import Preprocess
from gluon_pix2pix.pictures.arithmetic import peak_of, split_pair
from gluon_pix2pix.pictures.files import read_image, read_labels
from gluon_pix2pix.runtime import mx

Made = TypeVar("Made")


class PairedImages(mx.gluon.data.Dataset):
    """The pairs of one split.

    ``dataset[(index, seed)]`` is (source, target) as the networks take them but for the scale, jittered by `seed`
    alone; ``dataset[index]`` is the plain pair, without chance. Each is (H, W, channels of the coding): uint8, int32
    for 16-bit files (MXNet has no uint16), or float32, and lies within `source_range` and `target_range`.

    Parameters
    ----------
    pairs
        A split as `layouts.find_splits` finds it, or a folder of side-by-side files (or of photos).
    options
        Of these: direction ("AtoB" if A is the source, "BtoA" if B is; of no meaning for photos), those of
        `preprocess.PreprocessOptions`, max_dataset_size, skip_bad (leave out what `check_files` finds bad, and put the
        next good pair in the place of one that turns out bad later) and cache. The defaults if None.
    coding
        How pictures become the networks' values; plain RGB pairs if None.
    multiple
        What the network needs height and width to be multiples of.
    changes
        Fields of the options that are otherwise.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no picture in it.
    ValueError
        If an argument is outside its choices.
    """

    way_on = "--skip-bad goes on without such files"

    def __init__(
        self,
        pairs: Union[Split, str, Path],
        options: Optional[DataOptions] = None,
        *,
        coding: Optional[Coding] = None,
        multiple: int = 1,
        **changes,
    ):
        options = dataclasses.replace(options or DataOptions(), **changes)
        direction = options.direction or "AtoB"
        if direction not in DIRECTIONS:
            raise ValueError(f"direction is one of {', '.join(DIRECTIONS)}, not {direction!r}")
        self.preprocess = Preprocess(options, multiple=multiple)
        split = pairs if isinstance(pairs, Split) else side_by_side(pairs)
        self.pairs, self.folders = split.pairs[: options.max_dataset_size], split.folders
        self.notes, self._unpaired = list(split.notes), split.problems
        self.label_colours: dict[str, dict[str, str]] = {}  # of palettes, by side; `check_files` fills it
        self.coding, self._direction, self._skip_bad = coding or make_coding(), direction, options.skip_bad
        self._cache = PictureCache() if options.cache else None
        self.smallest_side: Optional[int] = None  # of what the networks get, in pixels; `check_files` sets it
        self._fingerprint: Optional[tuple[list[PairPaths], str]] = None
        self._bad: dict[PairPaths, str] = {}  # what has turned out bad while reading
        self._told: set[PairPaths] = set()
        self._lock = threading.Lock()
        coders = {type(coder) for coder in (self.coding.source, self.coding.target)}
        if OneHot in coders and len(coders) > 1 and any(pair.b is None for pair in self.pairs):
            raise ValueError(
                f"{self.folders[0]} has pairs side by side, which cannot be label map and picture at once: put A and B "
                "into folders of their own"
            )

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: Union[int, tuple[int, Sequence[int]]]) -> tuple[np.ndarray, np.ndarray]:
        index, seed = key if isinstance(key, tuple) else (key, None)
        return self._first_good(index, lambda at: self._coded(at, seed))

    def images(self, index: int, seed: Optional[Sequence[int]] = None) -> tuple[np.ndarray, np.ndarray]:
        """Return what is given and what is true as pictures, (H, W, C) in the files' dtype: jittered, or plain."""
        return self._first_good(index, lambda at: self._images(at, seed))

    @functools.cached_property
    def peak(self) -> int:
        """The largest value of the files' pixels: 255 for 8 bits, 65535 for 16; label maps do not count."""
        side = 0 if isinstance(self.coding.target, OneHot) else -1
        return self._first_good(0, lambda at: peak_of(self._read(at)[side]))

    @property
    def source_range(self) -> tuple[float, float]:
        """The (lowest, highest) value that a source may have."""
        return self.coding.source.range(self.peak)

    @property
    def target_range(self) -> tuple[float, float]:
        """The (lowest, highest) value that a target may have."""
        return self.coding.target.range(self.peak)

    def fingerprint(self) -> str:
        """Return a digest of the files' number, names and contents: which pair an index stands for, wherever it lies.

        Contents are read once; what is remembered of a file counts as long as its size and time stay.
        """
        if self._fingerprint is None or self._fingerprint[0] is not self.pairs:
            memory = FileMemory.of(self.folders, "digests")
            self._fingerprint = self.pairs, f"{len(self)} pairs {digest_pairs(self.pairs, memory)}"
            memory.save()
        return self._fingerprint[1]

    def has_fingerprint(self, fingerprint: str) -> bool:
        """Tell whether a fingerprint is of these files; those of earlier versions are of number and names alone."""
        if " files " not in fingerprint:
            return fingerprint == self.fingerprint()
        names = "\n".join(pair.name for pair in self.pairs)
        digest = hashlib.sha256(names.encode(errors="surrogateescape")).hexdigest()[:16]
        return fingerprint == f"{len(self)} files {digest}"

    def check_files(self, *, batch_size: int = 1) -> list[str]:
        """Look at every file, before hours are spent, and leave out what is bad if that is wanted; add to `notes`.

        What was found in files is remembered: the next time, only those that have changed are looked at.

        Returns
        -------
        list of str
            A line for each file that is left out.

        Raises
        ------
        ValueError
            If a file is bad and none is to be left out, all are bad, pictures of different sizes would meet in a
            batch, or the cache would take too much memory.
        """
        memory = FileMemory.of(self.folders)
        checked, notes, self.label_colours = check_pairs(
            self.pairs, self.coding, direction=self._direction, preprocess=self.preprocess, memory=memory
        )
        memory.save()
        self.notes += notes
        problems = [*self._unpaired, *(found.problem for found in checked if found.problem)]
        if problems and not self._skip_bad:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise ValueError(f"{problems[0]}{more}; {self.way_on}")
        good = [(pair, found) for pair, found in zip(self.pairs, checked) if not found.problem]
        if not good:
            raise ValueError(f"no file of {self.folders[0]} is good: {problems[0]}")
        self.pairs = [pair for pair, _ in good]
        first, size = good[0][0], good[0][1].size
        self.smallest_side = min(min(found.size) for _, found in good)
        for pair, found in good if batch_size > 1 else ():
            if found.size != size:
                raise ValueError(
                    f"{first.a} becomes {size[1]} x {size[0]} pixels and {pair.a} {found.size[1]} x {found.size[0]}: "
                    f"that makes no batch of {batch_size}; take --batch-size 1, or a --preprocess that crops"
                )
        if self._cache is not None:
            one = sum(picture.nbytes for picture in self._first_good(0, self._read)) / good[0][1].pixels
            self._cache.reserve(int(one * sum(found.pixels for _, found in good)))
        return problems

    def newly_bad_pairs(self) -> list[str]:
        """Return a line for each pair that has turned out bad since the last call."""
        with self._lock:
            new = [pair for pair in self._bad if pair not in self._told]
            self._told.update(new)
        return [self._bad[pair] for pair in new]

    def _first_good(self, index: int, make: Callable[[int], Made]) -> Made:
        """Make something of a pair, or, if it is bad and that is no error, of the next good one."""
        for at in (number % len(self) for number in range(index, index + len(self))):
            pair = self.pairs[at]
            if pair in self._bad:
                continue
            try:
                return make(at)
            except (ValueError, OSError) as error:
                if not self._skip_bad and isinstance(error, OSError):
                    raise
                if not self._skip_bad:
                    raise ValueError(f"{error}; {self.way_on}") from error
                with self._lock:
                    self._bad[pair] = one_line(error, *pair.files)
        raise ValueError(f"no pair of {self.folders[0]} can be read any more: {next(iter(self._bad.values()))}")

    def _coded(self, index: int, seed: Optional[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
        given, true = self._images(index, seed)
        values = []
        for coder, picture, path in zip((self.coding.source, self.coding.target), (given, true), self._files(index)):
            try:
                coded = coder.values(picture)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
            values.append(coded.astype(np.int32) if coded.dtype == np.uint16 else coded)
        return values[0], values[1]

    def _images(self, index: int, seed: Optional[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
        source, target = (pictures := self._read(index))[0], pictures[-1]
        files = self._files(index)
        for picture, path, coder in zip((source, target), files, (self.coding.source, self.coding.target)):
            if peak_of(picture) != self.peak and not isinstance(coder, OneHot):
                raise ValueError(other_depth(path, picture.dtype))
        try:
            place = self.preprocess.choose_placement(*target.shape[:2], seed)
        except ValueError as error:
            raise ValueError(f"{files[1]} has pictures of {error}") from error
        true = _channels(self.coding.target, place(target, nearest=self.coding.target.nearest), files[1])
        if self.coding.from_photos:
            given = self.coding.source_of(true, (index,) if seed is None else seed)
        else:
            given = place(source, nearest=self.coding.source.nearest)
        return _channels(self.coding.source, given, files[0]), true

    def _files(self, index: int) -> tuple[Path, Path]:
        """Return the files that source and target are in."""
        pair = self.pairs[index]
        files = (pair.a, pair.b or pair.a)
        return files if self._direction == "AtoB" else files[::-1]

    def _read(self, index: int) -> tuple[np.ndarray, ...]:
        """Return source and target as they are on disk, or the one photo, from the cache if they are there."""
        if self._cache is None:
            return self._decode(index)
        return self._cache.get(self.pairs[index], lambda: self._decode(index))

    def _decode(self, index: int) -> tuple[np.ndarray, ...]:
        pair, coding, files = self.pairs[index], self.coding, self._files(index)
        if coding.from_photos:
            return (read_image(pair.a, channels=3),)
        if pair.b is None:
            whole = _read_for(pair.a, coding.source, coding.target)
            return split_pair(whole, self._direction, path=pair.a)
        source, target = _read_for(files[0], coding.source), _read_for(files[1], coding.target)
        half_size(PairPaths("", *files), (source.shape[:2], target.shape[:2]))
        return source, target


def _read_for(path: Path, *coders: object) -> np.ndarray:
    """Read a file that one or two coders shall use: labels as indices, 1 and 3 channels as RGB, others as they are."""
    if any(isinstance(coder, OneHot) for coder in coders):
        return read_labels(path)
    channels = max(coder.channels for coder in coders)
    return read_image(path, channels=3 if channels == 1 else channels)


def _channels(coder: object, picture: np.ndarray, path: Path) -> np.ndarray:
    """Give a picture, if it is coded by its own channels, so many of them; others stay what people look at."""
    try:
        return coder.values(picture) if isinstance(coder, Pixels) else picture
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
