"""The models in the box by their names, and exports taken up again as shipped models are."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from gluon_pix2pix.commands import models, train
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.handover.export import export_generator
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.exported import MODEL, PARAMS, read_model
from gluon_pix2pix.translation.gluon_network import build_generator, rebuild_export
from gluon_pix2pix.translation.loading import find_format
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.zoo import shipped
from gluon_pix2pix.zoo.shipped import find_model


@pytest.fixture(scope="module")
def box(tiny_run, write_card, tmp_path_factory):
    """A folder with a model named "tiny" in it."""
    folder = tmp_path_factory.mktemp("zoo")
    export_generator(tiny_run, folder / "tiny", float16=True)
    write_card(folder / "tiny")
    return folder


@pytest.fixture
def boxed(box, monkeypatch, tmp_path):
    """The folder of "tiny", shipped; the test runs in another one."""
    monkeypatch.setattr(shipped, "FOLDER", box)
    monkeypatch.chdir(tmp_path)
    return box / "tiny"


def test_a_name_is_the_model_whatever_lies_beside(boxed, tmp_path):
    (tmp_path / "tiny").mkdir()
    assert find_model("tiny") == boxed
    assert find_model("./tiny").resolve() == tmp_path / "tiny"
    assert find_format("tiny") == "symbol"


@pytest.mark.parametrize("word", ["tinny", "facade"])
def test_a_word_that_is_nothing_lists_the_names(boxed, word):
    with pytest.raises(FileNotFoundError, match=f"no model '{word}': .* the models in the box are tiny$"):
        find_format(word)


@pytest.mark.parametrize("path", ["runs/x", "x.onnx", "."])
def test_paths_stay_paths(boxed, path):
    assert str(find_model(path)) == path


def test_it_translates_as_its_folder_does(boxed):
    picture = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    by_name, by_path = Translator.load("tiny"), Translator.load(boxed)
    np.testing.assert_array_equal(by_name(picture), by_path(picture))


def test_a_damaged_one_is_named(boxed, tmp_path, monkeypatch):
    shutil.copytree(boxed, tmp_path / "box/tiny")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "box")
    data = bytearray((tmp_path / "box/tiny" / PARAMS).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "box/tiny" / PARAMS).write_bytes(data)
    with pytest.raises(ValueError, match=rf"box/tiny/{PARAMS} is damaged"):
        Translator.load("tiny")


def test_an_export_is_built_again_by_structural_names(boxed, tiny_run):
    net, model = rebuild_export(boxed)
    original, _ = build_generator(tiny_run)
    found, expected = net._collect_params_with_prefix(), original._collect_params_with_prefix()
    assert found.keys() == expected.keys()
    for name, parameter in expected.items():
        np.testing.assert_allclose(found[name].data().asnumpy(), parameter.data().asnumpy(), rtol=1e-3, atol=1e-4)
    assert model["generator"]["name"] == read_model(boxed)["generator"]["name"]


def test_a_shipped_model_is_exported_again(boxed, tmp_path):
    first = read_model(boxed)
    again = export_generator("tiny", tmp_path / "again", onnx=True)
    for key in ("coding", "trained_at", "direction", "generator", "checkpoint", "epoch", "statistics", "parameters"):
        assert again[key] == first[key]
    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    translated = [Translator.load(path, size=None)(picture) for path in (boxed, tmp_path / "again")]
    np.testing.assert_array_equal(*translated)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"epoch": "3"}, "is an export, of one checkpoint"),
        ({"statistics": "running"}, "was exported with statistics picture"),
    ],
)
def test_an_export_has_one_checkpoint_and_one_kind_of_statistics(boxed, tmp_path, words, message):
    with pytest.raises(ValueError, match=message):
        export_generator("tiny", tmp_path / "again", **words)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"generator": None}, "does not say which generator"), ({"parameters": {"x": "y"}}, "does not fit the generator")],
)
def test_a_model_json_that_does_not_fit(boxed, tmp_path, change, message):
    folder = shutil.copytree(boxed, tmp_path / "other")
    (folder / MODEL).write_text(json.dumps({**read_model(boxed), **change}))
    with pytest.raises(ValueError, match=message):
        rebuild_export(folder)


LARGER = {"load_size": 36, "crop_size": 32, "num_downs": 5, "ngf": 4}  # as tiny_run


def test_a_run_begins_with_a_shipped_generator(boxed, tiny_options, tmp_path, capsys):
    options = tiny_options(run_dir=tmp_path / "run", init_from="tiny", lr=0.0, **LARGER)
    train.main(options)
    assert "began with the generator of tiny; an export has no discriminator, and its own begins anew" in (
        capsys.readouterr().out
    )
    weights = mx.nd.load(str(tmp_path / "run/checkpoints/epoch_0001/generator.params"))
    for name, parameter in rebuild_export(boxed)[0]._collect_params_with_prefix().items():
        np.testing.assert_array_equal(weights[name].asnumpy(), parameter.data().asnumpy())  # with a rate of 0 they stay


def test_a_shipped_generator_that_does_not_fit(boxed, tiny_options, tmp_path):
    options = tiny_options(run_dir=tmp_path / "run", init_from="tiny", **{**LARGER, "ngf": 5})
    with pytest.raises(UsageError, match=r"of tiny was trained with --ngf 4 \(now 5\): pass the same"):
        train.main(options)


def test_models_lists_them(boxed, call, monkeypatch, tmp_path):
    code, out, _ = call("models")
    size = f"{(boxed / PARAMS).stat().st_size / 1e6:.1f}"
    assert (code, out.splitlines()) == (
        0,
        [
            "tiny: noise to noise",
            f"  size       32 x 32 pixels as trained, {size} MB",
            "  task       Makes noise of noise.",
            "  trained on 4 drawn pairs",
            "  licence    CC0",
            "  options    generator unet, ngf 4, lr 0.0002",
            "  training   12,345 steps in 0.5 hours",
            "  scores     psnr 12.35",
            "  command    python train_pix2pix.py --dataset demo",
            "  does badly Noise stays noise. It is small.",
            "",
            "next: python -m gluon_pix2pix translate --model tiny --input PICTURES",
            "next: python -m gluon_pix2pix serve --model tiny --open",
        ],
    )
    with monkeypatch.context() as without:
        without.setattr(models, "has_mxnet", lambda: False)
        lines = call("models")[1].splitlines()
    assert lines[-2].startswith("they need MXNet: pip install ")
    assert "gluon_pix2pix export --model tiny --onnx makes an .onnx file" in lines[-1]
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    assert call("models")[:2] == (0, "no trained model is in the box so far\n")
