"""The graph of an export, checked before MXNet sees it, whose own reader crashes where one refers to what is not there.

What comes out is a new text of the nodes that were understood, and of nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from gluon_pix2pix.reading import COUNT, parse_json

MOST_BYTES = 1 << 23  # the largest graph here, a resnet of 9 blocks, has 0.1 MB
MOST_NODES = 5000  # and 356 of them

# Operator -> how many inputs it takes. These are all that generators are made of, in exports of earlier versions too;
# none has dropout.
_OPERATORS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("null", "_ones", "_zeros"), (0,)),
    **dict.fromkeys(("Activation", "LeakyReLU", "relu", "tanh", "Cast", "amp_cast", "_copy"), (1,)),
    **dict.fromkeys(("Reshape", "slice", "slice_axis", "transpose", "expand_dims", "reverse"), (1,)),
    **dict.fromkeys(("Pad", "depth_to_space", "broadcast_axis", "ones_like", "zeros_like"), (1,)),
    **dict.fromkeys(("elemwise_add", "broadcast_add", "broadcast_mul", "reshape_like"), (2,)),
    **dict.fromkeys(("Convolution", "Deconvolution"), (2, 3)),
    **dict.fromkeys(("InstanceNorm", "LayerNorm"), (3,)),
    "BatchNorm": (5,),
    "Concat": tuple(range(1, 9)),
}
_SIZE = r"[1-9]\d{0,4}"
_WHOLE = r"(-?\d{1,5}|None)"
_SIZES, _WHOLES = (rf"{one}|[(\[]({one}(, ?{one}){{0,7}},?)?[)\]]" for one in (_SIZE, _WHOLE))
_NUMBER, _WORD = r"\d{1,9}(\.\d{0,20})?(e[+-]?\d{1,2})?", r"[A-Za-z]\w{0,30}"
# What the operators are told -> how it is written. A stride of 0, for one, ends the process.
_ATTRIBUTES = {
    **dict.fromkeys(("kernel", "stride", "dilate", "num_filter", "num_group", "num_args", "block_size"), _SIZES),
    **dict.fromkeys(("pad", "adj", "axis", "axes", "begin", "end", "step", "shape", "pad_width", "dim"), _WHOLES),
    **dict.fromkeys(("eps", "momentum", "slope"), _NUMBER),
    **dict.fromkeys(("act_type", "mode", "layout", "no_bias", "fix_gamma", "use_global_stats", "dtype"), _WORD),
    **dict.fromkeys(("__lr_mult__", "__wd_mult__", "__dtype__", "__storage_type__"), _NUMBER),
    **{"__shape__": _WHOLES, "__init__": r"[^\0]{0,200}"},
}
_SHAPE = {
    "nodes": [{"op": str, "name": str, "attrs?": {str: str}, "inputs": [[COUNT]]}],
    "heads": [[COUNT]],
    "attrs?": {"mxnet_version?": list},
}


def check_symbol(data: bytes, *, where: object) -> str:
    """Check the text of an exported graph, and return the same graph as MXNet 1.9.1 writes it.

    Parameters
    ----------
    data
        JSON, as ``HybridBlock.export`` writes it.
    where
        What errors call it.

    Raises
    ------
    ValueError
        If it is no graph, or one of other parts than generators have.
    """
    what = f"{where} is not the symbol of an exported generator"
    if len(data) > MOST_BYTES:
        raise ValueError(f"{what}: it has {len(data)} bytes")
    graph = parse_json(data, _SHAPE, what=what)
    try:
        return json.dumps(_rebuild(graph))
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error


def _rebuild(graph: Mapping) -> dict:
    nodes = graph["nodes"]
    if not 2 <= len(nodes) <= MOST_NODES:
        raise ValueError(f"it has {len(nodes)} nodes")
    if len({node["name"] for node in nodes}) < len(nodes):
        raise ValueError("two of its nodes have the same name")
    rebuilt = [_check_node(number, node) for number, node in enumerate(nodes)]
    if len(graph["heads"]) != 1 or graph["heads"][0][:1] not in [[number] for number in range(len(nodes))]:
        raise ValueError("it has not one node as its output")
    ends, outputs = [0], {"BatchNorm": 3, "LayerNorm": 3, "InstanceNorm": 3}
    for node in rebuilt:
        ends.append(ends[-1] + outputs.get(node["op"], 1))
    return {
        "nodes": rebuilt,
        "arg_nodes": [number for number, node in enumerate(rebuilt) if node["op"] == "null"],
        "node_row_ptr": ends,
        "heads": [[graph["heads"][0][0], 0, 0]],
        "attrs": {"mxnet_version": ["int", 10901]},
    }


def _check_node(number: int, node: Mapping) -> dict:
    name, operator, attributes = node["name"], node["op"], node.get("attrs", {})
    if not 1 <= len(name) <= 256:
        raise ValueError(f"a node's name has {len(name)} characters")
    if operator not in _OPERATORS:
        raise ValueError(f"it has the operator {operator[:40]}, which no generator has")
    for key, value in attributes.items():
        if key not in _ATTRIBUTES or not re.fullmatch(_ATTRIBUTES[key], value):
            raise ValueError(f"{name} has {key[:40]} {value[:40]!r}, as no generator has")
    if len(node["inputs"]) not in _OPERATORS[operator]:
        raise ValueError(f"{name} has {len(node['inputs'])} inputs, and it is a {operator}")
    for entry in node["inputs"]:
        # A node, which of its outputs, and how often that was written to: once for running statistics.
        if len(entry) != 3 or entry[0] >= number or entry[1] != 0 or entry[2] > 1:
            raise ValueError(f"{name} has an input that no node before it gives: {entry[:3]}")
    rebuilt = {"op": operator, "name": name, "inputs": node["inputs"]}
    return {**rebuilt, "attrs": dict(attributes)} if attributes else rebuilt
