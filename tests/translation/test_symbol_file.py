"""Graphs that MXNet may read: every generator's own, and none that says something else."""

from __future__ import annotations

import copy
import json

import pytest

from gluon_pix2pix.core.networks import get_model
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.gluon_network import check_shapes
from gluon_pix2pix.translation.symbol_file import check_symbol


def graph_of(**described) -> mx.sym.Symbol:
    return get_model(described.pop("name", "unet"), ngf=4, dropout=False, **described)(mx.sym.var("data"))


@pytest.mark.parametrize("name", ["unet", "encoder_decoder", "resnet_6blocks"])
@pytest.mark.parametrize("norm", ["picture", "running", "instance", "none"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_generators_graph_stays_the_same(name, norm, channels):
    symbol = graph_of(name=name, norm=norm, input_nc=channels, output_nc=channels)
    again = mx.sym.load_json(check_symbol(symbol.tojson().encode(), where="a.json"))
    ours, theirs = (json.loads(graph.tojson()) for graph in (again, symbol))
    assert ours["nodes"] == theirs["nodes"]
    assert (ours["heads"], ours["arg_nodes"]) == (theirs["heads"], theirs["arg_nodes"])


@pytest.fixture(scope="module")
def graph() -> dict:
    return json.loads(graph_of(num_downs=2, norm="running").tojson())


def convolution(graph: dict) -> dict:
    return next(node for node in graph["nodes"] if node["op"] == "Convolution")


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda g: g.update(heads=[[g["heads"][0][0], 77, 0]]), None),  # which output is not asked
        (lambda g: g.update(heads=[[len(g["nodes"]), 0, 0]]), "it has not one node as its output"),
        (lambda g: g.update(heads=[[-1, 0, 0]]), r"heads\[0\]\[0\] should be a whole number from 0, not -1"),
        (lambda g: g.update(heads=g["heads"] * 1000), "it has not one node as its output"),
        (lambda g: g.update(nodes=g["nodes"][:1]), "it has 1 nodes"),
        (lambda g: g.update(nodes=g["nodes"] * 1000), "it has .* nodes"),
        (lambda g: g["nodes"][0].update(op="Custom"), "it has the operator Custom, which no generator has"),
        (lambda g: g["nodes"][1].update(name="data"), "two of its nodes have the same name"),
        (lambda g: g["nodes"][1].update(name=""), "a node's name has 0 characters"),
        (lambda g: convolution(g)["inputs"].clear(), "has 0 inputs, and it is a Convolution"),
        (lambda g: convolution(g).update(inputs=[[99, 0, 0]] * 2), "has an input that no node before it gives: .99, 0"),
        (lambda g: convolution(g).update(inputs=[[0, 3, 0]] * 2), "has an input that no node before it gives: .0, 3"),
        (lambda g: convolution(g).update(inputs=[[0]] * 2), "has an input that no node before it gives"),
        (lambda g: convolution(g)["attrs"].update(stride="(0, 1)"), r"has stride '\(0, 1\)', as no generator has"),
        (lambda g: convolution(g)["attrs"].update(num_group="0"), "has num_group '0', as no generator has"),
        (lambda g: convolution(g)["attrs"].update(num_filter="99999999"), "has num_filter '99999999', as no"),
        (lambda g: convolution(g)["attrs"].update(kernel="(" + "4, " * 9 + ")"), "has kernel .*, as no generator"),
        (lambda g: convolution(g)["attrs"].update(workspace="1"), "has workspace '1', as no generator has"),
        (lambda g: convolution(g)["attrs"].update(pad=3), r"\.attrs\.pad should be a text, not 3"),
        (lambda g: g.pop("heads"), "it has no heads"),
    ],
)
def test_graphs_that_are_none(graph, spoil, error):
    graph = copy.deepcopy(graph)
    spoil(graph)
    data = json.dumps(graph).encode()
    if error is None:
        assert json.loads(check_symbol(data, where="a.json"))["heads"][0][1:] == [0, 0]
        return
    with pytest.raises(ValueError, match=f"^a.json is not the symbol of an exported generator: .*{error}"):
        check_symbol(data, where="a.json")


def test_a_text_of_any_length():
    with pytest.raises(ValueError, match="it has 8388609 bytes"):
        check_symbol(b" " * ((1 << 23) + 1), where="a.json")
    with pytest.raises(ValueError, match="nested too deeply"):
        check_symbol(b"[" * (1 << 20), where="a.json")


class Weights(dict):
    """Shapes, as a file of weights tells them."""

    def shape(self, name: str) -> tuple[int, ...]:
        return self[name]


def test_parts_that_are_too_large():
    data = mx.sym.var("data")
    padded = mx.sym.pad(data, mode="edge", pad_width=(0, 0, 0, 0, 0, 60000, 0, 60000))
    check_shapes(mx.sym.relu(data), Weights(), channels=3, side=8)
    with pytest.raises(ValueError, match="a part of it is larger than any of a generator's"):
        check_shapes(mx.sym.relu(padded), Weights(), channels=3, side=8)
    with pytest.raises(ValueError, match="its weights are not those of"):
        check_shapes(mx.sym.relu(data), Weights({"arg:w": (3,)}), channels=3, side=8)
