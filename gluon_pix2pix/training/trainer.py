"""One training step: the discriminator's update, then the generator's, on one batch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.losses import GANLoss, l1_loss

autograd, gluon = mx.autograd, mx.gluon


class Pix2PixTrainer:
    """Train a generator and a discriminator, on one device or on several that share each batch.

    Parameters
    ----------
    generator, discriminator
        Initialised on every context of `ctx`.
    ctx
        The devices.
    gan_mode
        One of `losses.GAN_MODES`.
    lambda_l1
        Weight of the L1 loss.
    lr, beta1, beta2, epsilon
        Adam's, as in the reference's torch.optim.Adam.
    """

    def __init__(
        self,
        generator: gluon.HybridBlock,
        discriminator: gluon.HybridBlock,
        *,
        ctx: Sequence[mx.Context],
        gan_mode: str = "vanilla",
        lambda_l1: float = 100.0,
        lr: float = 2e-4,
        beta1: float = 0.5,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ):
        self.generator, self.discriminator = generator, discriminator
        self.ctx = list(ctx)
        self.steps = 0
        self._gan, self._lambda_l1 = GANLoss(gan_mode), lambda_l1
        self._beta2, self._epsilon = beta2, epsilon
        adam = {"learning_rate": lr, "beta1": beta1, "beta2": beta2, "epsilon": epsilon}
        # With several devices Gluon's default updates in the kvstore, out of reach for saving Adam's moments.
        self.g_trainer, self.d_trainer = (
            gluon.Trainer(net.collect_params(), "adam", dict(adam), update_on_kvstore=False)
            for net in (generator, discriminator)
        )
        self._previous = None

    def set_learning_rate(self, lr: float) -> None:
        """Set both networks' learning rate."""
        self.g_trainer.set_learning_rate(lr)
        self.d_trainer.set_learning_rate(lr)

    def step(self, source: mx.nd.NDArray, target: mx.nd.NDArray, *, seed: Sequence[int]) -> dict[str, mx.nd.NDArray]:
        """Update both networks by one batch.

        Parameters
        ----------
        source, target
            (N, C, H, W) float32 in [-1, 1].
        seed
            Whole numbers that the dropout of this step depends on alone, for example (seed, epoch, step).

        Returns
        -------
        dict of str to NDArray
            Means over the batch under the reference's names: D_real, D_fake, G_GAN and G_L1, which has lambda_l1 in
            it. Each is of shape (1,) and not yet computed; the step before is, when this returns.
        """
        mx.random.seed(int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1))
        batch_size = source.shape[0]
        parts = self._split(source, target)

        # One forward of the generator serves both updates.
        with autograd.record():
            fakes = [self.generator(source) for source, _, _ in parts]

        # D's pairs are made outside of record(): inside, its backward would clear the generator's record as well.
        fake_pairs = [mx.nd.concat(s, fake.detach(), dim=1) for (s, _, _), fake in zip(parts, fakes)]
        real_pairs = [mx.nd.concat(s, t, dim=1) for s, t, _ in parts]
        with autograd.record():
            d_fake = [self._gan(self.discriminator(pair), False) for pair in fake_pairs]
            d_real = [self._gan(self.discriminator(pair), True) for pair in real_pairs]
            d_losses = [0.5 * (f + r) * share for f, r, (_, _, share) in zip(d_fake, d_real, parts)]
        autograd.backward(d_losses)
        self._update(self.d_trainer, batch_size)

        with self._frozen_discriminator(), autograd.record():
            judged = [self.discriminator(mx.nd.concat(s, fake, dim=1)) for (s, _, _), fake in zip(parts, fakes)]
            g_gan = [self._gan(logits, True) for logits in judged]
            g_l1 = [self._lambda_l1 * l1_loss(fake, t) for (_, t, _), fake in zip(parts, fakes)]
            g_losses = [(gan + l1) * share for gan, l1, (_, _, share) in zip(g_gan, g_l1, parts)]
            autograd.backward(g_losses)
        self._update(self.g_trainer, batch_size)

        self.steps += 1
        losses = {"G_GAN": g_gan, "G_L1": g_l1, "D_real": d_real, "D_fake": d_fake}
        means = {name: self._mean(values, batch_size) for name, values in losses.items()}
        # Python runs ahead of MXNet's engine. Two steps in flight keep it busy; more would only eat memory.
        if self._previous is not None:
            self._previous.wait_to_read()
        self._previous = means["G_L1"]
        return means

    def _split(self, source: mx.nd.NDArray, target: mx.nd.NDArray) -> list[tuple]:
        """Return (source, target, share) for each device; a device for which nothing is left repeats, with share 0."""
        used = min(len(self.ctx), source.shape[0])
        sources, targets = (gluon.utils.split_data(x, used, even_split=False) for x in (source, target))
        parts = [(s.as_in_context(c), t.as_in_context(c), 1.0) for s, t, c in zip(sources, targets, self.ctx)]
        return parts + [(sources[0].as_in_context(c), targets[0].as_in_context(c), 0.0) for c in self.ctx[used:]]

    def _update(self, trainer: gluon.Trainer, batch_size: int) -> None:
        # MXNet adds epsilon before Adam's bias correction and PyTorch after it; scaled like this they are the same.
        trainer._optimizer.epsilon = self._epsilon * (1 - self._beta2 ** (self.steps + 1)) ** 0.5
        trainer.step(batch_size)

    @contextlib.contextmanager
    def _frozen_discriminator(self) -> Iterator[None]:
        """Spare the generator's update the gradients of D's weights, which nobody uses."""
        parameters = [p for p in self.discriminator.collect_params().values() if p.grad_req != "null"]
        for parameter in parameters:
            parameter.grad_req = "null"
        try:
            yield
        finally:
            for parameter in parameters:
                parameter.grad_req = "write"

    def _mean(self, values: Sequence[mx.nd.NDArray], batch_size: int) -> mx.nd.NDArray:
        return mx.nd.concat(*(v.as_in_context(self.ctx[0]) for v in values), dim=0)[:batch_size].mean()
