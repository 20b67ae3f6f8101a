"""The networks against the PyTorch implementation's own outputs and gradients on the same weights."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model
from gluon_pix2pix.handover.torch_weights import upstream_key
from gluon_pix2pix.runtime import mx

pytestmark = pytest.mark.device

NETS = {
    "G_unet_256_batch_nf8": (8, lambda: get_model("unet_256", ngf=8, dropout=False)),
    "G_unet_128_batch_nf8": (7, lambda: get_model("unet_128", ngf=8, dropout=False)),
    "G_resnet_6blocks_batch_nf8": (0, lambda: get_model("resnet_6blocks", ngf=8, dropout=False)),
    "G_resnet_6blocks_instance_nf8": (0, lambda: get_model("resnet_6blocks", ngf=8, norm="instance", dropout=False)),
    "D_basic_batch_nf8": (0, lambda: get_model("basic", ndf=8)),
    "D_n_layers2_batch_nf8": (0, lambda: get_model("n_layers", ndf=8, n_layers=2)),
    "D_pixel_batch_nf8": (0, lambda: get_model("pixel", ndf=8)),
}


def loaded(reference, tag, hybridize):
    answers = (reference / "nets" / f"{tag}.npz").arrays()
    num_downs, make = NETS[tag]
    net = make()
    net.initialize()
    keys = {name: upstream_key(name, num_downs=num_downs) for name in net._collect_params_with_prefix()}
    expected = {key[6:] for key in answers if key.startswith("param/") and "num_batches" not in key}
    assert set(keys.values()) == expected
    for name, parameter in net._collect_params_with_prefix().items():
        parameter.set_data(mx.nd.array(answers["param/" + keys[name]]))
    if hybridize:
        net.hybridize(static_alloc=True, static_shape=True)
    return net, answers, keys


def gradients_of(net, answers, keys):
    """Train-mode output and the gradients of sum(w * y), under the reference's names."""
    dtype = next(iter(net.collect_params().values())).dtype
    x = mx.nd.array(answers["x"], dtype=dtype)
    x.attach_grad()
    with mx.autograd.record():
        y = net(x)
        total = (mx.nd.array(answers["w"], dtype=dtype) * y).sum()
    total.backward()
    gradients = {"grad_x": x.grad.asnumpy()}
    for name, parameter in net._collect_params_with_prefix().items():
        if parameter.grad_req != "null":
            gradients["grad/" + keys[name]] = parameter.grad().asnumpy()
    return y.asnumpy(), gradients


def off(gradient, answer):
    return np.abs(gradient - answer).max() / np.abs(answer).max()


@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridised"])
@pytest.mark.parametrize("tag", NETS)
def test_outputs(reference, tag, hybridize):
    net, answers, keys = loaded(reference, tag, hybridize)
    for x, y in (("x", "y_eval"), ("x2", "y2_eval")):
        np.testing.assert_allclose(net(mx.nd.array(answers[x])).asnumpy(), answers[y], atol=1e-5, rtol=0)
    y, _ = gradients_of(net, answers, keys)
    np.testing.assert_allclose(y, answers["y_train"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("hybridize", [False, True], ids=["imperative", "hybridised"])
@pytest.mark.parametrize("tag", [tag for tag in NETS if "unet" in tag or ("D_" in tag and "pixel" not in tag)])
def test_gradients(reference, tag, hybridize):
    net, answers, keys = loaded(reference, tag, hybridize)
    _, gradients = gradients_of(net, answers, keys)
    differences = {key: off(value, answers[key]) for key, value in gradients.items()}
    assert max(differences.values()) < 2.5e-5, differences


@pytest.mark.parametrize("tag", [tag for tag in NETS if "resnet" in tag])
def test_gradients_of_residual_generators(reference, tag, monkeypatch):
    """In float64, with each ReLU whose input is within float32 noise of 0 on the side where the reference has it.

    One unit on the other side moves a residual generator's gradients by 1.5 percent of the largest, so these units are
    found, and turned one by one where that brings the gradients nearer: all of them, to the last digits, or none.
    """
    net, answers, keys = loaded(reference, tag, False)
    net.cast("float64")
    inputs, shifts = {}, {}
    relu = mx.gluon.nn.Activation.hybrid_forward

    def shifted_relu(block, F, x):
        inputs[block.name] = x.detach().asnumpy()
        return relu(block, F, x + mx.nd.array(shifts[block.name], dtype="float64") if block.name in shifts else x)

    def largest_difference():
        _, gradients = gradients_of(net, answers, keys)
        # A bias before instance norm has no effect: its gradient is 0 in truth, and noise in the reference.
        without = [key for key in gradients if "instance" in tag and key.endswith("bias") and "model.23" not in key]
        return max(off(value, answers[key]) for key, value in gradients.items() if key not in without)

    monkeypatch.setattr(mx.gluon.nn.Activation, "hybrid_forward", shifted_relu)
    difference = largest_difference()
    undecided = [(name, place) for name, x in inputs.items() for place in zip(*np.where(np.abs(x) < 1.5e-6))]
    assert len(undecided) < 10
    for name, place in undecided:
        before = shifts.get(name)
        shifts[name] = np.zeros_like(inputs[name]) if before is None else before.copy()
        shifts[name][place] = -2 * inputs[name][place]
        turned = largest_difference()
        if turned < difference:
            difference = turned
        elif before is None:
            del shifts[name]
        else:
            shifts[name] = before
    assert difference < 2.5e-5


def test_gradients_of_the_pixel_discriminator(reference):
    """Here a pixel's gradient hangs on its own LeakyReLU signs, and a value within float32 noise of 0 has either.

    So pixels with such a value are left out of the comparison, and the weights' gradients, sums over all pixels that
    nearly cancel, differ by what those few pixels carry.
    """
    net, answers, keys = loaded(reference, "D_pixel_batch_nf8", False)
    _, gradients = gradients_of(net, answers, keys)
    conv1, leaky, conv2, norm, *_ = net.net
    with mx.autograd.train_mode():
        before_first = conv1(mx.nd.array(answers["x"]))
        before_second = norm(conv2(leaky(before_first)))
    near_zero = mx.nd.concat(before_first, before_second, dim=1).abs().min(axis=1, keepdims=True).asnumpy() < 5e-6
    assert 0 < near_zero.sum() < 100  # of 131,072
    clear = np.where(near_zero, answers["grad_x"], gradients.pop("grad_x"))
    assert off(clear, answers["grad_x"]) < 2.5e-5
    assert max(off(value, answers[key]) for key, value in gradients.items()) < 1e-2
