"""Resize-convolutions, kept as transposed convolutions: against MXNet's two operators, and learning like them."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix import adam_loops
from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.core.operators import gather, gather_gradient, is_resized, spread
from gluon_pix2pix.core.optimizer import Learner
from gluon_pix2pix.runs.adam_moments import get_moments
from gluon_pix2pix.runtime import mx

pytestmark = pytest.mark.device

nd = mx.nd


def random(*shape, seed=0):
    return nd.array(np.random.default_rng(seed).standard_normal(shape))


def enlarge_and_convolve(x, small):
    """Nearest neighbours x2, then a 3x3 convolution: by MXNet's operators."""
    kernel = nd.transpose(nd.flip(small, axis=(2, 3)), axes=(1, 0, 2, 3))
    enlarged = nd.UpSampling(x, scale=2, sample_type="nearest")
    return nd.Convolution(enlarged, kernel, kernel=(3, 3), pad=(1, 1), num_filter=small.shape[1], no_bias=True)


def deconvolve(x, kernels):
    shape = {"kernel": (4, 4), "stride": (2, 2), "pad": (1, 1), "num_filter": kernels.shape[1]}
    return nd.Deconvolution(x, kernels, **shape, no_bias=True)


def test_spread_kernels_are_a_resize_convolution():
    x, small = random(2, 7, 6, 9), random(7, 5, 3, 3, seed=1)
    ours, theirs = deconvolve(x, spread(small)), enlarge_and_convolve(x, small)
    assert ours.shape == (2, 5, 12, 18)
    np.testing.assert_allclose(ours.asnumpy(), theirs.asnumpy(), atol=2e-5)


def test_gather_takes_back_what_spread_has_done():
    small = random(7, 5, 3, 3)
    np.testing.assert_allclose(gather(spread(small)).asnumpy(), small.asnumpy(), atol=1e-6)


def test_the_gradient_is_that_of_the_nine_numbers():
    x, small = random(2, 7, 6, 9), random(7, 5, 3, 3, seed=1)
    kernels = spread(small)
    for array in (small, kernels):
        array.attach_grad()
    for function, array in ((enlarge_and_convolve, small), (deconvolve, kernels)):
        with mx.autograd.record():
            loss = (function(x, array) ** 2).sum()
        loss.backward()
    theirs, ours = small.grad.asnumpy(), gather_gradient(kernels.grad).asnumpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-3)


class Enlarging(mx.gluon.HybridBlock):
    """The resize-convolution as everybody else builds it."""

    def __init__(self, small):
        super().__init__()
        with self.name_scope():
            self.weight = self.params.get("weight", shape=small.shape)
        self.initialize(ctx=[small.context])
        self.weight.set_data(small)

    def forward(self, x):
        return enlarge_and_convolve(x, self.weight.data())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("operators", [False, True], ids=["loops", "operators"])
def test_it_learns_as_a_resize_convolution_does(channels, operators, monkeypatch):
    """Ten steps of Adam on the kernels give what ten steps on the nine numbers give; and so does their average."""
    x, aim = random(2, 16, 4, 4), random(2, channels, 8, 8, seed=1)
    net = get_model("unet", num_downs=2, ngf=8, output_nc=channels, upsample="resize").last
    monkeypatch.setattr(adam_loops, "SPLIT", 4)  # several threads
    init_weights(net, seed=0, ctx=[x.context], init_gain=0.2)
    theirs, begun = Enlarging(gather(net.weight.data())), net.weight.data().asnumpy()
    learners = [Learner("G", one, lr=0.05, ema=0.9) for one in (net, theirs)]
    if operators:
        monkeypatch.setattr(adam_loops.AdamLoops, "update", None)  # never called
        for learner in learners:
            learner.trainer._optimizer.clip_gradient = 1e9  # which the loops do not know
    net.bias.grad_req = "null"
    norms = {}
    for _ in range(10):
        for learner in learners:
            with mx.autograd.record():
                loss = ((learner.net(x) - aim) ** 2).sum()
            loss.backward()
            norms[learner] = learner.update(1, measure=True).asscalar()
        ours, small = (norms[learner] for learner in learners)
        assert ours == pytest.approx(small, rel=1e-3)  # the norm that is logged is of the nine numbers too
    ours, small = net.weight.data(), theirs.weight.data()
    assert np.abs(ours.asnumpy() - begun).max() > 0.1
    np.testing.assert_allclose(ours.asnumpy(), spread(small).asnumpy(), atol=2e-4)
    np.testing.assert_allclose(spread(gather(ours)).asnumpy(), ours.asnumpy(), atol=1e-6)
    averages = [learner.averages()["weight"] for learner in learners]
    np.testing.assert_allclose(averages[0].asnumpy(), spread(averages[1]).asnumpy(), atol=2e-4)
    moments = [get_moments(learner) for learner in learners]
    for which in ("weight:mean", "weight:variance"):
        np.testing.assert_allclose(moments[0][which].asnumpy(), moments[1][which].asnumpy(), rtol=1e-2, atol=1e-4)


def test_a_network_begins_with_such_kernels_and_the_same_numbers_elsewhere():
    nets = [get_model("unet", num_downs=5, ngf=16, upsample=upsample) for upsample in ("deconv", "resize")]
    for net in nets:
        init_weights(net, seed=0, ctx=[mx.current_context()])
    resized = [[kernels for kernels in net.collect_params().values() if is_resized(kernels)] for net in nets]
    assert [len(found) for found in resized] == [0, 5]
    for kernels in resized[1]:
        weight = kernels.data()
        np.testing.assert_allclose(spread(gather(weight)).asnumpy(), weight.asnumpy(), atol=1e-7)
        assert gather(weight).asnumpy().std() == pytest.approx(0.02, rel=0.15)
    shapes = [{name: p.shape for name, p in net._collect_params_with_prefix().items()} for net in nets]
    assert shapes[0] == shapes[1]


def test_there_is_no_checkerboard_in_a_flat_picture():
    """The four phases of what a layer makes of equal inputs are equal, whatever its weights; others' are not."""
    phases = {}
    for upsample in ("deconv", "resize"):
        net = get_model("unet", num_downs=2, ngf=8, upsample=upsample)
        init_weights(net, seed=0, ctx=[mx.current_context()], init_gain=1)
        y = net.last(nd.ones((1, 16, 8, 8)))[:, :, 4:-4, 4:-4].asnumpy()
        phases[upsample] = max(float(np.ptp(y[0, channel])) for channel in range(3))
    assert phases["resize"] < 1e-5 < 0.1 < phases["deconv"]


def test_no_such_way_to_enlarge():
    with pytest.raises(ValueError, match="upsample is one of deconv, resize, not 'nearest'"):
        get_model("unet", num_downs=2, upsample="nearest")
