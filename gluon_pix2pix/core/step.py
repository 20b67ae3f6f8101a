"""One training step: the discriminator's update, then the generator's, on one batch."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Optional

import numpy as np

from gluon_pix2pix.core.losses import GANLoss, l1_loss
from gluon_pix2pix.core.operators import concat_channels
from gluon_pix2pix.core.optimizer import Adam, LossScale
from gluon_pix2pix.runtime import mx

autograd, gluon = mx.autograd, mx.gluon


class Part(NamedTuple):
    """What one device gets of a batch. `share` is 0 where nothing was left for it and it repeats another's pair."""

    source: mx.nd.NDArray
    target: mx.nd.NDArray
    share: float


class Pix2PixTrainer:
    """Train a generator and a discriminator, on one device or on several that share each batch.

    Parameters
    ----------
    generator, discriminator
        Initialised on every context of `ctx`, in their precision and hybridised, if they shall be.
    ctx
        The devices.
    gan_mode, label_smoothing
        See `losses.GANLoss`.
    lambda_gan, lambda_l1
        Weights of the two losses of the generator; 0 leaves one out, and without the first there is no discriminating.
    conditional
        Whether the discriminator sees source and target, or the target alone (the paper's ablation).
    pool_size
        Earlier fakes that are kept to be shown to the discriminator again.
    lr, d_lr, beta1, beta2, epsilon
        Adam's, as in the reference's torch.optim.Adam; `d_lr` is the discriminator's rate, `lr` if None.
    epsilon_mode
        "torch" adds epsilon after Adam's bias correction, as the paper of Adam and PyTorch do; "mxnet" before it.
    log_gradients
        Whether a step returns the norms of its gradients as well.
    scale_losses
        Whether to scale losses as float16 needs it, and leave out the updates whose gradients are not finite.
    cluster
        The processes that share each batch, of which this is one; it adds up their gradients.
    """

    def __init__(
        self,
        generator: gluon.HybridBlock,
        discriminator: gluon.HybridBlock,
        *,
        ctx: Sequence[mx.Context],
        gan_mode: str = "vanilla",
        label_smoothing: float = 0.0,
        lambda_gan: float = 1.0,
        lambda_l1: float = 100.0,
        conditional: bool = True,
        pool_size: int = 0,
        lr: float = 2e-4,
        d_lr: Optional[float] = None,
        beta1: float = 0.5,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        epsilon_mode: str = "torch",
        log_gradients: bool = False,
        scale_losses: bool = False,
        cluster: Optional[Alone] = None,
    ):
        self.generator, self.discriminator = generator, discriminator
        for parameter in discriminator.collect_params().values():
            parameter.grad_req = "null" if parameter.grad_req == "null" else "add"
        discriminator._clear_cached_op()  # what was traced before was for other gradients
        # The same layers and weights with an executor of their own: one that is asked now for these gradients and now
        # for those plans its memory anew each time, and computes some that nobody wants (MXNet 1.9.1).
        self._judge = copy.copy(discriminator)
        self.ctx = list(ctx)
        self.cluster = cluster or Alone()
        self.steps = 0
        self.pools = [ImagePool(pool_size) for _ in self.ctx]
        self._gan = GANLoss(gan_mode, label_smoothing=label_smoothing)
        self._lambda_gan, self._lambda_l1, self._conditional = lambda_gan, lambda_l1, conditional
        self._beta2, self._epsilon, self._epsilon_mode = beta2, epsilon, epsilon_mode
        self._log_gradients = log_gradients
        self._d_ratio = 1.0 if d_lr is None else d_lr / lr
        adam = {"learning_rate": lr, "beta1": beta1, "beta2": beta2, "epsilon": epsilon}
        # With several devices Gluon's default updates in the kvstore, out of reach for saving Adam's moments.
        self.g_trainer, self.d_trainer = (
            gluon.Trainer(net.collect_params(), Adam(**adam), kvstore=self.cluster.kvstore, update_on_kvstore=False)
            for net in (generator, discriminator)
        )
        self.set_learning_rate(lr)
        self.loss_scales = {role: LossScale(scale_losses) for role in ("generator", "discriminator")}
        self._previous = None
        self._norms: dict[str, mx.nd.NDArray] = {}

    def set_learning_rate(self, lr: float) -> None:
        """Set the generator's learning rate, and the discriminator's in the proportion that they began with."""
        self.g_trainer.set_learning_rate(lr)
        self.d_trainer.set_learning_rate(lr * self._d_ratio)

    def step(
        self, source: mx.nd.NDArray, target: mx.nd.NDArray, *, seed: Sequence[int], total: Optional[int] = None
    ) -> dict[str, mx.nd.NDArray]:
        """Update both networks by one batch.

        Parameters
        ----------
        source, target
            (N, C, H, W) float32 in [-1, 1]: this process's share of the batch, or, where that is nothing, any pair.
        seed
            Whole numbers that all chance in this step depends on alone, for example (seed, epoch, step).
        total
            Pairs of the batch in all processes; N if None.

        Returns
        -------
        dict of str to NDArray
            Means over the batch under the reference's names: D_real, D_fake, and G_GAN and G_L1 with their weights in
            them; D_accuracy, the share of D's map that was right before its update, over real and fake; and, if asked
            for, G_gradient and D_gradient, the 2-norms of all that Adam is given, 0 if it is given nothing. Each is of
            shape (1,) and not yet computed; the step before is, when this returns.
        """
        seed = (*seed, self.cluster.rank) if self.cluster.rank else seed  # each process drops out others
        mx.random.seed(int(np.random.SeedSequence(seed).generate_state(1)[0] >> 1))
        batch_size = source.shape[0] if total is None else total
        own = self.cluster.share(batch_size)
        parts = self._split(source, target, own)

        # One forward of the generator serves both updates.
        with autograd.record():
            fakes = [self.generator(part.source) for part in parts]
        losses = {}
        if self._lambda_gan:
            losses |= self._update_discriminator(parts, fakes, batch_size, np.random.default_rng(seed))
        losses |= self._update_generator(parts, fakes, batch_size)

        self.steps += 1
        means = self.cluster.means({name: self._whole(values, own) for name, values in losses.items()}, batch_size)
        means |= self._norms
        # Python runs ahead of MXNet's engine. Two steps in flight keep it busy; more would only eat memory.
        if self._previous is not None:
            self._previous.wait_to_read()
        self._previous = next(iter(means.values()))
        return means

    def _update_discriminator(
        self, parts: list[Part], fakes: list[mx.nd.NDArray], batch_size: int, rng: np.random.Generator
    ) -> dict[str, list[mx.nd.NDArray]]:
        # The pairs are made outside of record(): inside, this backward would clear the generator's record as well.
        fake_pairs = []
        for part, fake, pool in zip(parts, fakes, self.pools):
            pair = self._pair(part.source, fake.detach())
            fake_pairs.append(pool.query(pair, rng) if part.share else pair)
        real_pairs = [self._pair(part.source, part.target) for part in parts]
        # One after the other, their gradients added up: so the network's memory for one pair serves both.
        self.discriminator.collect_params().zero_grad()
        d_fake, right_of_fake = self._discriminate(parts, fake_pairs, False)
        d_real, right_of_real = self._discriminate(parts, real_pairs, True)
        self._update("discriminator", batch_size)
        right = [0.5 * (fake + real) for fake, real in zip(right_of_fake, right_of_real)]
        return {"D_real": d_real, "D_fake": d_fake, "D_accuracy": right}

    def _discriminate(
        self, parts: list[Part], pairs: list[mx.nd.NDArray], real: bool
    ) -> tuple[list[mx.nd.NDArray], list[mx.nd.NDArray]]:
        """Add the gradients of D's loss for pairs to its own; return each device's losses and accuracies, (n,)."""
        scale = 0.5 * self.loss_scales["discriminator"].factor
        with autograd.record():
            judged = [self.discriminator(pair) for pair in pairs]
            losses = [self._gan(logits, real) for logits in judged]
            scaled = [loss * (scale * part.share) for loss, part in zip(losses, parts)]
        autograd.backward(scaled)
        return losses, [self._gan.accuracy(logits, real) for logits in judged]

    def _update_generator(
        self, parts: list[Part], fakes: list[mx.nd.NDArray], batch_size: int
    ) -> dict[str, list[mx.nd.NDArray]]:
        # The losses' gradient stops at the pictures, so that D's weights, which this update leaves alone, get none.
        pictures = [fake.detach() for fake in fakes]
        for picture in pictures:
            picture.attach_grad()
        losses = {}
        with autograd.record():
            if self._lambda_gan:
                # Another handle of the source: this backward clears the record of each array that it meets.
                pairs = [self._pair(part.source.detach(), picture) for part, picture in zip(parts, pictures)]
                judged = [self._judge(pair) for pair in pairs]
                gan = [self._gan(logits, True, for_discriminator=False) for logits in judged]
                losses["G_GAN"] = [self._lambda_gan * loss for loss in gan]
            if self._lambda_l1:
                l1 = [l1_loss(picture, part.target) for part, picture in zip(parts, pictures)]
                losses["G_L1"] = [self._lambda_l1 * loss for loss in l1]
            scale = self.loss_scales["generator"].factor
            sums = [sum(terms) * (scale * part.share) for part, *terms in zip(parts, *losses.values())]
        autograd.backward(fakes, autograd.grad(sums, pictures))
        self._update("generator", batch_size)
        return losses

    def _pair(self, source: mx.nd.NDArray, picture: mx.nd.NDArray) -> mx.nd.NDArray:
        if not self._conditional:
            return picture
        return concat_channels(mx.nd, source, picture, multiple=1)  # 5 + 3 channels, or 4 + 4, would end the process

    def wait(self) -> None:
        """Wait until the devices have done all that they were given."""
        mx.nd.waitall()

    def check_finite(self) -> None:
        """See that the last update has left the weights and running statistics finite: its losses are from before it.

        Raises
        ------
        FloatingPointError
            If it has not.
        """
        for net in (self.generator, self.discriminator):
            for name, parameter in net._collect_params_with_prefix().items():
                if not np.isfinite(parameter.data(self.ctx[0]).sum().asscalar()):
                    raise FloatingPointError(
                        f"{type(net).__name__} {name} is no longer finite after step {self.steps} of the run: training "
                        "stopped; the checkpoints are from before. Look at the data, or begin another --run-dir with a "
                        "lower --lr"
                    )

    def _split(self, source: mx.nd.NDArray, target: mx.nd.NDArray, own: int) -> list[Part]:
        used, share = min(len(self.ctx), source.shape[0]), float(own > 0)
        sources, targets = (gluon.utils.split_data(x, used, even_split=False) for x in (source, target))
        parts = [Part(s.as_in_context(c), t.as_in_context(c), share) for s, t, c in zip(sources, targets, self.ctx)]
        return parts + [Part(sources[0].as_in_context(c), targets[0].as_in_context(c), 0.0) for c in self.ctx[used:]]

    def _update(self, role: str, batch_size: int) -> None:
        """Update a network by the gradients that its backward has left, summed over devices and processes."""
        trainer = self.g_trainer if role == "generator" else self.d_trainer
        net, scale, optimizer = getattr(self, role), self.loss_scales[role], trainer._optimizer
        self.cluster.sum_gradients(trainer, role, net)
        divisor = batch_size * scale.factor
        left_out = scale.overflowed(net.collect_params().values())
        if self._log_gradients:
            gradients = [p.grad(self.ctx[0]) for p in net.collect_params().values() if p.grad_req != "null"]
            squares = mx.nd.multi_sum_sq(*gradients, num_arrays=len(gradients)).sum()
            norm = mx.nd.zeros_like(squares) if left_out else mx.nd.sqrt(squares) / divisor
            self._norms[f"{role[0].upper()}_gradient"] = norm
        if left_out:
            return
        if self._epsilon_mode == "torch":
            # MXNet adds epsilon before Adam's bias correction and PyTorch after it; scaled like this they are the same.
            optimizer.epsilon = self._epsilon * (1 - self._beta2 ** (optimizer.num_update + 1)) ** 0.5
        trainer.update(divisor)

    def _whole(self, values: Sequence[mx.nd.NDArray], own: int) -> mx.nd.NDArray:
        """Put together what the devices have computed for each pair, without the pairs that were repeated."""
        return mx.nd.concat(*(v.as_in_context(self.ctx[0]) for v in values), dim=0)[: max(own, 1)]


class ImagePool:
    """Keep up to `size` earlier pictures; 0 passes everything through."""

    def __init__(self, size: int = 0):
        self.size = size
        self.pictures: list[mx.nd.NDArray] = []

    def query(self, batch: mx.nd.NDArray, rng: np.random.Generator) -> mx.nd.NDArray:
        """Return (N, C, H, W) in which each picture, by chance of one half, is exchanged for an earlier one.

        The pool takes the picture that it gives an earlier one for. While it fills, it takes each and returns it too.
        """
        if self.size == 0:
            return batch
        chosen = []
        for index in range(batch.shape[0]):
            picture = batch[index : index + 1]
            if len(self.pictures) < self.size:
                self.pictures.append(picture.copy())
            elif rng.random() > 0.5:
                place = int(rng.integers(self.size))
                picture, self.pictures[place] = self.pictures[place], picture.copy()
            chosen.append(picture)
        return mx.nd.concat(*chosen, dim=0)


class Alone:
    """One process, with the whole of every batch; what `Cluster` does is nothing here.

    `kvstore` is how gluon.Trainer adds up the gradients of several devices: "device" or "local".
    """

    rank, size = 0, 1

    def __init__(self, kvstore: str = "device"):
        self.kvstore = kvstore

    def __enter__(self) -> Alone:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def share(self, total: int) -> int:
        """Return how many of a batch's pairs are for this process."""
        return total

    def sum_gradients(self, trainer: mx.gluon.Trainer, role: str, net: mx.gluon.Block) -> None:
        """Add up the gradients of a network over its devices."""
        trainer.allreduce_grads()

    def means(self, values: Mapping[str, mx.nd.NDArray], total: int) -> dict[str, mx.nd.NDArray]:
        """Return the mean, (1,), of each of the arrays (pairs,)."""
        return {name: array.mean() for name, array in values.items()}

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true in any process."""
        return flag

    def check_same(self, facts: Mapping[str, str]) -> None:
        """See that all processes agree."""
