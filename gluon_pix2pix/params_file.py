"""MXNet's .params files, read by ourselves: its own reader crashes on damaged ones, or takes them without a word.

A file is a list of arrays and, behind them, of their names (NDArray::Save and the lists' Save in src/ndarray/ndarray.cc
of MXNet 1.9.1), all numbers little-endian::

    uint64 0x112   uint64 0   uint64 count
      for each array: uint32 0xF993FAC9   int32 0 (dense)   uint32 ndim   int64 sides[ndim]
                      int32 kind and int32 number of the device   int32 type   the numbers
    uint64 count
      for each name: uint64 bytes   UTF-8

Every number that says how much comes next is held against the length of the file before anything is read by it.
"""

from __future__ import annotations

import io
import math
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np

from gluon_pix2pix.reading import PathLike, open_file
from gluon_pix2pix.runtime import mx

MOST_ARRAYS = 10_000  # Adam's two moments of a resnet of 9 blocks are 130
MOST_AXES = 8
LONGEST_NAME = 1024  # bytes

_LIST, _ARRAY = 0x112, 0xF993FAC9
_TYPES = {0: "<f4", 1: "<f8", 2: "<f2", 3: "|u1", 4: "<i4", 5: "|i1", 6: "<i8"}


class _Place(NamedTuple):
    """Where an array's numbers are in the file, and what they are."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype


class ParamsFile(Mapping[str, np.ndarray]):
    """The arrays of a .params file by name; each is read when it is asked for, so that no two are needed in memory.

    Parameters
    ----------
    file
        A path, or the bytes of a file.
    where
        What errors call it [the path].

    Raises
    ------
    ValueError
        If it is no such file, is cut off or damaged, or has arrays without names.
    OSError
        If it is not there or no file.
    """

    def __init__(self, file: PathLike | bytes, *, where: object = None):
        self._where = file if where is None else where
        self._stream = io.BytesIO(file) if isinstance(file, bytes) else open_file(file)
        try:
            self._size = self._stream.seek(0, os.SEEK_END)
            self._stream.seek(0)
            self._places = self._read_list()
        except ValueError as error:
            self.close()
            raise ValueError(f"{self._where} cannot be read as a .params file: {error}") from error

    def __enter__(self) -> ParamsFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __getitem__(self, name: str) -> np.ndarray:
        place = self._places[name]
        self._stream.seek(place.offset)
        data = _take(self._stream, math.prod(place.shape) * place.dtype.itemsize)
        return np.frombuffer(data, place.dtype).reshape(place.shape)

    def close(self) -> None:
        """Close the file; no array can be read any more."""
        self._stream.close()

    def shape(self, name: str) -> tuple[int, ...]:
        """Return an array's shape, without reading the array."""
        return self._places[name].shape

    def _read_list(self) -> dict[str, _Place]:
        magic, _, count = self._numbers("<QQQ")
        if magic != _LIST:
            raise ValueError("it does not begin as MXNet's files do")
        if count > MOST_ARRAYS:
            raise ValueError(f"it says that it has {count} arrays, and networks have at most {MOST_ARRAYS}")
        places = [self._read_place() for _ in range(count)]
        (named,) = self._numbers("<Q")
        if named != count:
            raise ValueError(f"it has {count} arrays and {named} names" if named else "its arrays have no names")
        found = {self._read_name(): place for place in places}
        if len(found) < count:
            raise ValueError("two of its arrays have the same name")
        if self._stream.tell() < self._size:
            raise ValueError("something comes after its end")
        return found

    def _read_place(self) -> _Place:
        magic, storage, ndim = self._numbers("<IiI")
        if magic != _ARRAY or storage != 0:
            raise ValueError("it has an array of another kind than networks' weights")
        if not 1 <= ndim <= MOST_AXES:
            raise ValueError(f"it has an array of {ndim} axes")
        shape = self._numbers(f"<{ndim}q")
        _, _, kind = self._numbers("<iii")
        if kind not in _TYPES:
            raise ValueError(f"it has an array of an unknown type, {kind}")
        dtype, offset = np.dtype(_TYPES[kind]), self._stream.tell()
        if min(shape) < 1 or math.prod(shape) * dtype.itemsize > self._size - offset:
            raise ValueError(f"it is cut off, or damaged: an array of shape {shape} does not fit into it")
        self._stream.seek(offset + math.prod(shape) * dtype.itemsize)
        return _Place(offset, shape, dtype)

    def _read_name(self) -> str:
        (length,) = self._numbers("<Q")
        if not 1 <= length <= LONGEST_NAME:
            raise ValueError(f"it has a name of {length} bytes")
        try:
            return _take(self._stream, length).decode()
        except UnicodeDecodeError:
            raise ValueError("it has a name that is no text") from None

    def _numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, _take(self._stream, struct.calcsize(form)))


def _take(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise ValueError("it is cut off")
    return data


def load_weights(
    net: mx.gluon.Block, weights: ParamsFile, ctx: Sequence[mx.Context], *, ignore_extra: bool = False
) -> None:
    """Give a network its weights, by structural name, in little more memory than their own.

    Parameters
    ----------
    ignore_extra
        Whether there may be weights that the network has no use for.

    Raises
    ------
    ValueError
        If one is missing, is there besides, or has another shape or type.
    """
    parameters = net._collect_params_with_prefix()
    lacking = sorted(parameters.keys() - weights.keys())
    strangers = [] if ignore_extra else sorted(weights.keys() - parameters.keys())
    if lacking or strangers:
        lacking, strangers = ", ".join(lacking[:5]) or "nothing", ", ".join(strangers[:5]) or "-"
        raise ValueError(f"it lacks {lacking}, and has besides {strangers}")
    for name, parameter in parameters.items():
        known = tuple(parameter.shape or ())
        if len(known) != len(weights.shape(name)) or any(a not in (0, b) for a, b in zip(known, weights.shape(name))):
            raise ValueError(f"its {name} has the shape {weights.shape(name)}, and the network's is {known}")
        array, expected = weights[name], np.dtype(parameter.dtype)
        if array.dtype != expected:
            raise ValueError(f"its {name} has the type {array.dtype}, and the network's is {expected}")
        parameter._load_init(mx.nd.array(array, dtype=array.dtype), list(ctx))
