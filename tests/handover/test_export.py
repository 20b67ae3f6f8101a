"""The export, loaded the way any MXNet program loads it, against the network that it was made from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest

import gluon_pix2pix
from gluon_pix2pix.core.networks import get_model
from gluon_pix2pix.handover import export
from gluon_pix2pix.handover.export import export_generator
from gluon_pix2pix.pairs.coding import make_coding
from gluon_pix2pix.pictures.arithmetic import to_image, to_signed
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.pictures.folders import find_images
from gluon_pix2pix.runs.options_file import read_run
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.exported import MODEL, ONNX, PARAMS, SYMBOL, read_model
from gluon_pix2pix.translation.gluon_network import build_generator
from gluon_pix2pix.translation.gluon_network import import_export as import_with_model
from gluon_pix2pix.translation.loading import load_network
from gluon_pix2pix.translation.translator import Translator

FILES = (SYMBOL, PARAMS, MODEL)


def import_export(folder):
    return import_with_model(folder, read_model(folder))


@pytest.fixture(scope="module")
def exported(tiny_run, tmp_path_factory):
    """The folder of an export, and what `export_generator` returned."""
    folder = tmp_path_factory.mktemp("export")
    return folder, export_generator(tiny_run, folder)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_pictures_are_those_of_translate_without_dropout(tiny_run, tiny_pairs, exported):
    net = import_export(exported[0])
    translate = Translator.load(tiny_run, dropout=False)
    for path in find_images(tiny_pairs / "train"):
        source = translate.prepare(read_image(path)[:, 64:])
        fake = to_image(net(mx.nd.array(to_signed(source[None]))).asnumpy())[0]
        np.testing.assert_array_equal(fake, translate(source))
        with mx.autograd.train_mode():  # an export has no modes
            again = to_image(net(mx.nd.array(to_signed(source[None]))).asnumpy())[0]
        np.testing.assert_array_equal(again, fake)


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (3, 3, 32, 32), (2, 3, 64, 32), (1, 3, 96, 160)])
def test_other_numbers_and_sizes_of_pictures(tiny_run, exported, shape):
    batch = mx.nd.array(np.random.default_rng(1).uniform(-1, 1, shape))
    y = import_export(exported[0])(batch).asnumpy()
    net, _ = build_generator(tiny_run)
    np.testing.assert_allclose(y, net(batch).asnumpy(), atol=1e-5, rtol=0)
    alone = import_export(exported[0])(batch[-1:]).asnumpy()
    np.testing.assert_allclose(y[-1:], alone, atol=1e-5, rtol=0)


def test_plain_mxnet_reads_it(tiny_run, exported):
    folder, model = exported
    assert sorted(contents(folder)) == sorted(FILES)
    symbol = mx.sym.load(str(folder / FILES[0]))
    arrays = mx.nd.load(str(folder / FILES[1]))
    names = symbol.list_arguments()
    assert names.count("data") == 1
    assert set(arrays) == {f"arg:{name}" for name in names if name != "data"}
    assert symbol.list_auxiliary_states() == []
    assert symbol.list_outputs() == [model["output"]["name"]]
    operators = {node["op"] for node in json.loads(symbol.tojson())["nodes"]}
    assert operators.isdisjoint({"Dropout", "BatchNorm"})
    trained = mx.nd.load(str(tiny_run / "checkpoints" / "epoch_0002" / "generator.params"))
    trained = {name: array for name, array in trained.items() if "running" not in name}
    sums = sorted(float(array.asnumpy().sum()) for array in arrays.values())
    assert sums == sorted(float(array.asnumpy().sum()) for array in trained.values())


def test_the_palette_of_what_it_translates(tiny_run, tmp_path):
    run = read_run(tiny_run)
    run["options"]["dataset"] = "somewhere/facades"
    shutil.copytree(tiny_run, tmp_path / "run")
    (tmp_path / "run" / "options.json").write_text(json.dumps(run))
    palette = export_generator(tmp_path / "run", tmp_path / "out")["palette"]
    assert (len(palette), palette["window"]) == (12, (0, 128, 255))
    assert load_network(tmp_path / "run").description["options"]["dataset"] == "somewhere/facades"


def test_model_json(tiny_run, exported):
    folder, model = exported
    assert json.loads((folder / "model.json").read_text()) == json.loads(json.dumps(model))
    assert model["input"] == {
        "name": "data",
        "shape": ["N", 3, "multiples of 32", "multiples of 32"],
        "dtype": "float32",
    }
    assert (model["output"]["shape"][1], model["output"]["dtype"]) == (3, "float32")
    assert "onnx_name" not in model["output"]  # there is no ONNX file
    assert model["generator"] == read_run(tiny_run)["generator"]
    assert (model["checkpoint"], model["epoch"], model["step"]) == ("epoch_0002", 2, 0)
    assert (tuple(model["trained_at"]), model["direction"], model["multiple"]) == ((32, 32), "BtoA", 32)
    assert model["coding"] == read_run(tiny_run)["coding"]
    assert (model["statistics"], model["stored_as"], model["palette"]) == ("picture", "float32", None)
    assert load_network(folder).description["versions"] == model["versions"]
    assert model["checked"]["shapes"] == [[1, 3, 32, 32], [2, 3, 64, 96], [1, 3, 96, 64]] + 4 * [[1, 3, 32, 32]]
    assert 0 <= model["checked"]["largest_difference_from_the_net"] < 1e-5
    for name in FILES[:2]:
        assert model["sha256"][name] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert model["versions"] == {
        "gluon_pix2pix": gluon_pix2pix.__version__,
        "mxnet": mx.__version__,
        "numpy": np.__version__,
    }


def test_what_it_says_of_ranges(exported, tiny_run, tiny_pairs):
    """The formulas of model.json, instead of our own functions."""
    folder, model = exported
    assert (model["to_network"], model["from_network"]) == ("x / 127.5 - 1", "round((y + 1) * 127.5)")
    source = Translator.load(tiny_run).prepare(read_image(tiny_pairs / "val" / "1.png")[:, 64:])
    x = source.astype(np.float32) / 127.5 - 1
    y = import_export(folder)(mx.nd.array(x.transpose(2, 0, 1)[None])).asnumpy()[0].transpose(1, 2, 0)
    np.testing.assert_array_equal(np.rint((y + 1) * 127.5), Translator.load(tiny_run, dropout=False)(source))
    assert model["range"] == [-1, 1]
    assert np.abs(y).max() <= 1


def test_the_difference_is_measured_on_pictures_too(tiny_run, tmp_path, monkeypatch):
    pictures = [np.full((40, 50, 3), 200, np.uint8), np.full((32, 32, 3), 200 * 257, np.uint16)]
    seen = []

    def load_and_watch(folder, *, backend):
        compute = load_network(folder, backend=backend).compute

        def watched(batch, seed):
            seen.append(batch)
            return compute(batch, seed) + 3e-5 * (len(seen) == 4)  # the first picture, after three batches of noise

        return dataclasses.replace(load_network(folder, backend=backend), compute=watched)

    monkeypatch.setattr(export, "load_network", load_and_watch)
    checked = export_generator(tiny_run, tmp_path / "out", pictures=pictures)["checked"]
    assert checked["shapes"][3:] == [[1, 3, 32, 32]] * 2
    assert checked["largest_difference_from_the_net"] == pytest.approx(3e-5, rel=0.05)
    for batch in seen[3:]:
        np.testing.assert_allclose(batch, 200 / 127.5 - 1, rtol=1e-6)


def test_names_do_not_depend_on_what_was_built_before(tiny_run, tmp_path, exported):
    get_model("unet", num_downs=3, ngf=2)
    export_generator(tiny_run, tmp_path)
    assert contents(tmp_path) == contents(exported[0])


def test_epochs(tiny_run, tmp_path, exported):
    model = export_generator(tiny_run, tmp_path, epoch="1")
    assert model["epoch"] == 1
    assert model["sha256"][FILES[0]] == exported[1]["sha256"][FILES[0]]
    assert model["sha256"][FILES[1]] != exported[1]["sha256"][FILES[1]]
    export_generator(tiny_run, tmp_path)  # over the one that is there
    assert contents(tmp_path) == contents(exported[0])


def test_an_export_that_differs_is_not_written(tiny_run, tmp_path, monkeypatch):
    export_generator(tiny_run, tmp_path / "old", epoch="1")
    before = contents(tmp_path / "old")
    monkeypatch.setitem(export.LARGEST_DIFFERENCE, "float32", -1)
    for folder in ("old", "new"):
        with pytest.raises(ValueError, match=r"^the export differs from the net by [0-9.e-]+, more than -1: nothing"):
            export_generator(tiny_run, tmp_path / folder)
    assert contents(tmp_path / "old") == before
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_weights_that_are_no_numbers_are_not_written(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    checkpoint = run / "checkpoints" / "epoch_0002"
    arrays = mx.nd.load(str(checkpoint / "generator.params"))
    arrays["last.bias"][:] = np.nan
    mx.nd.save(str(checkpoint / "generator.params"), arrays)
    state = json.loads((checkpoint / "state.json").read_text())
    state["sha256"]["generator.params"] = hashlib.sha256((checkpoint / "generator.params").read_bytes()).hexdigest()
    (checkpoint / "state.json").write_text(json.dumps(state))
    with pytest.raises(ValueError, match=r"differs from the net by nan, more than 0\.0001: nothing was written"):
        export_generator(run, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_is_not_there(tmp_path, tiny_run):
    with pytest.raises(FileNotFoundError, match="is not the folder of a run"):
        export_generator(tmp_path, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="has no checkpoint 9"):
        export_generator(tiny_run, tmp_path / "out", epoch="9")
    assert list(tmp_path.iterdir()) == []


def test_each_form_has_the_norm_that_suits_it(tiny_run, tmp_path):
    onnx = pytest.importorskip("onnx")
    export_generator(tiny_run, tmp_path, onnx=True)
    nodes = [node["op"] for node in json.loads((tmp_path / "generator-symbol.json").read_text())["nodes"]]
    assert "LayerNorm" in nodes  # several times faster in MXNet
    assert "InstanceNorm" not in nodes
    onnx_nodes = {node.op_type for node in onnx.load(str(tmp_path / "generator.onnx")).graph.node}
    assert "InstanceNormalization" in onnx_nodes  # one node that other programs know
    assert "ReduceMean" not in onnx_nodes


@pytest.fixture(scope="module")
def with_onnx(tiny_run, tmp_path_factory):
    """The folder of an export with its ONNX file."""
    folder = tmp_path_factory.mktemp("onnx") / "out"
    export_generator(tiny_run, folder, onnx=True)
    return folder


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def test_run_symbol_and_onnx_translate_alike(tiny_run, tiny_pairs, with_onnx):
    pictures = [noise(45, 70, 3), noise(1, 50, 3), noise(32, 32, 1), noise(40, 33, 3, dtype=np.uint16)]
    pictures += [read_image(path)[:, 64:] for path in find_images(tiny_pairs / "train")]
    for kwargs in ({"size": None}, {"size": None, "tile": 32}, {"batch_size": 3}):
        expected = Translator.load(tiny_run, dropout=False, **kwargs)(pictures)
        for path, backend in ((with_onnx, "mxnet"), (with_onnx, "onnx"), (with_onnx / ONNX, None)):
            translate = Translator.load(path, backend=backend, **kwargs)
            for one, other in zip(translate(pictures), expected):
                assert (one.shape, one.dtype) == (other.shape, other.dtype)
                assert np.abs(one.astype(int) - other).max() <= (1 if one.dtype == np.uint8 else 20)
            assert translate.network.direction == "BtoA"


def test_an_onnx_answer_does_not_depend_on_its_batch(with_onnx):
    pictures = noise(5, 40, 30, 3)
    alone = [Translator.load(with_onnx / ONNX)(picture) for picture in pictures]
    np.testing.assert_array_equal(Translator.load(with_onnx / ONNX, batch_size=4)(pictures), alone)


def test_the_onnx_file(with_onnx):
    proto = onnx.load(str(with_onnx / ONNX))
    onnx.checker.check_model(proto, full_check=True)
    assert (proto.ir_version, [(o.domain, o.version) for o in proto.opset_import]) == (8, [("", 13)])
    ends = [*proto.graph.input, *proto.graph.output]
    sizes = [[d.dim_param or d.dim_value for d in end.type.tensor_type.shape.dim] for end in ends]
    assert [end.name for end in ends] == ["data", "output"]  # weights are no inputs
    assert sizes == [["N", 3, "H", "W"]] * 2
    operators = {node.op_type for node in proto.graph.node}
    assert operators == {"Conv", "LeakyRelu", "InstanceNormalization", "Relu", "ConvTranspose", "Concat", "Tanh"}
    (carried,) = proto.metadata_props
    model = read_model(with_onnx)
    said = {name: model[name] for name in model if name not in ("checked", "sha256")}
    # model.json has both names of the output, the file its own alone: ONNX Runtime knows no other.
    assert (model["output"]["name"], model["output"]["onnx_name"]) == ("unetgenerator0_activation1_output", "output")
    own = {name: value for name, value in said["output"].items() if name != "onnx_name"}
    assert json.loads(carried.value) == {**said, "output": {**own, "name": "output"}}
    session = onnxruntime.InferenceSession(str(with_onnx / ONNX), providers=["CPUExecutionProvider"])
    names = json.loads(carried.value)
    batch = np.zeros((1, 3, 32, 32), np.float32)
    (answer,) = session.run([names["output"]["name"]], {names["input"]["name"]: batch})
    assert answer.shape == (1, 3, 32, 32)


GENERATORS = [
    ({"name": "unet", "num_downs": 3, "ngf": 4}, {}),
    ({"name": "unet", "num_downs": 2, "ngf": 16, "dropout_blocks": "paper"}, {"input_nc": 1, "output_nc": 1}),
    ({"name": "unet", "num_downs": 2, "ngf": 8}, {"labels": 5, "output_labels": 3}),
    ({"name": "unet", "num_downs": 2, "ngf": 8}, {"task": "colorization"}),
    ({"name": "unet", "num_downs": 2, "ngf": 8, "norm": "instance"}, {"task": "inpainting"}),
    ({"name": "unet", "num_downs": 2, "ngf": 8, "norm": "none"}, {"input_nc": 5, "output_nc": 7}),
    ({"name": "encoder_decoder", "num_downs": 3, "ngf": 4}, {}),
    ({"name": "resnet_6blocks", "ngf": 4}, {}),
    ({"name": "resnet_9blocks", "ngf": 4, "norm": "instance", "dropout": False}, {"output_nc": 1}),
    ({"name": "unet_128", "ngf": 2}, {}),
]


@pytest.mark.parametrize(("described", "coding"), GENERATORS)
@pytest.mark.parametrize("statistics", ["picture", "running"])
def test_every_generator_and_coding(write_model_folder, tmp_path, described, coding, statistics):
    run = write_model_folder(tmp_path / "run", described, coding)
    if statistics == "running" and described.get("norm", "batch") != "batch":
        with pytest.raises(ValueError, match="has no running statistics, only picture"):
            export_generator(run, tmp_path / "out", statistics=statistics)
        return
    model = export_generator(run, tmp_path / "out", onnx=True, statistics=statistics)
    assert set(model["checked"]["difference_from_the_net"]) == {SYMBOL, ONNX}
    assert model["checked"]["largest_difference_from_the_net"] < 1e-4
    made = make_coding(**coding)
    given = export.draw_pictures(made)[1][:45, :38]
    expected = Translator.load(run, dropout=False, statistics=statistics, size=None)(given)
    for backend in ("mxnet", "onnx"):
        answer = Translator.load(tmp_path / "out", backend=backend, size=None)(given)
        differs = np.abs(answer.astype(int) - expected)
        if coding.get("output_labels"):
            assert np.mean(differs > 0) < 0.01  # where two labels are as strong
        else:
            assert differs.max() <= 1


def test_float16(tiny_run, with_onnx, tmp_path):
    model = export_generator(tiny_run, tmp_path / "half", float16=True, onnx=True)
    assert model["stored_as"] == "float16"
    assert 1e-5 < model["checked"]["largest_difference_from_the_net"] < 1e-2
    for name in (PARAMS, ONNX):
        assert (tmp_path / "half" / name).stat().st_size < 0.6 * (with_onnx / name).stat().st_size
    stored = mx.nd.load(str(tmp_path / "half" / PARAMS)).values()
    assert {(array.ndim > 1, array.dtype) for array in stored} == {(True, np.float16), (False, np.float32)}
    picture = noise(32, 32, 3)
    expected = Translator.load(with_onnx)(picture).astype(int)
    symbol, by_onnx = (Translator.load(tmp_path / "half", backend=name)(picture) for name in ("mxnet", "onnx"))
    assert np.abs(symbol - expected).max() <= 2
    assert np.abs(symbol.astype(int) - by_onnx).max() <= 1


def test_float16_that_loses_too_much(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setitem(export.LARGEST_DIFFERENCE, "float16", 1e-5)
    with pytest.raises(ValueError, match=r"differs from the net by 0\.00\d+, more than 1e-05: nothing was written"):
        export_generator(tiny_run, tmp_path / "half", float16=True)


def test_an_export_takes_the_place_of_one_and_of_nothing_else(tiny_run, tmp_path, monkeypatch):
    export_generator(tiny_run, tmp_path / "out", onnx=True)
    export_generator(tiny_run, tmp_path / "out")
    assert sorted(contents(tmp_path / "out")) == sorted(FILES)  # no ONNX file of the one before
    before, rename = contents(tmp_path / "out"), os.rename

    def fail(source, target):
        if str(source).endswith(".part"):
            raise OSError("no such luck")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(OSError, match="no such luck"):
        export_generator(tiny_run, tmp_path / "out", epoch="1")
    assert contents(tmp_path / "out") == before
    (tmp_path / "out" / "thesis.txt").touch()
    with pytest.raises(ValueError, match=r"out has other files than an export's \(thesis\.txt\): choose another"):
        export_generator(tiny_run, tmp_path / "out")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match="file is a file: choose another folder for the export"):
        export_generator(tiny_run, tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "out"]


def test_statistics_of_a_batch_cannot_be_exported(tiny_run, tmp_path):
    with pytest.raises(ValueError, match="an export normalises by statistics picture or running"):
        export_generator(tiny_run, tmp_path / "out", statistics="batch")


def test_onnx_has_its_mapping_only_while_a_file_is_written(tiny_run, tmp_path, monkeypatch):
    monkeypatch.delattr(onnx, "mapping", raising=False)  # as from 1.19 on
    export_generator(tiny_run, tmp_path / "out", onnx=True)
    assert not hasattr(onnx, "mapping")


def test_an_onnx_that_is_too_new_is_named(tiny_run, tmp_path, monkeypatch):
    monkeypatch.delattr(onnx, "mapping", raising=False)
    monkeypatch.delattr(onnx.helper, "np_dtype_to_tensor_dtype")
    with pytest.raises(ImportError, match=r"onnx \d\S+ is too new for .*np_dtype_to.*pip install 'onnx<1\.24'"):
        export_generator(tiny_run, tmp_path / "out", onnx=True)
    assert list(tmp_path.iterdir()) == []
