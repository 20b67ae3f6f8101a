"""From Python: train, evaluate and compare by a call, with the words of the command line as keywords.

`gluon_pix2pix` itself gives these names, and loads them when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional, Union

import numpy as np

from gluon_pix2pix import processors
from gluon_pix2pix.commands.find_data import find_data
from gluon_pix2pix.core.step import ExtraLoss, OneProcess
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.evaluation.compare import Comparison, check_same_targets, compare_scores, match_sets
from gluon_pix2pix.evaluation.names import DEFAULT_METRICS
from gluon_pix2pix.evaluation.pairing import Found, Translated, find_pairs, match_folders
from gluon_pix2pix.evaluation.score import Score, score_pairs, summarise
from gluon_pix2pix.pairs.locate import Located
from gluon_pix2pix.pairs.paired_arrays import WHERE
from gluon_pix2pix.pairs.preprocess import Preprocess
from gluon_pix2pix.runs.log import read_log
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.epoch_end import translator_of
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.run import EpochReport, Own
from gluon_pix2pix.training.session import prepare_and_train
from gluon_pix2pix.translation.gluon_network import multiple_of
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.writing import PathLike

Pairs = Sequence[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class TrainedRun:
    """A run that `train` has trained.

    Attributes
    ----------
    folder
        Where it is on disk: checkpoints, samples, log, page.
    epochs
        Completed ones.
    scores
        Of the last validation: val_psnr, val_ssim, ...; empty without validation pairs.
    history
        The lines of the log: a dict each, with epoch, step, the mean losses and lr.
    stopped
        Whether it ended before its last epoch, by Ctrl-C, SIGTERM or `on_epoch`; the same call goes on.
    generator, discriminator
        The networks.
    translator
        Translates pictures with the generator, at the size of training; `Translator.load(folder)` has more modes.
    """

    folder: Path
    epochs: int
    scores: dict[str, Optional[float]]
    history: list[dict] = field(repr=False)
    stopped: bool
    generator: mx.gluon.HybridBlock = field(repr=False)
    discriminator: mx.gluon.HybridBlock = field(repr=False)
    translator: Translator = field(repr=False)


def train(
    data: Union[PathLike, Pairs],
    *,
    validation: Optional[Pairs] = None,
    generator: Union[str, mx.gluon.HybridBlock, None] = None,
    discriminator: Union[str, mx.gluon.HybridBlock, None] = None,
    extra_loss: Optional[ExtraLoss] = None,
    on_epoch: Optional[Callable[[EpochReport], Any]] = None,
    say: Callable[[str], None] = print,
    **options: Any,
) -> TrainedRun:
    """Train pix2pix, or go on with the run in `run_dir`.

    Parameters
    ----------
    data
        A folder, a list or a name, as --dataset takes it; or any sequence of pairs (source, target) of arrays, each
        (H, W, C) uint8 or uint16, which is asked from several threads.
    validation
        Pairs to be scored, where `data` is a sequence.
    generator, discriminator
        Names, as on the command line, or networks of one's own: any HybridBlock from (N, C, H, W) in [-1, 1] to
        (N, C', H, W), and from source and target together, (N, C + C', H, W), to logits (N, 1, h, w). Those without
        weights get them drawn. What sides a generator needs multiples of, its attribute `multiple` says.
    extra_loss
        A further loss of the generator: a function of source, fake and target, each an NDArray (N, C, H, W) in [-1, 1],
        that gives one value for each picture, (N,).
    on_epoch
        Called at the end of each epoch with its `EpochReport`; training stops there if it returns True.
    say
        Gets the lines for the screen until training begins.
    options
        Those of the command line, with underscores: ngf=16, n_epochs=5, run_dir="runs/mine", direction="BtoA", ...

    Raises
    ------
    TypeError
        If there is no such option.
    UsageError
        If the options do not go together.
    """
    named = {"generator": generator, "discriminator": discriminator}
    options |= {name: net for name, net in named.items() if isinstance(net, str)}
    paths = {name: Path(options[name]) for name in _PATHS if isinstance(options.get(name), str)}
    in_memory = not isinstance(data, (str, Path))
    if validation is not None and not in_memory:
        raise UsageError("validation goes with a sequence of pairs; a folder has its own, in val/")
    chosen = TrainOptions.of(**{**options, **paths}, **({} if in_memory else {"dataset": str(data)}))
    blocks = [None if isinstance(net, str) else net for net in (generator, discriminator)]
    own = Own(*blocks, extra_loss, on_epoch)

    def find(resolved: TrainOptions) -> Located:
        if in_memory:
            splits = {"train": data} if validation is None else {"train": data, "val": validation}
            return Located(WHERE, "arrays", splits=splits)
        photos = resolved.task.coding().from_photos
        return find_data(resolved.data.dataset, resolved.data.data_root, photos=photos, get=True)

    outcome = prepare_and_train(chosen, find, cluster=OneProcess(chosen.machine.kvstore), say=say, own=own)
    folder, trainer = outcome.options.run.run_dir, outcome.trainer
    preprocess = Preprocess(outcome.options.data, multiple=multiple_of(trainer.generator))
    return TrainedRun(
        folder=folder,
        epochs=outcome.epochs,
        scores=outcome.scores,
        history=[event for event in read_log(folder) if event["event"] == "train"],
        stopped=outcome.exit_code is not None,
        generator=trainer.generator,
        discriminator=trainer.discriminator,
        translator=translator_of(trainer, outcome.options, own, size=preprocess.trained_size),
    )


def evaluate(
    folder: PathLike, targets: Optional[PathLike] = None, *, metrics: Sequence[str] = DEFAULT_METRICS
) -> dict[str, Any]:
    """Score the translated pictures of a folder against the true ones, as `eval_psnr.py` does; nothing is written.

    Parameters
    ----------
    folder
        Has NAME_fake and NAME_target side by side, at any depth; or, with `targets`, the fakes alone.
    targets
        Folder of the true pictures, of the same relative paths.

    Returns
    -------
    dict
        For each score its mean, median, min and max over the pictures; "pictures" counts them.

    Raises
    ------
    ValueError
        If a picture has no partner, or two do not compare; the message names them.
    """
    return summarise(_scores(_find(folder, targets).pairs, metrics))


def compare(
    a: PathLike,
    b: PathLike,
    targets: Optional[PathLike] = None,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    seed: int = 0,
) -> list[Comparison]:
    """Compare two models' translations of the same pictures, score by score, with an interval for the difference.

    Raises
    ------
    ValueError
        If the folders do not hold translations of the same pictures.
    """
    found = [_find(folder, targets) for folder in (a, b)]
    pairs_a, pairs_b = found[0].pairs, match_sets(found[0].pairs, found[1].pairs, folders=(a, b))
    check_same_targets(pairs_a, pairs_b, folders=(a, b), workers=processors())
    scores = [_scores(pairs, metrics) for pairs in (pairs_a, pairs_b)]
    return compare_scores(*scores, seed=seed)


_PATHS = ("data_root", "run_dir")  # those that are paths; init_from may be the name of a model


def _find(folder: PathLike, targets: Optional[PathLike]) -> Found:
    found = match_folders(folder, targets) if targets else find_pairs(folder)
    if found.problems:
        raise ValueError("; ".join(found.problems[:3]))
    return found


def _scores(pairs: Sequence[Translated], metrics: Sequence[str]) -> list[Score]:
    scores = list(score_pairs(pairs, metrics=metrics, workers=processors()))
    problems = [score for score in scores if isinstance(score, str)]
    if problems:
        raise ValueError("; ".join(problems[:3]))
    return scores
