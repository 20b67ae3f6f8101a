"""Translating on a device against the CPU: dropout's seed, pictures, a run and its export."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.core.operators import Dropout
from gluon_pix2pix.datasets.demo.pairs import draw_facade
from gluon_pix2pix.diagnosis.comparison import Row, guarded, largest_difference, tolerance
from gluon_pix2pix.diagnosis.training import build, step
from gluon_pix2pix.handover.export import export_generator
from gluon_pix2pix.runs.checkpoint import save_checkpoint
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.compare import write_run
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.run import Own
from gluon_pix2pix.translation.gluon_network import compute_anywhere
from gluon_pix2pix.translation.translator import Translator

SIDE = 64


def check_dropout(devices: Sequence[mx.Context]) -> Iterator[Row]:
    """See that the seed alone decides what is dropped, and that half is."""
    yield from guarded("dropout", "repeated", lambda: _repeat_dropout(devices[0]))


def _repeat_dropout(device: mx.Context) -> Iterator[Row]:
    batch = np.random.default_rng(0).uniform(-1, 1, (1, 3, SIDE, SIDE)).astype(np.float32)
    one, two = _with_dropout(device), _with_dropout(device)
    first, other, again, later = one(batch, 1), one(batch, 2), one(batch, 1), two(batch, 1)
    exact = tolerance("bits", device)
    yield Row("dropout", "the same seed twice", largest_difference(again, first), exact)
    yield Row("dropout", "the same seed in another network", largest_difference(later, first), exact)
    yield Row(
        "dropout", "another seed drops the same (1) or other values (0)", float(np.array_equal(other, first)), exact
    )

    layer = Dropout(0.5)
    mask = compute_anywhere(layer, device, in_train_mode=True)(np.ones((1, 64, 64, 64), np.float32), 3)
    dropped = float((mask == 0).mean())
    yield Row("dropout", "the part that is dropped, less a half", abs(dropped - 0.5), 5e-3)  # 5 deviations of 512 ** -2
    yield Row("dropout", "what is kept is doubled", float(np.abs(mask[mask != 0] - 2).max()), exact)


def _with_dropout(device: mx.Context) -> Callable:
    net = get_model("unet", num_downs=5, ngf=8, norm="picture", dropout=True, dropout_blocks="paper")
    init_weights(net, seed=0, ctx=[device], init_gain=0.2)
    return compute_anywhere(net, device, in_train_mode=True)


def check_translation(devices: Sequence[mx.Context]) -> Iterator[Row]:
    """Compare a run's pictures and its export's, on the device and on the CPU."""
    yield from guarded("translation", "a run and its export", lambda: _translate(devices[0]))


def _translate(device: mx.Context) -> Iterator[Row]:
    pictures = [draw_facade(seed)[0][:SIDE, :SIDE] for seed in range(3)]
    with tempfile.TemporaryDirectory() as folder:
        run, export = Path(folder) / "run", Path(folder) / "export"
        write_small_run(run, device)
        export_generator(run, export, pictures=pictures)
        for statistics in ("picture", "running"):
            found, true = (_pictures(run, ctx, pictures, statistics=statistics) for ctx in (device, mx.cpu()))
            yield from _gray_levels(f"a run, statistics {statistics}", found, true, device)
        found, true = (_pictures(export, ctx, pictures) for ctx in (device, mx.cpu()))
        yield from _gray_levels("an export", found, true, device)
        of_run = _pictures(run, device, pictures)
        yield from _gray_levels("an export and its run", found, of_run, device)
        tiled = [_pictures(run, ctx, [draw_facade(0)[0]], size=None, tile=96) for ctx in (device, mx.cpu())]
        yield from _gray_levels("in tiles", *tiled, device)


def write_small_run(folder: Path, device: mx.Context) -> None:
    """Train a small run for some steps on a device, with weights large enough for contrast, and save it."""
    _, trainer = build({"init_gain": 0.2, "dropout": True, "dropout_blocks": "paper"}, [device])
    options = TrainOptions.of(
        generator="unet", num_downs=5, ngf=8, ndf=8, crop_size=SIDE, load_size=SIDE, dropout_blocks="paper",
        init_gain=0.2, run_dir=folder, direction="AtoB", input_nc=3, output_nc=3,
    )  # fmt: skip
    for _ in range(3):
        step(options, trainer)
    folder.mkdir()
    write_run(options, Own(), {"side_by_side": True, "width_to_height": 1.0})
    save_checkpoint(folder / "checkpoints", trainer, epoch=1)


def _pictures(path: Path, ctx: mx.Context, pictures: list[np.ndarray], **how) -> list[np.ndarray]:
    return Translator.load(path, dropout=False, ctx=ctx, **how)(pictures)


def _gray_levels(name: str, found: list, true: list, device: mx.Context) -> Iterator[Row]:
    worst = max(np.abs(a.astype(int) - b.astype(int)).max() for a, b in zip(found, true))
    yield Row("translation", f"{name}, gray levels", float(worst), tolerance("gray level", device))
