"""Adam's arithmetic on arrays in a CPU's memory, in loops that numba compiles: five times as fast as MXNet's operator.

benchmarks/adam.py measures it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

SPLIT = 65536  # floats above which an array is divided among the threads


class AdamLoops:
    """The loops, and the threads that share a large array; the numbers do not depend on how many there are."""

    def __init__(self, workers: int):
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="adam")

    def update(
        self,
        arrays: Sequence[np.ndarray],
        *,
        rescale_grad: float,
        wd: float,
        beta1: float,
        beta2: float,
        epsilon: float,
        lr: float,
        average_rest: float,
        of_kernels: bool = False,
    ) -> None:
        """Update weights in place, the running means of their gradients, and the average of the weights.

        Parameters
        ----------
        arrays
            The weights, their gradients, the running means of these and of their squares, and, if it is kept, the
            average of the weights; each flat, float32.
        wd, epsilon, lr
            Weight decay, and Adam's numbers with the bias correction in them.
        average_rest
            How much of the new weights the average takes.
        of_kernels
            Whether the weights are kernels of 4x4 and the running means those of the nine numbers of each that they
            are spread from (`core.operators.spread`).
        """
        numbers = (rescale_grad, wd, beta1, 1 - beta1, beta2, 1 - beta2, epsilon, lr)
        numbers, rest = [np.float32(number) for number in numbers], np.float32(average_rest)
        update, update_kernels, average = _compiled()
        parts = self._workers if arrays[0].size > SPLIT else 1
        if of_kernels:
            update = update_kernels
            arrays = [array.reshape(-1, numbers_each) for array, numbers_each in zip(arrays, (16, 16, 9, 9, 16))]
        bounds = np.linspace(0, len(arrays[0]), parts + 1).astype(int)
        ranges = [slice(*bound) for bound in zip(bounds[:-1], bounds[1:])]

        def work(part: slice) -> None:
            update(*(array[part] for array in arrays[:4]), *numbers)
            for averaged in arrays[4:]:  # now, while the weights are in the processor's cache
                average(averaged[part].ravel(), arrays[0][part].ravel(), rest)

        for _ in self._pool.map(work, ranges) if parts > 1 else map(work, ranges):
            pass


@functools.cache
def _compiled() -> tuple[Callable, Callable, Callable]:
    """Compile the loops, in a second, when a CPU's weights are updated for the first time."""
    import numba  # here: nothing else needs it, and it takes 60 MB

    # Without error_model, numba checks each division as Python does, and no vector instruction is left.
    compile_loop = numba.njit(nogil=True, error_model="numpy")
    update = compile_loop(_update_floats)

    def update_kernels(w, g, mean, variance, *numbers):
        for first in range(0, len(w), 256):  # so many stay in the processor's cache
            part = slice(first, first + 256)
            kernels = w[part].reshape(-1, 4, 4)
            small, gradients = gather_kernels(kernels, g[part].reshape(-1, 4, 4))
            update(small.ravel(), gradients.ravel(), mean[part].ravel(), variance[part].ravel(), *numbers)
            spread_kernels(small, kernels)

    gather_kernels, spread_kernels = compile_loop(_gather_kernels), compile_loop(_spread_kernels)
    return update, compile_loop(update_kernels), compile_loop(_average_floats)


def _gather_kernels(kernels, of_kernels):
    """Return what `core.operators.gather` and `gather_gradient` do."""
    small = np.empty((len(kernels), 3, 3), kernels.dtype)
    gradients = np.empty_like(small)
    for n in range(len(kernels)):
        k, g = kernels[n], of_kernels[n]
        for i in range(3):
            for j in range(3):
                gradients[n, i, j] = g[i, j] + g[i, j + 1] + g[i + 1, j] + g[i + 1, j + 1]
        for i, row in ((0, 0), (1, 1), (2, 3)):
            small[n, i, 0], small[n, i, 1], small[n, i, 2] = k[row, 0], k[row, 1] - k[row, 0], k[row, 3]
        for j in range(3):
            small[n, 1, j] -= small[n, 0, j]
    return small, gradients


def _spread_kernels(small, kernels):
    """Do what `core.operators.spread` does."""
    for n in range(len(kernels)):
        s, k = small[n], kernels[n]
        for i in range(4):
            a, b, c = np.float32(0), np.float32(0), np.float32(0)
            if i > 0:
                a, b, c = s[i - 1, 0], s[i - 1, 1], s[i - 1, 2]
            if i < 3:
                a, b, c = a + s[i, 0], b + s[i, 1], c + s[i, 2]
            k[i, 0], k[i, 1], k[i, 2], k[i, 3] = a, a + b, b + c, c


def _update_floats(w, g, mean, variance, rescale_grad, wd, beta1, rest1, beta2, rest2, epsilon, lr):
    for i in range(w.size):
        a = g[i] * rescale_grad + wd * w[i]
        m = mean[i] * beta1 + a * rest1
        v = variance[i] * beta2 + a * a * rest2
        mean[i], variance[i] = m, v
        w[i] -= lr * (m / (np.sqrt(v) + epsilon))


def _average_floats(average, w, rest):
    for i in range(w.size):
        average[i] += rest * (w[i] - average[i])
