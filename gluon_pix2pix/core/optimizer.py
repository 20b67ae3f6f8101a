"""How a network learns: Adam, a moving average of the weights, and the factor of float16's losses."""

from __future__ import annotations

import ctypes
import functools
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Optional

import numpy as np

from gluon_pix2pix.core.operators import gather, gather_gradient, resized, spread
from gluon_pix2pix.runtime import mx, threads

amp = importlib.import_module("mxnet.contrib.amp.loss_scaler")  # which `mx` does not load by itself

SPLIT = 65536  # floats above which an array is divided among the threads


@dataclass(frozen=True)
class AdamOptions:
    """How large Adam's steps are."""

    lr: float = field(default=2e-4, metadata={"least": 0})
    """Adam's learning rate."""
    d_lr: Optional[float] = field(default=None, metadata={"least": 0})
    """The discriminator's own learning rate [that of --lr]."""
    beta1: float = field(default=0.5, metadata={"least": 0})
    """Adam's momentum."""
    beta2: float = field(default=0.999, metadata={"least": 0})
    """Adam's decay of the squared gradients' mean."""
    ema: float = field(default=0.0, metadata={"least": 0})
    """Keep a moving average of the generator's weights, which forgets with this factor a step, for example 0.999; it is
    what is validated, translated with and exported. 0 keeps none, as upstream."""

    def check(self) -> None:
        """Raise ValueError if the options do not go together."""
        if not self.ema < 1:
            raise ValueError(f"--ema {self.ema}: it has to be below 1")
        if not self.beta1 < 1 or not self.beta2 < 1:
            raise ValueError(f"--beta1 {self.beta1} and --beta2 {self.beta2}: both have to be below 1")
        if self.d_lr is not None and self.lr == 0:
            raise ValueError("--d-lr follows --lr in proportion, and --lr is 0")


class Learner:
    """A network that learns: with its Gluon trainer, whose optimizer is `Adam`, and the scale of its losses.

    Parameters
    ----------
    name
        "generator" or "discriminator".
    net
        Initialised on all devices.
    kvstore
        How the gradients of several devices are added up; None if somebody else does.
    scale_losses
        Whether losses are scaled as float16 needs it.
    ema
        The factor of the moving average of the weights; 0 for none. See `Adam`.
    """

    def __init__(
        self,
        name: str,
        net: mx.gluon.HybridBlock,
        *,
        lr: float,
        beta1: float = 0.5,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        kvstore: Optional[str] = "device",
        scale_losses: bool = False,
        ema: float = 0.0,
    ):
        self.name, self.net, self.loss_scale, self.ema = name, net, LossScale(scale_losses), ema
        adam = Adam(learning_rate=lr, beta1=beta1, beta2=beta2, epsilon=epsilon, ema=ema)
        # With several devices Gluon's default updates in the kvstore, out of reach for saving Adam's moments.
        self.trainer = mx.gluon.Trainer(net.collect_params(), adam, kvstore=kvstore, update_on_kvstore=False)
        small = {id(kernels) for kernels in resized(net)}
        adam.resized |= {index for index, parameter in enumerate(self.trainer._params) if id(parameter) in small}

    @property
    def parameters(self) -> dict[str, mx.gluon.Parameter]:
        """The parameters that learn, under names that are the same for equal networks."""
        named = self.net._collect_params_with_prefix().items()
        return {name: parameter for name, parameter in named if parameter.grad_req != "null"}

    def update(self, batch_size: int, *, measure: bool = False) -> Optional[mx.nd.NDArray]:
        """Update by the gradients, which are sums over `batch_size` pairs, unless a scaled one is not finite.

        Returns
        -------
        NDArray or None
            If `measure`: the 2-norm of all that Adam is given, (1,); 0 where it is given nothing.
        """
        divisor = batch_size * self.loss_scale.factor
        left_out = self.loss_scale.overflowed(self.net.collect_params().values())
        norm = None
        if measure:
            gradients = [parameter.list_grad()[0] for parameter in self.parameters.values()]
            squares = mx.nd.multi_sum_sq(*gradients, num_arrays=len(gradients)).sum()
            norm = mx.nd.zeros_like(squares) if left_out else mx.nd.sqrt(squares) / divisor
        if not left_out:
            self.trainer.update(divisor)
        return norm

    def moments(self) -> dict[str, mx.nd.NDArray]:
        """Return Adam's running means of each gradient and of its square, and the number of its steps."""
        states = self.trainer._updaters[0].states  # the same on every device
        arrays = {"steps": mx.nd.array([self.trainer._optimizer.num_update], dtype="int64")}
        for name, index in self._indices().items():
            if index in states:
                arrays[f"{name}:mean"], arrays[f"{name}:variance"] = states[index][:2]
        return arrays

    def averages(self) -> dict[str, mx.nd.NDArray]:
        """Return the averages of the weights, on the first device; none before the first step, or without `ema`."""
        states = self.trainer._updaters[0].states if self.ema else {}
        return {name: states[index][2] for name, index in self._indices().items() if index in states}

    def set_moments(
        self,
        arrays: dict[str, mx.nd.NDArray],
        ctx: Sequence[mx.Context],
        averages: Optional[Mapping[str, mx.nd.NDArray]] = None,
    ) -> None:
        """Go on with the moments of another, and the averages if there are any, on the devices `ctx`."""
        steps, optimizer = int(arrays["steps"].asscalar()), self.trainer._optimizer
        if steps == 0:
            return
        for context, updater in zip(ctx, self.trainer._updaters):
            optimizer._set_current_context(context.device_id)  # by its number: --gpu 1 alone is not the first
            for name, index in self._indices().items():
                if f"{name}:mean" not in arrays:
                    continue  # never updated: the discriminator of a run without adversarial loss
                moments = [arrays[f"{name}:mean"], arrays[f"{name}:variance"]]
                moments += [averages[name]] if averages else []
                updater.states[index] = tuple(moment.copyto(context) for moment in moments)
                updater.states_synced[index] = False
                optimizer._index_update_count[index] = steps
        optimizer.num_update = steps

    def _indices(self) -> dict[str, int]:
        """Map names, the same for equal networks, to the optimizer's indices, which are not."""
        order = {id(parameter): index for index, parameter in enumerate(self.trainer._params)}
        return {name: order[id(parameter)] for name, parameter in self.parameters.items()}


class Adam(mx.optimizer.Adam):
    """MXNet's Adam with PyTorch's numbers; where the weights are on a CPU it is computed here.

    MXNet adds epsilon before the bias correction, and the paper of Adam (arXiv 1412.6980, algorithm 1) and PyTorch
    after it: scaled as here, they are the same. MXNet's own operator takes five times as long on a CPU
    (benchmarks/adam.py). There the update is finished when `update` returns. On GPUs, and for sparse gradients, other
    types than float32 and clipping, it is MXNet's operator.

    With `ema` it keeps a moving average of the weights beside its moments: in step t, from 1, the average a becomes
    d a + (1 - d) w, with d = min(ema, (1 + t) / (10 + t)), so that the first steps are soon forgotten (the formula of
    TensorFlow's tf.train.ExponentialMovingAverage with num_updates). It begins as the initial weights.

    Of the kernels whose indices are in `resized` it moves the nine numbers that they are spread from, and has the
    moments of those (`operators.spread`).

    Parameters
    ----------
    workers
        Threads that share a large array [as many as MXNet's operators have]; the numbers do not depend on it.
    """

    def __init__(self, *, epsilon: float = 1e-8, ema: float = 0.0, workers: Optional[int] = None, **kwargs):
        super().__init__(epsilon=epsilon, **kwargs)
        self._epsilon, self._ema, self._workers = epsilon, ema, workers or threads()
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="adam")
        self.resized: set[int] = set()

    def create_state(self, index: int, weight: mx.nd.NDArray) -> tuple:
        """Return the moments, zeros, and with `ema` the average, a copy of the weights."""
        moments = super().create_state(index, gather(weight) if index in self.resized else weight)
        return (*moments, weight.copy()) if self._ema else moments

    def update(self, index: int, weight: mx.nd.NDArray, grad: mx.nd.NDArray, state: tuple) -> None:
        """Update `weight` and what is in `state` in place."""
        t = self._index_update_count.get(index, self.begin_num_update) + 1
        self.epsilon = self._epsilon * (1 - self.beta2**t) ** 0.5
        dense_float = weight.dtype == np.float32 and grad.stype == "default" and self.clip_gradient is None
        if weight.context.device_type != "cpu" or not dense_float:
            self._update_by_operators(index, weight, grad, state)
            if self._ema:
                state[2][:] += (1 - self._decay(t)) * (weight - state[2])
            return
        self._update_count(index)
        wd = self._get_wd(index)
        lr = self._get_lr(index) * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)
        numbers = (self.rescale_grad, wd, self.beta1, 1 - self.beta1, self.beta2, 1 - self.beta2, self.epsilon, lr)
        numbers, rest = [np.float32(number) for number in numbers], np.float32(1 - self._decay(t))
        arrays = [_memory_of(array) for array in (weight, grad, *state)]
        update, update_kernels, average = _compiled()
        if index in self.resized:
            update = update_kernels
            arrays = [array.reshape(-1, numbers_each) for array, numbers_each in zip(arrays, (16, 16, 9, 9, 16))]
        parts = self._workers if weight.size > SPLIT else 1
        bounds = np.linspace(0, len(arrays[0]), parts + 1).astype(int)
        ranges = [slice(*bound) for bound in zip(bounds[:-1], bounds[1:])]

        def work(part: slice) -> None:
            update(*(array[part] for array in arrays[:4]), *numbers)
            if self._ema:  # now, while the weights are in the processor's cache
                average(arrays[4][part].ravel(), arrays[0][part].ravel(), rest)

        for _ in self._pool.map(work, ranges) if parts > 1 else map(work, ranges):
            pass

    def _update_by_operators(self, index: int, weight: mx.nd.NDArray, grad: mx.nd.NDArray, state: tuple) -> None:
        if index in self.resized:
            small = gather(weight)
            super().update(index, small, gather_gradient(grad), tuple(state[:2]))
            spread(small).copyto(weight)
        else:
            super().update(index, weight, grad, tuple(state[:2]))

    def _decay(self, t: int) -> float:
        return min(self._ema, (1 + t) / (10 + t))


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
    """Return what `operators.gather` and `gather_gradient` do."""
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
    """Do what `operators.spread` does."""
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


def _memory_of(array: mx.nd.NDArray) -> np.ndarray:
    """Return the floats of an array on a CPU, flat and not copied, once every operator that uses it is done."""
    library, check = mx.base._LIB, mx.base.check_call
    check(library.MXNDArrayWaitToWrite(array.handle))
    pointer = ctypes.c_void_p()
    check(library.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))  # puts oneDNN's own layouts back in order
    return np.frombuffer((ctypes.c_float * array.size).from_address(pointer.value), np.float32)


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
