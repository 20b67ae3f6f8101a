"""The reference's own checkpoint files, through ``convert``, against its outputs; and back, to the same bits."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model
from gluon_pix2pix.handover.torch_file import read_tensors, write_tensors
from gluon_pix2pix.runs.checkpoint import load_initial
from gluon_pix2pix.runs.options_file import read_options
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.gluon_network import build_generator

GENERATORS = ("G_unet_256_batch_nf8", "G_resnet_6blocks_instance_nf8")
TAGS = (*GENERATORS, "D_basic_batch_nf8")


@pytest.fixture(params=TAGS)
def tag(request):
    return request.param


@pytest.fixture
def model(call, reference, tag, tmp_path):
    """The model folder that a file of the reference becomes."""
    assert (
        call("convert", reference / "checkpoints" / tag / f"latest_net_{tag[0]}.pth", "--output", tmp_path / "model")[0]
        == 0
    )
    return tmp_path / "model"


def test_outputs(reference, tag, model):
    answers = (reference / "nets" / f"{tag}.npz").arrays()
    if tag in GENERATORS:
        net, _ = build_generator(model, statistics="picture" if "instance" in tag else "running")
    else:
        net = get_model(**read_options(model)["discriminator"])
        load_initial(model, None, net, [mx.cpu()])
    for x, y in (("x", "y_eval"), ("x2", "y2_eval")):
        np.testing.assert_allclose(net(mx.nd.array(answers[x])).asnumpy(), answers[y], atol=1e-5, rtol=0)


def test_outputs_by_a_pictures_own_statistics(call, reference, tmp_path):
    """What `translate` does is the reference's train mode on one picture: the first forward of its first step."""
    answers = (reference / "train" / "unet_256_batch_vanilla_b1_nf8.npz").arrays()
    state = {key[len("init_G/") :]: answers[key] for key in answers if key.startswith("init_G/")}
    write_tensors(tmp_path / "net.pth", state)
    assert call("convert", tmp_path / "net.pth", "--output", tmp_path / "model")[0] == 0
    net, _ = build_generator(tmp_path / "model", statistics="picture")
    y = net(mx.nd.array(answers["A"][0])).asnumpy()
    np.testing.assert_allclose(y, answers["fake_B"][0], atol=1e-5, rtol=0)


def test_there_and_back(call, reference, tag, model, tmp_path):
    assert call("convert", model, "--to-torch", "--output", tmp_path)[0] == 0
    name = f"latest_net_{tag[0]}.pth"
    found, expected = read_tensors(tmp_path / name), read_tensors(reference / "checkpoints" / tag / name)
    assert list(found) == list(expected)
    for key, array in expected.items():
        assert (found[key].dtype, found[key].shape) == (array.dtype, array.shape)
        if not key.endswith(".num_batches_tracked"):  # no part of the result, and not kept
            assert found[key].tobytes() == array.tobytes()


def test_torch_reads_what_goes_back(call, reference, tag, model, tmp_path):
    torch = pytest.importorskip("torch")
    assert call("convert", model, "--to-torch", "--output", tmp_path)[0] == 0
    name = f"latest_net_{tag[0]}.pth"
    found = torch.load(tmp_path / name, weights_only=True)
    expected = torch.load(reference / "checkpoints" / tag / name, weights_only=True)
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        assert (found[key].dtype, found[key].shape) == (tensor.dtype, tensor.shape)
        assert key.endswith(".num_batches_tracked") or torch.equal(found[key], tensor)
