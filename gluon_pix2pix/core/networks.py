"""The generator, a U-Net, and the discriminator, a PatchGAN (arXiv 1611.07004, section 3.2 and appendix 6.1).

Version 3 of the paper has the erratum about the bottleneck, which has no norm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import numpy as np

from gluon_pix2pix.core.operators import (
    Conv2D,
    Conv2DTranspose,
    Dropout,
    OneChannelConv,
    OneChannelDeconv,
    bias_before,
    concat_channels,
    is_resized,
    norm_layer,
    spread,
)
from gluon_pix2pix.core.resnet import ResnetGenerator
from gluon_pix2pix.core_options import DISCRIMINATORS, DROPOUT_BLOCKS, GENERATORS, INIT_TYPES, UPSAMPLES
from gluon_pix2pix.runtime import mx

nn = mx.gluon.nn


class Down(mx.gluon.HybridBlock):
    """LeakyReLU, convolution 4/2/1, norm: half the size.

    The outermost is the convolution alone, and the innermost has no norm.
    """

    def __init__(self, in_channels: int, channels: int, *, bias: bool, norm: Optional[str], activation: bool = True):
        super().__init__()
        with self.name_scope():
            self.activation = nn.LeakyReLU(0.2) if activation else None
            self.conv = Conv2D(channels, 4, strides=2, padding=1, use_bias=bias, in_channels=in_channels)
            self.norm = norm_layer(norm, channels) if norm else None

    def hybrid_forward(self, F, x):
        x = self.activation(x) if self.activation else x
        x = self.conv(x)  # (N, channels, H/2, W/2)
        return self.norm(x) if self.norm else x


class Up(mx.gluon.HybridBlock):
    """ReLU, transposed convolution 4/2/1, norm, dropout: twice the size."""

    def __init__(self, in_channels: int, channels: int, *, bias: bool, norm: str, dropout: bool, resize: bool = False):
        super().__init__()
        how = {"strides": 2, "padding": 1, "use_bias": bias, "in_channels": in_channels, "resize": resize}
        with self.name_scope():
            self.deconv = Conv2DTranspose(channels, 4, **how)
            self.norm = norm_layer(norm, channels)
            self.dropout = Dropout(0.5) if dropout else None

    def hybrid_forward(self, F, x):
        x = self.norm(self.deconv(F.Activation(x, act_type="relu")))  # (N, channels, 2H, 2W)
        return self.dropout(x) if self.dropout else x


class UNetGenerator(mx.gluon.HybridBlock):
    """Translate (N, input_nc, H, W) to (N, output_nc, H, W), float32 in [-1, 1]; H and W are multiples of `multiple`.

    Parameters
    ----------
    input_nc, output_nc
        Channels of source and target.
    num_downs
        Levels; each halves the picture. 8 for 256x256 and 7 for 128x128 bring it down to 1x1.
    ngf
        Channels of the outermost level; they double with each level up to 8 * ngf.
    norm
        One of `operators.NORMS`, or `operators.TRANSLATING_NORMS` for a trained network at work.
    skips
        Whether each level's input is handed over to its output; without, it is the paper's encoder-decoder.
    dropout
        Whether the inner up blocks drop out half of their values (in train mode).
    dropout_blocks
        Which ones: "upstream", the 8 * ngf blocks above the innermost (junyanz/pytorch-CycleGAN-and-pix2pix,
        models/networks.py), or "paper", the innermost and the two above it (appendix 6.1.1 and the Torch7 code).
    upsample
        How the up blocks enlarge: "deconv", transposed convolutions 4/2/1, or "resize", those of them that are nearest
        neighbours and a 3x3 convolution (`operators.spread`). It matters to who draws weights and who trains.
    """

    def __init__(
        self,
        input_nc: int = 3,
        output_nc: int = 3,
        *,
        num_downs: int = 8,
        ngf: int = 64,
        norm: str = "batch",
        dropout: bool = True,
        dropout_blocks: str = "upstream",
        skips: bool = True,
        upsample: str = "deconv",
    ):
        super().__init__()
        if num_downs < 2:
            raise ValueError(f"a U-Net has 2 levels or more, not {num_downs}")
        if dropout_blocks not in DROPOUT_BLOCKS:
            raise ValueError(f"dropout_blocks is one of {', '.join(DROPOUT_BLOCKS)}, not {dropout_blocks!r}")
        if upsample not in UPSAMPLES:
            raise ValueError(f"upsample is one of {', '.join(UPSAMPLES)}, not {upsample!r}")
        resize = upsample == "resize"
        self.multiple = 2**num_downs
        self._ngf, self._skips, self._for_export = ngf, skips, False
        inner = num_downs - 1
        dropped = range(4, inner) if dropout_blocks == "upstream" else range(max(inner - 2, 1), num_downs)
        width = [ngf * min(2**level, 8) for level in range(num_downs)]  # 64 128 256 512 512 512 512 512

        with self.name_scope():
            self.down = nn.HybridSequential()
            bias = bias_before(norm)  # even of the first and the innermost, which no norm follows
            self.down.add(Down(input_nc, width[0], bias=bias, norm=None, activation=False))
            for level in range(1, num_downs):
                own_norm = None if level == inner else norm
                self.down.add(Down(width[level - 1], width[level], bias=bias, norm=own_norm))

            self.up = nn.HybridSequential()  # innermost first
            for level in range(inner, 0, -1):
                in_channels = width[level] * (1 if level == inner or not skips else 2)
                drops = dropout and level in dropped
                self.up.add(Up(in_channels, width[level - 1], bias=bias, norm=norm, dropout=drops, resize=resize))

            in_channels = width[0] * (2 if skips else 1)
            if output_nc == 1:
                self.last = OneChannelDeconv(in_channels, resize=resize)
            else:
                self.last = Conv2DTranspose(output_nc, 4, strides=2, padding=1, in_channels=in_channels, resize=resize)

    def hybrid_forward(self, F, x):
        skips = []
        for down in self.down:
            x = down(x)  # (N, 64, 128, 128) ... (N, 512, 1, 1) for 8 levels on 256x256
            skips.append(x)
        skips.pop()
        for up in self.up:
            x, skip = up(x), skips.pop()
            if self._skips:
                plain = self._for_export or self._ngf % 16 == 0
                x = concat_channels(F, skip, x, plain=plain)  # (N, 1024, 2, 2) ... (N, 128, 128, 128)
        x = self.last(F.Activation(x, act_type="relu"))
        return F.Activation(x, act_type="tanh")  # (N, output_nc, 256, 256)


class PatchDiscriminator(mx.gluon.HybridBlock):
    """Judge each patch of a pair: (N, input_nc, H, W) in [-1, 1] to (N, 1, H', W') logits, real above 0.

    With n_layers 3, the default, a logit sees 70x70 pixels and 256x256 gives a map of 30x30; other sizes give other
    maps, and the network takes any.

    Parameters
    ----------
    input_nc
        Channels of source and target together.
    ndf
        Channels of the first layer; they double with each layer up to 8 * ndf.
    n_layers
        Stride-2 layers, 1 or more. Receptive fields for 1 to 5: 16, 34, 70, 142, 286.
    norm
        One of `operators.NORMS`.
    """

    def __init__(self, input_nc: int = 6, *, ndf: int = 64, n_layers: int = 3, norm: str = "batch"):
        super().__init__()
        self._n_layers = n_layers
        if n_layers < 1:
            raise ValueError(f"a PatchGAN has 1 layer or more, not {n_layers}; the 1x1 discriminator is 'pixel'")
        with self.name_scope():
            self.model = nn.HybridSequential()
            self.model.add(Conv2D(ndf, 4, strides=2, padding=1, in_channels=input_nc), nn.LeakyReLU(0.2))
            width = ndf
            for layer in range(1, n_layers + 1):
                in_channels, width = width, ndf * min(2**layer, 8)
                strides = 1 if layer == n_layers else 2
                self.model.add(
                    Conv2D(width, 4, strides=strides, padding=1, use_bias=bias_before(norm), in_channels=in_channels),
                    norm_layer(norm, width),
                    nn.LeakyReLU(0.2),
                )
            self.model.add(OneChannelConv(width, 4, padding=1))

    def patches_per_side(self, size: int) -> int:
        """Return the side of the map for pictures of `size` pixels; below 1 they are too small to judge."""
        return (size >> self._n_layers) - 2  # the two 4x4 layers of stride 1 and padding 1 take a pixel each

    def hybrid_forward(self, F, pair):
        return self.model(pair)


class PixelDiscriminator(mx.gluon.HybridBlock):
    """Judge each pixel of a pair by itself: (N, input_nc, H, W) in [-1, 1] to (N, 1, H, W) logits."""

    def __init__(self, input_nc: int = 6, *, ndf: int = 64, norm: str = "batch"):
        super().__init__()
        with self.name_scope():
            self.net = nn.HybridSequential()
            self.net.add(
                Conv2D(ndf, 1, in_channels=input_nc),
                nn.LeakyReLU(0.2),
                Conv2D(2 * ndf, 1, use_bias=bias_before(norm), in_channels=ndf),
                norm_layer(norm, 2 * ndf),
                nn.LeakyReLU(0.2),
                OneChannelConv(2 * ndf, 1, use_bias=bias_before(norm)),  # the last layer too, in the reference
            )

    def patches_per_side(self, size: int) -> int:
        """Return the side of the map for pictures of `size` pixels: the same."""
        return size

    def hybrid_forward(self, F, pair):
        return self.net(pair)


_NETWORKS = {
    "unet_256": lambda **kwargs: UNetGenerator(num_downs=8, **kwargs),
    "unet_128": lambda **kwargs: UNetGenerator(num_downs=7, **kwargs),
    "unet_512": lambda **kwargs: UNetGenerator(num_downs=9, **kwargs),
    "unet": UNetGenerator,
    "encoder_decoder": lambda **kwargs: UNetGenerator(skips=False, **kwargs),
    "resnet_9blocks": lambda **kwargs: ResnetGenerator(n_blocks=9, **kwargs),
    "resnet_6blocks": lambda **kwargs: ResnetGenerator(n_blocks=6, **kwargs),
    "basic": lambda **kwargs: PatchDiscriminator(n_layers=3, **kwargs),
    "n_layers": PatchDiscriminator,
    "pixel": PixelDiscriminator,
}


def get_model(name: str, **kwargs) -> mx.gluon.HybridBlock:
    """Build the network of that name, one of `GENERATORS` or `DISCRIMINATORS`, with uninitialised weights."""
    if name not in _NETWORKS:
        raise ValueError(
            f"there is no network {name!r}; generators: {', '.join(GENERATORS)}; "
            f"discriminators: {', '.join(DISCRIMINATORS)}"
        )
    try:
        return _NETWORKS[name](**kwargs)
    except TypeError as error:  # of an argument that it does not take, or not of that kind: a file may have said it
        raise ValueError(f"there is no network {name} like that: {error}") from error


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
    Uniform(0.07), and its Normal leaves gamma at 1.)

    The numbers depend on `seed` and the structure alone: neither MXNet's random state nor the number of threads or
    devices enters.
    """
    if init_type not in INIT_TYPES:
        raise ValueError(f"there is no init_type {init_type!r}; choose from {', '.join(INIT_TYPES)}")
    net.initialize(init=mx.init.Zero(), ctx=list(ctx), force_reinit=True)
    rng = np.random.default_rng(seed)
    for name, parameter in net._collect_params_with_prefix().items():
        if name.endswith("gamma"):
            parameter.set_data(mx.nd.array(_normal(rng, parameter.shape, init_gain) + np.float32(1)))
        elif name.endswith("weight"):
            spreads = is_resized(parameter)
            shape = (*parameter.shape[:2], 3, 3) if spreads else parameter.shape
            weight = mx.nd.array(_draw_weight(rng, shape, init_type, init_gain))
            parameter.set_data(spread(weight) if spreads else weight)


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
