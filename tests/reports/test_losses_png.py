"""losses.png: what is drawn, read off the axes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from matplotlib.axes import Axes

from gluon_pix2pix.reports.losses_png import draw_losses, write_losses_png
from gluon_pix2pix.runs.log import read_log


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
    image = cv2.imdecode(np.frombuffer(draw_losses(events()), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (650, 1100, 3)
    lines = drawn()
    at = [0.5, 1, 1.5, 2]
    assert lines["Generator: L1, weighted", "G_L1"] == (at, [30] * 4)
    assert lines["Generator: adversarial", "G_GAN"] == (at, [0.7] * 4)
    assert lines["Discriminator", "D_real"] == (at, [0.6] * 4)
    assert lines["Discriminator", "D_fake"] == (at, [0.5] * 4)
    assert lines["Validation: PSNR (dB)", "val_psnr"] == ([1], [18.5])


@pytest.mark.parametrize(
    ("events", "titles"),
    [
        ([], ["Generator: L1, weighted (not begun)", "Validation (not scored)"]),
        (
            [{"event": "train", "epoch": 1, "step": 1, "G_GAN": 0.7}],
            ["Generator: L1, weighted (switched off)", "Discriminator (switched off)", "Generator: adversarial"],
        ),
    ],
)
def test_panels_without_curves_say_why(events, titles, monkeypatch):
    said, set_title = [], Axes.set_title
    monkeypatch.setattr(Axes, "set_title", lambda axis, title: said.append(title) or set_title(axis, title))
    assert draw_losses(events).startswith(b"\x89PNG")
    assert set(titles) <= set(said)


def test_the_file_is_that_of_the_runs_log(make_run):
    run_dir = make_run(epochs=2)
    write_losses_png(run_dir)
    assert (run_dir / "losses.png").read_bytes() == draw_losses(read_log(run_dir))
