"""An ONNX file looked at before ONNX Runtime's parser sees it: what it refers to is in it, and as large as it says.

Only the protocol buffers' own framing is read here (protobuf.dev, "Encoding"), and of ONNX's messages (onnx.proto3) the
fields that say how large something is or that another file has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Union

MOST_NODES = 5000  # of a graph; the largest here, a resnet of 9 blocks, has some 200
MOST_VALUES = 1 << 30  # of a tensor: a U-Net has 54 million in all
_DEEP = {6: "g", 11: "graphs"}  # fields of an attribute that hold graphs: loops and branches
_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8}  # a value of each data type

Field = tuple[int, int, Union[int, memoryview]]  # number, wire type, value


def check_onnx(data: bytes, path: object) -> None:
    """See that a file is an ONNX model that keeps within itself.

    Raises
    ------
    ValueError
        If it is something else or damaged, has control flow, refers to other files, or has a tensor of another length
        than its shape says. `path` is named.
    """
    try:
        graphs = [value for number, wire, value in _fields(memoryview(data)) if (number, wire) == (7, 2)]
        if len(graphs) != 1:
            raise ValueError("it has no graph")
        _check_graph(graphs[0])
    except ValueError as error:
        raise ValueError(f"{path} is not an ONNX model that ONNX Runtime can load: {error}") from None


def _check_graph(graph: memoryview) -> None:
    nodes = 0
    for number, wire, value in _fields(graph):
        if (number, wire) == (1, 2):
            nodes += 1
            if nodes > MOST_NODES:
                raise ValueError(f"its graph has more than {MOST_NODES} nodes")
            _check_node(value)
        elif (number, wire) == (5, 2):
            _check_tensor(value)
        elif number == 15:
            raise ValueError("it has sparse weights")


def _check_node(node: memoryview) -> None:
    for number, wire, value in _fields(node):
        if (number, wire) != (5, 2):
            continue
        for inner, inner_wire, attribute in _fields(value):
            if inner in _DEEP:
                raise ValueError("its graph has loops or branches")
            if (inner, inner_wire) == (5, 2):
                _check_tensor(attribute)


def _check_tensor(tensor: memoryview) -> None:
    sides, kind, found = [], 0, None
    for number, wire, value in _fields(tensor):
        if number == 1:
            sides += [value] if wire == 0 else list(_varints(value))
        elif (number, wire) == (2, 0):
            kind = value
        elif number == 13 or (number == 14 and value):  # where its data are: 0, which some tools write, is here
            raise ValueError("its weights are in another file")
        elif (number, wire) == (9, 2):
            found = len(value)
    count = 1
    for side in sides:
        count *= side
        if side > MOST_VALUES or count > MOST_VALUES:  # a negative side is a huge number here
            raise ValueError(f"a tensor claims {' x '.join(map(str, sides))} values")
    if found is not None and found != count * _BYTES.get(kind, -1):
        raise ValueError(f"a tensor of {' x '.join(map(str, sides)) or 1} values has {found} bytes")


def _fields(data: memoryview) -> Iterator[Field]:
    """Yield the fields of a message.

    Raises
    ------
    ValueError
        If one goes beyond the end, or is of no known kind.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
        elif wire in (1, 2, 5):
            length = {1: 8, 5: 4}.get(wire)
            if length is None:
                length, at = _varint(data, at)
            if length > len(data) - at:
                raise ValueError("it ends within a field: it is cut off, or has more than was written")
            value, at = data[at : at + length], at + length
        else:
            raise ValueError("it is no protocol buffer")
        yield number, wire, value


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return a whole number that is written in groups of seven bits, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("it ends within a field: it is cut off, or has more than was written")
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("it is no protocol buffer")
