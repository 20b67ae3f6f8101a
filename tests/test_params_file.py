"""MXNet's files of arrays, read by ourselves: as MXNet writes them, and whatever a damaged one says."""

from __future__ import annotations

import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon_pix2pix.params_file import ParamsFile, load_weights
from gluon_pix2pix.runtime import mx

TYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64")


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = [(2, 3, 4, 4), (5,), (1, 1), (3, 2), (7,), (2, 2, 2), (1,)]
    return {f"{kind} é": (100 * rng.normal(size=shape)).astype(kind) for kind, shape in zip(TYPES, shapes)}


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("params") / "a.params"
    mx.nd.save(str(path), {name: mx.nd.array(array, dtype=array.dtype) for name, array in arrays().items()})
    mx.nd.waitall()
    return path.read_bytes()


def test_what_mxnet_writes(saved, tmp_path):
    (tmp_path / "a.params").write_bytes(saved)
    for file in (saved, tmp_path / "a.params"):
        with ParamsFile(file) as found:
            assert list(found) == list(arrays())
            for name, expected in arrays().items():
                assert (found.shape(name), found[name].dtype) == (expected.shape, expected.dtype)
                np.testing.assert_array_equal(found[name], expected)


@pytest.mark.parametrize(
    ("offset", "form", "value", "error"),
    [
        (0, "<Q", 0x113, "does not begin as MXNet's files do"),
        (16, "<Q", 1 << 63, "says that it has 9223372036854775808 arrays"),
        (24, "<I", 0xF993FAC8, "an array of another kind"),
        (28, "<i", 1, "an array of another kind"),
        (32, "<I", 0, "an array of 0 axes"),
        (32, "<I", 0xFFFFFFFF, "an array of 4294967295 axes"),
        (36, "<q", -1, r"cut off, or damaged: an array of shape \(-1, 3, 4, 4\) does not fit"),
        (36, "<q", 1 << 62, "does not fit into it"),
        (36, "<q", 0, "does not fit into it"),
        (76, "<i", 12, "an array of an unknown type, 12"),
    ],
)
def test_numbers_that_cannot_be(saved, offset, form, value, error):
    data = bytearray(saved)
    struct.pack_into(form, data, offset % len(data), value)
    with pytest.raises(ValueError, match=f"a.params cannot be read as a .params file: .*({error})"):
        ParamsFile(bytes(data), where="a.params")


def names_of(saved: bytes) -> int:
    """Where the list of names begins."""
    return saved.index("float32 é".encode()) - 16


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda data, at: data[:at] + struct.pack("<Q", 0), "its arrays have no names"),
        (lambda data, at: data[:at] + struct.pack("<Q", 6) + data[at + 8 :], "it has 7 arrays and 6 names"),
        (lambda data, at: data[: at + 8] + struct.pack("<Q", 0) + data[at + 16 :], "it has a name of 0 bytes"),
        (lambda data, at: data[: at + 8] + struct.pack("<Q", 1 << 50) + data[at + 16 :], "a name of 1125899906842624"),
        (lambda data, at: data.replace(b"float64", b"float32"), "two of its arrays have the same name"),
        (lambda data, at: data[: at + 16] + b"\xff" + data[at + 17 :], "a name that is no text"),
        (lambda data, at: data + b"\0", "something comes after its end"),
        (lambda data, at: data[:-1], "cut off"),
        (lambda data, at: b"", "cut off"),
    ],
)
def test_lists_that_cannot_be(saved, spoil, error):
    with pytest.raises(ValueError, match=error):
        ParamsFile(spoil(saved, names_of(saved)))


@given(st.data())
def test_a_damaged_file_is_refused_or_read_within_its_bounds(saved, data):
    spoilt = bytearray(saved)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(spoilt) - 1))
        spoilt[at : at + 1] = data.draw(st.binary(min_size=0, max_size=9))
    try:
        with ParamsFile(bytes(spoilt)) as found:
            assert sum(found[name].nbytes for name in found) <= len(spoilt)
    except ValueError as error:
        assert "cannot be read as a .params file: " in str(error)  # noqa: PT017


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.params")
    with pytest.raises(OSError, match=r"pipe\.params is a pipe or device, not a file"):
        ParamsFile(tmp_path / "pipe.params")


@pytest.fixture
def net():
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Conv2D(2, 3, in_channels=1), mx.gluon.nn.Conv2D(1, 1, in_channels=2, use_bias=False))
    net.initialize(mx.init.Normal(1))
    return net


def save(path, **changes):
    """Save a network's weights, changed: None leaves one out."""
    rng = np.random.default_rng(1)
    shapes = {"0.weight": (2, 1, 3, 3), "0.bias": (2,), "1.weight": (1, 2, 1, 1)}
    found = {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    found = {name: array for name, array in {**found, **changes}.items() if array is not None}
    mx.nd.save(str(path), {name: mx.nd.array(array, dtype=array.dtype) for name, array in found.items()})
    mx.nd.waitall()
    return found


def test_a_networks_weights(net, tmp_path):
    expected = save(tmp_path / "a.params", other=np.ones(3, "float32"))
    with ParamsFile(tmp_path / "a.params") as weights:
        load_weights(net, weights, [mx.cpu()], ignore_extra=True)
    for name, parameter in net._collect_params_with_prefix().items():
        np.testing.assert_array_equal(parameter.data().asnumpy(), expected[name])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"0.bias": None}, r"it lacks 0\.bias, and has besides -"),
        ({"x": np.ones(3, "float32")}, "it lacks nothing, and has besides x"),
        ({"0.bias": np.ones(3, "float32")}, r"its 0\.bias has the shape \(3,\), and the network's is \(2,\)"),
        ({"0.bias": np.ones((2, 1), "float32")}, r"its 0\.bias has the shape \(2, 1\)"),
        ({"0.bias": np.ones(2, "float16")}, r"its 0\.bias has the type float16, and the network's is float32"),
    ],
)
def test_weights_of_another_network(net, tmp_path, changes, error):
    save(tmp_path / "a.params", **changes)
    with ParamsFile(tmp_path / "a.params") as weights, pytest.raises(ValueError, match=error):
        load_weights(net, weights, [mx.cpu()])
