"""The pickle inside a file of PyTorch's, read and written without PyTorch; reading executes nothing that it says.

A pickle is a program for a stack machine (Python's pickletools lists its instructions), and Python's own machine can be
told by it to call anything. The one here knows the two dozen instructions that ``torch.save`` writes for tensors
(torch/serialization.py and torch/_utils.py of PyTorch). It imports and calls nothing, builds dicts, lists, tuples,
strings and numbers, and only describes storages and tensors; every other instruction and every other name is an error.
An ``Unpickler`` with a strict ``find_class`` would still carry out the rest of the instructions.
"""

from __future__ import annotations

import math
import pickle
import struct
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

MAX_INSTRUCTIONS = 200_000  # a U-Net of 9 levels takes 4,000
MAX_TEXT = 4096  # bytes of a key, a number or a name

# PyTorch's names of the storages that weights come in, and what is saved beside them.
DTYPES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


class Storage(NamedTuple):
    """A run of numbers that lies elsewhere in the file."""

    key: str
    dtype: str
    numel: int


class Tensor(NamedTuple):
    """A view of a storage that lies within it; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class UnknownNameError(ValueError):
    """A pickle names something else than what tensors are made of."""


class _Global:
    """What a name stands for. Only ever compared by identity, so that no data can pass for one."""

    def __init__(self, dtype: str = ""):
        self.dtype = dtype


_ORDERED_DICT, _REBUILD, _PARAMETER = _Global(), _Global(), _Global()
_GLOBALS = {
    ("collections", "OrderedDict"): _ORDERED_DICT,
    ("torch._utils", "_rebuild_tensor"): _REBUILD,  # before PyTorch 0.4
    ("torch._utils", "_rebuild_tensor_v2"): _REBUILD,
    ("torch._utils", "_rebuild_parameter"): _PARAMETER,  # of named_parameters() and state_dict(keep_vars=True)
    **{("torch", name): _Global(dtype) for name, dtype in DTYPES.items()},
}
_MARK = object()
_CONSTANTS = {pickle.NONE: None, pickle.NEWTRUE: True, pickle.NEWFALSE: False}
_INTEGERS = {pickle.BININT: "<i", pickle.BININT1: "<B", pickle.BININT2: "<H"}
_TUPLES = {pickle.EMPTY_TUPLE: 0, pickle.TUPLE1: 1, pickle.TUPLE2: 2, pickle.TUPLE3: 3}
_PUT = {pickle.BINPUT: "<B", pickle.LONG_BINPUT: "<I"}
_GET = {pickle.BINGET: "<B", pickle.LONG_BINGET: "<I"}


class Machine:
    """Interpret pickles that follow one another in a stream; `storages` are those that they name, by key."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self.storages: dict[str, Storage] = {}

    def run(self) -> object:
        """Interpret one pickle and return what it builds, with a `Tensor` in the place of each tensor.

        Raises
        ------
        ValueError
            If it is damaged, or is not made of tensors and plain containers alone.
        """
        self._stack: list = []
        self._memo: dict[int, object] = {}
        try:
            for _ in range(MAX_INSTRUCTIONS):
                instruction = self._take(1)
                if instruction == pickle.STOP:
                    return self._stack.pop()
                self._step(instruction)
        # An empty stack, a number under which nothing was put, or text that is none.
        except (IndexError, KeyError, UnicodeDecodeError):
            raise ValueError("its pickle is damaged") from None
        raise ValueError(f"its pickle has more than {MAX_INSTRUCTIONS} instructions")

    def _step(self, instruction: bytes) -> None:
        push, pop = self._stack.append, self._stack.pop
        if instruction == pickle.PROTO:
            self._take(1)
        elif instruction in _CONSTANTS:
            push(_CONSTANTS[instruction])
        elif instruction in _INTEGERS:
            push(self._number(_INTEGERS[instruction]))
        elif instruction == pickle.BINFLOAT:
            push(self._number(">d"))
        elif instruction == pickle.LONG1:
            push(int.from_bytes(self._take(self._number("<B")), "little", signed=True))
        elif instruction == pickle.BINUNICODE:
            push(self._take(self._number("<I")).decode())
        elif instruction == pickle.MARK:
            push(_MARK)
        elif instruction in _TUPLES:
            push(tuple([pop() for _ in range(_TUPLES[instruction])][::-1]))
        elif instruction == pickle.TUPLE:
            push(tuple(self._pop_to_mark()))
        elif instruction == pickle.EMPTY_DICT:
            push({})
        elif instruction in (pickle.SETITEM, pickle.SETITEMS):
            self._set_items([pop(), pop()][::-1] if instruction == pickle.SETITEM else self._pop_to_mark())
        elif instruction == pickle.EMPTY_LIST:
            push([])
        elif instruction in (pickle.APPEND, pickle.APPENDS):
            items = [pop()] if instruction == pickle.APPEND else self._pop_to_mark()
            self._top(list).extend(items)
        elif instruction in _PUT:
            self._memo[self._number(_PUT[instruction])] = self._stack[-1]
        elif instruction in _GET:
            push(self._memo[self._number(_GET[instruction])])
        elif instruction == pickle.GLOBAL:
            push(self._global())
        elif instruction == pickle.BINPERSID:
            push(self._storage(pop()))
        elif instruction == pickle.REDUCE:
            arguments, function = pop(), pop()
            push(_build(function, arguments))
        elif instruction == pickle.BUILD:
            pop()  # attributes: the versions of the layers
            self._top(dict)
        else:
            raise ValueError(f"its pickle has the instruction {instruction!r}, which tensors do not need")

    def _take(self, count: int) -> bytes:
        data = self._stream.read(count) if count <= MAX_TEXT else b""
        if len(data) < count:
            raise ValueError("its pickle is damaged or cut off")
        return data

    def _number(self, form: str):
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _top(self, kind: type):
        if type(self._stack[-1]) is not kind:
            raise ValueError("its pickle is damaged")
        return self._stack[-1]

    def _pop_to_mark(self) -> list:
        items = []
        while True:
            item = self._stack.pop()
            if item is _MARK:
                return items[::-1]
            items.append(item)

    def _set_items(self, items: list) -> None:
        if len(items) % 2 or any(type(key) not in (str, int) for key in items[::2]):
            raise ValueError("its pickle has a dict whose keys are neither strings nor numbers")
        self._top(dict).update(zip(items[::2], items[1::2]))

    def _global(self) -> _Global:
        words = tuple(self._stream.readline(MAX_TEXT).decode().rstrip("\n") for _ in range(2))
        if words not in _GLOBALS:
            raise UnknownNameError(f"its pickle names {'.'.join(words)[:100]!r}, which is no part of a tensor")
        return _GLOBALS[words]

    def _storage(self, words: object) -> Storage:
        """Describe a storage by what torch.save calls its persistent id; PyTorch before 1.6 adds a sixth word."""
        if type(words) is not tuple or [type(word) for word in words] not in (
            [str, _Global, str, str, int],
            [str, _Global, str, str, int, type(None)],
        ):
            raise ValueError("its pickle has a storage of another form than PyTorch's")
        kind, named, key, _, numel = words[:5]
        storage = Storage(key, named.dtype, numel)
        if kind != "storage" or not named.dtype or numel < 0 or self.storages.setdefault(key, storage) != storage:
            raise ValueError("its pickle has a storage of another form than PyTorch's")
        return storage


def _build(function: object, arguments: object) -> object:
    """Do what the only three functions that a state_dict calls would do."""
    if function is _ORDERED_DICT and arguments == ():
        return {}
    if function is _PARAMETER and type(arguments) is tuple and arguments and type(arguments[0]) is Tensor:
        return arguments[0]
    if function is not _REBUILD or type(arguments) is not tuple or len(arguments) < 4:
        raise ValueError("its pickle calls something else than what makes tensors")
    storage, offset, shape, strides = arguments[:4]
    if type(storage) is not Storage or type(shape) is not tuple or type(strides) is not tuple:
        raise ValueError("its pickle has a tensor of another form than PyTorch's")
    numbers = (offset, *shape, *strides)
    if len(shape) != len(strides) or len(shape) > 8 or any(type(n) is not int or n < 0 for n in numbers):
        raise ValueError("its pickle has a tensor of another form than PyTorch's")
    size = math.prod(shape)
    end = offset + sum((length - 1) * stride for length, stride in zip(shape, strides)) + 1 if size else offset
    # The first bound is for strides of 0, with which a huge array would fit into a small storage.
    if size > storage.numel or end > storage.numel:
        raise ValueError(f"a tensor of shape {shape} reaches beyond its storage of {storage.numel} numbers")
    return Tensor(storage, offset, shape, strides)


def pickle_tensors(tensors: Mapping[str, Tensor]) -> bytes:
    """Write the pickle of an OrderedDict of tensors, in the instructions that ``torch.save`` uses."""

    def text(words: str) -> bytes:
        return pickle.BINUNICODE + struct.pack("<I", len(words.encode())) + words.encode()

    def name(module: str, words: str) -> bytes:
        return pickle.GLOBAL + f"{module}\n{words}\n".encode()

    def group(*parts: bytes) -> bytes:
        return pickle.MARK + b"".join(parts) + pickle.TUPLE

    def integer(number: int) -> bytes:
        return pickle.BININT + struct.pack("<i", number)

    storage_names = {dtype: word for word, dtype in DTYPES.items()}
    empty = name("collections", "OrderedDict") + pickle.EMPTY_TUPLE + pickle.REDUCE
    program = [pickle.PROTO, b"\x02", empty, pickle.MARK]
    for key, ((number, dtype, numel), offset, shape, strides) in tensors.items():
        kind = name("torch", storage_names[dtype])
        storage = group(text("storage"), kind, text(number), text("cpu"), integer(numel)) + pickle.BINPERSID
        sizes = [group(*map(integer, lengths)) for lengths in (shape, strides)]
        tensor = group(storage, integer(offset), *sizes, pickle.NEWFALSE, empty)  # no gradient, no hooks
        program += [text(key), name("torch._utils", "_rebuild_tensor_v2"), tensor, pickle.REDUCE]
    return b"".join([*program, pickle.SETITEMS, pickle.STOP])
