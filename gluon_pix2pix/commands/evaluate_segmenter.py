"""The one part of `evaluate` that needs MXNet: the segmenter, trained with a progress bar or read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tqdm import tqdm

from gluon_pix2pix.commands.evaluate_labels import LabelTask
from gluon_pix2pix.commands.evaluate_options import Options
from gluon_pix2pix.errors import UsageError, option_errors
from gluon_pix2pix.evaluation.segmenter import Segmenter
from gluon_pix2pix.evaluation.segmenter_files import get_segmenter
from gluon_pix2pix.runtime import devices


def obtain(task: LabelTask, options: Options) -> tuple[Segmenter, dict[str, Any]]:
    """Return the segmenter of a task and what its segmenter.json says; say which one it is."""
    with option_errors():
        ctx, device = devices(options.gpu)
    if len(ctx) > 1:
        raise UsageError(f"a segmenter runs on one device, not on --gpu {options.gpu}")
    bar = None

    def show(step: int, steps: int, loss: float) -> None:
        nonlocal bar
        if bar is None:
            print(f"training a segmenter on {task.dataset.folder}, train ({device})", flush=True)
            bar = tqdm(desc="segmenter", total=steps, unit="step", disable=None, leave=False)
        bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
        bar.update(1)

    try:
        segmenter, facts = get_segmenter(
            options.segmenter_dir or Path(options.data_root) / ".segmenters",
            task.dataset.splits["train"].pairs,
            name=task.dataset.name,
            direction=task.direction,
            palette=task.palette,
            epochs=options.segmenter_epochs,
            seed=options.seed,
            ctx=ctx[0],
            progress=show,
        )
    finally:
        if bar is not None:
            bar.close()
    print(f"segmenter: {facts['path']}{'' if bar is None else ' (kept for the next time)'}", flush=True)
    return segmenter, facts
