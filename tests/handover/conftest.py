"""Files as torch.save writes them, made by Python's own pickle and zipfile, without PyTorch."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import pytest

KINDS = {"f4": "FloatStorage", "f8": "DoubleStorage", "f2": "HalfStorage", "u2": "BFloat16Storage", "i8": "LongStorage"}
KINDS |= {"u1": "ByteStorage"}
TORCH, TORCH_UTILS = types.ModuleType("torch"), types.ModuleType("torch._utils")
for word in (*KINDS.values(), "IntStorage", "ComplexFloatStorage"):
    setattr(TORCH, word, type(word, (), {"__module__": "torch", "__qualname__": word}))
for word in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter"):
    rebuild = types.FunctionType((lambda *arguments: arguments).__code__, {}, word)
    rebuild.__module__, rebuild.__qualname__ = "torch._utils", word
    setattr(TORCH_UTILS, word, rebuild)


class Stored:
    """A storage as torch.save names it."""

    def __init__(self, key, values, *, kind=None, numel=None):
        self.data = values.tobytes()
        self.id = ("storage", getattr(TORCH, kind or KINDS[values.dtype.str[1:]]), key, "cpu", numel or values.size)


class Reduced:
    """Whatever pickles as a call."""

    def __init__(self, function, *arguments):
        self._call = (function, arguments)

    def __reduce__(self):
        return self._call


def tensor(key, values, *, offset=0, shape=None, strides=None, **kwargs):
    shape = values.shape if shape is None else shape
    strides = tuple(s // values.itemsize for s in values.strides) if strides is None else strides
    stored = Stored(key, values, **kwargs)
    return Reduced(TORCH_UTILS._rebuild_tensor_v2, stored, offset, shape, strides, False, OrderedDict())


def parameter(key, values):
    """A Parameter, as state_dict(keep_vars=True) and named_parameters() give them."""
    return Reduced(TORCH_UTILS._rebuild_parameter, tensor(key, values), True, OrderedDict())


class TorchPickler(pickle.Pickler):
    def __init__(self, stream, *, old):
        super().__init__(stream, protocol=2)
        self.old, self.storages = old, {}

    def persistent_id(self, value):
        if not isinstance(value, Stored):
            return None
        self.storages[value.id[2]] = value.data
        return (*value.id, None) if self.old else value.id


def save_pickle(found, *, old=False):
    """Return the pickle that torch.save would write, and the bytes of each storage."""
    stream = io.BytesIO()
    pickler = TorchPickler(stream, old=old)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "torch", TORCH)
        patch.setitem(sys.modules, "torch._utils", TORCH_UTILS)
        pickler.dump(found)
    return stream.getvalue(), pickler.storages


def save_members(path, members, **kwargs):
    with zipfile.ZipFile(path, "w", **kwargs) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def save(path, found, **members):
    program, storages = save_pickle(found)
    numbers = {f"net/data/{key}": data for key, data in storages.items()}
    members = {f"net/{name}": data for name, data in members.items()}
    return save_members(path, {"net/data.pkl": program, "net/byteorder": b"little", **numbers, **members})


def save_old(path, found, *, little_endian=True):
    program, storages = save_pickle(found, old=True)
    system = {"protocol_version": 1001, "little_endian": little_endian, "type_sizes": {"long": 4}}
    parts = [pickle.dumps(x, protocol=2) for x in (0x1950A86A20F9469CFC6C, 1001, system)]
    parts += [program, pickle.dumps(list(storages), protocol=2)]
    for value in storages.values():
        parts += [struct.pack("<q", len(value) // 4), value]
    path.write_bytes(b"".join(parts))
    return path


@pytest.fixture(scope="session")
def torch_save():
    """What makes such files: `tensor` and `Reduced` describe, the others write and return the path."""
    return types.SimpleNamespace(
        tensor=tensor,
        parameter=parameter,
        Stored=Stored,
        Reduced=Reduced,
        TORCH=TORCH,
        TORCH_UTILS=TORCH_UTILS,
        save=save,
        save_old=save_old,
        save_members=save_members,
        save_pickle=save_pickle,
    )
