"""Adam for gluon.Trainer, in one pass over memory on a CPU."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
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
