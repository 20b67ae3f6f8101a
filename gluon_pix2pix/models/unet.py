"""The generator: a U-Net (arXiv 1611.07004, section 3.2.1 and appendix 6.1.1; v3 for the bottleneck without norm)."""

from __future__ import annotations

from typing import Optional

from gluon_pix2pix.models.layers import OneChannelDeconv, bias_before, concat_channels, norm_layer
from gluon_pix2pix.models.precision import Conv2D, Conv2DTranspose
from gluon_pix2pix.runtime import mx

nn = mx.gluon.nn

DROPOUT_BLOCKS = ("upstream", "paper")


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

    def __init__(self, in_channels: int, channels: int, *, bias: bool, norm: str, dropout: bool):
        super().__init__()
        with self.name_scope():
            self.deconv = Conv2DTranspose(channels, 4, strides=2, padding=1, use_bias=bias, in_channels=in_channels)
            self.norm = norm_layer(norm, channels)
            self.dropout = nn.Dropout(0.5) if dropout else None

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
        One of `layers.NORMS`, or `layers.TRANSLATING_NORMS` for a trained network at work.
    skips
        Whether each level's input is handed over to its output; without, it is the paper's encoder-decoder.
    dropout
        Whether the inner up blocks drop out half of their values (in train mode).
    dropout_blocks
        Which ones: "upstream", the 8 * ngf blocks above the innermost (junyanz/pytorch-CycleGAN-and-pix2pix,
        models/networks.py), or "paper", the innermost and the two above it (appendix 6.1.1 and the Torch7 code).

    Raises
    ------
    ValueError
        If num_downs is below 2, or dropout_blocks is neither of the two.
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
    ):
        super().__init__()
        if num_downs < 2:
            raise ValueError(f"a U-Net has 2 levels or more, not {num_downs}")
        if dropout_blocks not in DROPOUT_BLOCKS:
            raise ValueError(f"dropout_blocks is one of {', '.join(DROPOUT_BLOCKS)}, not {dropout_blocks!r}")
        self.multiple = 2**num_downs
        self._ngf, self._skips, self._as_operator = ngf, skips, False
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
                self.up.add(Up(in_channels, width[level - 1], bias=bias, norm=norm, dropout=drops))

            in_channels = width[0] * (2 if skips else 1)
            if output_nc == 1:
                self.last = OneChannelDeconv(in_channels)
            else:
                self.last = Conv2DTranspose(output_nc, 4, strides=2, padding=1, in_channels=in_channels)

    def hybrid_forward(self, F, x):
        skips = []
        for down in self.down:
            x = down(x)  # (N, 64, 128, 128) ... (N, 512, 1, 1) for 8 levels on 256x256
            skips.append(x)
        skips.pop()
        for up in self.up:
            x, skip = up(x), skips.pop()
            if self._skips:
                multiple = 16 if self._as_operator else self._ngf  # without gradients any number can be concatenated
                x = concat_channels(F, skip, x, multiple=multiple)  # (N, 1024, 2, 2) ... (N, 128, 128, 128)
        x = self.last(F.Activation(x, act_type="relu"))
        return F.Activation(x, act_type="tanh")  # (N, output_nc, 256, 256)
