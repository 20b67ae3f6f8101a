"""Generators and discriminators by the names that their papers and the reference implementation give them."""

from __future__ import annotations

from gluon_pix2pix.models.patchgan import PatchDiscriminator, PixelDiscriminator
from gluon_pix2pix.models.resnet import ResnetGenerator
from gluon_pix2pix.models.unet import UNetGenerator
from gluon_pix2pix.runtime import mx

_GENERATORS = {
    "unet_256": lambda **kwargs: UNetGenerator(num_downs=8, **kwargs),
    "unet_128": lambda **kwargs: UNetGenerator(num_downs=7, **kwargs),
    "unet_512": lambda **kwargs: UNetGenerator(num_downs=9, **kwargs),
    "unet": UNetGenerator,
    "encoder_decoder": lambda **kwargs: UNetGenerator(**{"num_downs": 8, **kwargs}, skips=False),
    "resnet_9blocks": lambda **kwargs: ResnetGenerator(n_blocks=9, **kwargs),
    "resnet_6blocks": lambda **kwargs: ResnetGenerator(n_blocks=6, **kwargs),
}
_DISCRIMINATORS = {
    "basic": lambda **kwargs: PatchDiscriminator(n_layers=3, **kwargs),
    "n_layers": PatchDiscriminator,
    "pixel": PixelDiscriminator,
}

GENERATORS = tuple(_GENERATORS)
DISCRIMINATORS = tuple(_DISCRIMINATORS)


def get_model(name: str, **kwargs) -> mx.gluon.HybridBlock:
    """Build the network of that name, one of `GENERATORS` or `DISCRIMINATORS`, with uninitialised weights.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    factory = {**_GENERATORS, **_DISCRIMINATORS}.get(name)
    if factory is None:
        raise ValueError(
            f"there is no network {name!r}; generators: {', '.join(GENERATORS)}; "
            f"discriminators: {', '.join(DISCRIMINATORS)}"
        )
    return factory(**kwargs)
