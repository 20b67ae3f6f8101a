"""``convert`` as its users run it: model folders of .pth files that the other commands take, and .pth files of runs."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.handover.torch_file import read_tensors, write_tensors
from gluon_pix2pix.handover.torch_weights import to_torch
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.runs.checkpoint import load_initial
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.translator import Translator

GENERATOR = {"name": "unet", "num_downs": 5, "input_nc": 3, "output_nc": 3, "ngf": 4, "norm": "batch"}
GENERATOR |= {"dropout": True, "dropout_blocks": "upstream"}
DISCRIMINATOR = {"name": "n_layers", "n_layers": 2, "input_nc": 6, "ndf": 4, "norm": "batch"}
RESNET = {"name": "resnet_6blocks", "input_nc": 3, "output_nc": 3, "ngf": 4, "norm": "instance", "dropout": False}


def build(described, seed=0):
    net = get_model(**described)
    init_weights(net, seed=seed, ctx=[mx.cpu()], init_gain=0.2)
    return net


def write_pth(path, described, seed=0):
    net = build(described, seed)
    write_tensors(path, to_torch(net, described))
    return net


@pytest.fixture
def pth(tmp_path):
    """latest_net_G.pth and latest_net_D.pth, and the networks in them."""
    paths = [tmp_path / f"latest_net_{letter}.pth" for letter in "GD"]
    return paths, [write_pth(path, net) for path, net in zip(paths, (GENERATOR, DISCRIMINATOR))]


def weights(net):
    return {name: parameter.data().asnumpy() for name, parameter in net._collect_params_with_prefix().items()}


def same(net, other):
    expected = weights(other)
    assert weights(net).keys() == expected.keys()
    return all((array == expected[name]).all() for name, array in weights(net).items())


def options_of(model):
    return json.loads((model / "options.json").read_text())


def test_a_model_that_translates_and_is_exported(call, pth, tmp_path):
    (path, _), (net, _) = pth
    model = tmp_path / "model"
    code, out, err = call("convert", path, "--output", model, "--crop-size", 32, "--direction", "BtoA", "--no-dropout")
    assert (code, err) == (0, "")
    assert f"{path}: generator unet, num_downs 5, input_nc 3, output_nc 3, ngf 4, norm batch, dropout False" in out
    assert "does not show" not in out
    assert f"next: python -m gluon_pix2pix translate --model {model} --input PICTURES\n" in out
    options = options_of(model)
    assert options["generator"] == {**GENERATOR, "dropout": False}
    assert options["options"] == {"direction": "BtoA", "crop_size": 32}
    assert options["converted"]["generator"]["file"] == "latest_net_G.pth"

    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    write_image(tmp_path / "picture.png", picture)
    code, _, err = call(
        "translate", "--model", model, "--input", tmp_path / "picture.png", "--output", tmp_path / "out"
    )
    assert (code, err) == (0, "")
    x = mx.nd.array(picture[None].transpose(0, 3, 1, 2)) / 127.5 - 1
    with mx.autograd.train_mode():  # statistics of the picture: with one picture in the batch, batch norm's own
        for block in net.up:
            block.dropout = None
        y = net(x).asnumpy()
    np.testing.assert_allclose(
        read_image(tmp_path / "out" / "picture_fake.png"), (y[0].transpose(1, 2, 0) + 1) * 127.5, atol=0.502
    )
    code, out, _ = call("export", "--model", model, "--output", tmp_path / "export")
    assert code == 0
    assert json.loads((tmp_path / "export" / "model.json").read_text())["direction"] == "BtoA"


def test_generator_and_discriminator_in_one_folder(call, pth, tmp_path):
    (path_g, path_d), (net_g, net_d) = pth
    model = tmp_path / "model"
    assert call("convert", path_d, "--output", model)[0] == 0
    assert options_of(model)["options"] == {"direction": "AtoB", "crop_size": 256}
    generator, discriminator = build(GENERATOR, seed=5), build(DISCRIMINATOR, seed=6)
    assert load_initial(model, generator, discriminator, [mx.cpu()]) == ["discriminator"]
    assert same(discriminator, net_d)
    assert not same(generator, net_g)

    code, out, _ = call("convert", path_g, "--output", model, "--crop-size", 64)
    assert (code, "--no-dropout if it was trained without" in out) == (0, True)
    code, out, _ = call("convert", path_d, "--output", model)  # again: nothing of the other is lost
    assert (code, f"next: python -m gluon_pix2pix train --init-from {model} --dataset NAME" in out) == (0, True)
    assert options_of(model)["options"] == {"direction": "AtoB", "crop_size": 64}
    assert (options_of(model)["generator"], options_of(model)["discriminator"]) == (GENERATOR, DISCRIMINATOR)
    discriminator = build(DISCRIMINATOR, seed=7)
    assert load_initial(model, generator, discriminator, [mx.cpu()]) == ["generator", "discriminator"]
    assert same(generator, net_g)
    assert same(discriminator, net_d)
    assert sorted(path.name for path in (model / "checkpoints").iterdir()) == ["epoch_0000"]

    with pytest.raises(ValueError, match="does not fit the discriminator"):
        load_initial(model, generator, build({**DISCRIMINATOR, "ndf": 5}), [mx.cpu()])
    with pytest.raises(ValueError, match="does not fit the generator"):
        load_initial(model, build(RESNET), discriminator, [mx.cpu()])
    with pytest.raises(FileNotFoundError, match="no checkpoint latest"):
        load_initial(tmp_path, generator, discriminator, [mx.cpu()])
    (model / "checkpoints" / "epoch_0000" / "state.json").write_text('{"epoch": 0, "step": 0, "sha256": {}}')
    with pytest.raises(ValueError, match="has the weights of no network"):
        load_initial(model, generator, discriminator, [mx.cpu()])


def test_there_and_back_is_the_same_file(call, pth, tmp_path):
    paths, _ = pth
    for path in paths:
        assert call("convert", path, "--output", tmp_path / "model")[0] == 0
    code, out, err = call("convert", tmp_path / "model", "--to-torch", "--output", tmp_path / "back")
    written = [tmp_path / "back" / path.name for path in paths]
    assert (code, out, err) == (0, f"written: {written[0]}, {written[1]}\n", "")
    assert [path.read_bytes() for path in written] == [path.read_bytes() for path in paths]


def test_a_training_run_for_pytorch_and_back(call, tiny_run, tmp_path):
    code, out, _ = call("convert", tiny_run, "--to-torch", "--epoch", 1, "--output", tmp_path / "torch")
    (note,) = [line for line in out.splitlines() if line.startswith("note: ")]
    assert "dropout in the paper's blocks, and the PyTorch implementation has no option for that" in note
    assert (code, sorted(os.listdir(tmp_path / "torch"))) == (0, ["1_net_D.pth", "1_net_G.pth"])
    state = read_tensors(tmp_path / "torch" / "1_net_G.pth")
    assert state["model.model.1.model.2.num_batches_tracked"].shape == ()
    model = tmp_path / "model"
    assert call("convert", tmp_path / "torch" / "1_net_G.pth", "--output", model, "--crop-size", 32)[0] == 0
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    kwargs = {"statistics": "running", "dropout": False}
    expected = Translator.load(tiny_run, epoch="1", **kwargs)(picture)
    np.testing.assert_array_equal(Translator.load(model, **kwargs)(picture), expected)
    assert (Translator.load(tiny_run, **kwargs)(picture) != expected).any()

    code, _, err = call("convert", tmp_path / "torch" / "1_net_G.pth", "--output", tiny_run)
    assert (code, "the folder of a training run" in err) == (2, True)


def test_a_resnet_shows_its_dropout_and_size(call, tmp_path):
    write_pth(tmp_path / "net.pth", RESNET)
    code, out, _ = call("convert", tmp_path / "net.pth", "--output", tmp_path / "model")
    assert (code, "does not show" in out) == (0, False)
    assert options_of(tmp_path / "model")["generator"] == RESNET
    assert options_of(tmp_path / "model")["options"]["crop_size"] == 256
    for name, size in (("unet_128", 128), ("unet_512", 512)):
        write_pth(tmp_path / "net.pth", {"name": name, "ngf": 2, "norm": "batch", "dropout": True})
        assert call("convert", tmp_path / "net.pth", "--output", tmp_path / name)[0] == 0
        assert options_of(tmp_path / name)["options"]["crop_size"] == size


def test_a_model_stays_whole_when_writing_fails(call, pth, tmp_path, monkeypatch):
    (path_g, path_d), (net_g, _) = pth
    model = tmp_path / "model"
    assert call("convert", path_g, "--output", model)[0] == 0
    before = (model / "options.json").read_text()
    with monkeypatch.context() as patch:
        patch.setattr(mx.nd, "save", lambda *arguments: (_ for _ in ()).throw(OSError("no space left")))
        code, _, err = call("convert", path_d, "--output", model)
    assert (code, err) == (1, "error: no space left\n")
    assert (model / "options.json").read_text() == before
    assert os.listdir(model / "checkpoints") == ["epoch_0000"]
    generator = build(GENERATOR, seed=5)
    assert load_initial(model, generator, None, [mx.cpu()]) == ["generator"]
    assert same(generator, net_g)


def test_a_damaged_network_is_not_vouched_for(call, pth, tmp_path):
    (path_g, path_d), _ = pth
    model = tmp_path / "model"
    assert call("convert", path_g, "--output", model)[0] == 0
    file, state = (model / "checkpoints" / "epoch_0000" / name for name in ("generator.params", "state.json"))
    before, good = (model / "options.json").read_text(), file.read_bytes()
    damaged, sums = good[:999] + bytes([good[999] ^ 1]) + good[1000:], state.read_text()
    file.write_bytes(damaged)
    code, _, err = call("convert", path_d, "--output", model)
    assert (code, err.count("\n"), f"{file} is missing or damaged" in err) == (2, 1, True)
    assert "convert into another folder" in err
    assert (file.read_bytes(), state.read_text(), (model / "options.json").read_text()) == (damaged, sums, before)
    assert os.listdir(model / "checkpoints") == ["epoch_0000"]

    file.write_bytes(good)
    assert call("convert", path_d, "--output", model)[0] == 0
    old, new = json.loads(sums)["sha256"], json.loads(state.read_text())["sha256"]
    assert new["generator.params"] == old["generator.params"]
    assert sorted(new) == ["discriminator.params", "generator.params"]


def test_what_the_pytorch_implementation_has_no_option_for(call, pth, tmp_path):
    (path_g, _), _ = pth
    write_pth(tmp_path / "alone.pth", {**DISCRIMINATOR, "input_nc": 3})
    for path in (path_g, tmp_path / "alone.pth"):
        assert call("convert", path, "--output", tmp_path / "model")[0] == 0
    code, out, err = call("convert", tmp_path / "model", "--to-torch", "--output", tmp_path / "torch")
    (note,) = [line for line in out.splitlines() if line.startswith("note: ")]
    assert (code, err) == (0, "")
    assert "sees 3 channels, the target alone, and the PyTorch implementation's pix2pix has no option" in note
    assert "one for 6" in note


def test_weights_that_options_json_does_not_describe(call, pth, tmp_path):
    model = tmp_path / "model"
    for path in pth[0]:
        assert call("convert", path, "--output", model)[0] == 0
    options = options_of(model)
    del options["discriminator"]
    (model / "options.json").write_text(json.dumps(options))
    code, _, err = call("convert", model, "--to-torch", "--output", tmp_path / "torch")
    assert (code, err.count("\n")) == (2, 1)
    assert f"{model / 'options.json'} does not describe the discriminator that is in {model}" in err
    assert not (tmp_path / "torch").exists()


def test_errors(call, pth, tmp_path):
    (path, _), _ = pth
    (tmp_path / "tf").mkdir()
    for name in ("checkpoint", "model-200000.data-00000-of-00001", "model-200000.index", "model-200000.meta"):
        (tmp_path / "tf" / name).touch()
    (tmp_path / "text.pth").write_text("weights\n" * 99)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "options.json").write_text("[]")
    write_tensors(tmp_path / "other.pth", {"layer1.conv1.weight": np.ones((4, 3, 3, 3), np.float32)})
    write_pth(tmp_path / "judge.pth", {**DISCRIMINATOR, "norm": "none"})
    out = tmp_path / "out"
    for words, code, message in [
        ((path, "--output", out, "--crop-size", 48), 2, "unet takes pictures whose sides are multiples of 32, not 48"),
        ((path, "--output", out, "--crop-size", 0), 2, "--crop-size 0 is below 1"),
        ((path, "--output", tmp_path / "broken"), 2, "is not the options of a run"),
        ((tmp_path / "text.pth", "--output", out), 2, "text.pth cannot be read as weights from PyTorch: it is no file"),
        ((tmp_path / "other.pth", "--output", out), 2, "other.pth: its first key, 'layer1.conv1.weight', is of none"),
        ((tmp_path / "none.pth", "--output", out), 1, f"{tmp_path / 'none.pth'}: No such file or directory"),
        ((tmp_path / "tf", "--output", out), 2, "weights of TensorFlow (checkpoint): only .pth files"),
        ((tmp_path / "tf" / "model-200000.index", "--output", out), 2, ".pict exports included"),
        ((tmp_path / "facades.pict", "--output", out), 2, "weights of affinelayer's web page (facades.pict)"),
        ((tmp_path / "facades_net_G.t7", "--output", out), 2, "weights of Torch7"),
        ((tmp_path, "--output", out), 2, "is a folder: name a .pth file, or add --to-torch"),
        ((tmp_path, "--to-torch", "--output", out), 1, "is not the folder of a run: it has no options.json"),
    ]:
        found, _, err = call("convert", *words)
        assert (found, err.count("\n")) == (code, 1), err
        assert err.startswith("error: ")
        assert message in err
        assert not out.exists()
    assert call("convert", tmp_path / "judge.pth", "--output", tmp_path / "model")[0] == 0
    code, _, err = call("convert", tmp_path / "model", "--to-torch", "--epoch", 9, "--output", out)
    assert (code, "no checkpoint 9; there: epoch_0000" in err, out.exists()) == (1, True, False)
