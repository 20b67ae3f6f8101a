"""Networks that train in milliseconds."""

from __future__ import annotations

from typing import Callable

import numpy as np
import pytest

from gluon_pix2pix.models import get_model
from gluon_pix2pix.models.layers import init_weights
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.trainer import Pix2PixTrainer


class TinyTrainer(Pix2PixTrainer):
    """A trainer of a three-level U-Net and a PatchGAN of one layer, on noise of 16 x 16 pixels."""

    def __init__(
        self, *, devices=1, norm="batch", dropout=False, hybridize=True, seed=0, ngf=8, conditional=True, **kwargs
    ):
        generator = get_model("unet", num_downs=3, ngf=ngf, norm=norm, dropout=dropout, dropout_blocks="paper")
        discriminator = get_model("n_layers", input_nc=6 if conditional else 3, n_layers=1, ndf=8, norm=norm)
        ctx = [mx.cpu(number) for number in range(devices)]
        for number, net in enumerate((generator, discriminator)):
            init_weights(net, seed=(seed, number), ctx=ctx)
            if hybridize:
                net.hybridize(static_alloc=True, static_shape=True)
        super().__init__(generator, discriminator, ctx=ctx, conditional=conditional, **kwargs)

    @staticmethod
    def batch(size: int = 1, seed: int = 0) -> tuple[mx.nd.NDArray, mx.nd.NDArray]:
        """Draw (source, target), each (size, 3, 16, 16) in [-1, 1]."""
        noise = np.random.default_rng(seed).uniform(-1, 1, (2, size, 3, 16, 16))
        return mx.nd.array(noise[0]), mx.nd.array(noise[1])

    def run(self, steps: int, *, size: int = 1, seed: int = 0) -> list[dict[str, float]]:
        """Train on a new batch in each step, numbered from those that are done; return the losses."""
        losses = []
        for step in range(self.steps, self.steps + steps):
            values = self.step(*self.batch(size, seed=step), seed=(seed, 0, step))
            losses.append({name: float(value.asscalar()) for name, value in values.items()})
        return losses

    def parameters(self, device: int = 0) -> dict[str, np.ndarray]:
        """Return both networks' parameters and running statistics by name."""
        mx.nd.waitall()
        nets = {"G": self.generator, "D": self.discriminator}
        return {
            f"{letter} {name}": parameter.data(self.ctx[device]).asnumpy()
            for letter, net in nets.items()
            for name, parameter in net._collect_params_with_prefix().items()
        }


@pytest.fixture
def make_trainer() -> Callable[..., TinyTrainer]:
    return TinyTrainer


@pytest.fixture
def same_bits() -> Callable[..., bool]:
    """Whether two dictionaries of arrays are equal to the last bit."""

    def same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> bool:
        assert ours.keys() == theirs.keys()
        return all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)

    return same
