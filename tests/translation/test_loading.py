"""Models in every form, and files that are none: one line each."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from gluon_pix2pix.handover.export import export_generator
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation import loading
from gluon_pix2pix.translation.exported import MODEL, ONNX, PARAMS, SYMBOL
from gluon_pix2pix.translation.loading import find_format, load_network
from gluon_pix2pix.translation.onnx_network import METADATA


@pytest.fixture(scope="module")
def finished(tiny_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "out"
    export_generator(tiny_run, folder, onnx=True)
    return folder


@pytest.fixture
def exported(finished, tmp_path):
    """A copy of an export, to be spoilt."""
    return shutil.copytree(finished, tmp_path / "out")


def change(folder, name, data):
    """Replace a file as if it had been exported so."""
    (folder / name).write_bytes(data)
    model = json.loads((folder / MODEL).read_text())
    model["sha256"][name] = hashlib.sha256(data).hexdigest()
    (folder / MODEL).write_text(json.dumps(model))


def describe(folder, **changes):
    model = json.loads((folder / MODEL).read_text())
    (folder / MODEL).write_text(json.dumps({**model, **changes}))


def test_formats(tiny_run, exported, monkeypatch):
    assert find_format(tiny_run) == find_format(tiny_run, "mxnet") == "run"
    assert find_format(exported) == find_format(exported, "mxnet") == "symbol"
    assert find_format(exported, "onnx") == find_format(exported / ONNX) == "onnx"
    monkeypatch.setattr(loading, "has_mxnet", lambda: False)
    assert find_format(exported) == "onnx"
    monkeypatch.undo()
    (exported / SYMBOL).unlink()
    assert find_format(exported) == "onnx"
    (exported / MODEL).unlink()
    assert find_format(exported) == "onnx"


def test_a_model_that_is_not_there(tmp_path, monkeypatch):
    (tmp_path / "my_pairs").mkdir()
    with pytest.raises(FileNotFoundError, match=rf"^there is no file or folder {tmp_path}/nowhere$"):
        find_format(tmp_path / "nowhere")
    monkeypatch.chdir(tmp_path.parent)
    asked = Path(tmp_path.name, "my_pears")
    with pytest.raises(FileNotFoundError, match=rf"{asked} in {tmp_path.parent}; did you mean my_pairs\?$"):
        find_format(asked)


@pytest.mark.parametrize(
    ("name", "backend", "error"),
    [
        (
            "empty",
            None,
            r"empty is not the folder of a run: it has no options\.json; nor an export",
        ),
        ("run", "onnx", r"run has nothing that backend onnx runs: export it with --onnx"),
        ("out/generator.onnx", "mxnet", r"generator\.onnx has nothing that backend mxnet runs: MXNet runs no \.onnx"),
    ],
)
def test_what_is_no_model(tiny_run, exported, name, backend, error):
    (exported.parent / "empty").mkdir()
    (exported.parent / "run").symlink_to(tiny_run)
    with pytest.raises(FileNotFoundError, match=f"^{exported.parent}/.*{error}"):
        find_format(exported.parent / name, backend)


def test_arguments_that_are_not_for_this_model(tiny_run, exported):
    with pytest.raises(ValueError, match="backend is one of mxnet, onnx, not 'torch'"):
        find_format(tiny_run, "torch")
    for backend in ("mxnet", "onnx"):
        load_network(exported, backend=backend, statistics="picture", dropout=False)
        with pytest.raises(ValueError, match="out was exported with statistics picture, which is in its graph"):
            load_network(exported, backend=backend, statistics="running")
        with pytest.raises(ValueError, match="out is an export, whose graph has no dropout"):
            load_network(exported, backend=backend, dropout=True)
        with pytest.raises(ValueError, match="out is an export, of one checkpoint: epoch 3 needs the folder"):
            load_network(exported, backend=backend, epoch="3")


@pytest.mark.parametrize("name", [SYMBOL, PARAMS, ONNX])
def test_a_file_cut_short(exported, name):
    backend = "onnx" if name == ONNX else "mxnet"
    data = (exported / name).read_bytes()
    (exported / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=rf"{name} is damaged, or of another export: {len(data) // 2} bytes whose SHA"):
        load_network(exported, backend=backend)
    change(exported, name, data[: len(data) // 2])  # exported like that
    what = {
        SYMBOL: f"{SYMBOL} is not the symbol of an exported generator: it is no JSON",
        PARAMS: rf"{PARAMS} cannot be read as a \.params file: it is cut off",
        ONNX: "not an ONNX model",
    }[name]
    with pytest.raises(ValueError, match=what):
        load_network(exported, backend=backend)


def test_a_file_that_is_missing(exported):
    (exported / PARAMS).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{PARAMS} is missing: .*{MODEL} says that it belongs there"):
        load_network(exported)
    model = json.loads((exported / MODEL).read_text())
    del model["sha256"][PARAMS]
    (exported / MODEL).write_text(json.dumps(model))
    with pytest.raises(FileNotFoundError, match=f"was exported without {PARAMS}: export it again, with it"):
        load_network(exported)
    (exported / MODEL).unlink()
    with pytest.raises(FileNotFoundError, match=r"is not the folder of an export: it has no model\.json"):
        load_network(exported, backend="mxnet")


@pytest.mark.parametrize("text", ["{", "[]", '{"sha256": 3}'])
def test_a_model_json_that_is_something_else(exported, text):
    (exported / MODEL).write_text(text)
    with pytest.raises(ValueError, match=r"model\.json is not the description of an exported generator: "):
        load_network(exported)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"coding": {"task": "poetry"}}, "is not the description of an exported generator: task is one of"),
        ({"coding": {"colours": 3}}, "is not the description of an exported generator: .*unexpected keyword"),
        ({"multiple": "many"}, "is not the description of .*: multiple should be a whole number from 1"),
    ],
)
def test_a_model_json_that_says_what_cannot_be(exported, changes, error):
    describe(exported, **changes)
    with pytest.raises(ValueError, match=error):
        load_network(exported)


def test_a_model_json_of_an_older_version(exported):
    model = json.loads((exported / MODEL).read_text())
    del model["coding"]
    (exported / MODEL).write_text(json.dumps(model))
    with pytest.raises(ValueError, match=r"model\.json does not say 'coding', which translating needs: export it"):
        load_network(exported)


def test_a_symbol_of_something_else(exported):
    change(exported, SYMBOL, b'{"a": 1}')
    with pytest.raises(ValueError, match=f"{SYMBOL} is not the symbol of an exported generator: "):
        load_network(exported)
    data, weight = mx.sym.var("data"), mx.sym.var("weight")
    other = mx.sym.FullyConnected(data, weight, num_hidden=3, no_bias=True)
    change(exported, SYMBOL, other.tojson().encode())
    with pytest.raises(ValueError, match=f"{SYMBOL} is not .*: it has the operator FullyConnected, which no generator"):
        load_network(exported)
    other = mx.sym.Convolution(data, weight, num_filter=3, kernel=(3, 3), no_bias=True)
    change(exported, SYMBOL, other.tojson().encode())
    with pytest.raises(ValueError, match=f"{SYMBOL} is not the symbol .*: its weights are not those of {PARAMS}"):
        load_network(exported)


def test_a_symbol_for_other_channels(exported):
    model = json.loads((exported / MODEL).read_text())
    model["input"]["shape"][1] = 4
    (exported / MODEL).write_text(json.dumps(model))
    with pytest.raises(ValueError, match=f"{SYMBOL} is not the symbol of an exported generator: .*[Ss]hape"):
        load_network(exported)


def save_onnx(path, *, names=("data", "output"), channels=3, metadata=None):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", channels, "H", "W"]) for name in names]
    graph = helper.make_graph([helper.make_node("Tanh", [names[0]], [names[1]])], "g", ends[:1], ends[1:])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if metadata is not None:
        helper.set_model_props(proto, {METADATA: metadata})
    onnx.save(proto, str(path))
    return path


def test_onnx_files_of_others(tmp_path, finished):
    (tmp_path / "no.onnx").write_bytes(b"no model at all")
    with pytest.raises(ValueError, match=r"no\.onnx is not an ONNX model that ONNX Runtime can load: "):
        load_network(tmp_path / "no.onnx")
    for metadata, words in (
        (None, "was not exported by this program: it does not say"),
        ("{", "is not an export: what"),
    ):
        with pytest.raises(ValueError, match=rf"net\.onnx {words}"):
            load_network(save_onnx(tmp_path / "net.onnx", metadata=metadata))
    model = (finished / MODEL).read_text()
    with pytest.raises(ValueError, match=r"net\.onnx has x with 3 channels, y with 3 channels as its inputs and"):
        load_network(save_onnx(tmp_path / "net.onnx", names=("x", "y"), metadata=model))
    with pytest.raises(ValueError, match=r"data with 4 channels, output with 4 .* and not data with 3 channels, o"):
        load_network(save_onnx(tmp_path / "net.onnx", channels=4, metadata=model))
    network = load_network(save_onnx(tmp_path / "net.onnx", metadata=model))
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4, 5)).astype(np.float32)
    np.testing.assert_allclose(network.compute(x, None), np.tanh(x), rtol=1e-5)


def test_without_onnx_runtime(finished, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"\.onnx needs ONNX Runtime: pip install -e '\.\[cpu,onnxruntime\]'"):
        load_network(finished / ONNX)


def test_without_onnx(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match=r"an ONNX file needs the package onnx: pip install -e '\.\[cpu,onnx\]'"):
        export_generator(tiny_run, tmp_path / "out", onnx=True)
    assert list(tmp_path.iterdir()) == []


class Runtime:
    """ONNX Runtime as far as it is asked, with these providers, of which those that start are first in a session."""

    SessionOptions = onnxruntime.SessionOptions

    def __init__(self, available, starts):
        self._available, self._starts = available, starts

    def get_available_providers(self):
        return [f"{word}ExecutionProvider" for word in self._available]

    def InferenceSession(self, data, options, providers):  # noqa: N802, its name there
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        started = [name for name in providers if name in [f"{word}ExecutionProvider" for word in self._starts]]
        session.get_providers = lambda: [*started, "CPUExecutionProvider"]
        return session


@pytest.mark.parametrize(
    ("provider", "device"),
    [(None, "CPU"), ("cpu", "CPU"), ("cuda", "CUDA"), ("CUDA", "CUDA"), ("directml", "Dml"), ("coreml", "CoreML")],
)
def test_what_of_onnx_runtime_computes(finished, monkeypatch, provider, device):
    words = ["CUDA", "Dml", "CoreML", "CPU"]
    monkeypatch.setitem(sys.modules, "onnxruntime", Runtime(words, words))
    assert load_network(finished, provider=provider, backend="onnx").device == f"{device}, ONNX Runtime"


@pytest.mark.parametrize(
    ("provider", "starts", "message"),
    [
        ("cuda", ["CPU"], "could not start its provider cuda, and would compute on the CPU: .*--provider cpu"),
        ("tensorrt", [], "no provider tensorrt; it has cpu, cuda. pip uninstall onnxruntime and pip .*onnxruntime-gpu"),
        ("tpu", [], "no provider tpu; it has cpu, cuda$"),
    ],
)
def test_providers_that_cannot_be(finished, monkeypatch, provider, starts, message):
    monkeypatch.setitem(sys.modules, "onnxruntime", Runtime(["CUDA", "CPU"], starts))
    with pytest.raises(ValueError, match=message):
        load_network(finished, provider=provider)


def test_mxnet_has_no_providers(finished, tiny_run):
    with pytest.raises(ValueError, match="provider cuda is ONNX Runtime's, and backend mxnet is asked for"):
        load_network(finished, provider="cuda", backend="mxnet")
    with pytest.raises(FileNotFoundError, match="has nothing that backend onnx runs: export it with --onnx"):
        load_network(tiny_run, provider="cuda")
