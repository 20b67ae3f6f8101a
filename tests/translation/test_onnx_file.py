"""ONNX files that are looked at before ONNX Runtime sees them; made by onnx itself, and damaged by hand."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluon_pix2pix.translation.onnx_file import check_onnx

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

WEIGHT = numpy_helper.from_array(np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2), "w")


def model(*, nodes=None, weights=(WEIGHT,)) -> onnx.ModelProto:
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ("data", "output")]
    nodes = nodes or [helper.make_node("Conv", ["data", "w"], ["output"], kernel_shape=[2, 2])]
    return helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], list(weights)))


GOOD = model().SerializeToString()


def test_what_onnx_writes_passes():
    check_onnx(GOOD, "a.onnx")
    kinds = [np.float16, np.float64, np.int64, np.int32, np.uint8, np.bool_]
    arrays = [numpy_helper.from_array(np.ones((2, 3), kind), f"w{n}") for n, kind in enumerate(kinds)]
    check_onnx(
        model(weights=[WEIGHT, *arrays, numpy_helper.from_array(np.float32(1), "scalar")]).SerializeToString(), "a"
    )
    listed = helper.make_tensor("w", onnx.TensorProto.FLOAT, (2, 2), [1.0, 2.0, 3.0, 4.0])
    check_onnx(model(weights=[listed]).SerializeToString(), "a")


def test_weights_that_say_they_are_here_pass():
    weight = onnx.TensorProto()
    weight.CopyFrom(WEIGHT)
    weight.data_location = onnx.TensorProto.DEFAULT
    assert weight.SerializeToString() == WEIGHT.SerializeToString() + b"\x70\x00"  # field 14, and in it 0
    check_onnx(model(weights=[weight]).SerializeToString(), "a.onnx")


def external() -> bytes:
    weight = onnx.TensorProto()
    weight.CopyFrom(WEIGHT)
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../secret")
    return model(weights=[weight]).SerializeToString()


def with_dims(*dims: int) -> bytes:
    weight = onnx.TensorProto()
    weight.CopyFrom(WEIGHT)
    weight.ClearField("dims")
    weight.dims.extend(dims)
    return model(weights=[weight]).SerializeToString()


def branching() -> bytes:
    body = helper.make_graph([], "b", [], [])
    return model(
        nodes=[helper.make_node("If", ["c"], ["output"], then_branch=body, else_branch=body)]
    ).SerializeToString()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it has no graph"),
        (b"not a model", "it (is no protocol buffer|ends within a field)"),
        (GOOD[:-5], "it ends within a field: it is cut off"),
        (external(), "its weights are in another file"),
        (branching(), "its graph has loops or branches"),
        (with_dims(1 << 40), "a tensor claims 1099511627776 values"),
        (with_dims(-1, 24), "a tensor claims"),
        (with_dims(1 << 20, 1 << 20), "a tensor claims"),
        (with_dims(2, 3, 2, 3), "a tensor of 2 x 3 x 2 x 3 values has 96 bytes"),
        (
            model(nodes=[helper.make_node("Relu", ["data"], ["output"])] * 5001).SerializeToString(),
            "its graph has more than 5000 nodes",
        ),
    ],
    ids=range(10),
)
def test_what_is_refused(data, message):
    with pytest.raises(ValueError, match=rf"a\.onnx is not an ONNX model that ONNX Runtime can load: {message}"):
        check_onnx(data, "a.onnx")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused_or_read_never_more(data):
    place = data.draw(st.integers(0, len(GOOD) - 1))
    damaged = GOOD[:place] + bytes([data.draw(st.integers(0, 255))]) + GOOD[place + 1 :]
    with contextlib.suppress(ValueError):  # what else it raised would fail the test
        check_onnx(damaged, "a.onnx")
