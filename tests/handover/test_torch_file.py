"""Files of PyTorch's tensors, read and written; PyTorch itself judges where it is installed."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from gluon_pix2pix.handover.torch_file import read_tensors, write_tensors

WEIGHT = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.pth"


def test_types_and_order(path, torch_save):
    arrays = {f"b.{dtype}": WEIGHT.astype(dtype) / 7 for dtype in ("f4", "f8", "f2")}
    arrays["a.count"] = np.array(5, dtype=np.int64)
    found = read_tensors(
        torch_save.save(path, OrderedDict((k, torch_save.tensor(str(n), v)) for n, (k, v) in enumerate(arrays.items())))
    )
    assert list(found) == list(arrays)
    for key, array in arrays.items():
        assert (found[key].dtype, found[key].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[key], array)


def test_bfloat16_is_the_upper_half_of_float32(path, torch_save):
    bits = np.array([0x3FC0, 0xC000, 0x0001], dtype=np.uint16)
    found = read_tensors(torch_save.save(path, {"x": torch_save.tensor("0", bits)}))["x"]
    assert found.dtype == np.float32
    assert found.tolist() == [1.5, -2.0, 2.0**-133]


def test_views_of_one_storage(path, torch_save):
    views = {
        "transposed": torch_save.tensor("0", WEIGHT, shape=(4, 3), strides=(1, 4), offset=12),
        "every_other": torch_save.tensor("0", WEIGHT, shape=(12,), strides=(2,), offset=1),
        "nothing": torch_save.tensor("0", WEIGHT, shape=(0, 7), strides=(7, 1), offset=24),
    }
    found = read_tensors(torch_save.save(path, views))
    np.testing.assert_array_equal(found["transposed"], WEIGHT[1].T)
    np.testing.assert_array_equal(found["every_other"], WEIGHT.ravel()[1::2])
    assert found["nothing"].shape == (0, 7)
    with pytest.raises(ValueError, match="read-only"):
        found["transposed"][0, 0] = 1


def test_metadata_of_a_module_is_skipped(path, torch_save):
    found = OrderedDict(x=torch_save.tensor("0", WEIGHT))
    found._metadata = OrderedDict([("", {"version": 1})])
    assert list(read_tensors(torch_save.save(path, found))) == ["x"]


def test_the_format_before_1_6(path, torch_save):
    found = {"x": torch_save.tensor("94141378217008", WEIGHT), "y": torch_save.tensor("94141378255760", -WEIGHT[0])}
    stored = torch_save.Stored("94141378359328", WEIGHT[1])
    found["z"] = torch_save.Reduced(torch_save.TORCH_UTILS._rebuild_tensor, stored, 0, (12,), (1,))  # before 0.4
    read = read_tensors(torch_save.save_old(path, OrderedDict(found)))
    np.testing.assert_array_equal(read["x"], WEIGHT)
    np.testing.assert_array_equal(read["y"], -WEIGHT[0])
    np.testing.assert_array_equal(read["z"], WEIGHT[1].ravel())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="cut off"):
        read_tensors(path)
    with pytest.raises(ValueError, match="big-endian"):
        read_tensors(torch_save.save_old(path, found, little_endian=False))


# Writing

STATE = {
    "model.0.weight": np.random.default_rng(0).standard_normal((8, 6, 4, 4), dtype=np.float32),
    "model.0.bias": np.float32([1.5, -0.0, np.inf]),
    "model.1.count": np.array(7, dtype=np.int64),
    "model.2.weight": np.ones((300, 2), dtype=np.float32)[::2],
    "model.3.half": np.float16([[1], [2]]),
}


def same(found, expected):
    assert list(found) == list(expected)
    for key, array in expected.items():
        assert (found[key].dtype, found[key].shape) == (array.dtype, array.shape)
        assert found[key].tobytes() == array.tobytes()


def test_round_trip(path, tmp_path):
    write_tensors(path, STATE)
    same(read_tensors(path), STATE)
    again = tmp_path / "again" / path.name
    again.parent.mkdir()
    write_tensors(again, read_tensors(path))
    assert again.read_bytes() == path.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["again", "net.pth"]


def test_python_reads_the_pickle(path, torch_save):
    """Python's own unpickler finds the calls that torch.load would find."""

    names = {**vars(torch_save.TORCH), **vars(torch_save.TORCH_UTILS), "OrderedDict": OrderedDict}

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            assert module == ("collections" if name == "OrderedDict" else names[name].__module__)
            return names[name]

        def persistent_load(self, words):
            return words

    write_tensors(path, STATE)
    with zipfile.ZipFile(path) as archive:
        found = Unpickler(archive.open("net/data.pkl")).load()
        assert archive.read("net/data/0") == STATE["model.0.weight"].tobytes()
        assert (archive.read("net/byteorder"), archive.read("net/version")) == (b"little", b"3\n")
    assert type(found) is OrderedDict
    storage = ("storage", torch_save.TORCH.FloatStorage, "0", "cpu", 768)
    assert found["model.0.weight"] == (storage, 0, (8, 6, 4, 4), (96, 16, 4, 1), False, OrderedDict())
    storage = ("storage", torch_save.TORCH.LongStorage, "2", "cpu", 1)
    assert found["model.1.count"] == (storage, 0, (), (), False, OrderedDict())


def test_data_begin_at_multiples_of_64_bytes(path):
    write_tensors(path, STATE)
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name_length, extra_length = struct.unpack_from("<HH", data, member.header_offset + 26)
            begin = member.header_offset + 30 + name_length + extra_length
            assert begin % 64 == 0
            assert data[begin : begin + member.file_size] == archive.read(member)


def test_nothing_half_written(path, monkeypatch):
    write_tensors(path, {"x": WEIGHT})
    before = path.read_bytes()
    monkeypatch.setattr(zipfile.ZipFile, "writestr", lambda *arguments: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_tensors(path, STATE)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


# PyTorch itself


def test_torch_reads_ours(path):
    torch = pytest.importorskip("torch")
    write_tensors(path, STATE)
    same({key: value.numpy() for key, value in torch.load(path, weights_only=True).items()}, STATE)
    mapped = torch.load(path, weights_only=True, mmap=True)
    same({key: value.numpy() for key, value in mapped.items()}, STATE)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
def test_torchs_own_files(path, zipped):
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)).to(memory_format=torch.channels_last)
    state = net.state_dict()
    state["bfloat16"], state["double"] = torch.arange(9.0).bfloat16(), torch.ones(3, 1).double().expand(3, 1).T
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    expected = {key: value.float() if value.dtype == torch.bfloat16 else value for key, value in state.items()}
    found = read_tensors(path)
    assert list(found) == list(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value.numpy())
