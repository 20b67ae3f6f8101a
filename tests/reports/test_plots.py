"""The curves of a run: what is drawn, read off the axes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from matplotlib.axes import Axes

from gluon_pix2pix.reports.plots import plot_losses


@pytest.fixture
def drawn(monkeypatch):
    """The lines that are plotted: (x, y) by panel title and label."""
    lines, plot = [], Axes.plot

    def record(axis, x, y, **style):
        lines.append((axis, style.get("label"), list(x), list(y)))
        return plot(axis, x, y, **style)

    monkeypatch.setattr(Axes, "plot", record)
    return lambda: {(axis.get_title(), label): (x, y) for axis, label, x, y in lines}


def events() -> list[dict]:
    losses = {"G_L1": 30.0, "G_GAN": 0.7, "D_real": 0.6, "D_fake": 0.5}
    train = [{"event": "train", "epoch": e, "step": s, **losses, "lr": 2e-4} for e in (1, 2) for s in (50, 100)]
    scored = [{"event": "epoch", "epoch": 1, "val_psnr": 18.5}, {"event": "epoch", "epoch": 2, "val_psnr": None}]
    return [*train[:2], scored[0], *train[2:], scored[1]]


def test_curves_are_over_epochs(drawn):
    image = cv2.imdecode(np.frombuffer(plot_losses(events()), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (650, 1100, 3)
    lines = drawn()
    at = [0.5, 1, 1.5, 2]
    assert lines["generator: L1, weighted", "G_L1"] == (at, [30] * 4)
    assert lines["generator: adversarial", "G_GAN"] == (at, [0.7] * 4)
    assert lines["discriminator", "D_real"] == (at, [0.6] * 4)
    assert lines["discriminator", "D_fake"] == (at, [0.5] * 4)
    assert lines["Validation: PSNR (dB)", None] == ([1], [18.5])


def test_a_run_that_has_only_begun(drawn):
    assert plot_losses([]).startswith(b"\x89PNG")
    assert drawn()["Validation: not scored yet", None] == ([], [])
