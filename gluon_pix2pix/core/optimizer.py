"""How a network learns: Gluon's trainer, Adam, and a moving average of the weights."""

from __future__ import annotations

import ctypes
from typing import Optional

import numpy as np

from gluon_pix2pix.adam_loops import AdamLoops
from gluon_pix2pix.core.losses import LossScale
from gluon_pix2pix.core.operators import gather, gather_gradient, resized, spread
from gluon_pix2pix.runtime import mx, threads


class Learner:
    """A network that learns: with its Gluon trainer, whose optimizer is `Adam`, and the scale of its losses.

    `net` is initialised on all devices. `kvstore` is how the gradients of several are added up; None if somebody else
    does.
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
            small = {id(kernels) for kernels in resized(self.net)}
            gradients = [
                gather_gradient(parameter.list_grad()[0]) if id(parameter) in small else parameter.list_grad()[0]
                for parameter in self.parameters.values()
            ]
            squares = mx.nd.multi_sum_sq(*gradients, num_arrays=len(gradients)).sum()
            norm = mx.nd.zeros_like(squares) if left_out else mx.nd.sqrt(squares) / divisor
        if not left_out:
            self.trainer.update(divisor)
        return norm

    def averages(self) -> dict[str, mx.nd.NDArray]:
        """Return the averages of the weights, on the first device; none before the first step, or without `ema`."""
        states = self.trainer._updaters[0].states if self.ema else {}
        return {name: states[index][2] for name, index in self.indices().items() if index in states}

    def indices(self) -> dict[str, int]:
        """Map names, the same for equal networks, to the optimizer's indices, which are not."""
        order = {id(parameter): index for index, parameter in enumerate(self.trainer._params)}
        return {name: order[id(parameter)] for name, parameter in self.parameters.items()}


class Adam(mx.optimizer.Adam):
    """MXNet's Adam with PyTorch's numbers; where the weights are on a CPU, `adam_loops` computes it.

    MXNet adds epsilon before the bias correction, and the paper of Adam (arXiv 1412.6980, algorithm 1) and PyTorch
    after it: scaled as here, they are the same. On a CPU the update is finished when `update` returns. On GPUs, and
    for sparse gradients, other types than float32 and clipping, it is MXNet's operator.

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
        self._epsilon, self._ema = epsilon, ema
        self._loops = AdamLoops(workers or threads())
        self.resized: set[int] = set()

    def create_state(self, index: int, weight: mx.nd.NDArray) -> tuple:
        """Return the moments, zeros, and with `ema` the average, a copy of the weights."""
        moments = super().create_state(index, gather(weight) if index in self.resized else weight)
        return (*moments, weight.copy()) if self._ema else moments

    def update(self, index: int, weight: mx.nd.NDArray, grad: mx.nd.NDArray, state: tuple) -> None:
        """Update `weight` and what is in `state` in place."""
        t = self._index_update_count.get(index, self.begin_num_update) + 1
        self.epsilon = self._epsilon * (1 - self.beta2**t) ** 0.5
        average_rest = 1 - min(self._ema, (1 + t) / (10 + t))
        dense_float = weight.dtype == np.float32 and grad.stype == "default" and self.clip_gradient is None
        if weight.context.device_type != "cpu" or not dense_float:
            self._update_by_operators(index, weight, grad, state)
            if self._ema:
                state[2][:] += average_rest * (weight - state[2])
            return
        self._update_count(index)
        self._loops.update(
            [_memory_of(array) for array in (weight, grad, *state)],
            rescale_grad=self.rescale_grad,
            wd=self._get_wd(index),
            beta1=self.beta1,
            beta2=self.beta2,
            epsilon=self.epsilon,
            lr=self._get_lr(index) * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t),
            average_rest=average_rest,
            of_kernels=index in self.resized,
        )

    def _update_by_operators(self, index: int, weight: mx.nd.NDArray, grad: mx.nd.NDArray, state: tuple) -> None:
        if index in self.resized:
            small = gather(weight)
            super().update(index, small, gather_gradient(grad), tuple(state[:2]))
            spread(small).copyto(weight)
        else:
            super().update(index, weight, grad, tuple(state[:2]))


def _memory_of(array: mx.nd.NDArray) -> np.ndarray:
    """Return the floats of an array on a CPU, flat and not copied, once every operator that uses it is done."""
    library, check = mx.base._LIB, mx.base.check_call
    check(library.MXNDArrayWaitToWrite(array.handle))
    pointer = ctypes.c_void_p()
    check(library.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))  # puts oneDNN's own layouts back in order
    return np.frombuffer((ctypes.c_float * array.size).from_address(pointer.value), np.float32)
