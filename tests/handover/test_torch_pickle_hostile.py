"""Hostile and broken files of weights: whatever the bytes, nothing is called and the answer is a ValueError."""

from __future__ import annotations

import io
import os
import pickletools
import random
import re
import struct
import tracemalloc
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from gluon_pix2pix.handover.torch_file import read_tensors, write_tensors
from gluon_pix2pix.handover.torch_pickle import Machine

WEIGHT = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.pth"


def refused(path, match):
    with pytest.raises(ValueError, match=match) as caught:
        read_tensors(path)
    assert str(caught.value).startswith(f"{path} cannot be read as weights from PyTorch: ")
    assert len(str(caught.value)) < len(str(path)) + 700


@pytest.mark.parametrize("form", ["save", "save_old"])
def test_nothing_is_called(path, tmp_path, form, torch_save):
    saver = getattr(torch_save, form)
    mark = tmp_path / "called"
    refused(
        saver(path, {"x": torch_save.Reduced(os.system, f"touch {mark}")}), rf"names '{os.system.__module__}.system'"
    )
    refused(saver(path, {"x": torch_save.Reduced(eval, f"open({str(mark)!r}, 'w')")}), r"names '__builtin__\.eval'")
    assert not mark.exists()


def test_methods_that_unpickling_calls(path, torch_save):
    """__setstate__ through BUILD, __setitem__ and append of what is no container, and calls of what is no function."""
    header, named = b"\x80\x02", b"ctorch._utils\n_rebuild_tensor_v2\n"
    for program in (named + b"}b.", named + b"(X\x01\x00\x00\x00aK\x01u.", b"}K\x01a.", b"]X\x01\x00\x00\x00aK\x01s."):
        refused(torch_save.save_members(path, {"net/data.pkl": header + program}), "damaged")
    for program in (b"})R.", named + b")R.", b"ctorch\nFloatStorage\n)R.", b"ccollections\nOrderedDict\nK\x01\x85R."):
        refused(torch_save.save_members(path, {"net/data.pkl": header + program}), "calls something else")


KNOWN = b"\x80.(N\x88\x89KMJG\x8aX)\x85\x86\x87t}su]aeqrhjcQRb"


def test_every_other_instruction():
    others = {opcode.code.encode("latin-1"): opcode.name for opcode in pickletools.opcodes}
    others = {code: name for code, name in others.items() if code not in KNOWN}
    assert len(others) == len(pickletools.opcodes) - len(KNOWN)
    assert {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "STACK_GLOBAL", "PERSID"} < set(others.values())
    for code in others:
        with pytest.raises(ValueError, match=re.escape(f"the instruction {code!r}")):
            Machine(io.BytesIO(b"\x80\x02}}" + code + b"\x00" * 9)).run()


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"strides": (12, 4, 2)}, "beyond its storage of 24"),
        ({"offset": 1}, "beyond its storage of 24"),
        ({"offset": 25, "shape": (0,), "strides": (1,)}, "beyond its storage of 24"),
        ({"shape": (1 << 40, 1 << 40), "strides": (0, 0)}, "beyond its storage of 24"),
        ({"shape": (25,), "strides": (0,)}, "beyond its storage of 24"),
        ({"numel": 1 << 40}, "96 bytes, not 1099511627776 x 4"),
        ({"numel": -1}, "storage of another form"),
        ({"kind": "ComplexFloatStorage"}, r"names 'torch\.ComplexFloatStorage', which is no part of a tensor; where"),
        ({"shape": (2, -3), "strides": (1, 1)}, "tensor of another form"),
        ({"offset": -1}, "tensor of another form"),
        ({"offset": True}, "tensor of another form"),
        ({"shape": [24], "strides": (1,)}, "tensor of another form"),
        ({"shape": (24,), "strides": (1, 1)}, "tensor of another form"),
        ({"shape": (1,) * 9, "strides": (1,) * 9}, "tensor of another form"),
    ],
)
def test_views_beyond_their_storage(path, words, match, torch_save):
    refused(torch_save.save(path, {"x": torch_save.tensor("0", WEIGHT, **words)}), match)


def test_one_storage_of_two_forms(path, torch_save):
    refused(
        torch_save.save(path, {"x": torch_save.tensor("0", WEIGHT), "y": torch_save.tensor("0", WEIGHT.astype("f8"))}),
        "storage of another form",
    )


@pytest.mark.parametrize("form", ["save", "save_old"])
def test_many_views_of_one_storage(path, form, torch_save):
    """4 MB of numbers and 400 views of them all, which would become 1.6 GB as soon as somebody copied each."""
    saver, values = getattr(torch_save, form), np.zeros(1 << 20, np.float32)
    view = torch_save.tensor("0", values)
    saver(path, OrderedDict((f"model.{n}.weight", view) for n in range(400)))
    tracemalloc.start()
    try:
        refused(path, "share storage '0': together they have 419430400 numbers, and it has 1048576")
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()
    first = torch_save.tensor("0", WEIGHT, shape=(12,), strides=(1,))
    second = torch_save.tensor("0", WEIGHT, shape=(13,), strides=(1,), offset=11)
    refused(saver(path, OrderedDict(x=first, y=second)), "25 numbers, and it has 24")


@pytest.mark.parametrize(
    ("found", "match"),
    [
        ([1, 2], "no state_dict"),
        ({}, "no state_dict"),
        ({"epoch": 3, "net": {}}, "'epoch' in it is no tensor, but int"),
        ({1: 2}, "'1' in it is no tensor, but int"),
        ({None: 2}, "keys are neither strings nor numbers"),
        ({"x": 1.5}, "'x' in it is no tensor, but float"),
    ],
)
def test_other_things_than_tensors(path, found, match, torch_save):
    refused(torch_save.save(path, found), match)


def test_memory_and_time_are_bounded(path, torch_save):
    header = b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * 100  # tuples of the last one twice: 2**100 at the end
    for program, match in [
        (b".", "no state_dict"),
        (b"}h\x00K\x01s.", "keys are neither strings nor numbers"),
        (b"}X\x01\x00\x00\x00ah\x00s.", "'a' in it is no tensor, but tuple"),
        (b"ccollections\nOrderedDict\nh\x00R.", "calls something else"),
        (b"ctorch._utils\n_rebuild_tensor_v2\nh\x00R.", "calls something else"),
        (b"h\x00Q.", "storage of another form"),
        (b"N" * 300_000, "more than 200000 instructions"),
        (b"X\xff\xff\xff\xff", "cut off"),
    ]:
        refused(torch_save.save_members(path, {"net/data.pkl": header + program}), match)
    with open(path, "wb") as stream:
        stream.truncate((2 << 30) + 1)  # a hole: takes no room
    refused(path, "at most 2147483648")


# zips


def test_members(path, torch_save):
    program, storages = torch_save.save_pickle({"x": torch_save.tensor("0", WEIGHT)})
    good = {"net/data.pkl": program, "net/data/0": storages["0"]}
    assert list(read_tensors(torch_save.save_members(path, good))) == ["x"]
    refused(torch_save.save_members(path, {**good, "net/byteorder": b"big"}), "big-endian")
    refused(torch_save.save_members(path, good, compression=zipfile.ZIP_DEFLATED), "compressed or encrypted")
    refused(torch_save.save_members(path, {**good, "other/x": b""}), "'other/x' is outside the folder 'net'")
    refused(torch_save.save_members(path, {**good, "net/../../x": b""}), "outside the folder")
    refused(torch_save.save_members(path, {"net/data.pkl": program}), "no member 'data/0'")
    refused(torch_save.save_members(path, {"data.pkl": program}), "outside the folder")
    refused(torch_save.save_members(path, {**good, **{f"net/{n}": b"" for n in range(20_000)}}), "more members")


def test_two_members_of_one_name(path, torch_save):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", torch_save.save_pickle({"x": torch_save.tensor("0", WEIGHT)})[0])
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("net/data.pkl", b"")
    refused(path, "same name")


def test_members_that_lie_about_themselves(path, torch_save):
    data = torch_save.save(path, {"x": torch_save.tensor("0", WEIGHT)}).read_bytes()
    directory = data.index(b"PK\x01\x02")
    for offset, value, match in ((8, b"\x01\x00", "encrypted"), (24, b"\xff\xff\xff\x7f", "larger than it is")):
        lie = bytearray(data)
        lie[directory + offset : directory + offset + len(value)] = value
        path.write_bytes(lie)
        refused(path, match)
    damaged = bytearray(data)
    damaged[data.index(WEIGHT.tobytes()) + 5] ^= 1
    path.write_bytes(damaged)
    refused(path, "Bad CRC-32")
    end = bytearray(data)
    end[-10:-6] = b"\xff\xff\xff\x7f"  # the length of the list of members
    path.write_bytes(end)
    refused(path, "more members")


def test_zip64_records_that_disagree(path):
    write_tensors(path, {"x": WEIGHT})
    data = path.read_bytes()
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 4, 4, 1 << 40, 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(data) - 22, 1)
    path.write_bytes(data[:-22] + record + locator + data[-22:])
    refused(path, "more members")
    path.write_bytes(data[:-22] + locator + data[-22:])
    refused(path, "damaged")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"these are no weights\n" * 50, b"\x80\x04N.", b"\x93NUMPY"])
def test_other_files(path, data):
    path.write_bytes(data)
    refused(path, "no file that torch.save has written|cut off")


def test_no_file(path):
    with pytest.raises(FileNotFoundError):
        read_tensors(path)


@pytest.mark.parametrize("form", ["save", "save_old"])
def test_cut_and_mutated_files(path, form, torch_save):
    """Whatever the bytes, the answer is an array within bounds or a ValueError."""
    saver = getattr(torch_save, form)
    data = saver(
        path, OrderedDict(a=torch_save.tensor("0", WEIGHT), b=torch_save.tensor("1", WEIGHT[1].T))
    ).read_bytes()
    rng, outcomes = random.Random(0), {"read": 0, "refused": 0}
    for trial in range(1000):
        mutant = bytearray(data)
        for _ in range(rng.choice((1, 1, 3))):
            place = rng.randrange(len(mutant))
            mutant[place] = rng.choice((rng.randrange(256), 0, 255, mutant[place] ^ 1, *b"(cR.bQhtu}])\x85X"))
        path.write_bytes(mutant[: rng.randrange(len(mutant))] if trial % 5 == 0 else mutant)
        try:
            for array in read_tensors(path).values():
                assert len(array.tobytes()) <= WEIGHT.nbytes
            outcomes["read"] += 1
        except ValueError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 100, outcomes


def test_mutated_pickles(torch_save):
    """In a zip, the check sums catch most mutations before the pickle is looked at."""
    program, _ = torch_save.save_pickle(
        OrderedDict(a=torch_save.tensor("0", WEIGHT), b=torch_save.tensor("1", WEIGHT[1].T))
    )
    rng, outcomes = random.Random(1), {"read": 0, "refused": 0}
    for _ in range(5000):
        mutant = bytearray(program)
        for _ in range(rng.choice((1, 1, 3))):
            place = rng.randrange(len(mutant))
            mutant[place] = rng.choice((rng.randrange(256), 0, 255, mutant[place] ^ 1, *b"(cR.bQhtu}])\x85X"))
        try:
            Machine(io.BytesIO(mutant)).run()
            outcomes["read"] += 1
        except ValueError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 100, outcomes


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "net_G.pth")
    with pytest.raises(OSError, match=r"net_G\.pth is a pipe or device, not a file"):
        read_tensors(tmp_path / "net_G.pth")
