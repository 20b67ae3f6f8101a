"""Every network by its name: known, and the same hybridised as imperative."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.core.operators import TRANSLATING_NORMS
from gluon_pix2pix.core_options import DISCRIMINATORS, GENERATORS, NORMS
from gluon_pix2pix.runtime import mx

pytestmark = pytest.mark.device

# name -> (what makes it small, height, width)
SMALL = {
    "unet_256": ({"ngf": 2}, 256, 256),
    "unet_128": ({"ngf": 2}, 128, 256),
    "unet_512": ({"ngf": 1}, 512, 512),
    "unet": ({"ngf": 4, "num_downs": 3}, 16, 40),
    "encoder_decoder": ({"ngf": 4, "num_downs": 3}, 16, 40),
    "resnet_9blocks": ({"ngf": 4}, 16, 40),
    "resnet_6blocks": ({"ngf": 4}, 16, 40),
    "basic": ({"ndf": 4}, 48, 64),
    "n_layers": ({"ndf": 4, "n_layers": 2}, 48, 64),
    "pixel": ({"ndf": 4}, 12, 20),
}


def answers(name, kwargs, *, hybridize, batch_size=2):
    """Return outputs in both modes, on two batches each, and the gradients of a train-mode output's weighted sum."""
    small, *size = SMALL[name]
    channels = 3 if name in GENERATORS else 6
    net = get_model(name, **small, **kwargs)
    init_weights(net, seed=0, ctx=[mx.current_context()], init_gain=0.1)
    if hybridize:
        net.hybridize(static_alloc=True, static_shape=True)
    rng = np.random.default_rng(0)
    batches = [mx.nd.array(rng.uniform(-1, 1, (batch_size, channels, *size))) for _ in range(2)]
    found = {f"predicted {i}": net(batch).asnumpy() for i, batch in enumerate(batches)}
    x = batches[0]
    x.attach_grad()
    with mx.autograd.record():
        y = net(x)
        total = (y * mx.nd.array(rng.uniform(-1, 1, y.shape))).sum()
    total.backward()
    mx.nd.waitall()
    found |= {"trained": y.asnumpy(), "x": x.grad.asnumpy()}
    for key, parameter in net._collect_params_with_prefix().items():
        found[key] = (parameter.data() if parameter.grad_req == "null" else parameter.grad()).asnumpy()
    found["predicted after"] = net(batches[1]).asnumpy()
    return found


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert np.abs(value - theirs[key]).max() <= 1e-6 * max(1, np.abs(theirs[key]).max()), key


@pytest.mark.parametrize("name", [*GENERATORS, *DISCRIMINATORS])
def test_hybridised_is_imperative(name):
    kwargs = {"dropout": False} if name in GENERATORS else {}
    imperative = answers(name, kwargs, hybridize=False)
    assert_same(answers(name, kwargs, hybridize=True), imperative)
    assert imperative["predicted 0"].std() > 0
    assert np.abs(imperative["predicted 0"] - imperative["predicted 1"]).max() > 1e-4


@pytest.mark.parametrize("norm", [*(norm for norm in NORMS if norm != "syncbatch"), *TRANSLATING_NORMS])
@pytest.mark.parametrize("name", ["unet", "n_layers"])
def test_every_norm_hybridised_is_imperative(name, norm):
    kwargs = {"norm": norm, **({"dropout": False} if name in GENERATORS else {})}
    imperative = answers(name, kwargs, hybridize=False)
    assert_same(answers(name, kwargs, hybridize=True), imperative)
    running = [key for key in imperative if key.endswith("running_mean")]
    moved = [np.abs(imperative[key]).max() > 0 for key in running]
    assert bool(running) is (norm in ("batch", "running"))
    assert all(moved) if norm == "batch" else not any(moved)


def test_every_name_is_tried_here():
    assert tuple(SMALL) == GENERATORS + DISCRIMINATORS


def test_unknown_name():
    with pytest.raises(ValueError, match=r"no network 'unet_64'; generators: unet_256, .*; discriminators: basic, "):
        get_model("unet_64")
