"""A generator's symbol as an ONNX file that ONNX Runtime and others run."""

from __future__ import annotations

import contextlib
import importlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from gluon_pix2pix.installing import install_line
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.onnx_network import METADATA, OUTPUT
from gluon_pix2pix.writing import json_text

ONNX_AFTER_THE_NEWEST_TRIED = "1.24"
_DTYPES = (
    "float16",
    "float32",
    "float64",
    "bool",
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
)

OPSET, IR_VERSION = 13, 8  # MXNet 1.9.1 writes the nodes of opset 13, and stamps the newest on them


def import_onnx() -> tuple[ModuleType, ModuleType]:
    """Return the package onnx, and MXNet's that writes with it.

    Raises
    ------
    ImportError
        If onnx is not installed; the line says how.
    """
    try:
        import onnx

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # both packages' remarks on numpy and on each other
            return onnx, importlib.import_module(f"{mx.__name__}.onnx")
    except ImportError as error:
        raise ImportError(f"an ONNX file needs the package onnx: {install_line('onnx')}") from error


def write_onnx(symbol: mx.sym.Symbol, arrays: Mapping[str, mx.nd.NDArray], path: str | Path, model: dict) -> None:
    """Write a symbol and its weights as one file, any number and size of pictures in and out.

    Parameters
    ----------
    arrays
        Weights by the symbol's names; float16 ones stay so in the file, and are cast back in the graph.
    model
        What model.json says, which the file carries along, with the name that its own output has.

    Raises
    ------
    ImportError
        If onnx is not installed.
    """
    onnx, mx_onnx = import_onnx()
    path = Path(path)
    channels, multiple = model["input"]["shape"][1], model["multiple"]
    whole = {name: array.astype("float32") for name, array in arrays.items()}
    shape, names = (1, channels, 2 * multiple, 2 * multiple), ("N", channels, "H", "W")
    with warnings.catch_warnings(), _mapping_of_old(onnx):
        warnings.simplefilter("ignore")
        mx_onnx.export_model(symbol, whole, [shape], np.float32, str(path), dynamic=True, dynamic_input_shapes=[names])
    proto = onnx.load(str(path))
    _tidy(proto, model)
    _store_as_float16(proto, {name for name, array in arrays.items() if array.dtype == np.float16})
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString())


@contextlib.contextmanager
def _mapping_of_old(onnx) -> Iterator[None]:
    """Give onnx the module `mapping` while MXNet's exporter, which reads it, is at work; it had one up to 1.18.

    Raises
    ------
    ImportError
        If onnx has dropped more than that.
    """
    old = ModuleType("onnx.mapping")
    try:
        if not hasattr(onnx, "mapping"):
            types = {np.dtype(name): onnx.helper.np_dtype_to_tensor_dtype(np.dtype(name)) for name in _DTYPES}
            old.NP_TYPE_TO_TENSOR_TYPE, old.TENSOR_TYPE_TO_NP_TYPE = types, {number: t for t, number in types.items()}
            onnx.mapping = old
        yield
    except AttributeError as error:
        raise ImportError(
            f"onnx {onnx.__version__} is too new for MXNet 1.9.1's exporter ({error}): "
            f"pip install 'onnx<{ONNX_AFTER_THE_NEWEST_TRIED}'"
        ) from error
    finally:
        if getattr(onnx, "mapping", None) is old:
            del onnx.mapping


def _tidy(proto, model: dict) -> None:
    """State the versions, name both ends, leave weights out of the inputs, and add the description."""
    import onnx

    graph, weights = proto.graph, {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    (output,) = graph.output
    for node in graph.node:
        node.output[:] = [OUTPUT if name == output.name else name for name in node.output]
        node.name = node.name or node.output[0]
    graph.name = "generator"
    sizes = ("N", model["output"]["shape"][1], "H", "W")
    output.CopyFrom(onnx.helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, sizes))
    proto.ir_version, proto.producer_name = IR_VERSION, "gluon_pix2pix"
    del proto.opset_import[:]
    proto.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    here = {**model, "output": {**model["output"], "name": OUTPUT}}
    here["output"].pop("onnx_name", None)
    onnx.helper.set_model_props(proto, {METADATA: json_text(here)})


def _store_as_float16(proto, names: set[str]) -> None:
    """Keep these weights as float16, cast to float32 where the graph begins; runtimes do that once, on loading."""
    import onnx

    casts = []
    for tensor in proto.graph.initializer:
        if tensor.name in names:
            name, values = tensor.name, onnx.numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, f"{name}_float16"))
            ends = [f"{name}_float16"], [name]
            casts.append(onnx.helper.make_node("Cast", *ends, name=f"{name}_cast", to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
