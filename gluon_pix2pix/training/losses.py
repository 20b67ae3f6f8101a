"""The adversarial and the L1 loss (arXiv 1611.07004, equations 1 to 4), one value for each picture of a batch."""

from __future__ import annotations

from gluon_pix2pix.runtime import mx

GAN_MODES = ("vanilla", "lsgan")


class GANLoss:
    """How far a discriminator's map is from saying "real" or "fake" throughout.

    Parameters
    ----------
    mode
        "vanilla", cross-entropy on logits, or "lsgan", the squared distance to 1 (real) or 0 (fake).

    Raises
    ------
    ValueError
        If there is no such mode, or it is WGAN-GP, which MXNet 1.9.1 cannot train.
    """

    def __init__(self, mode: str = "vanilla"):
        if mode == "wgangp":
            raise ValueError(
                "gan_mode wgangp needs the gradient of a gradient, and MXNet 1.9.1's Convolution has none; "
                f"choose from {', '.join(GAN_MODES)}"
            )
        if mode not in GAN_MODES:
            raise ValueError(f"there is no gan_mode {mode!r}; choose from {', '.join(GAN_MODES)}")
        if mode == "vanilla":
            self._loss = mx.gluon.loss.SigmoidBinaryCrossEntropyLoss(from_sigmoid=False)
        else:
            self._loss = mx.gluon.loss.L2Loss(weight=2)  # Gluon's L2Loss is half of the mean squared error

    def __call__(self, logits: mx.nd.NDArray, target_is_real: bool) -> mx.nd.NDArray:
        """Return the mean over each map of (N, 1, H, W) logits, (N,)."""
        target = mx.nd.ones_like(logits) if target_is_real else mx.nd.zeros_like(logits)
        return self._loss(logits, target)


def l1_loss(fake: mx.nd.NDArray, target: mx.nd.NDArray) -> mx.nd.NDArray:
    """Return the mean absolute difference of each picture of two (N, C, H, W), (N,)."""
    return mx.nd.abs(fake - target).mean(axis=0, exclude=True)
