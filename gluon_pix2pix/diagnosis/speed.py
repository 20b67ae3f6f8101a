"""Training at full width: the first steps against the CPU's, and how fast each is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np

from gluon_pix2pix.diagnosis.comparison import Row, guarded
from gluon_pix2pix.diagnosis.training import Steps, build, compare_steps, step, weights_of
from gluon_pix2pix.runtime import mx

FULL = {"generator": "unet_256", "ngf": 64, "ndf": 64, "crop_size": 256}
COMPARED = 2  # steps; the first also chooses kernels and is not timed


@dataclass
class Speed:
    """Images trained in a second on a device; None where it was not measured."""

    device: str
    images_per_second: Optional[float] = None


def check_full_width(devices: Sequence[mx.Context], speeds: list[Speed], *, steps: int = 10) -> Iterator[Row]:
    """Compare two steps of the default networks, and time `steps` more on the device; append to `speeds`."""

    def rows() -> Iterator[Row]:
        device = devices[0]
        found = _train(device, speeds, steps if device.device_type == "gpu" else 2)
        true = _train(mx.cpu(), speeds if device.device_type == "gpu" else [], 2)
        yield from compare_steps("full width", "unet_256, basic", found, true, device)

    yield from guarded("full width", "unet_256, basic", rows)


def _train(device: mx.Context, speeds: list[Speed], timed: int) -> Steps:
    options, trainer = build(FULL, [device])
    before = weights_of(trainer)
    rows = [step(options, trainer) for _ in range(COMPARED)]
    after = weights_of(trainer)
    begun = time.perf_counter()
    for _ in range(timed):
        step(options, trainer)
    mx.nd.waitall()
    speeds.append(Speed(str(device), timed / (time.perf_counter() - begun)))
    losses = {name: np.array([row[name] for row in rows]) for name in rows[0] if name != "D_accuracy"}
    ways = {role: {name: after[role][name] - before[role][name] for name in before[role]} for role in before}
    return Steps(losses, ways)
