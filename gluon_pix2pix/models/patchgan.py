"""The discriminators: PatchGAN (arXiv 1611.07004, section 3.2.2 and appendix 6.1.2) and its 1x1 form."""

from __future__ import annotations

from gluon_pix2pix.models.layers import OneChannelConv, bias_before, norm_layer
from gluon_pix2pix.models.precision import Conv2D
from gluon_pix2pix.runtime import mx

nn = mx.gluon.nn


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
        One of `layers.NORMS`.

    Raises
    ------
    ValueError
        If n_layers is below 1.
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

    def map_size(self, size: int) -> int:
        """Return the side of the map for pictures of `size` pixels; below 1 they are too small to judge."""
        for _ in range(self._n_layers):
            size = size // 2
        return size - 2  # the two 4x4 layers of stride 1 and padding 1 take a pixel each

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

    def map_size(self, size: int) -> int:
        """Return the side of the map for pictures of `size` pixels: the same."""
        return size

    def hybrid_forward(self, F, pair):
        return self.net(pair)
