"""The adversarial and the L1 loss (arXiv 1611.07004, equations 1 to 4), one value for each picture of a batch.

After them the pool of earlier fakes.
"""

from __future__ import annotations

import numpy as np

from gluon_pix2pix.core_options import check_gan_mode
from gluon_pix2pix.runtime import mx


class GANLoss:
    """How far a discriminator's map is from saying "real" or "fake" throughout.

    Parameters
    ----------
    mode
        "vanilla", cross-entropy on logits; "lsgan", the squared distance to 1 (real) or 0 (fake); "hinge", how much a
        logit lacks of 1 (real) or exceeds -1 (fake), and for the generator the logit itself (arXiv 1705.02894).
    label_smoothing
        How much less than 1 the discriminator learns to say of real pairs (one-sided, arXiv 1606.03498). Not for hinge.
    """

    def __init__(self, mode: str = "vanilla", *, label_smoothing: float = 0.0):
        check_gan_mode(mode, label_smoothing)
        self._mode, self._real = mode, 1 - label_smoothing
        # Gluon's L2Loss is half of the mean squared error; its cross-entropy takes logits.
        ours = {"vanilla": mx.gluon.loss.SigmoidBinaryCrossEntropyLoss(), "lsgan": mx.gluon.loss.L2Loss(weight=2)}
        self._loss = ours.get(mode)

    def __call__(self, logits: mx.nd.NDArray, target_is_real: bool, *, for_discriminator: bool = True) -> mx.nd.NDArray:
        """Return the mean over each map of (N, 1, H, W) logits, (N,)."""
        if self._mode == "hinge":
            sign = 1 if target_is_real else -1
            margin = mx.nd.relu(1 - sign * logits) if for_discriminator else -sign * logits
            return margin.mean(axis=0, exclude=True)
        real = self._real if for_discriminator else 1
        return self._loss(logits, mx.nd.ones_like(logits) * real if target_is_real else mx.nd.zeros_like(logits))

    def accuracy(self, logits: mx.nd.NDArray, target_is_real: bool) -> mx.nd.NDArray:
        """Return the share of each map of (N, 1, H, W) logits that leans to the right answer, (N,)."""
        undecided = 0.5 if self._mode == "lsgan" else 0  # lsgan's labels are 0 and 1; the others' logits have a sign
        right = logits > undecided if target_is_real else logits < undecided
        return right.mean(axis=0, exclude=True)


def l1_loss(fake: mx.nd.NDArray, target: mx.nd.NDArray) -> mx.nd.NDArray:
    """Return the mean absolute difference of each picture of two (N, C, H, W), (N,)."""
    rows = mx.nd.abs(fake - target).mean(axis=3)  # (N, C, H); at once, MXNet sums each picture in one thread
    return rows.mean(axis=0, exclude=True)


class ImagePool:
    """Up to `size` earlier pictures, from which the discriminator is shown some; 0 passes everything through.

    Shrivastava et al., arXiv 1612.07828, section 2.3.
    """

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
