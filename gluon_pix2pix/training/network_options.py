"""The options of both networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gluon_pix2pix.core_options import DISCRIMINATORS, DROPOUT_BLOCKS, GENERATORS, INIT_TYPES, NORMS, UPSAMPLES


@dataclass(frozen=True)
class NetworkOptions:
    """Both networks, and their initial weights."""

    generator: Literal[GENERATORS] = "unet_256"
    """The generator (upstream's --netG); "unet" and "encoder_decoder" take --num-downs."""
    norm: Literal[NORMS] = "batch"
    """Normalisation in both networks; syncbatch shares its statistics among GPUs."""
    discriminator: Literal[DISCRIMINATORS] = "basic"
    """The discriminator (--netD): basic is the 70x70 PatchGAN; n_layers takes --n-layers-D."""
    num_downs: int = 8
    """Levels of the generators "unet" and "encoder_decoder"."""
    n_layers_D: int = 3  # noqa: N815, upstream's word
    """Stride-2 layers of the discriminator "n_layers"."""
    ngf: int = field(default=64, metadata={"least": 1})
    """Channels of the generator's outermost layer."""
    ndf: int = field(default=64, metadata={"least": 1})
    """Channels of the discriminator's first layer."""
    conditional: bool = True
    """Show the discriminator the source too; without, the target alone (the paper's ablation)."""
    dropout: bool = True
    """Dropout in the generator's inner blocks."""
    dropout_blocks: Literal[DROPOUT_BLOCKS] = "upstream"
    """Which blocks: those of the PyTorch implementation, or those of the paper."""
    init_type: Literal[INIT_TYPES] = "normal"
    """How the initial weights are drawn."""
    init_gain: float = field(default=0.02, metadata={"least": 0})
    """Standard deviation (normal) or scale (xavier, orthogonal) of the initial weights."""
    upsample: Literal[UPSAMPLES] = "deconv"
    """How a U-Net enlarges: deconv, by transposed convolutions, as upstream; resize, by nearest neighbours and a 3x3
    convolution, which leaves no checkerboard, takes as long, and is exported as a transposed convolution."""

    def check(self) -> None:
        """Raise ValueError if the options do not go together."""
        if self.upsample != "deconv" and self.generator.startswith("resnet"):
            raise ValueError(f"--upsample {self.upsample} is for U-Nets, not for --generator {self.generator}")

    def describe_generator(self, input_nc: int, output_nc: int) -> dict:
        """Return the generator for so many channels as `get_model` takes it."""
        levels = {"num_downs": self.num_downs} if self.generator in ("unet", "encoder_decoder") else {}
        channels = {"input_nc": input_nc, "output_nc": output_nc, "ngf": self.ngf}
        unet = {"dropout_blocks": self.dropout_blocks, "upsample": self.upsample}
        unet = {} if self.generator.startswith("resnet") else unet
        return {"name": self.generator, **levels, **channels, "norm": self.norm, "dropout": self.dropout, **unet}

    def describe_discriminator(self, input_nc: int, output_nc: int) -> dict:
        """Return the discriminator for so many channels of source and target as `get_model` takes it."""
        layers = {"n_layers": self.n_layers_D} if self.discriminator == "n_layers" else {}
        input_nc = output_nc + (input_nc if self.conditional else 0)
        return {"name": self.discriminator, **layers, "input_nc": input_nc, "ndf": self.ndf, "norm": self.norm}
