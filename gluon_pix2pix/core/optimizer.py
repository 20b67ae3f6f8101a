"""Adam, the factor of float16's losses, and the learning rate of each epoch."""

from __future__ import annotations

import ctypes
import functools
import importlib
import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gluon_pix2pix.runtime import mx, threads

SPLIT = 65536  # floats above which an array is divided among the threads


class Adam(mx.optimizer.Adam):
    """MXNet's Adam, with the arithmetic of `adam_update`; where the weights are on a CPU it is done here.

    MXNet's own operator takes five times as long there (benchmarks/adam.py). The update is finished when `update`
    returns. On GPUs, and for sparse gradients, other types than float32 and clipping, it is MXNet's operator.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._pool = ThreadPoolExecutor(threads(), thread_name_prefix="adam")

    def update(self, index: int, weight: mx.nd.NDArray, grad: mx.nd.NDArray, state: tuple) -> None:
        """Update `weight` and its moments in `state`, all of one shape, in place."""
        dense_float = weight.dtype == np.float32 and grad.stype == "default" and self.clip_gradient is None
        if weight.context.device_type != "cpu" or not dense_float:
            super().update(index, weight, grad, state)
            return
        self._update_count(index)
        wd, t = self._get_wd(index), self._index_update_count[index]
        lr = self._get_lr(index) * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        numbers = (self.rescale_grad, wd, self.beta1, 1 - self.beta1, self.beta2, 1 - self.beta2, self.epsilon, lr)
        numbers = [np.float32(number) for number in numbers]
        arrays = [_memory_of(array) for array in (weight, grad, *state)]

        size = arrays[0].size
        parts = self._pool._max_workers if size > SPLIT else 1
        bounds = np.linspace(0, size, parts + 1).astype(int)
        ranges = [slice(*bound) for bound in zip(bounds[:-1], bounds[1:])]
        each, update = self._pool.map if parts > 1 else map, _compiled()
        for _ in each(lambda part: update(*(array[part] for array in arrays), *numbers), ranges):
            pass


@functools.cache
def _compiled() -> Callable:
    """Compile the loop, in a second, when a CPU's weights are updated for the first time."""
    import numba  # here: nothing else needs it, and it takes 60 MB

    # Without error_model, numba checks each division as Python does, and no vector instruction is left.
    return numba.njit(nogil=True, error_model="numpy")(_update_floats)


def _update_floats(w, g, mean, variance, rescale_grad, wd, beta1, rest1, beta2, rest2, epsilon, lr):
    for i in range(w.size):
        a = g[i] * rescale_grad + wd * w[i]
        m = mean[i] * beta1 + a * rest1
        v = variance[i] * beta2 + a * a * rest2
        mean[i], variance[i] = m, v
        w[i] -= lr * (m / (np.sqrt(v) + epsilon))


def _memory_of(array: mx.nd.NDArray) -> np.ndarray:
    """Return the floats of an array on a CPU, flat and not copied, once every operator that uses it is done."""
    library, check = mx.base._LIB, mx.base.check_call
    check(library.MXNDArrayWaitToWrite(array.handle))
    pointer = ctypes.c_void_p()
    check(library.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))  # puts oneDNN's own layouts back in order
    return np.frombuffer((ctypes.c_float * array.size).from_address(pointer.value), np.float32)


amp = importlib.import_module("mxnet.contrib.amp.loss_scaler")  # which `mx` does not load by itself


class LossScale:
    """The factor of one network's losses: 1, or, if `dynamic`, the one that MXNet's amp chooses from step to step.

    When a gradient is no longer finite, that step has to be left out, and the step after the next has half the factor;
    after 2,000 steps without it doubles (Micikevicius et al. 2018, arXiv 1710.03740, section 3.2).
    """

    _NAMES = ("loss_scale", "next_loss_scale", "unskipped")  # of the scaler's state

    def __init__(self, dynamic: bool = False):
        self._scaler = amp.LossScaler() if dynamic else None

    @property
    def factor(self) -> float:
        """What the losses are multiplied with, and the gradients have to be divided by."""
        return self._scaler.loss_scale if self._scaler else 1.0

    def overflowed(self, parameters: Iterable[mx.gluon.Parameter]) -> bool:
        """Whether a gradient is not finite; to be asked once a step, after which `factor` is that of the next.

        With a factor that is dynamic this waits for the gradients.

        Raises
        ------
        FloatingPointError
            If one is not, and the factor is down to 1: then it is not the scaling.
        """
        if self._scaler is None:
            return False
        factor, overflowed = self.factor, self._scaler.has_overflow(list(parameters))
        if overflowed and factor <= 1:
            raise FloatingPointError(
                "gradients are not finite in float16, however little the losses are scaled: training stopped. Look at "
                "the data, or begin another --run-dir with a lower --lr, or with --precision float32"
            )
        return overflowed

    @property
    def state(self) -> dict[str, float]:
        """What `load` takes; empty if there is nothing to go on with."""
        scaler = self._scaler
        return {name: getattr(scaler, f"_{name}") for name in self._NAMES} if scaler else {}

    def load(self, state: dict[str, float]) -> None:
        """Go on from the state of another."""
        for name in self._NAMES if self._scaler and state else ():
            setattr(self._scaler, f"_{name}", state[name])


LR_POLICIES = ("linear", "step", "plateau", "cosine", "constant")


def learning_rate(
    policy: str,
    epoch: int,
    *,
    lr: float,
    n_epochs: int,
    n_epochs_decay: int,
    lr_decay_iters: int = 50,
    history: Sequence[float] = (),
) -> float:
    """Return the learning rate during the epoch after `epoch` completed ones.

    Parameters
    ----------
    policy
        "linear": see `linear_decay`. "step": a tenth after every lr_decay_iters epochs. "cosine": down to 0 over
        n_epochs, along half a cosine, and up again in the next n_epochs. "plateau": see `plateau`. "constant": lr.
    history
        The generator's mean loss in each completed epoch, for "plateau".

    Raises
    ------
    ValueError
        If there is no such policy.
    """
    if policy == "linear":
        return linear_decay(epoch, lr=lr, n_epochs=n_epochs, n_epochs_decay=n_epochs_decay)
    if policy == "step":
        return lr * 0.1 ** (epoch // lr_decay_iters)
    if policy == "cosine":
        return lr * (1 + math.cos(math.pi * epoch / max(n_epochs, 1))) / 2
    if policy == "plateau":
        return plateau(history, lr=lr)
    if policy == "constant":
        return lr
    raise ValueError(f"there is no lr_policy {policy!r}; choose from {', '.join(LR_POLICIES)}")


def plateau(
    history: Sequence[float], *, lr: float, factor: float = 0.2, threshold: float = 0.01, patience: int = 5
) -> float:
    """Return `lr` times `factor` for each time that the loss went `patience` + 1 epochs without falling by a hundredth.

    The numbers are the reference's; it feeds them a constant, though, and this the generator's loss. A drop of 1e-8 or
    less is left out, as in torch.optim.lr_scheduler.ReduceLROnPlateau.
    """
    best, waited = math.inf, 0
    for loss in history:
        if loss < best * (1 - threshold):
            best, waited = loss, 0
        else:
            waited += 1
        if waited > patience:
            lr, waited = (lr * factor if lr - lr * factor > 1e-8 else lr), 0
    return lr


def linear_decay(epoch: int, *, lr: float, n_epochs: int, n_epochs_decay: int) -> float:
    """Return the learning rate during the epoch after `epoch` completed ones.

    It is `lr` for n_epochs and then falls in equal steps, which would reach 0 one epoch after n_epochs_decay more.
    """
    return lr * (1 - max(0, epoch + 1 - n_epochs) / (n_epochs_decay + 1))
