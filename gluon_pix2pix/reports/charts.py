"""What of a run's log is drawn, and where along the run: the same charts on its page, in TensorBoard and in visdom."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple, Optional

import numpy as np

LONGEST = 800  # points of a curve: more than a chart on a screen has columns for


class Chart(NamedTuple):
    """One chart: its title, the group that its curves have in TensorBoard, and the logged values that they show.

    The axis goes up to `top` at least, so that a hair's breadth does not look like a mountain. `good` says what
    is good.
    """

    title: str
    group: str
    names: tuple[str, ...]
    top: float = 0.0
    good: str = ""


CHARTS = (
    Chart(
        "Generator: L1, weighted",
        "loss",
        ("G_L1",),
        good="Good: it falls, ever more slowly. 100 times the mean distance from the target.",
    ),
    Chart(
        "Generator: adversarial",
        "loss",
        ("G_GAN",),
        good="Good: it goes on moving between 0.5 and 3. Rising without end: the discriminator has won.",
    ),
    Chart(
        "Discriminator",
        "loss",
        ("D_real", "D_fake"),
        good="Good: both near each other, about 0.3 to 0.7. Both near 0: it has won.",
    ),
    Chart(
        "Discriminator: accuracy",
        "health",
        ("D_accuracy",),
        good="Good: between 0.5 and 0.9. At 1 for long, the generator learns little from it.",
    ),
    Chart(
        "Gradient norms",
        "health",
        ("G_gradient", "D_gradient"),
        good="Good: steady. Leaps or 0 mean that training is breaking off.",
    ),
    Chart(
        "Images per second",
        "speed",
        ("images_per_second",),
        good="Good: level. A fall means that something else uses the machine.",
    ),
    Chart(
        "Waiting for pictures (share)",
        "speed",
        ("data_wait",),
        top=0.1,
        good="Good: near 0. Else more --num-workers, or --cache.",
    ),
    Chart("Memory (MB)", "speed", ("memory_mb",), good="Good: level after the first epoch."),
    Chart("Learning rate", "rate", ("lr",), good="Good: as --lr-policy has it."),
)
GROUPS = {name: chart.group for chart in CHARTS for name in chart.names}


class Curve(NamedTuple):
    """Values of one name along the run; `at` counts epochs, 1.5 is the middle of the second one."""

    name: str
    at: list[float]
    values: list[float]


def steps_per_epoch(events: Sequence[dict]) -> int:
    """Return how many steps an epoch of the run has: what the log says, else the most that it has seen."""
    said = [event["steps_per_epoch"] for event in events if event.get("steps_per_epoch")]
    return said[-1] if said else max((event.get("step", 1) for event in events if event["event"] == "train"), default=1)


def epochs_at(event: dict, steps: int) -> float:
    """Return where along the run an event lies, in epochs; one without a step lies at its epoch's end."""
    return event["epoch"] if event.get("step") is None else event["epoch"] - 1 + event["step"] / steps


def validation_names(events: Sequence[dict]) -> list[str]:
    """List the scores on the validation pictures (val_psnr, ...) that the log has, in the order of their coming."""
    seen = {}
    for event in events:
        seen |= {name: None for name in event if name.startswith("val_") and is_number(event[name])}
    return list(seen)


def charts_of(events: Sequence[dict]) -> list[tuple[Chart, list[Curve]]]:
    """Collect the curves of every chart that has any, scores on the validation pictures before speed and the like."""
    steps = steps_per_epoch(events)
    scores = [Chart(score_title(name), "validation", (name,), good=_good(name)) for name in validation_names(events)]
    charts = [*CHARTS[:3], *scores, *CHARTS[3:]]
    drawn = [(chart, [curve_of(events, name, steps) for name in chart.names]) for chart in charts]
    return [(chart, [c for c in curves if c.at]) for chart, curves in drawn if any(c.at for c in curves)]


def curve_of(events: Sequence[dict], name: str, steps: int) -> Curve:
    """Collect one name's values, with `steps` steps in an epoch; of very many, means of equal stretches."""
    there = [event for event in events if "epoch" in event and is_number(event.get(name))]
    at, values = thin([epochs_at(event, steps) for event in there], [event[name] for event in there])
    return Curve(name, at, values)


def thin(at: Sequence[float], values: Sequence[float], longest: int = LONGEST) -> tuple[list[float], list[float]]:
    """Return at most `longest` points: the means of equal stretches where there are more."""
    if len(at) <= longest:
        return list(at), list(values)
    starts = np.linspace(0, len(at), longest, endpoint=False).astype(int)
    counts = np.diff([*starts, len(at)])
    return tuple((np.add.reduceat(np.asarray(x, float), starts) / counts).tolist() for x in (at, values))


def _good(name: str) -> str:
    if name in ("val_mse", "val_mae", "val_checkerboard"):
        return "Good: it falls."
    if name == "val_accuracy":
        return "Good: it rises."
    return "Good: it rises. It may fall later, when details come that the one true picture has elsewhere: look at both."


def score_title(name: str) -> str:
    """Name a validation score as a person would: "val_psnr" -> "Validation: PSNR (dB)"."""
    words = "right pixels" if name == "val_accuracy" else name[len("val_") :].upper().replace("_", " ")
    return f"Validation: {words} (dB)" if words.startswith("PSNR") else f"Validation: {words}"


def is_number(value: Optional[object]) -> bool:
    """Tell whether a logged value is a number that can be drawn."""
    # JSON's whole numbers may be longer than a float can be.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
