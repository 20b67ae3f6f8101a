"""What the networks share: normalisation, weight initialisation, and operators that MXNet 1.9.1 needs help with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from gluon_pix2pix.models.precision import InPrecision
from gluon_pix2pix.runtime import mx

nn = mx.gluon.nn

NORMS = ("batch", "instance", "none", "syncbatch")

# "picture" and "running" are how a network trained with "batch" translates. The first takes batch norm's arithmetic to
# one picture at a time, with the learned gamma and beta: what the paper and the reference do at test time, at batch
# size 1. The second uses the running statistics of training, whatever the mode.
TRANSLATING_NORMS = ("picture", "running")


def norm_layer(norm: str, channels: int) -> mx.gluon.HybridBlock:
    """Build the normalisation that `norm`, of `NORMS` or `TRANSLATING_NORMS`, names for (N, channels, H, W).

    Raises
    ------
    ValueError
        If there is no norm of that name.
    """
    # MXNet's momentum weighs the old value: 0.9 here is 0.1 in PyTorch.
    batch = {"epsilon": 1e-5, "momentum": 0.9, "in_channels": channels}
    if norm in ("batch", "running"):
        return nn.BatchNorm(**batch, use_global_stats=norm == "running")
    if norm == "syncbatch":
        return mx.gluon.contrib.nn.SyncBatchNorm(**batch, num_devices=1)  # `synchronise` tells it how many
    if norm in ("picture", "instance"):
        return PictureNorm(channels, affine=norm == "picture")
    if norm == "none":
        return nn.HybridLambda(lambda F, x: x)
    raise ValueError(f"there is no norm {norm!r}; choose from {', '.join(NORMS)}")


def bias_before(norm: str) -> bool:
    """Tell whether the reference gives a bias to a convolution that `norm` follows: before instance norm alone."""
    return norm == "instance"


def synchronise(net: mx.gluon.Block, ctx: Sequence[mx.Context]) -> None:
    """Tell each synchronised batch norm in `net` how many devices share its statistics. Not tested on GPUs.

    Raises
    ------
    ValueError
        If there is one and a device is not a GPU: on several CPU contexts its backward never returns.
    """
    layers = []
    net.apply(lambda block: layers.append(block) if isinstance(block, mx.gluon.contrib.nn.SyncBatchNorm) else None)
    if layers and any(device.device_type != "gpu" for device in ctx):
        raise ValueError("norm syncbatch runs on GPUs alone: MXNet's hangs on the CPU; choose batch, or pass --gpu 0,1")
    for layer in layers:
        layer._kwargs["ndev"] = len(ctx)


class PictureNorm(mx.gluon.HybridBlock):
    """Normalise each channel of each picture by its own mean and variance, then scale and shift by gamma and beta.

    The same numbers as ``nd.InstanceNorm``, by way of LayerNorm, which is several times faster on a CPU. Parameters
    are named as BatchNorm's, so that a network trained with batch norm loads into one with this. Without `affine`
    there are none, as in the reference's instance norm.
    """

    def __init__(self, channels: int, *, affine: bool = True, epsilon: float = 1e-5):
        super().__init__()
        self._epsilon, self._channels = epsilon, channels
        self._as_operator = False
        with self.name_scope():
            self.gamma = self.params.get("gamma", shape=(channels,), init="ones") if affine else None
            self.beta = self.params.get("beta", shape=(channels,), init="zeros") if affine else None

    def hybrid_forward(self, F, x, gamma=None, beta=None):
        if self._as_operator:
            if gamma is None:
                gamma, beta = F.ones(shape=(self._channels,)), F.zeros(shape=(self._channels,))
            return F.InstanceNorm(x, gamma, beta, eps=self._epsilon)
        flat = F.reshape(x, shape=(0, 0, -1))  # (N, C, H*W)
        row = F.reshape(F.slice(flat, begin=(0, 0, None), end=(1, 1, None)), shape=(-1,))  # (H*W,), for its length
        normal = F.LayerNorm(flat, F.ones_like(row), F.zeros_like(row), axis=-1, eps=self._epsilon)
        normal = F.reshape_like(normal, x)  # (N, C, H, W)
        if gamma is None:
            return normal
        # Scaled and shifted as a 1x1 convolution of each channel alone, for which oneDNN takes a single pass.
        scale, channels = F.reshape(gamma, shape=(-1, 1, 1, 1)), self._channels
        return F.Convolution(normal, scale, beta, kernel=(1, 1), num_filter=channels, num_group=channels)


class OneChannelConv(InPrecision, mx.gluon.HybridBlock):
    """A 2-D convolution with one output channel, computed as 16 of which 15 are zeros and cut off.

    oneDNN has no fast kernel for one output channel; the discriminator's last layer (512 channels, 4x4) takes 44 ms
    forward and backward on two cores as it stands and 3.6 ms this way, with the same numbers.
    """

    def __init__(self, in_channels: int, kernel_size: int, *, padding: int = 0, use_bias: bool = True):
        super().__init__()
        self._padding = padding
        self._kernel_size = kernel_size
        with self.name_scope():
            self.weight = self.params.get("weight", shape=(1, in_channels, kernel_size, kernel_size))
            self.bias = self.params.get("bias", shape=(1,), init="zeros") if use_bias else None

    def hybrid_forward(self, F, x, weight, bias=None):
        # Zeros made from the weight are on its device; a Constant would end up in the params file.
        rest = F.broadcast_axis(F.zeros_like(weight), axis=0, size=15)
        kernel, pad = (self._kernel_size,) * 2, (self._padding,) * 2
        convolution = partial(F.Convolution, kernel=kernel, pad=pad, num_filter=16, no_bias=True)
        maps = self.in_precision(F, convolution, x, F.concat(weight, rest, dim=0))  # (N, 16, H', W')
        one = F.slice_axis(maps, axis=1, begin=0, end=1)  # (N, 1, H', W')
        return one if bias is None else F.broadcast_add(one, F.reshape(bias, shape=(1, 1, 1, 1)))


class OneChannelDeconv(mx.gluon.HybridBlock):
    """A transposed convolution 4/2/1 with one output channel, computed as a 2x2 convolution to four phases.

    MXNet 1.9.1 cannot run the backward of one output channel on a CPU: "could not create a primitive descriptor for
    a reorder primitive". Each output pixel is a 2x2 convolution whose weights depend on whether its row and its
    column are even or odd (Shi et al. 2016, arXiv 1609.07009), so the numbers are the same, and so is the weight.
    """

    def __init__(self, in_channels: int):
        super().__init__()
        self._as_operator = False
        with self.name_scope():
            self.weight = self.params.get("weight", shape=(in_channels, 1, 4, 4))
            self.bias = self.params.get("bias", shape=(1,), init="zeros")

    def hybrid_forward(self, F, x, weight, bias):
        if self._as_operator:
            return F.Deconvolution(
                x, weight, bias, kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=1, no_bias=False
            )
        taps = F.flip(F.reshape(weight, shape=(-1, 2, 2, 2, 2)), axis=(1, 3))  # (C, row, odd row, column, odd column)
        kernels = F.reshape(F.transpose(taps, axes=(2, 4, 0, 1, 3)), shape=(4, -1, 2, 2))
        phases = F.Convolution(x, kernels, kernel=(2, 2), pad=(1, 1), num_filter=4, no_bias=True)  # (N, 4, H+1, W+1)
        whole = F.depth_to_space(phases, block_size=2)  # (N, 1, 2H+2, 2W+2)
        y = F.slice(whole, begin=(None, None, 1, 1), end=(None, None, -1, -1))  # (N, 1, 2H, 2W)
        return F.broadcast_add(y, F.reshape(bias, shape=(1, 1, 1, 1)))


def concat_channels(F, first, second, *, multiple: int):
    """Concatenate (N, C, H, W) arrays along their channels, whose numbers are multiples of `multiple`.

    oneDNN keeps channels in blocks of 8 or 16. MXNet 1.9.1 cuts the gradient of a hybridised concat where a block has
    not ended: "could not construct a sub-memory", or the process dies. One axis more keeps oneDNN out of it.
    """
    if multiple % 16 == 0:
        return F.concat(first, second, dim=1)
    pair = F.concat(F.expand_dims(first, axis=0), F.expand_dims(second, axis=0), dim=2)  # (1, N, C + C', H, W)
    return F.reshape(pair, shape=(-3, 0, 0, 0))


def use_operator(net: mx.gluon.Block) -> None:
    """Let every part of `net` that can be a single operator of MXNet's be it, for export.

    InstanceNorm is slower on a CPU, Deconvolution to one channel and plain concat cannot be trained there; but other
    tools know them.
    """
    for child in net._children.values():
        use_operator(child)
    if hasattr(net, "_as_operator"):
        net._as_operator = True


INIT_TYPES = ("normal", "xavier", "kaiming", "orthogonal")


def init_weights(
    net: mx.gluon.Block,
    *,
    seed: int | Sequence[int],
    ctx: Sequence[mx.Context],
    init_type: str = "normal",
    init_gain: float = 0.02,
) -> None:
    """Initialise as the paper does: weights N(0, init_gain), biases 0, batch norm's gamma N(1, init_gain), beta 0.

    The other types draw the weights as the functions of that name in torch.nn.init do. (Gluon's own default is
    Uniform(0.07), and its Normal leaves gamma at 1.) The numbers depend on `seed` and the structure alone: neither
    MXNet's random state nor the number of threads or devices enters.

    Raises
    ------
    ValueError
        If `init_type` is not one of `INIT_TYPES`.
    """
    if init_type not in INIT_TYPES:
        raise ValueError(f"there is no init_type {init_type!r}; choose from {', '.join(INIT_TYPES)}")
    net.initialize(init=mx.init.Zero(), ctx=list(ctx), force_reinit=True)
    rng = np.random.default_rng(seed)
    for name, parameter in net._collect_params_with_prefix().items():
        if name.endswith("gamma"):
            parameter.set_data(mx.nd.array(_normal(rng, parameter.shape, init_gain) + np.float32(1)))
        elif name.endswith("weight"):
            parameter.set_data(mx.nd.array(_draw_weight(rng, parameter.shape, init_type, init_gain)))


def _draw_weight(rng: np.random.Generator, shape: tuple[int, ...], init_type: str, gain: float) -> np.ndarray:
    first, second, pixels = shape[0], shape[1], int(np.prod(shape[2:]))
    if init_type == "xavier":
        return _normal(rng, shape, gain * (2 / ((first + second) * pixels)) ** 0.5)
    if init_type == "kaiming":  # the gain does not enter; PyTorch's fan in is of the second axis, transposed or not
        return _normal(rng, shape, (2 / (second * pixels)) ** 0.5)
    if init_type == "orthogonal":
        flat = _normal(rng, (first, second * pixels), 1)
        tall = flat.T if first < second * pixels else flat
        q, r = np.linalg.qr(tall)
        q = q * np.sign(np.diag(r))  # makes the choice of Q unique, and so uniform
        return (gain * (q.T if tall is not flat else q)).reshape(shape).astype(np.float32)
    return _normal(rng, shape, gain)


def _normal(rng: np.random.Generator, shape: tuple[int, ...], deviation: float) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(deviation)
