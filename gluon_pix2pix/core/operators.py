"""The operators that MXNet 1.9.1 needs help with: normalisation, one channel, concatenation, 16 bits."""

from __future__ import annotations

from functools import partial
from typing import Optional

import numpy as np

from gluon_pix2pix.core_options import NORMS, PRECISIONS
from gluon_pix2pix.runtime import mx

nn = mx.gluon.nn


_BFLOAT16 = np.dtype([("bfloat16", np.uint16)])  # as MXNet names it to numpy, which has none


def set_precision(net: mx.gluon.Block, precision: str) -> None:
    """Let the convolutions in `net` compute in a precision of `PRECISIONS`; hybridise it afterwards."""
    if precision not in PRECISIONS:
        raise ValueError(f"there is no precision {precision!r}; choose from {', '.join(PRECISIONS)}")
    net.apply(lambda block: block.set_precision(precision) if isinstance(block, InPrecision) else None)


class InPrecision:
    """A block with a weight whose arrays can be cast before its operator, and the result back to float32."""

    precisions = PRECISIONS
    _low: Optional[object] = None

    def set_precision(self, precision: str) -> None:
        """Compute in `precision`, or in float32 if this block cannot."""
        low = {"bfloat16": _BFLOAT16, "float16": "float16"}.get(precision)
        self._low = low if precision in self.precisions else None

    def hybrid_forward(self, F, x, weight, bias=None):
        return self.in_precision(F, partial(super().hybrid_forward, F), x, weight, bias)

    def in_precision(self, F, operator, x, *parameters):
        """Return operator(x, *parameters), (N, C, H, W) float32, computed in the precision that was set.

        A parameter that is None is left out.
        """
        parameters = [parameter for parameter in parameters if parameter is not None]
        if self._low is None:
            return operator(x, *parameters)
        if self.weight.grad_req == "add":
            # MXNet 1.9.1 loses an amp_cast's gradient that is to be added to another; identity's is added.
            parameters = [F.identity(parameter) for parameter in parameters]
        arrays = [F.amp_cast(array, dtype=self._low) for array in (x, *parameters)]
        return F.amp_cast(operator(*arrays), dtype="float32")


class Conv2D(InPrecision, nn.Conv2D):
    """Gluon's, in the precision that `set_precision` sets."""


class Conv2DTranspose(InPrecision, nn.Conv2DTranspose):
    """Gluon's, in the precision that `set_precision` sets; never bfloat16, which ends MXNet's process.

    With `resize` its 4x4 kernels stay those of a resize-convolution: see `spread`.
    """

    precisions = ("float32", "float16")

    def __init__(self, *args, resize: bool = False, **kwargs):
        super().__init__(*args, **kwargs)
        self.weight.resized = resize


# Nearest neighbours x2 and then a 3x3 convolution (Odena et al. 2016, doi 10.23915/distill.00003) is a transposed
# convolution 4/2/1, whose kernel is the 3x3 one with each number repeated 2x2 and added up. So it is one in every graph
# and file, and costs what one costs; what is drawn and what Adam moves are the nine numbers. The four phases of such
# kernels have the same sum, and leave no checkerboard. (They could not be spread in the graph: MXNet 1.9.1 crashes in
# Deconvolution's backward if its weight is computed, or takes twice as long by other operators.)


def spread(small: mx.nd.NDArray) -> mx.nd.NDArray:
    """Return the transposed convolution's kernels (I, O, 4, 4) that are a resize-convolution's (I, O, 3, 3).

    The small ones are turned by 180 degrees against those of a convolution, as a transposed convolution's always are.
    """
    return mx.nd.Pooling(small, kernel=(2, 2), pad=(1, 1), pool_type="sum")


def gather(kernels: mx.nd.NDArray) -> mx.nd.NDArray:
    """Undo `spread`: (I, O, 4, 4) to (I, O, 3, 3). Of kernels that `spread` has not made, the result means nothing."""
    rows = mx.nd.stack(kernels[:, :, 0], kernels[:, :, 1] - kernels[:, :, 0], kernels[:, :, 3], axis=2)
    return mx.nd.stack(rows[..., 0], rows[..., 1] - rows[..., 0], rows[..., 3], axis=3)


def gather_gradient(gradient: mx.nd.NDArray) -> mx.nd.NDArray:
    """Return the gradient of the nine numbers, (I, O, 3, 3), from that of the kernels, (I, O, 4, 4)."""
    return mx.nd.Pooling(gradient, kernel=(2, 2), pool_type="sum")


def is_resized(parameter: mx.gluon.Parameter) -> bool:
    """Tell whether kernels are to stay those of a resize-convolution."""
    return getattr(parameter, "resized", False)


class Dropout(nn.Dropout):
    """Gluon's, by MXNet's own kernel on a GPU too.

    cuDNN's, which Gluon takes there, begins with a number of C's rand() and goes on from what was dropped before: no
    seed reaches it, so that neither a run nor a translation could be repeated (MXNet 1.9.1, nn/dropout-inl.h and
    Resource::get_cudnn_dropout_desc).
    """

    def hybrid_forward(self, F, x):
        return F.Dropout(x, p=self._rate, cudnn_off=True) if self._rate else F.identity(x)


# "picture" and "running" are how a network trained with "batch" translates. The first takes batch norm's arithmetic to
# one picture at a time, with the learned gamma and beta: what the paper and the reference do at test time, at batch
# size 1. The second uses the running statistics of training, whatever the mode. "instance_affine" is "instance" with
# learned gamma and beta, which networks have that come from PyTorch.
TRANSLATING_NORMS = ("picture", "running", "instance_affine")


def norm_layer(norm: str, channels: int) -> mx.gluon.HybridBlock:
    """Build the normalisation that `norm`, of `NORMS` or `TRANSLATING_NORMS`, names for (N, channels, H, W)."""
    # MXNet's momentum weighs the old value: 0.9 here is 0.1 in PyTorch.
    batch = {"epsilon": 1e-5, "momentum": 0.9, "in_channels": channels}
    if norm in ("batch", "running"):
        return nn.BatchNorm(**batch, use_global_stats=norm == "running")
    if norm == "syncbatch":
        return mx.gluon.contrib.nn.SyncBatchNorm(**batch, num_devices=1)  # training.devices tells it how many
    if norm in ("picture", "instance", "instance_affine"):
        return PictureNorm(channels, affine=norm != "instance")
    if norm == "none":
        return nn.HybridLambda(lambda F, x: x)
    raise ValueError(f"there is no norm {norm!r}; choose from {', '.join(NORMS)}")


def bias_before(norm: str) -> bool:
    """Tell whether the reference gives a bias to a convolution that `norm` follows: before instance norm alone."""
    return norm in ("instance", "instance_affine")


class PictureNorm(mx.gluon.HybridBlock):
    """Normalise each channel of each picture by its own mean and variance, then scale and shift by gamma and beta.

    The same numbers as ``nd.InstanceNorm``, by way of LayerNorm, which is several times faster on a CPU. Parameters
    are named as BatchNorm's, so that a network trained with batch norm loads into one with this. Without `affine`
    there are none, as in the reference's instance norm.
    """

    def __init__(self, channels: int, *, affine: bool = True):
        super().__init__()
        self._channels, self._for_export = channels, False
        with self.name_scope():
            self.gamma = self.params.get("gamma", shape=(channels,), init="ones") if affine else None
            self.beta = self.params.get("beta", shape=(channels,), init="zeros") if affine else None

    def hybrid_forward(self, F, x, gamma=None, beta=None):
        if self._for_export:
            if gamma is None:
                gamma, beta = F.ones(shape=(self._channels,)), F.zeros(shape=(self._channels,))
            return F.InstanceNorm(x, gamma, beta, eps=1e-5)
        flat = F.reshape(x, shape=(0, 0, -1))  # (N, C, H*W)
        row = F.reshape(F.slice(flat, begin=(0, 0, None), end=(1, 1, None)), shape=(-1,))  # (H*W,), for its length
        normal = F.LayerNorm(flat, F.ones_like(row), F.zeros_like(row), axis=-1, eps=1e-5)
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
        self._kernel, self._pad = (kernel_size,) * 2, (padding,) * 2
        with self.name_scope():
            self.weight = self.params.get("weight", shape=(1, in_channels, kernel_size, kernel_size))
            self.bias = self.params.get("bias", shape=(1,), init="zeros") if use_bias else None

    def hybrid_forward(self, F, x, weight, bias=None):
        # Zeros made from the weight are on its device; a Constant would end up in the params file.
        rest = F.broadcast_axis(F.zeros_like(weight), axis=0, size=15)
        convolution = partial(F.Convolution, kernel=self._kernel, pad=self._pad, num_filter=16, no_bias=True)
        maps = self.in_precision(F, convolution, x, F.concat(weight, rest, dim=0))  # (N, 16, H', W')
        one = F.slice_axis(maps, axis=1, begin=0, end=1)  # (N, 1, H', W')
        return one if bias is None else F.broadcast_add(one, F.reshape(bias, shape=(1, 1, 1, 1)))


class OneChannelDeconv(mx.gluon.HybridBlock):
    """A transposed convolution 4/2/1 with one output channel, computed as a 2x2 convolution to four phases.

    MXNet 1.9.1 cannot run the backward of one output channel on a CPU: "could not create a primitive descriptor for
    a reorder primitive". Each output pixel is a 2x2 convolution whose weights depend on whether its row and its
    column are even or odd (Shi et al. 2016, arXiv 1609.07009), so the numbers are the same, and so is the weight.
    """

    def __init__(self, in_channels: int, *, resize: bool = False):
        super().__init__()
        self._for_export = False
        with self.name_scope():
            self.weight = self.params.get("weight", shape=(in_channels, 1, 4, 4))
            self.weight.resized = resize
            self.bias = self.params.get("bias", shape=(1,), init="zeros")

    def hybrid_forward(self, F, x, weight, bias):
        if self._for_export:
            how = {"kernel": (4, 4), "stride": (2, 2), "pad": (1, 1), "num_filter": 1, "no_bias": False}
            return F.Deconvolution(x, weight, bias, **how)
        taps = F.flip(F.reshape(weight, shape=(-1, 2, 2, 2, 2)), axis=(1, 3))  # (C, row, odd row, column, odd column)
        kernels = F.reshape(F.transpose(taps, axes=(2, 4, 0, 1, 3)), shape=(4, -1, 2, 2))
        phases = F.Convolution(x, kernels, kernel=(2, 2), pad=(1, 1), num_filter=4, no_bias=True)  # (N, 4, H+1, W+1)
        whole = F.depth_to_space(phases, block_size=2)  # (N, 1, 2H+2, 2W+2)
        y = F.slice(whole, begin=(None, None, 1, 1), end=(None, None, -1, -1))  # (N, 1, 2H, 2W)
        return F.broadcast_add(y, F.reshape(bias, shape=(1, 1, 1, 1)))


def concat_channels(F, first, second, *, plain: bool):
    """Concatenate (N, C, H, W) arrays along their channels.

    oneDNN keeps channels in blocks of 8 or 16, and MXNet 1.9.1 takes a gradient apart where a block has not ended:
    "could not construct a sub-memory", or the process dies. One axis more keeps oneDNN out of it. `plain` goes without,
    and is for numbers of channels that are multiples of 16, and where no gradient is asked for.
    """
    if plain:
        return F.concat(first, second, dim=1)
    pair = F.concat(F.expand_dims(first, axis=0), F.expand_dims(second, axis=0), dim=2)  # (1, N, C + C', H, W)
    return F.reshape(pair, shape=(-3, 0, 0, 0))
