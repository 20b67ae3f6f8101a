"""Training on a device as `train` does it, against the same on the CPU."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from gluon_pix2pix.core.step import Pix2PixTrainer
from gluon_pix2pix.core_options import DISCRIMINATORS, GAN_MODES, GENERATORS
from gluon_pix2pix.diagnosis.comparison import Row, compare, first_that_passes, guarded, largest_difference, tolerance
from gluon_pix2pix.runs.adam_moments import get_moments
from gluon_pix2pix.runs.checkpoint import load_checkpoint, save_checkpoint
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.setup import build_networks, build_trainer

STEPS = 3
MEMORY_STEPS = (50, 200)  # by the first all that stays has been asked for
MOST_GROWTH = 32 << 20  # bytes; a batch that is kept from each step is more

# Dropout is left out where numbers are compared: each kind of device draws its own.
SMALL = {"generator": "unet", "num_downs": 5, "ngf": 8, "ndf": 8, "crop_size": 64, "dropout": False}
SMALL |= {"log_gradients": True, "gpu": "-1", "init_gain": 0.2}
SIZES = {"unet_256": 256, "unet_128": 128, "unet_512": 512, "encoder_decoder": 256}


class Steps(NamedTuple):
    """What some steps have come to: each loss and norm of each step, and each network's way from its first weights."""

    losses: dict[str, np.ndarray]
    ways: dict[str, dict[str, np.ndarray]]


def configurations() -> dict[str, dict]:
    """Return what is trained with, by the words of `train`: every network, norm and loss at least once."""
    named = {name: {"generator": name, "crop_size": SIZES.get(name, 64)} for name in GENERATORS}
    named |= {f"discriminator {name}": {"discriminator": name} for name in DISCRIMINATORS if name != "basic"}
    named |= {"norm instance": {"norm": "instance"}, "norm none": {"norm": "none", "init_gain": 0.05}}
    named |= {f"loss {mode}": {"gan_mode": mode} for mode in GAN_MODES if mode != "vanilla"}
    named["one channel, unconditional"] = {"input_nc": 1, "output_nc": 1, "conditional": False}
    named["batch of 3, pool of 2"] = {"batch_size": 3, "pool_size": 2}
    return named


def build(changes: dict, ctx: Sequence[mx.Context]) -> tuple[TrainOptions, Pix2PixTrainer]:
    """Build a small trainer on devices, with changes by the words of `train`."""
    words = {**SMALL, **changes}
    options = TrainOptions.of(load_size=words["crop_size"], **words)
    return options, build_trainer(options, build_networks(options, list(ctx)), list(ctx))


def step(options: TrainOptions, trainer: Pix2PixTrainer, draw: int = 0) -> dict[str, float]:
    """Take the next step on a batch that its number and `draw` decide; return what it returns, as numbers."""
    side, (input_nc, output_nc) = options.data.crop_size, options.task.channels()
    rng, number = np.random.default_rng((draw, trainer.steps)), options.data.batch_size
    source, target = (
        mx.nd.array(rng.uniform(-1, 1, (number, channels, side, side)).astype(np.float32), ctx=trainer.ctx[0])
        for channels in (input_nc, output_nc)
    )
    values = trainer.step(source, target, seed=(0, 0, trainer.steps))
    return {name: float(value.asscalar()) for name, value in values.items()}


def train(changes: dict, ctx: Sequence[mx.Context], draw: int = 0) -> Steps:
    """Train some steps on devices from the seed's weights."""
    options, trainer = build(changes, ctx)
    before = weights_of(trainer)
    rows = [step(options, trainer, draw) for _ in range(STEPS)]
    trainer.check_finite()
    losses = {name: np.array([row[name] for row in rows]) for name in rows[0] if name != "D_accuracy"}  # that jumps
    after = weights_of(trainer)
    ways = {role: {name: after[role][name] - before[role][name] for name in before[role]} for role in before}
    return Steps(losses, ways)


def weights_of(trainer: Pix2PixTrainer) -> dict[str, dict[str, np.ndarray]]:
    """Return each network's weights by name."""
    mx.nd.waitall()
    return {
        learner.name: {name: p.data(trainer.ctx[0]).asnumpy() for name, p in learner.parameters.items()}
        for learner in trainer.learners
    }


def compare_steps(part: str, name: str, found: Steps, true: Steps, device: mx.Context, loss: str = "loss"):
    """Yield how far the worst loss or norm is off, and how far each network ends from where it should."""
    rows = list(compare(part, name, {"": loss}, found.losses, true.losses, device))
    yield max(rows, key=lambda row: row.difference)
    for role, ways in true.ways.items():
        apart = sum(np.abs(found.ways[role][key] - way).sum() for key, way in ways.items())
        whole = sum(np.abs(way).sum() for way in ways.values())
        difference = float(apart / whole) if np.isfinite(apart) else float("inf")
        yield Row(part, f"{name}: {role}'s weights", difference, tolerance("steps", device))


def check_training(devices: Sequence[mx.Context]) -> Iterator[Row]:
    """Compare three steps with every network, norm and loss."""
    for name, changes in configurations().items():
        draws = partial(first_that_passes, partial(_compare_training, name, changes, devices[0]))
        yield from guarded("training", name, draws)


def _compare_training(name: str, changes: dict, device: mx.Context, draw: int) -> Iterator[Row]:
    found, true = train(changes, [device], draw), train(changes, [mx.cpu()], draw)
    yield from compare_steps("training", name, found, true, device)


def check_float16(devices: Sequence[mx.Context]) -> Iterator[Row]:
    """Compare float16 with scaled losses on a GPU with float32 on the CPU."""
    if devices[0].device_type != "gpu":
        yield Row("float16", "scaled losses", note="MXNet computes float16 on GPUs alone")
        return

    def rows() -> Iterator[Row]:
        found, true = train({"precision": "float16"}, devices[:1]), train({}, [mx.cpu()])
        rows = compare("float16", "scaled losses", {"": "float16 loss"}, found.losses, true.losses, devices[0])
        yield max((row for row in rows if "gradient" not in row.name), key=lambda row: row.difference)

    yield from guarded("float16", "scaled losses", rows)


def check_devices(devices: Sequence[mx.Context]) -> Iterator[Row]:
    """Compare several devices that share each batch, which they cannot divide evenly, with one."""
    if len(devices) < 2:
        yield Row("devices", "several against one", note="--gpu names one device")
        return
    batch = {"batch_size": 2 * len(devices) - 1, "norm": "none"}  # batch norm's statistics are each device's own

    def rows() -> Iterator[Row]:
        title = f"{len(devices)} devices, {batch['batch_size']} pairs"
        yield from compare_steps("devices", title, train(batch, devices), train(batch, devices[:1]), devices[0])

    yield from guarded("devices", "several against one", rows)
    if any(device.device_type != "gpu" for device in devices):
        yield Row("devices", "norm syncbatch", note="MXNet's hangs on CPU devices")
        return

    def synchronised() -> Iterator[Row]:
        found = train({"batch_size": len(devices), "norm": "syncbatch"}, devices)
        true = train({"batch_size": len(devices), "norm": "batch"}, devices[:1])
        yield from compare_steps("devices", "norm syncbatch", found, true, devices[0])

    yield from guarded("devices", "norm syncbatch", synchronised)


def check_checkpoint(devices: Sequence[mx.Context]) -> Iterator[Row]:
    """Save on one kind of device and go on on the other, both ways."""
    for ctx, other in ((devices[0], mx.cpu()), (mx.cpu(), devices[0])):
        name = f"saved on {ctx.device_type}, resumed on {other.device_type}"
        yield from guarded("checkpoint", name, lambda a=ctx, b=other, name=name: _move_checkpoint(name, a, b))


def _move_checkpoint(name: str, ctx: mx.Context, other: mx.Context) -> Iterator[Row]:
    options, trainer = build({}, [ctx])
    for _ in range(STEPS):
        step(options, trainer)
    with tempfile.TemporaryDirectory() as folder:
        saved = save_checkpoint(Path(folder), trainer, epoch=1)
        _, resumed = build({"seed": 1}, [other])
        load_checkpoint(saved, resumed)
    before, after = (weights_of(t)["generator"] for t in (trainer, resumed))
    worst = max(largest_difference(after[key], array) for key, array in before.items())
    yield Row("checkpoint", f"{name}: weights", worst, tolerance("bits", ctx))
    for learner, loaded in zip(trainer.learners, resumed.learners):
        moments, taken = get_moments(learner), get_moments(loaded)
        worst = max(largest_difference(taken[key].asnumpy(), array.asnumpy()) for key, array in moments.items())
        yield Row("checkpoint", f"{name}: Adam's moments of the {learner.name}", worst, tolerance("bits", ctx))
    device = ctx if ctx.device_type == "gpu" else other
    true, found = step(options, trainer), step(options, resumed)
    for key in ("G_GAN", "G_L1", "D_real", "D_fake"):
        difference = largest_difference(np.array([found[key]]), np.array([true[key]]))
        yield Row("checkpoint", f"{name}: {key} of the next step", difference, tolerance("loss", device))


def check_memory(devices: Sequence[mx.Context]) -> Iterator[Row]:
    """See that steps leave no memory behind, on the device and in the process."""
    yield from guarded("memory", "200 steps", lambda: _watch_memory(devices[0]))


def _watch_memory(device: mx.Context) -> Iterator[Row]:
    options, trainer = build({"dropout": True, "crop_size": 32, "ngf": 4, "ndf": 4}, [device])
    used = []
    for number in range(1, MEMORY_STEPS[1] + 1):
        step(options, trainer)
        if number in MEMORY_STEPS:
            mx.nd.waitall()
            used.append(memory_of(device))
    for kind, before in used[0].items():
        grown = used[1][kind] - before
        words = f"{kind}, MiB more after step {MEMORY_STEPS[1]} than after {MEMORY_STEPS[0]}"
        yield Row("memory", words, max(grown, 0) / (1 << 20), MOST_GROWTH / (1 << 20))


def memory_of(device: mx.Context) -> dict[str, int]:
    """Return the bytes that this process takes, and those that are taken on a GPU."""
    used = {"this process": psutil.Process().memory_info().rss}
    if device.device_type == "gpu":
        free, total = mx.context.gpu_memory_info(device.device_id)
        used["the GPU"] = total - free
    return used
