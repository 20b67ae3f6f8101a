"""losses.png: the losses of a run, and its validation score, as curves."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gluon_pix2pix.reports.charts import CHARTS, Chart, curve_of, score_title, steps_per_epoch, validation_names
from gluon_pix2pix.runs.log import read_log
from gluon_pix2pix.writing import write_atomically


def write_losses_png(run_dir: Path) -> None:
    """Write losses.png of a run's log."""
    write_atomically(run_dir / "losses.png", draw_losses(read_log(run_dir)))


def draw_losses(events: Sequence[dict]) -> bytes:
    """Draw the losses of a run's events, and the validation score where there is one, as PNG bytes."""
    scores = validation_names(events)[:1]  # the one that decides which checkpoint is best comes first
    panels = [*CHARTS[:3], Chart(score_title(scores[0]) if scores else "Validation", "validation", tuple(scores))]
    begun = any(event["event"] == "train" for event in events)

    figure = Figure(figsize=(11, 6.5), layout="constrained")
    for axis, chart in zip(figure.subplots(2, 2).ravel(), panels):
        curves = [curve_of(events, name, steps_per_epoch(events)) for name in chart.names]
        curves = [curve for curve in curves if curve.at]
        for curve in curves:
            style = {"marker": "."} if chart.group == "validation" else {"linewidth": 1}
            axis.plot(curve.at, curve.values, label=curve.name, **style)
        missing = "not scored" if chart.group == "validation" else "switched off" if begun else "not begun"
        axis.set(title=chart.title if curves else f"{chart.title} ({missing})", xlabel="epoch")
        if len(curves) > 1:
            axis.legend()
        axis.grid(alpha=0.3)
    stream = io.BytesIO()
    FigureCanvasAgg(figure).print_png(stream)
    return stream.getvalue()
