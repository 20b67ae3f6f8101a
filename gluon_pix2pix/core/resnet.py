"""The residual generator (Johnson et al., arXiv 1603.08155), padded by reflection as CycleGAN's (arXiv 1703.10593)."""

from __future__ import annotations

from gluon_pix2pix.core.operators import Conv2D, Conv2DTranspose, Dropout, bias_before, norm_layer
from gluon_pix2pix.runtime import mx

nn = mx.gluon.nn


class ResnetBlock(mx.gluon.HybridBlock):
    """Two 3x3 convolutions, padded by reflection, whose result is added to their input (N, channels, H, W)."""

    def __init__(self, channels: int, *, norm: str, dropout: bool):
        super().__init__()
        with self.name_scope():
            self.conv_block = nn.HybridSequential()
            self.conv_block.add(
                nn.ReflectionPad2D(1),
                Conv2D(channels, 3, use_bias=bias_before(norm), in_channels=channels),
                norm_layer(norm, channels),
                nn.Activation("relu"),
                Dropout(0.5 if dropout else 0),  # always there, so that parameters have the same names without
                nn.ReflectionPad2D(1),
                Conv2D(channels, 3, use_bias=bias_before(norm), in_channels=channels),
                norm_layer(norm, channels),
            )

    def hybrid_forward(self, F, x):
        return x + self.conv_block(x)


class ResnetGenerator(mx.gluon.HybridBlock):
    """Translate (N, input_nc, H, W) to (N, output_nc, H, W), float32 in [-1, 1]; H and W are multiples of `multiple`.

    Parameters
    ----------
    n_blocks
        Residual blocks at a quarter of the size; 9 for 256x256, 6 for 128x128.
    ngf
        Channels at full size; a quarter of the size has four times as many.
    dropout
        Whether each block drops out half of its values (in train mode).
    input_nc, output_nc, norm
        As the U-Net's.
    """

    multiple = 4

    def __init__(
        self,
        input_nc: int = 3,
        output_nc: int = 3,
        *,
        n_blocks: int = 9,
        ngf: int = 64,
        norm: str = "batch",
        dropout: bool = True,
    ):
        super().__init__()
        bias = bias_before(norm)

        def normed(convolution, channels):
            self.model.add(convolution, norm_layer(norm, channels), nn.Activation("relu"))

        with self.name_scope():
            self.model = nn.HybridSequential()
            self.model.add(nn.ReflectionPad2D(3))
            normed(Conv2D(ngf, 7, use_bias=bias, in_channels=input_nc), ngf)  # (N, 64, H, W)
            for width in (ngf, 2 * ngf):  # (N, 128, H/2, W/2), (N, 256, H/4, W/4)
                normed(Conv2D(2 * width, 3, strides=2, padding=1, use_bias=bias, in_channels=width), 2 * width)
            for _ in range(n_blocks):
                self.model.add(ResnetBlock(4 * ngf, norm=norm, dropout=dropout))
            for width in (2 * ngf, ngf):  # (N, 128, H/2, W/2), (N, 64, H, W)
                up = Conv2DTranspose(
                    width, 3, strides=2, padding=1, output_padding=1, use_bias=bias, in_channels=2 * width
                )
                normed(up, width)
            self.model.add(nn.ReflectionPad2D(3), Conv2D(output_nc, 7, in_channels=ngf), nn.Activation("tanh"))

    def hybrid_forward(self, F, x):
        return self.model(x)
