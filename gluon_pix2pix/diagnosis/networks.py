"""Every network, forward and backward as in training, against the CPU's in float64."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.core_options import DISCRIMINATORS, GENERATORS
from gluon_pix2pix.diagnosis.comparison import Row, compare, distance, first_that_passes, guarded, tolerance
from gluon_pix2pix.runtime import mx

# Name -> arguments and the side of the pictures: narrow, but of the depth and size that the name stands for.
_DEEP = {"unet_256": 256, "unet_128": 128, "unet_512": 512, "encoder_decoder": 256}
_ARGUMENTS = {"unet": {"num_downs": 5, "output_nc": 1}, "n_layers": {"n_layers": 2}}
SMALL = 1e-3  # of the largest gradient: smaller ones are compared in proportion to that
NORMS = ("instance", "none")  # beside batch, which every network is tried with


def check_networks(device: mx.Context) -> Iterator[Row]:
    """Compare each generator and discriminator, and each norm, on a device with the CPU."""
    tried = [(name, "batch") for name in (*GENERATORS, *DISCRIMINATORS)]
    for name, norm in (*tried, *((name, norm) for norm in NORMS for name in ("unet", "basic"))):
        draws = partial(first_that_passes, partial(_compare_network, device, name, norm))
        yield from guarded("networks", name, draws)


def _compare_network(device: mx.Context, name: str, norm: str, draw: int) -> Iterator[Row]:
    found, true = (run_network(name, norm, *where, draw) for where in ((device, "float32"), (mx.cpu(), "float64")))
    title = f"{name}, norm {norm}"
    yield from compare("networks", title, {"": "network"}, found, {"output": true["output"]}, device)
    gradients = [key for key in true if key != "output"]
    # In proportion to the largest of all: a bias before instance norm has a gradient of nothing but noise.
    largest = max(np.linalg.norm(true[key].ravel()) for key in gradients)
    differences = {}
    for key in gradients:
        part = min(1, np.linalg.norm(true[key].ravel()) / (SMALL * largest))
        differences[key] = distance(found[key], true[key]) * (part or 1)
    worst = max(differences, key=differences.get)
    yield Row("networks", f"{title}: gradient of {worst}", differences[worst], tolerance("gradient", device))


def run_network(name: str, norm: str, device: mx.Context, dtype: str, draw: int = 0) -> dict[str, np.ndarray]:
    """Return a network's output in training, and the gradients of its weighted sum: of its pictures and its weights."""
    is_generator = name in GENERATORS
    arguments = {"ngf": 8, "dropout": False} if is_generator else {"ndf": 8}
    net = get_model(name, norm=norm, **arguments, **_ARGUMENTS.get(name, {}))
    # Several times the usual, so that no layer is near zero; without a norm that would saturate.
    init_weights(net, seed=0, ctx=[device], init_gain=0.05 if norm == "none" else 0.2)
    net.cast(dtype)
    net.hybridize(static_alloc=True, static_shape=True)

    rng, side = np.random.default_rng((1, draw)), _DEEP.get(name, 64)
    shape = (1, 3 if is_generator else 6, side, side)
    pictures = mx.nd.array(rng.uniform(-1, 1, shape).astype(np.float32), ctx=device, dtype=dtype)
    pictures.attach_grad()
    with mx.autograd.record():
        output = net(pictures)
    weights = rng.normal(0, 1, output.shape).astype(np.float32)
    output.backward(mx.nd.array(weights, ctx=device, dtype=dtype))
    numbers = {"output": output.asnumpy(), "the pictures": pictures.grad.asnumpy()}
    for key, parameter in net._collect_params_with_prefix().items():
        if parameter.grad_req != "null":
            numbers[key] = parameter.grad(device).asnumpy()
    return numbers
