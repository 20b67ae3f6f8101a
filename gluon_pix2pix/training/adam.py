"""Adam for gluon.Trainer, in one pass over memory on a CPU."""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gluon_pix2pix.runtime import mx, threads

# Floats that a thread updates at a time: six arrays of them stay in a core's cache from the first operation to the
# last, so that each is read and written once. MXNet's own adam_update reaches less than half of that speed.
CHUNK = 65536


class Adam(mx.optimizer.Adam):
    """MXNet's Adam, with the arithmetic of `adam_update`; where the weights are on a CPU it is done by numpy.

    There, the update is finished when `update` returns. On GPUs and for what numpy cannot do (sparse gradients, other
    types than float32, clipping) it is MXNet's operator.
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
        lr, wd, t = self._get_lr(index), self._get_wd(index), self._index_update_count[index]
        lr *= (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        arrays = [_memory_of(array) for array in (weight, grad, *state)]

        def update_range(start: int, stop: int) -> None:
            scratch = np.empty((2, CHUNK), np.float32)
            for first in range(start, stop, CHUNK):
                self._update_chunk(*(array[first : min(first + CHUNK, stop)] for array in arrays), scratch, lr, wd)

        size, workers = arrays[0].size, self._pool._max_workers
        if size <= CHUNK * workers:
            update_range(0, size)
        else:
            bounds = np.linspace(0, size, workers + 1).astype(int)
            list(self._pool.map(update_range, bounds[:-1], bounds[1:]))

    def _update_chunk(self, w, g, mean, variance, scratch, lr, wd) -> None:
        a, b = scratch[0, : w.size], scratch[1, : w.size]
        np.multiply(g, np.float32(self.rescale_grad), out=a)
        if wd:
            a += np.float32(wd) * w
        np.multiply(mean, np.float32(self.beta1), out=mean)
        np.multiply(a, np.float32(1 - self.beta1), out=b)
        np.add(mean, b, out=mean)
        np.multiply(variance, np.float32(self.beta2), out=variance)
        np.multiply(a, a, out=a)
        np.multiply(a, np.float32(1 - self.beta2), out=a)
        np.add(variance, a, out=variance)
        np.sqrt(variance, out=a)
        np.add(a, np.float32(self.epsilon), out=a)
        np.divide(mean, a, out=a)
        np.multiply(a, np.float32(lr), out=a)
        np.subtract(w, a, out=w)


def _memory_of(array: mx.nd.NDArray) -> np.ndarray:
    """Return the floats of an array on a CPU, flat and not copied, once every operator that uses it is done."""
    library, check = mx.base._LIB, mx.base.check_call
    check(library.MXNDArrayWaitToWrite(array.handle))
    pointer = ctypes.c_void_p()
    check(library.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))  # puts oneDNN's own layouts back in order
    return np.frombuffer((ctypes.c_float * array.size).from_address(pointer.value), np.float32)
