"""How much memory a step takes, and what would fit where it was too much."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np

from gluon_pix2pix.core.step import Pix2PixTrainer
from gluon_pix2pix.errors import is_out_of_memory
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.options import TrainOptions

# Measured on a CPU at full width: each pair takes 1.7 times what its layers return, and work spaces 250 MB. A GPU keeps
# some 500 MB more for CUDA's and cuDNN's code (an estimate: not measured).
_OF_LAYERS, _WORK_SPACES = 1.7, 750 << 20


def step_memory(options: TrainOptions, trainer: Pix2PixTrainer) -> tuple[int, int]:
    """Estimate the bytes that training takes on a device: whatever the batch, and for each pair on the device.

    Weights, their gradients and Adam's two moments are the first, with work spaces; what the layers return the second.
    """
    side, (input_nc, output_nc) = options.data.crop_size, options.task.channels()
    pair_nc = output_nc + (input_nc if trainer.conditional else 0)
    numbers = sum(int(np.prod(p.shape)) for learner in trainer.learners for p in learner.net.collect_params().values())
    layers = _size_of_layers(trainer.generator, (1, input_nc, side, side))
    layers += _size_of_layers(trainer.discriminator, (1, pair_nc, side, side))
    return 16 * numbers + _WORK_SPACES, int(4 * _OF_LAYERS * layers)


def _size_of_layers(net: mx.gluon.HybridBlock, shape: tuple[int, ...]) -> int:
    """Return how many numbers all operators of a network return for an input."""
    layers = net(mx.sym.var("data")).get_internals()
    _, shapes, _ = layers.infer_shape(data=shape)
    given = {"data", *net.collect_params()}
    named = zip(layers.list_outputs(), shapes)
    return sum(int(np.prod(of_layer)) for name, of_layer in named if name not in given)


@contextlib.contextmanager
def memory_errors(options: TrainOptions, trainer: Pix2PixTrainer) -> Iterator[None]:
    """Turn MXNet's error of a device that is out of memory into a line that says what would fit.

    Raises
    ------
    MemoryError
        If memory runs out in the block.
    """
    try:
        yield
    except mx.MXNetError as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(_what_fits(options, trainer)) from error


def _what_fits(options: TrainOptions, trainer: Pix2PixTrainer) -> str:
    device, batch_size = trainer.ctx[0], options.data.batch_size
    always, each = step_memory(options, trainer)
    here = -(-batch_size // len(trainer.ctx))  # pairs of a batch on one device
    text = f"{device} is out of memory: --batch-size {batch_size} takes about {_gigabytes(always + here * each)} there"
    most = here - 1
    if device.device_type == "gpu":
        total = mx.context.gpu_memory_info(device.device_id)[1]
        text += f", and it has {_gigabytes(total)} for all programs"
        most = min(most, (total - always) // each)
    if most >= 1:
        return f"{text}; --batch-size {most * len(trainer.ctx)} should fit"
    smaller = "--ngf and --ndf, a smaller --crop-size, or --generator unet_128"
    return f"{text}; take smaller {smaller}, end other programs there, or pass --gpu -1"


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
