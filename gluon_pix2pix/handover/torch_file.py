"""Files of PyTorch's tensors (.pth) to numpy arrays and back, without PyTorch.

Since 1.6, ``torch.save`` writes an uncompressed zip: ``data.pkl`` says which tensors there are, and ``data/0``,
``data/1``, … are their numbers. Before, it wrote the same as five pickles, with the numbers behind them. Both are
read; the first is written (torch/serialization.py of PyTorch).
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import struct
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gluon_pix2pix.handover.torch_pickle import Machine, Storage, Tensor, UnknownNameError, pickle_tensors
from gluon_pix2pix.reading import open_file
from gluon_pix2pix.writing import whole_file

MAX_BYTES = 2 << 30  # unet_512 with 128 channels has 1 GiB
_MAX_DIRECTORY = 1 << 20  # bytes of the zip's own list of its members
_ALIGNMENT = 64  # what PyTorch gives its storages, so that they can be mapped into memory
_OLD_FORMAT = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the pickle of its magic number
# bfloat16, the upper half of a float32, is no dtype of numpy's: its bits are widened.
_DTYPES = {"float32": "<f4", "float64": "<f8", "float16": "<f2", "bfloat16": "<u2", "int64": "<i8"}
_DTYPES |= {"int32": "<i4", "int16": "<i2", "int8": "|i1", "uint8": "|u1", "bool": "|b1"}
_DEEPEST = 4  # dicts within dicts, in which state_dicts are looked for
# What saves the weights alone, for files that hold more. Only PyTorch itself can take them out: by running the file.
_SAVE = (
    "where the program is that wrote it, and if you trust the file, save the weights alone: "
    """python -c "import torch; x = torch.{load}; torch.save({weights}, 'weights.pth')\""""
)
_FROM_PICKLE = {
    "load": "load('{name}', map_location='cpu', weights_only=False)",
    "weights": "x.state_dict() if hasattr(x, 'state_dict') else x['state_dict']",
}
_FROM_SCRIPT = {"load": "jit.load('{name}', map_location='cpu')", "weights": "x.state_dict()"}


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """Read a state_dict, the file of a PyTorch network's weights, without executing anything that is in it.

    Returns
    -------
    dict of str to numpy.ndarray
        In the file's order, read-only, of the types in the file; bfloat16 comes as float32.

    Raises
    ------
    OSError
        If there is no such file, or it is none.
    ValueError
        If it is damaged, or holds anything but tensors by name, or its tensors are larger together than the numbers
        that it stores for them.
    """
    with _opened(path) as (found, storages):
        if type(found) is not dict or not found:
            raise ValueError("it holds no state_dict, which is a dict of tensors")
        for key, value in found.items():
            if type(value) is not Tensor:
                raise ValueError(
                    f"it is no state_dict: {str(key)[:100]!r} in it is no tensor, but {type(value).__name__}"
                )
        return _views(found, storages)


def read_state_dicts(path: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Read all state_dicts that a file holds, as `read_tensors` reads one, whatever else is beside them.

    Returns
    -------
    dict of str to dict
        Each under the keys that lead to it, with dots between; "" is the file's own.

    Raises
    ------
    OSError, ValueError
        As `read_tensors` does; what is beside the tensors may be numbers, texts and containers of these.
    """
    with _opened(path) as (found, storages):
        dicts: dict[str, dict[str, Tensor]] = {}
        seen, waiting = set(), [("", found, 0)]
        while waiting:
            where, value, depth = waiting.pop(0)
            if type(value) is not dict or id(value) in seen or depth > _DEEPEST:
                continue
            seen.add(id(value))
            dicts[where] = {key: item for key, item in value.items() if type(item) is Tensor and type(key) is str}
            waiting += [(f"{where}.{key}".lstrip("."), item, depth + 1) for key, item in value.items()]
        found = {where: _views(tensors, storages) for where, tensors in dicts.items() if tensors}
        if not found:
            raise ValueError("it holds no state_dict, which is a dict of tensors")
        return found


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[tuple[object, dict[str, np.ndarray]]]:
    """Lend what a file's pickle builds and the numbers of each storage; what is wrong becomes a line with its name."""
    with open_file(path) as stream:
        try:
            yield _read(stream, size=os.fstat(stream.fileno()).st_size)
        except UnknownNameError as error:
            way = _SAVE.format(**_FROM_PICKLE).format(name=Path(path).name)
            raise ValueError(f"{path} cannot be read as weights from PyTorch: {error}; {way}") from error
        except _ScriptError as error:
            way = _SAVE.format(**_FROM_SCRIPT).format(name=Path(path).name)
            raise ValueError(f"{path} is a program of TorchScript, not weights alone: {way}") from error
        # zipfile reports damage as any of these; OSError, for one, where an offset is beyond what a file can have.
        except (ValueError, zipfile.BadZipFile, OSError, RuntimeError, EOFError, OverflowError, struct.error) as error:
            raise ValueError(f"{path} cannot be read as weights from PyTorch: {error}") from error


class _ScriptError(ValueError):
    """A file is a compiled module of TorchScript."""


def _read(stream: BinaryIO, size: int) -> tuple[object, dict[str, np.ndarray]]:
    """Return what the pickle builds and the numbers of each storage that it names."""
    if size > MAX_BYTES:
        raise ValueError(f"it has {size} bytes, and networks of this kind have at most {MAX_BYTES}")
    start = stream.read(len(_OLD_FORMAT))
    stream.seek(0)
    if start.startswith(b"PK\x03\x04"):
        return _read_zip(stream, size)
    if start == _OLD_FORMAT:
        return _read_old_format(stream, size)
    raise ValueError("it is no file that torch.save has written")


def _read_zip(stream: BinaryIO, size: int) -> tuple[object, dict[str, np.ndarray]]:
    _check_directory(stream, size)
    archive = zipfile.ZipFile(stream)
    members = {member.filename: member for member in archive.infolist()}
    root = next(iter(members), "").partition("/")[0]
    if f"{root}/constants.pkl" in members:
        raise _ScriptError("it has constants.pkl")
    if len(members) < len(archive.infolist()):
        raise ValueError("two of its members have the same name")
    if sum(member.file_size for member in members.values()) > size:
        raise ValueError("its members are larger than it is")
    for name, member in members.items():
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise ValueError(f"its member {name[:100]!r} is compressed or encrypted, as torch.save writes none")
        if not name.startswith(f"{root}/") or ".." in name.split("/"):
            raise ValueError(f"its member {name[:100]!r} is outside the folder {root[:100]!r}")

    def read(name: str) -> bytes:
        if f"{root}/{name}" not in members:
            raise ValueError(f"it has no member {name[:100]!r}")
        return archive.read(members[f"{root}/{name}"])

    if f"{root}/byteorder" in members and read("byteorder") != b"little":
        raise ValueError("it was written on a big-endian machine")
    machine = Machine(io.BytesIO(read("data.pkl")))
    found = machine.run()
    return found, {key: _to_array(storage, read(f"data/{key}")) for key, storage in machine.storages.items()}


def _check_directory(stream: BinaryIO, size: int) -> None:
    """Refuse a long list of members before zipfile reads it, which takes ten times its length in memory.

    The list's length stands in the last 22 bytes, and in those of zip64, 76 bytes, before them (PKWARE's APPNOTE
    4.3.14 to 4.3.16).
    """
    stream.seek(max(size - 98, 0))
    end = stream.read()
    if end[-22:-18] != b"PK\x05\x06":
        raise ValueError("it is cut off, or a zip that torch.save has not written")
    lengths = [struct.unpack("<I", end[-10:-6])[0]]
    if end[-42:-38] == b"PK\x06\x07":
        if end[:4] != b"PK\x06\x06" or struct.unpack("<Q", end[-34:-26])[0] != size - 98:
            raise ValueError("it is damaged, or a zip that torch.save has not written")
        lengths.append(struct.unpack("<Q", end[40:48])[0])
    if max(lengths) > _MAX_DIRECTORY:
        raise ValueError("it has more members than a network has weights")


def _read_old_format(stream: BinaryIO, size: int) -> tuple[object, dict[str, np.ndarray]]:
    machine = Machine(stream)
    _, _, system, found, keys = (machine.run() for _ in range(5))
    if type(system) is not dict or system.get("little_endian") is not True:
        raise ValueError("it was written on a big-endian machine")
    if type(keys) is not list or any(type(key) is not str for key in keys) or sorted(keys) != sorted(machine.storages):
        raise ValueError("its list of storages is damaged")
    arrays = {}
    for storage in map(machine.storages.__getitem__, keys):
        numel = int.from_bytes(stream.read(8), "little")
        length = numel * np.dtype(_DTYPES[storage.dtype]).itemsize
        if length > size - stream.tell():
            raise ValueError("it is cut off")
        arrays[storage.key] = _to_array(storage, stream.read(length))
    return found, arrays


def _to_array(storage: Storage, data: bytes) -> np.ndarray:
    dtype = np.dtype(_DTYPES[storage.dtype])
    if len(data) != storage.numel * dtype.itemsize:
        raise ValueError(f"storage {storage.key[:100]!r} has {len(data)} bytes, not {storage.numel} x {dtype.itemsize}")
    values = np.frombuffer(data, dtype)
    return (values.astype("<u4") << 16).view("<f4") if storage.dtype == "bfloat16" else values


def _check_sizes(tensors: Iterable[Tensor]) -> None:
    """Refuse tensors that overlap: a small file could say thousands of them, each to be copied by who reads it."""
    sizes: Counter[Storage] = Counter()
    for tensor in tensors:
        sizes[tensor.storage] += math.prod(tensor.shape)
    for storage, size in sizes.items():
        if size > storage.numel:
            raise ValueError(
                f"its tensors share storage {storage.key[:100]!r}: together they have {size} numbers, and it has "
                f"{storage.numel}; a network's weights do not overlap"
            )


def _views(tensors: Mapping[str, Tensor], storages: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    _check_sizes(tensors.values())
    return {key: _view(tensor, storages[tensor.storage.key]) for key, tensor in tensors.items()}


def _view(tensor: Tensor, values: np.ndarray) -> np.ndarray:
    strides = [stride * values.itemsize for stride in tensor.strides] if values.size else tensor.strides
    return np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.shape, strides, writeable=False)


def write_tensors(path: str | Path, tensors: Mapping[str, np.ndarray]) -> None:
    """Write a state_dict that ``torch.load(path, weights_only=True)`` reads, whole or not at all.

    Parameters
    ----------
    path
        The file; those of PyTorch networks are called .pth.
    tensors
        Arrays of float16, float32, float64 or int64. Equal ones give equal files, byte for byte.
    """
    path = Path(path)
    described = {}
    for number, (key, array) in enumerate(tensors.items()):
        strides = tuple(math.prod(array.shape[axis + 1 :]) for axis in range(array.ndim))
        described[key] = Tensor(Storage(str(number), array.dtype.name, array.size), 0, array.shape, strides)
    with whole_file(path, durable=True) as file, open(file, "wb") as stream, zipfile.ZipFile(stream, "w") as archive:
        _add_member(archive, stream, f"{path.stem}/data.pkl", pickle_tensors(described))
        _add_member(archive, stream, f"{path.stem}/byteorder", b"little")
        for number, array in enumerate(tensors.values()):
            data = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            _add_member(archive, stream, f"{path.stem}/data/{number}", data.tobytes())
        _add_member(archive, stream, f"{path.stem}/version", b"3\n")


def _add_member(archive: zipfile.ZipFile, stream: BinaryIO, name: str, data: bytes) -> None:
    """Add a member without compression, of no date, whose data begin at a multiple of 64 bytes."""
    member = zipfile.ZipInfo(name)
    header = stream.tell() + 30 + len(name.encode()) + 4  # up to its extra field's own data
    padding = -header % _ALIGNMENT
    member.extra = b"FB" + struct.pack("<H", padding) + bytes(padding)
    archive.writestr(member, data)
