"""The options of networks, losses, Adam and the schedule, told without MXNet, which --help does not wait for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Optional

PRECISIONS = ("float32", "bfloat16", "float16")
NORMS = ("batch", "instance", "none", "syncbatch")
GENERATORS = ("unet_256", "unet_128", "unet_512", "unet", "encoder_decoder", "resnet_9blocks", "resnet_6blocks")
DISCRIMINATORS = ("basic", "n_layers", "pixel")
DROPOUT_BLOCKS = ("upstream", "paper")
UPSAMPLES = ("deconv", "resize")
INIT_TYPES = ("normal", "xavier", "kaiming", "orthogonal")
GAN_MODES = ("vanilla", "lsgan", "hinge")
WGANGP_REFUSED = (
    "gan_mode wgangp needs the gradient of a gradient, and MXNet 1.9.1's Convolution has none; "
    f"choose from {', '.join(GAN_MODES)}"
)


@dataclass(frozen=True)
class LossOptions:
    """What both networks are told of their work."""

    gan_mode: Literal[GAN_MODES] = "vanilla"
    """The adversarial loss."""
    label_smoothing: float = 0.0
    """The discriminator learns to say so much less than 1 of real pairs."""
    lambda_gan: float = field(default=1.0, metadata={"least": 0})
    """Weight of the adversarial loss; 0 trains with L1 alone."""
    lambda_l1: float = field(default=100.0, metadata={"least": 0})
    """Weight of the L1 loss; 0 trains with the adversarial loss alone."""
    pool_size: int = field(default=0, metadata={"least": 0})
    """Earlier fakes that are kept to be shown to the discriminator again."""

    def check(self) -> None:
        """Raise ValueError if the options do not go together."""
        check_gan_mode(self.gan_mode, self.label_smoothing)
        if self.lambda_gan == 0 and self.lambda_l1 == 0:
            raise ValueError("--lambda-gan and --lambda-l1 are both 0: there is no loss")


def check_gan_mode(mode: str, label_smoothing: float = 0.0) -> None:
    """Raise ValueError if there is no such adversarial loss, or it does not go with this smoothing of labels."""
    if mode == "wgangp":
        raise ValueError(WGANGP_REFUSED)
    if mode not in GAN_MODES:
        raise ValueError(f"there is no gan_mode {mode!r}; choose from {', '.join(GAN_MODES)}")
    if not 0 <= label_smoothing < 0.5:
        raise ValueError(f"label_smoothing is at least 0 and below 0.5, not {label_smoothing}")
    if label_smoothing and mode == "hinge":
        raise ValueError("label_smoothing goes with vanilla and lsgan: hinge has no labels")


@dataclass(frozen=True)
class AdamOptions:
    """How large Adam's steps are."""

    lr: float = field(default=2e-4, metadata={"least": 0})
    """Adam's learning rate."""
    d_lr: Optional[float] = field(default=None, metadata={"least": 0})
    """The discriminator's own learning rate [that of --lr]."""
    beta1: float = field(default=0.5, metadata={"least": 0})
    """Adam's momentum."""
    beta2: float = field(default=0.999, metadata={"least": 0})
    """Adam's decay of the squared gradients' mean."""
    ema: float = field(default=0.0, metadata={"least": 0})
    """Keep a moving average of the generator's weights, which forgets with this factor a step, for example 0.999; it is
    what is validated, translated with and exported. 0 keeps none, as upstream."""

    def check(self) -> None:
        """Raise ValueError if the options do not go together."""
        if not self.ema < 1:
            raise ValueError(f"--ema {self.ema}: it has to be below 1")
        if not self.beta1 < 1 or not self.beta2 < 1:
            raise ValueError(f"--beta1 {self.beta1} and --beta2 {self.beta2}: both have to be below 1")
        if self.d_lr is not None and self.lr == 0:
            raise ValueError("--d-lr follows --lr in proportion, and --lr is 0")


LR_POLICIES = ("linear", "step", "plateau", "cosine", "constant")


@dataclass(frozen=True)
class ScheduleOptions:
    """How long a run is, and its learning rate in each epoch."""

    n_epochs: int = field(default=100, metadata={"least": 0, "may_change": True})
    """Epochs at the full learning rate; other policies than linear add both numbers up."""
    n_epochs_decay: int = field(default=100, metadata={"least": 0, "may_change": True})
    """Epochs over which it then falls towards 0."""
    lr_policy: Literal[LR_POLICIES] = "linear"
    """How the rate changes: linear keeps it for --n-epochs, then falls; step: a tenth every --lr-decay-iters epochs."""
    lr_decay_iters: int = field(default=50, metadata={"least": 1})
    """Epochs between two drops of --lr-policy step."""

    @property
    def total_epochs(self) -> int:
        """Epochs of the whole run."""
        return self.n_epochs + self.n_epochs_decay

    def check(self) -> None:
        """Raise ValueError if the options do not go together."""
        if self.total_epochs < 1:
            raise ValueError("--n-epochs and --n-epochs-decay are both 0: there is nothing to train")
