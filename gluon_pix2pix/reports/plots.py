"""Curves of a run."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gluon_pix2pix.reports.series import score_title

_PANELS = (
    ("generator: L1, weighted", ("G_L1",)),
    ("generator: adversarial", ("G_GAN",)),
    ("discriminator", ("D_real", "D_fake")),
)


def plot_losses(events: Sequence[dict]) -> bytes:
    """Draw the losses of a run's "train" events, and the validation score where there is one, as PNG bytes.

    Parameters
    ----------
    events
        As `training.run_log.read_log` returns them.
    """
    train = [event for event in events if event["event"] == "train"]
    epochs = [event for event in events if event["event"] == "epoch"]
    seen = [name for event in epochs for name in event if name.startswith("val_")]
    key = seen[0] if seen else "val_psnr"  # the one that decides which checkpoint is best comes first
    scored = [event for event in epochs if event.get(key) is not None]
    steps = max((event["step"] for event in train), default=1)
    at = [event["epoch"] - 1 + event["step"] / steps for event in train]

    figure = Figure(figsize=(11, 6.5), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    for axis, (title, names) in zip(axes, _PANELS):
        there = [name for name in names if train and name in train[0]]
        for name in there:
            axis.plot(at, [event[name] for event in train], label=name, linewidth=1)
        axis.set(title=title if there else f"{title} (switched off)", xlabel="epoch")
        if there:
            axis.legend()
    axes[3].plot([event["epoch"] for event in scored], [event[key] for event in scored], marker=".")
    axes[3].set(title=score_title(key) if scored else "Validation: not scored yet", xlabel="epoch")
    for axis in axes:
        axis.grid(alpha=0.3)
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream)
    return stream.getvalue()
