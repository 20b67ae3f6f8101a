"""Whether a GAN's training is well, judged by what its log says; warnings in plain words, each once in an episode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Optional

import numpy as np

from gluon_pix2pix.reports.charts import is_number

# The discriminator has won. Undecided, D_real + D_fake is 1.39 (vanilla), 0.5 (lsgan) or 2 (hinge). At 0.02 a vanilla
# discriminator gives 99 % to the right answer, on the mean of the patches, for real and fake alike: it takes nothing
# that the generator draws for real. Healthy runs dip there for some steps; a whole epoch and 5 lines are no dip.
# (With --label-smoothing D_real cannot come near 0, and this is silent.)
WON = 0.02
WON_EPOCHS, WON_LINES = 1.0, 5
# The output collapses: what differs from one fake to the next, over what differs from one target to the next. On 40
# drawn facades that is 0.14 after the first epoch, all blur, and 0.39 after the fifth; a generator that has stopped
# looking at its source comes to almost nothing. Twice in a row, because the first may be of one that has hardly begun.
COLLAPSED, COLLAPSED_SAMPLES = 0.05, 2
LEAST_SPREAD = 4.0  # of 255: sources or targets that differ less are all alike themselves
# The loader is the bottleneck: a third of the time lost, line after line, is worth a word; below that the cure may cost
# as much, and a single slow line is somebody else's backup.
WAITING, WAITING_LINES = 1 / 3, 3
RECOVERED = (
    2.0  # an episode ends at twice (or half) of its threshold, so that a value near it warns once, not ten times
)


def measure_spread(rows: Sequence[Sequence[np.ndarray]], names: Sequence[str] = ("source", "fake", "target")) -> dict:
    """Measure how much the sample pictures of each column differ from each other.

    Parameters
    ----------
    rows
        Sample by sample, its pictures in the order of `names`: (H, W, C) uint8 or uint16, each column of one size.

    Returns
    -------
    dict of str to float
        "source_spread" and so on: each pixel's standard deviation over the samples, averaged, in units of 1/255 of the
        full range. Empty for fewer than two samples.
    """
    if len(rows) < 2:
        return {}
    spreads = {}
    for name, column in zip(names, zip(*rows)):
        peak = np.iinfo(column[0].dtype).max
        values = np.stack([picture.astype(np.float32) for picture in column])
        spreads[f"{name}_spread"] = round(float(values.std(axis=0).mean()) * 255 / peak, 3)
    return spreads


class Health:
    """Follow a run's events and say, once in an episode, what is wrong.

    Parameters
    ----------
    steps_per_epoch
        Steps of one epoch.
    history
        The events of the run so far, when it is resumed: what was said then is not said again.
    """

    def __init__(self, steps_per_epoch: int, history: Iterable[dict] = ()):
        self._steps = steps_per_epoch
        self._won_since: Optional[tuple[float, int]] = None  # where it began in epochs, and lines since
        self._collapsed, self._waits = 0, []
        self._told: set[str] = set()
        for event in history:
            self.event(event)

    def event(self, event: dict) -> list[dict]:
        """Take one event of the log; return the warnings that it gives rise to: {"kind", "text", "epoch", "step"?}."""
        found = []
        if event["event"] == "train":
            found = [("discriminator_won", self._won(event)), ("loader", self._loader(event))]
        elif event["event"] == "samples":
            found = [("collapse", self._collapse(event))]
        where = {name: event[name] for name in ("epoch", "step") if name in event}
        return [{"kind": kind, "text": text, **where} for kind, text in found if text]

    def _won(self, event: dict) -> Optional[str]:
        if not (is_number(event.get("D_real")) and is_number(event.get("D_fake"))):
            return None
        loss, at = event["D_real"] + event["D_fake"], event["epoch"] - 1 + event["step"] / self._steps
        if loss >= WON:
            self._won_since = None
            self._recover("discriminator_won", loss > WON * RECOVERED)
            return None
        since, lines = self._won_since or (at, 0)
        self._won_since = since, lines + 1
        if at - since < WON_EPOCHS or lines + 1 < WON_LINES:
            return None
        return self._once(
            "discriminator_won",
            f"the discriminator has won: D_real + D_fake has stayed below {WON} since epoch {since:.1f}, and the "
            "generator has little to learn from it any more. Hold it back in a new run: a lower --d-lr, "
            "--label-smoothing 0.1, or a smaller --ndf",
        )

    def _loader(self, event: dict) -> Optional[str]:
        if not is_number(event.get("data_wait")):
            return None
        self._waits = [*self._waits, event["data_wait"]][-WAITING_LINES:]
        waiting = float(np.mean(self._waits))
        self._recover("loader", waiting < WAITING / RECOVERED)
        if len(self._waits) < WAITING_LINES or min(self._waits) < WAITING:
            return None
        return self._once(
            "loader",
            f"reading the pictures is the bottleneck: {waiting:.0%} of the time the device has nothing to do but wait "
            "for them. More --num-workers help as long as there are processors; so do smaller files on a faster disk",
        )

    def _collapse(self, event: dict) -> Optional[str]:
        spreads = [event.get(f"{name}_spread") for name in ("source", "fake", "target")]
        if not all(is_number(value) for value in spreads):
            return None
        source, fake, target = spreads
        if min(source, target) < LEAST_SPREAD:
            return None
        ratio = fake / target
        if ratio >= COLLAPSED:
            self._collapsed = 0
            self._recover("collapse", ratio > COLLAPSED * RECOVERED)
            return None
        self._collapsed += 1
        if self._collapsed < COLLAPSED_SAMPLES:
            return None
        return self._once(
            "collapse",
            f"the output collapses: the sample pictures differ from each other by {ratio:.1%} of what their targets "
            "do, whatever the source. Look at the samples: if they stay alike, begin anew with a higher --lambda-l1, a "
            "lower --lr or another --seed",
        )

    def _once(self, kind: str, text: str) -> Optional[str]:
        if kind in self._told:
            return None
        self._told.add(kind)
        return text

    def _recover(self, kind: str, recovered: bool) -> None:
        if recovered:
            self._told.discard(kind)
