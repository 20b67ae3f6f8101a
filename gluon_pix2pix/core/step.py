"""One training step: the discriminator's update, then the generator's, on one batch (arXiv 1611.07004, section 3.3).

`Pix2PixTrainer.step` and the two methods below it are the step. Below the class: what one process is among several, how
a batch is divided among devices, and what is there for MXNet's sake, each in a named function with its reason.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Callable, NamedTuple, Optional

import numpy as np

from gluon_pix2pix.core.losses import GANLoss, ImagePool, l1_loss
from gluon_pix2pix.core.operators import concat_channels
from gluon_pix2pix.core.optimizer import Learner, diverged
from gluon_pix2pix.core_options import AdamOptions, LossOptions
from gluon_pix2pix.runtime import mx

autograd = mx.autograd

ExtraLoss = Callable[[mx.nd.NDArray, mx.nd.NDArray, mx.nd.NDArray], mx.nd.NDArray]  # of source, fake, target: (N,)


class Part(NamedTuple):
    """What one device gets of a batch; its `weight` is 0 where nothing was left and it repeats another's pair."""

    source: mx.nd.NDArray
    target: mx.nd.NDArray
    weight: float


class Pix2PixTrainer:
    """Train a generator and a discriminator, on one device or on several that share each batch.

    Parameters
    ----------
    generator, discriminator
        Initialised on every context of `ctx`, in their precision, and hybridised or not.
    ctx
        The devices.
    losses, adam
        What the networks are told, and how large their steps are; the paper's if None.
    extra_loss
        A further loss of the generator: a function of source, fake and target, each (N, C, H, W) in [-1, 1], that gives
        one value for each picture, (N,). It is called G_extra in the log.
    conditional
        Whether the discriminator sees source and target, or the target alone (the paper's ablation).
    log_gradients
        Whether a step returns the norms of its gradients as well.
    scale_losses
        Whether to scale losses as float16 needs it: see `LossScale`.
    cluster
        The processes that share each batch, of which this is one: `OneProcess`, or what has the same methods.
    """

    def __init__(
        self,
        generator: mx.gluon.HybridBlock,
        discriminator: mx.gluon.HybridBlock,
        *,
        ctx: Sequence[mx.Context],
        losses: Optional[LossOptions] = None,
        adam: Optional[AdamOptions] = None,
        extra_loss: Optional[ExtraLoss] = None,
        conditional: bool = True,
        log_gradients: bool = False,
        scale_losses: bool = False,
        cluster: Optional[OneProcess] = None,
    ):
        losses, adam = losses or LossOptions(), adam or AdamOptions()
        adam.check()
        if extra_loss is None:
            losses.check()
        self.generator, self.discriminator, self.ctx = generator, discriminator, list(ctx)
        self.cluster = cluster or OneProcess()
        self.steps = 0
        self.pools = [ImagePool(losses.pool_size) for _ in self.ctx]
        self.loss_options, self.extra_loss, self.conditional = losses, extra_loss, conditional
        self.gan_loss = GANLoss(losses.gan_mode, label_smoothing=losses.label_smoothing)
        add_up_gradients(discriminator)
        self.critic = second_executor(discriminator)  # the discriminator, as the generator's update asks it
        same = {"beta1": adam.beta1, "beta2": adam.beta2, "kvstore": self.cluster.kvstore, "scale_losses": scale_losses}
        self.lr, self._d_ratio = adam.lr, 1.0 if adam.d_lr is None else adam.d_lr / adam.lr
        self.G = Learner("generator", generator, lr=adam.lr, ema=adam.ema, **same)
        self.D = Learner("discriminator", discriminator, lr=adam.lr * self._d_ratio, **same)
        self.learners = self.G, self.D
        self._log_gradients, self._previous = log_gradients, None

    def set_learning_rate(self, lr: float) -> None:
        """Set the generator's learning rate, and the discriminator's in the proportion that they began with."""
        self.G.trainer.set_learning_rate(lr)
        self.D.trainer.set_learning_rate(lr * self._d_ratio)

    def step(
        self, source: mx.nd.NDArray, target: mx.nd.NDArray, *, seed: Sequence[int], total: Optional[int] = None
    ) -> dict[str, mx.nd.NDArray]:
        """Update both networks by one batch.

        Parameters
        ----------
        source, target
            (N, C, H, W) float32 in [-1, 1]: this process's pairs of the batch, or, if it has none, any pair.
        seed
            Whole numbers that all chance in this step depends on alone, for example (seed, epoch, step).
        total
            Pairs of the batch in all processes; N if None.

        Returns
        -------
        dict of str to NDArray
            Means over the batch under the reference's names: D_real, D_fake, and G_GAN and G_L1 with their weights in
            them (and G_extra, if there is one); D_accuracy, the part of D's map that was right before its update, over
            real and fake; and, if asked for, G_gradient and D_gradient, the 2-norms of all that Adam is given, 0 if it
            is given nothing. Each is of shape (1,) and may be not yet computed; the first loss of the step before is,
            when this returns.
        """
        seed = (*seed, self.cluster.rank) if self.cluster.rank else seed  # each process drops out others
        mx.random.seed(int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1))
        batch_size = source.shape[0] if total is None else total
        own = self.cluster.own_pairs(batch_size)
        parts = split_batch(source, target, self.ctx, weight=float(own > 0))

        with autograd.record():  # one forward of the generator serves both updates
            fakes = [self.generator(part.source) for part in parts]
        losses, norms = {}, {}
        if self.loss_options.lambda_gan:
            losses |= self._backward_discriminator(parts, fakes, np.random.default_rng(seed))
            norms["D_gradient"] = self._update(self.D, batch_size)
        losses |= self._backward_generator(parts, fakes)
        norms["G_gradient"] = self._update(self.G, batch_size)

        self.steps += 1
        here = {name: [value.as_in_context(self.ctx[0]) for value in values] for name, values in losses.items()}
        whole = {name: mx.nd.concat(*values, dim=0)[: max(own, 1)] for name, values in here.items()}  # no repeated ones
        means = self.cluster.means(whole, batch_size)
        # Python runs ahead of MXNet's engine. Two steps in flight keep it busy; more would only eat memory.
        if self._previous is not None:
            self._previous.wait_to_read()
        self._previous = next(iter(means.values()))
        return means | {name: norm for name, norm in norms.items() if norm is not None}

    def _backward_discriminator(
        self, parts: list[Part], fakes: list[mx.nd.NDArray], rng: np.random.Generator
    ) -> dict[str, list[mx.nd.NDArray]]:
        """Leave D with the gradients of (D_real + D_fake) / 2; return each device's losses, (n,)."""
        # The pairs are made outside of record(): inside, this backward would clear the generator's record as well.
        fake_pairs = []
        for part, fake, pool in zip(parts, fakes, self.pools):
            pair = self._pair(part.source, fake.detach())
            fake_pairs.append(pool.query(pair, rng) if part.weight else pair)
        real_pairs = [self._pair(part.source, part.target) for part in parts]

        # One after the other, their gradients added up: so the network's memory for one pair serves both.
        self.D.zero_grad()
        losses, right = {}, []
        for name, pairs, real in (("D_fake", fake_pairs, False), ("D_real", real_pairs, True)):
            with autograd.record():
                logits = [self.discriminator(pair) for pair in pairs]
                losses[name] = [self.gan_loss(judged, real) for judged in logits]
                halved = 0.5 * self.D.loss_scale.factor
                scaled = [loss * (halved * part.weight) for loss, part in zip(losses[name], parts)]
            autograd.backward(scaled)
            right.append([self.gan_loss.accuracy(judged, real) for judged in logits])
        accuracy = [0.5 * (fake + real) for fake, real in zip(*right)]
        return {"D_real": losses["D_real"], "D_fake": losses["D_fake"], "D_accuracy": accuracy}

    def _backward_generator(self, parts: list[Part], fakes: list[mx.nd.NDArray]) -> dict[str, list[mx.nd.NDArray]]:
        """Leave G with the gradients of G_GAN + G_L1 (+ G_extra); return each device's losses, (n,)."""
        # Other handles of the sources: this backward clears the record of each array that it meets.
        sources, pictures = [part.source.detach() for part in parts], [with_own_gradient(fake) for fake in fakes]
        losses = {}
        with autograd.record():
            if self.loss_options.lambda_gan:
                logits = [self.critic(self._pair(*pair)) for pair in zip(sources, pictures)]
                gan = [self.gan_loss(judged, True, for_discriminator=False) for judged in logits]
                losses["G_GAN"] = [self.loss_options.lambda_gan * loss for loss in gan]
            if self.loss_options.lambda_l1:
                l1 = [l1_loss(picture, part.target) for part, picture in zip(parts, pictures)]
                losses["G_L1"] = [self.loss_options.lambda_l1 * loss for loss in l1]
            if self.extra_loss:
                losses["G_extra"] = [self.extra_loss(s, fake, p.target) for s, fake, p in zip(sources, pictures, parts)]
            scale = self.G.loss_scale.factor
            sums = [sum(terms) * (scale * part.weight) for part, *terms in zip(parts, *losses.values())]
        autograd.backward(fakes, autograd.grad(sums, pictures))
        return losses

    def _pair(self, source: mx.nd.NDArray, picture: mx.nd.NDArray) -> mx.nd.NDArray:
        """Return what the discriminator sees: (N, C + C', H, W), or the picture alone."""
        return concat_channels(mx.nd, source, picture, plain=False) if self.conditional else picture

    def _update(self, learner: Learner, batch_size: int) -> Optional[mx.nd.NDArray]:
        """Update a network by its gradients, summed over devices and processes; return their norm, if asked for."""
        self.cluster.sum_gradients(learner)
        return learner.update(batch_size, measure=self._log_gradients)

    def check_finite(self) -> None:
        """Raise FloatingPointError if the last update has not left weights and running statistics finite.

        The losses of its step are from before it.
        """
        for learner in self.learners:
            for name, parameter in learner.net._collect_params_with_prefix().items():
                if not np.isfinite(parameter.data(self.ctx[0]).sum().asscalar()):
                    where = f"{type(learner.net).__name__} {name}"
                    raise diverged(f"{where} is no longer finite after step {self.steps} of the run")


class OneProcess:
    """The processes of a run, where there is one: it has the whole of every batch, and nobody to agree with.

    `distributed.cluster.Cluster` has the same methods for several. `kvstore` is how gluon.Trainer adds up the gradients
    of several devices: "device" or "local".
    """

    rank, size = 0, 1

    def __init__(self, kvstore: str = "device"):
        self.kvstore = kvstore

    def own_pairs(self, total: int) -> int:
        """Return how many of a batch's pairs are for this process."""
        return total

    def sum_gradients(self, learner: Learner) -> None:
        """Add up the gradients of a network over its devices."""
        learner.trainer.allreduce_grads()

    def means(self, values: Mapping[str, mx.nd.NDArray], total: int) -> dict[str, mx.nd.NDArray]:
        """Return the mean, (1,), of each of the arrays (pairs,)."""
        return {name: array.mean() for name, array in values.items()}

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true in any process."""
        return flag

    def check_same(self, facts: Mapping[str, str]) -> None:
        """See that all processes agree."""


def add_up_gradients(discriminator: mx.gluon.HybridBlock) -> None:
    """Let each backward add its gradients to those that are there: fake and real pairs go one after the other."""
    for parameter in discriminator.collect_params().values():
        parameter.grad_req = "null" if parameter.grad_req == "null" else "add"
    discriminator._clear_cached_op()  # what was traced before was for other gradients


def second_executor(discriminator: mx.gluon.HybridBlock) -> mx.gluon.HybridBlock:
    """Return the same layers and weights with an executor of their own, for the generator's update.

    One that is asked now for gradients of the weights and now for those of the picture plans its memory anew each time,
    and computes some that nobody wants (MXNet 1.9.1).
    """
    return copy.copy(discriminator)


def with_own_gradient(fake: mx.nd.NDArray) -> mx.nd.NDArray:
    """Return the picture on a handle at which the gradient of the losses stops.

    So D's weights get none, and the generator's record, made before, is still there for what comes back.
    """
    picture = fake.detach()
    picture.attach_grad()
    return picture


def split_batch(
    source: mx.nd.NDArray, target: mx.nd.NDArray, ctx: Sequence[mx.Context], *, weight: float
) -> list[Part]:
    """Divide a batch among devices; those for which nothing is left repeat the first pairs, with the weight 0."""
    used = min(len(ctx), source.shape[0])
    sources, targets = (mx.gluon.utils.split_data(x, used, even_split=False) for x in (source, target))
    parts = [Part(s.as_in_context(c), t.as_in_context(c), weight) for s, t, c in zip(sources, targets, ctx)]
    return parts + [Part(sources[0].as_in_context(c), targets[0].as_in_context(c), 0.0) for c in ctx[used:]]
