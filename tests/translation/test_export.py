"""The export, loaded the way any MXNet program loads it, against the network that it was made from."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest

import gluon_pix2pix
from gluon_pix2pix.image_files import find_images, read_image
from gluon_pix2pix.images import to_image, to_signed
from gluon_pix2pix.models import get_model
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation import export
from gluon_pix2pix.translation.export import FILES, export_generator, import_export
from gluon_pix2pix.translation.translator import Translator, build_generator, read_run


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


def test_model_json(tiny_run, exported):
    folder, model = exported
    assert json.loads((folder / "model.json").read_text()) == model
    assert model["input"] == {
        "name": "data",
        "shape": ["N", 3, "multiples of 32", "multiples of 32"],
        "dtype": "float32",
    }
    assert (model["output"]["shape"][1], model["output"]["dtype"]) == (3, "float32")
    assert model["generator"] == read_run(tiny_run)["generator"]
    assert (model["epoch"], model["step"], model["trained_at"], model["direction"]) == (2, 0, 32, "BtoA")
    assert model["checked"]["shapes"] == [[1, 3, 32, 32], [2, 3, 64, 96]]
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
    pictures = [np.full((32, 32, 3), 200, np.uint8), np.full((32, 32, 3), 200 * 257, np.uint16)]
    seen = []

    def import_and_watch(folder):
        net = import_export(folder)

        def watched(batch):
            seen.append(batch.asnumpy())
            return net(batch) + 3e-5 * (len(seen) == 3)  # the first picture, after two batches of noise

        return watched

    monkeypatch.setattr(export, "import_export", import_and_watch)
    checked = export_generator(tiny_run, tmp_path, pictures=pictures)["checked"]
    assert checked["shapes"][2:] == [[1, 3, 32, 32]] * 2
    assert checked["largest_difference_from_the_net"] == pytest.approx(3e-5, rel=0.05)
    for batch in seen[2:]:
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
    monkeypatch.setattr(export, "LARGEST_DIFFERENCE", -1)
    for folder in ("old", "new"):
        with pytest.raises(ValueError, match=r"^the export differs from the net by [0-9.e-]+: nothing was written$"):
            export_generator(tiny_run, tmp_path / folder)
    assert contents(tmp_path / "old") == before
    assert contents(tmp_path / "new") == {}


def test_weights_that_are_no_numbers_are_not_written(tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    checkpoint = run / "checkpoints" / "epoch_0002"
    arrays = mx.nd.load(str(checkpoint / "generator.params"))
    arrays["last.bias"][:] = np.nan
    mx.nd.save(str(checkpoint / "generator.params"), arrays)
    state = json.loads((checkpoint / "state.json").read_text())
    state["sha256"]["generator.params"] = hashlib.sha256((checkpoint / "generator.params").read_bytes()).hexdigest()
    (checkpoint / "state.json").write_text(json.dumps(state))
    with pytest.raises(ValueError, match="the export differs from the net by nan: nothing was written"):
        export_generator(run, tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_what_is_not_there(tmp_path, tiny_run):
    with pytest.raises(FileNotFoundError, match="is not the folder of a run"):
        export_generator(tmp_path, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="has no checkpoint 9"):
        export_generator(tiny_run, tmp_path / "out", epoch="9")
    assert list(tmp_path.iterdir()) == []


def test_the_graph_has_the_operator_that_other_tools_know(tiny_run, tmp_path):
    export_generator(tiny_run, tmp_path)
    nodes = [node["op"] for node in json.loads((tmp_path / "generator-symbol.json").read_text())["nodes"]]
    assert "LayerNorm" not in nodes
    assert nodes.count("InstanceNorm") == 7  # 5 levels: 3 on the way down, 4 on the way up
