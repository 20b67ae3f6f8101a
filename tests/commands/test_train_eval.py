"""``train --eval-every`` and ``--eval-metric``: what is scored, logged and kept."""

from __future__ import annotations

import json

import pytest

from gluon_pix2pix.commands import train
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.runs.checkpoint_list import best_checkpoint, list_checkpoints
from gluon_pix2pix.runs.log import read_log


@pytest.mark.parametrize("metric", ["ssim", "mae"])
def test_every_epoch_is_scored_and_the_best_is_kept(tiny_options, tmp_path, metric):
    run_dir = tmp_path / "run"
    options = {"n_epochs": 5, "save_every": 5, "keep": 1, "eval_every": 1, "eval_metric": metric}
    assert train.main(tiny_options(run_dir=run_dir, **options)) is None
    events = [event for event in read_log(run_dir) if event["event"] == "epoch"]
    scores = [event[f"val_{metric}"] for event in events]
    assert [event["epoch"] for event in events] == [1, 2, 3, 4, 5]
    assert all({"val_psnr", "val_ssim"} <= set(event) for event in events)
    best = scores.index((min if metric == "mae" else max)(scores)) + 1
    there = [path.name for path in list_checkpoints(run_dir / "checkpoints")]
    assert there == [f"epoch_{epoch:04d}" for epoch in sorted({best, 5})]
    assert best_checkpoint(run_dir / "checkpoints").name == f"epoch_{best:04d}"
    state = json.loads((run_dir / "checkpoints" / there[0] / "state.json").read_text())
    assert state["best_by"] == f"val_{metric}"
    samples = sorted(path.name for path in (run_dir / "samples").iterdir())
    assert samples == [f"epoch_{epoch:04d}.png" for epoch in (1, 2, 3, 4, 5)]


def test_label_maps_have_no_other_metric(tiny_options, tmp_path):
    with pytest.raises(UsageError, match="label maps are scored by the share of right pixels, not by ssim"):
        train.main(tiny_options(run_dir=tmp_path, output_labels=12, eval_metric="ssim"))
