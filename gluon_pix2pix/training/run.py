"""A run at work: what it trains with and on, who listens, and what a caller in Python has brought."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

from tqdm import tqdm

from gluon_pix2pix.core.step import ExtraLoss, Pix2PixTrainer
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.runs.run_log import RunLog
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.interrupt import StopRequest
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.validation import Scores


class EpochReport(NamedTuple):
    """What `on_epoch` is told: completed epochs, the means of the epoch's losses, and the validation scores.

    `scores` is empty where it was not time to score; `val_psnr` and `val_ssim` are among them otherwise.
    """

    epoch: int
    losses: dict[str, float]
    scores: dict[str, Optional[float]]


@dataclass
class Own:
    """What a caller in Python brings beside options; nothing, on the command line.

    A generator and a discriminator of one's own, a further loss of the generator, and what is called at the end of each
    epoch with an `EpochReport`; if it returns True, the run stops there.
    """

    generator: Optional[mx.gluon.HybridBlock] = None
    discriminator: Optional[mx.gluon.HybridBlock] = None
    extra_loss: Optional[ExtraLoss] = None
    on_epoch: Optional[Callable[[EpochReport], Any]] = None


@dataclass
class Run:
    """What a run trains with and on, and who listens.

    `log` is None in all processes but the first. `own` is what a caller in Python has brought. `pair_list` lists the
    pairs of `val_set`, or else of `train_set`, where they are split by this program alone. `scores` are those of the
    last validation.
    """

    options: TrainOptions
    trainer: Pix2PixTrainer
    train_set: PairedImages
    val_set: Optional[PairedImages]
    log: Optional[RunLog]
    stop: StopRequest
    own: Own = field(default_factory=Own)
    pair_list: Optional[Path] = None
    scores: Optional[Scores] = None

    @property
    def folder(self) -> Path:
        """Where the run is written."""
        return self.options.run.run_dir

    def say(self, line: str) -> None:
        """Say a line, if this is the first process."""
        if self.log is not None:
            self.log.say(line)

    def asked_to_stop(self) -> bool:
        """Whether a signal has come, here or to another process: all get the same answer at the same step."""
        asked = self.trainer.cluster.any(self.stop.signal is not None)
        if asked and self.stop.signal is None:
            self.stop.signal = signal.SIGTERM
        return asked

    def say_skipped(self, pairs: PairedImages) -> None:
        """Say which files have turned out bad and were replaced, once each; each process reads others."""
        for line in pairs.newly_bad_pairs():
            if self.log is None:
                tqdm.write(f"skipped: {line}", file=sys.stderr)
            else:
                self.log.say(f"skipped: {line}")
                self.log.event("skipped", file=line)
