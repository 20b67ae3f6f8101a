"""A run's curves and pictures in the event files that TensorBoard reads; TensorFlow is not needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tensorboardX import SummaryWriter

from gluon_pix2pix.reports.charts import GROUPS


class TensorBoardSink:
    """Write event files.

    Parameters
    ----------
    folder
        Of the event files; each start of a run adds one.
    step
        How many steps the run has done. What an earlier, killed process wrote beyond them is marked as void.
    """

    def __init__(self, folder: Path, *, step: int = 0):
        # A file's name has the second of its start; two starts within one shall not share a file.
        suffix = f".{step:09d}"
        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None, filename_suffix=suffix)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """See `sinks.Sink.scalars`; names get their chart's group in front, which TensorBoard folds them by."""
        for name, value in values.items():
            self._writer.add_scalar(tag(name), value, step)
        self._writer.flush()

    def images(self, step: int, name: str, image: np.ndarray) -> None:
        """See `sinks.Sink.images`."""
        self._writer.add_image(name, image, step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        """See `sinks.Sink.close`."""
        self._writer.close()


def tag(name: str) -> str:
    """Return TensorBoard's name of a logged value: "G_L1" -> "loss/G_L1", "val_psnr" -> "validation/psnr"."""
    return f"validation/{name[4:]}" if name.startswith("val_") else f"{GROUPS.get(name, 'other')}/{name}"
