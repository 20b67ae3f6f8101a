"""The options of `train`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Optional

import tyro

from gluon_pix2pix.core.losses import GAN_MODES, GANLoss
from gluon_pix2pix.core.networks import DISCRIMINATORS, GENERATORS, INIT_TYPES
from gluon_pix2pix.core.operators import NORMS, PRECISIONS
from gluon_pix2pix.core.optimizer import LR_POLICIES
from gluon_pix2pix.distributed.cluster import KVSTORES, check_kvstore
from gluon_pix2pix.errors import CommonOptions, UsageError, option_errors
from gluon_pix2pix.evaluation.named_metrics import METRICS
from gluon_pix2pix.pairs.coding import MASKS, TASKS, Coding, make_coding
from gluon_pix2pix.pairs.locate import Located
from gluon_pix2pix.pairs.preprocess import PREPROCESS, Preprocess
from gluon_pix2pix.reports.live import parse_log


@dataclass
class TrainOptions(CommonOptions):
    """Train pix2pix on pairs of pictures. The same command resumes a run that was stopped or killed."""

    dataset: str = "demo"
    """A name that `python -m gluon_pix2pix data list` shows; a folder with train/ (and val/, test/) in it; or a list of
    pairs, two columns of paths in a .csv or .tsv file. data/README.md has every layout."""
    data_root: Path = Path("data")
    """The folder of the named data sets; a set that is not there is downloaded, or drawn."""
    run_dir: Optional[Path] = None
    """Where the run is written [runs/<dataset>]."""
    direction: Optional[Literal["AtoB", "BtoA"]] = None
    """AtoB translates the left half of the files to the right one [the data set's own, AtoB for other folders]."""
    task: Literal[TASKS] = "pairs"
    """Translate A to B; or learn from plain photos to colour black-and-white ones, or to fill holes."""
    mask: Literal[MASKS] = "center"
    """The hole of --task inpainting: the central quarter, or a rectangle drawn anew every time."""
    gpu: Optional[str] = None
    """GPUs, such as 0 or 0,1; -1 for the CPU [the first GPU there is, else the CPU]."""
    precision: Literal[PRECISIONS] = "float32"
    """Compute convolutions in 16 bits, all else in float32: bfloat16 on CPUs with AVX512-BF16, but not the transposed
    ones; float16 on GPUs (with scaled losses; not tried on one)."""
    kvstore: Literal[(*KVSTORES, "dist_async")] = "device"  # the last is refused, with the reason
    """Where gradients are added up: on the GPUs, on the CPU (local), or over several processes and machines (dist_sync,
    dist_device_sync; docs/distributed.md)."""

    load_size: int = 286
    """Pictures are enlarged to this many pixels a side..."""
    crop_size: int = 256
    """...and cropped to this many."""
    preprocess: Literal[PREPROCESS] = "resize_and_crop"
    """Other ways: crop at the pictures' own size, scale them to the width --load-size (and crop), or take them as they
    are; without a crop, to the nearest size that the generator can halve."""
    aspect_ratio: float = 1.0
    """Width by height of what is loaded and cropped; --load-size and --crop-size are the heights."""
    flip: bool = True
    """Mirror half of the pairs."""
    batch_size: int = 1
    """Pairs in a step, over all devices and machines."""
    max_dataset_size: Optional[int] = None
    """Use only the first so many pairs of each split."""
    serial_batches: bool = False
    """Take the pairs in their order, every epoch the same, instead of a new one drawn."""
    skip_bad: bool = False
    """Leave out files that cannot be read, and say which, instead of stopping."""
    cache: bool = False
    """Keep the decoded pictures in memory, if half of what is free holds them; no result changes."""
    num_workers: int = 2
    """Threads that read pictures ahead; 0 reads them in between."""

    generator: Annotated[Literal[GENERATORS], tyro.conf.arg(aliases=["--netG"])] = "unet_256"
    """The generator; "unet" and "encoder_decoder" take --num-downs."""
    norm: Literal[NORMS] = "batch"
    """Normalisation in both networks; syncbatch shares its statistics among GPUs."""
    discriminator: Annotated[Literal[DISCRIMINATORS], tyro.conf.arg(aliases=["--netD"])] = "basic"
    """The discriminator: basic is the 70x70 PatchGAN; n_layers takes --n-layers-D."""
    num_downs: int = 8
    """Levels of the generators "unet" and "encoder_decoder"."""
    n_layers_D: int = 3  # noqa: N815, upstream's word
    """Stride-2 layers of the discriminator "n_layers"."""
    ngf: int = 64
    """Channels of the generator's outermost layer."""
    ndf: int = 64
    """Channels of the discriminator's first layer."""
    conditional: bool = True
    """Show the discriminator the source too; without, the target alone (the paper's ablation)."""
    input_nc: Optional[int] = None
    """Channels of the source: 3 for RGB, 1 for gray, others for .tif and .npy [3, or what --task or --labels says]."""
    output_nc: Optional[int] = None
    """Channels of the target, likewise."""
    labels: int = 0
    """The source is a label map (palette or 1-channel PNG) with so many labels, each shown as a channel [no labels]."""
    output_labels: int = 0
    """The target is one."""
    dropout: bool = True
    """Dropout in the generator's inner blocks."""
    dropout_blocks: Literal["upstream", "paper"] = "upstream"
    """Which blocks: those of the PyTorch implementation, or those of the paper."""
    init_type: Literal[INIT_TYPES] = "normal"
    """How the initial weights are drawn."""
    init_gain: float = 0.02
    """Standard deviation (normal) or scale (xavier, orthogonal) of the initial weights."""
    init_from: Optional[Path] = None
    """Start from the networks of this run, or of a folder that `convert` made, instead of random weights."""

    gan_mode: Literal[(*GAN_MODES, "wgangp")] = "vanilla"  # the last is refused, with the reason
    """The adversarial loss."""
    label_smoothing: float = 0.0
    """How much less than 1 the discriminator shall say of real pairs."""
    lambda_gan: float = 1.0
    """Weight of the adversarial loss; 0 trains with L1 alone."""
    lambda_l1: Annotated[float, tyro.conf.arg(aliases=["--lambda-L1"])] = 100.0
    """Weight of the L1 loss; 0 trains with the adversarial loss alone."""
    pool_size: int = 0
    """Earlier fakes that are kept to be shown to the discriminator again."""
    n_epochs: int = 100
    """Epochs at the full learning rate."""
    n_epochs_decay: int = 100
    """Epochs over which it then falls towards 0."""
    lr: float = 2e-4
    """Adam's learning rate."""
    d_lr: Optional[float] = None
    """The discriminator's own learning rate [that of --lr]."""
    lr_policy: Literal[LR_POLICIES] = "linear"
    """How the rate changes: linear keeps it for --n-epochs, then falls; step: a tenth every --lr-decay-iters epochs."""
    lr_decay_iters: int = 50
    """Epochs between two drops of --lr-policy step."""
    beta1: float = 0.5
    """Adam's momentum."""
    beta2: float = 0.999
    """Adam's decay of the squared gradients' mean."""
    epsilon_mode: Literal["torch", "mxnet"] = "torch"
    """Add Adam's epsilon after the bias correction, as PyTorch does, or before it, as MXNet does."""
    seed: int = 0
    """Decides initial weights, order, jitter and dropout: the same seed repeats a run bit for bit."""

    save_every: int = 5
    """Epochs between two checkpoints, each with samples and a validation score; the last epoch has one always."""
    keep: int = 2
    """Newest checkpoints that stay on disk, beside the one with the best validation score."""
    log_every: int = 100
    """Steps between two lines of the log."""
    log: Optional[str] = None
    """Show the run elsewhere too: tensorboard, visdom, or both with a comma between (docs/watching.md)."""
    visdom_server: str = "http://127.0.0.1"
    """Where the visdom server is..."""
    visdom_port: int = 8097
    """...and its port."""
    log_gradients: bool = False
    """Log the norms of both networks' gradients."""
    val_pictures: int = 100
    """Validation pictures that are scored; 0 for none."""
    eval_every: Optional[int] = None
    """Epochs between two scorings; the best so far is saved, whether or not it is the turn of --save-every [that]."""
    eval_metric: Optional[Literal[METRICS]] = None
    """What decides which checkpoint is the best [psnr; psnr_ab for colorization, right pixels for label maps]."""

    def __post_init__(self) -> None:
        lowest = {"load_size": 1, "crop_size": 1, "batch_size": 1, "max_dataset_size": 1, "num_workers": 0, "ngf": 1}
        lowest |= {"ndf": 1, "input_nc": 1, "output_nc": 1, "n_epochs": 0, "n_epochs_decay": 0, "seed": 0}
        lowest |= {"lambda_gan": 0, "pool_size": 0, "d_lr": 0, "lr_decay_iters": 1, "beta2": 0, "init_gain": 0}
        lowest |= {"labels": 0, "output_labels": 0}
        lowest |= {"save_every": 1, "keep": 1, "log_every": 1, "val_pictures": 0, "eval_every": 1}
        lowest |= {"lambda_l1": 0, "lr": 0, "beta1": 0}
        for name, least in lowest.items():
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise UsageError(f"--{name.replace('_', '-')} {value} is below {least}")
        if self.n_epochs + self.n_epochs_decay < 1:
            raise UsageError("--n-epochs and --n-epochs-decay are both 0: there is nothing to train")
        if not self.beta1 < 1 or not self.beta2 < 1:
            raise UsageError(f"--beta1 {self.beta1} and --beta2 {self.beta2}: both have to be below 1")
        if self.lambda_gan == 0 and self.lambda_l1 == 0:
            raise UsageError("--lambda-gan and --lambda-l1 are both 0: there is no loss")
        if self.d_lr is not None and self.lr == 0:
            raise UsageError("--d-lr follows --lr in proportion, and --lr is 0")
        with option_errors():
            parse_log(self.log)
            check_kvstore(self.kvstore)
            GANLoss(self.gan_mode, label_smoothing=self.label_smoothing)  # these refuse before a data set is downloaded
            self._check_channels()
            self.preprocessing()

    @property
    def total_epochs(self) -> int:
        """Epochs of the whole run."""
        return self.n_epochs + self.n_epochs_decay

    def describe_coding(self) -> dict:
        """Return the task as `make_coding` takes it."""
        counts = {"labels": self.labels, "output_labels": self.output_labels}
        channels = {"input_nc": self.input_nc or 3, "output_nc": self.output_nc or 3}
        coding = make_coding(self.task, mask=self.mask, **counts, **channels)
        channels = {"input_nc": coding.source.channels, "output_nc": coding.target.channels}
        return {"task": self.task, **channels, **counts, "mask": self.mask}

    def coding(self) -> Coding:
        """Return the coding of the task."""
        return make_coding(**self.describe_coding())

    def _check_channels(self) -> None:
        described = self.describe_coding()
        for name in ("input_nc", "output_nc"):
            if getattr(self, name) not in (None, described[name]):
                words = f"--{name.replace('_', '-')} {getattr(self, name)}"
                raise UsageError(f"{words} contradicts --task {self.task}, or the labels: these make {described[name]}")
        if self.mask != "center" and self.task != "inpainting":
            raise UsageError(f"--mask {self.mask} is for --task inpainting, not for {self.task}")

    def preprocessing(self, multiple: int = 1) -> Preprocess:
        """Return what is done to pictures, for a generator that takes multiples of so many pixels."""
        return Preprocess(
            self.preprocess,
            load_size=self.load_size,
            crop_size=self.crop_size,
            aspect_ratio=self.aspect_ratio,
            flip=self.flip,
            multiple=multiple,
        )

    def describe_generator(self) -> dict:
        """Return the generator as `get_model` takes it."""
        levels = {"num_downs": self.num_downs} if self.generator in ("unet", "encoder_decoder") else {}
        coding = self.describe_coding()
        channels = {"input_nc": coding["input_nc"], "output_nc": coding["output_nc"], "ngf": self.ngf}
        where = {} if self.generator.startswith("resnet") else {"dropout_blocks": self.dropout_blocks}
        return {"name": self.generator, **levels, **channels, "norm": self.norm, "dropout": self.dropout, **where}

    def describe_discriminator(self) -> dict:
        """Return the discriminator as `get_model` takes it."""
        layers = {"n_layers": self.n_layers_D} if self.discriminator == "n_layers" else {}
        coding = self.describe_coding()
        input_nc = coding["output_nc"] + (coding["input_nc"] if self.conditional else 0)
        return {"name": self.discriminator, **layers, "input_nc": input_nc, "ndf": self.ndf, "norm": self.norm}


def resolve(options: TrainOptions, located: Located) -> TrainOptions:
    """Fill in what the data set and the task decide."""
    run_dir, direction = options.run_dir or Path("runs") / located.name, options.direction or located.direction
    coding = options.describe_coding()
    channels = {"input_nc": coding["input_nc"], "output_nc": coding["output_nc"]}
    return dataclasses.replace(options, run_dir=run_dir, direction=direction, **channels)
