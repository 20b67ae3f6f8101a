"""How a network learns: Gluon's trainer, Adam, a moving average of the weights, and the factor that float16 needs."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Optional

import numpy as np

from gluon_pix2pix.adam_loops import AdamLoops
from gluon_pix2pix.core.operators import gather, gather_gradient, is_resized, spread
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
        self._all = net.collect_params()  # once: Gluon walks through every block for it
        adam = Adam(learning_rate=lr, beta1=beta1, beta2=beta2, epsilon=epsilon, ema=ema)
        # With several devices Gluon's default updates in the kvstore, out of reach for saving Adam's moments.
        self.trainer = mx.gluon.Trainer(self._all, adam, kvstore=kvstore, update_on_kvstore=False)
        adam.resized |= {index for index, parameter in enumerate(self.trainer._params) if is_resized(parameter)}

    @property
    def parameters(self) -> dict[str, mx.gluon.Parameter]:
        """The parameters that learn, under names that are the same for equal networks."""
        named = self.net._collect_params_with_prefix().items()
        return {name: parameter for name, parameter in named if parameter.grad_req != "null"}

    def zero_grad(self) -> None:
        """Forget the gradients, which backwards add to where `grad_req` is "add"."""
        self._all.zero_grad()

    def update(self, batch_size: int, *, measure: bool = False) -> Optional[mx.nd.NDArray]:
        """Update by the gradients, which are sums over `batch_size` pairs, unless a scaled one is not finite.

        Returns
        -------
        NDArray or None
            If `measure`: the 2-norm of all that Adam is given, (1,); 0 where it is given nothing.
        """
        divisor = batch_size * self.loss_scale.factor
        left_out = self.loss_scale.overflowed(self._all.values())
        norm = None
        if measure:
            given = [(parameter, parameter.list_grad()[0]) for parameter in self.parameters.values()]
            gradients = [gather_gradient(grad) if is_resized(parameter) else grad for parameter, grad in given]
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


def diverged(what: str) -> FloatingPointError:
    """Return the error that ends a run whose numbers are no longer finite."""
    return FloatingPointError(
        f"{what}: training stopped; the checkpoints are from before. Look at the data, or begin another --run-dir with "
        "a lower --lr, or with --precision float32 if it is float16"
    )


class LossScale:
    """The factor of one network's losses: 1, or, if `dynamic`, the one that MXNet's amp chooses from step to step.

    When a gradient is no longer finite, that step has to be left out, and the step after the next has half the factor;
    after 2,000 steps without it doubles (Micikevicius et al. 2018, arXiv 1710.03740, section 3.2).
    """

    _NAMES = ("loss_scale", "next_loss_scale", "unskipped")  # of the scaler's state

    def __init__(self, dynamic: bool = False):
        self._scaler = mx.contrib.amp.loss_scaler.LossScaler() if dynamic else None

    @property
    def factor(self) -> float:
        """What the losses are multiplied with, and the gradients have to be divided by."""
        return self._scaler.loss_scale if self._scaler else 1.0

    def overflowed(self, parameters: Iterable[mx.gluon.Parameter]) -> bool:
        """Whether a gradient is not finite; to be asked once a step, after which `factor` is that of the next.

        With a factor that is dynamic this waits for the gradients. If the factor is down to 1, it is not the scaling:
        that raises FloatingPointError.
        """
        if self._scaler is None:
            return False
        factor, overflowed = self.factor, self._scaler.has_overflow(list(parameters))
        if overflowed and factor <= 1:
            raise diverged("gradients are not finite in float16, however little the losses are scaled")
        return overflowed

    @property
    def state(self) -> dict[str, float]:
        """What `load` takes; empty if there is nothing to go on with."""
        scaler = self._scaler
        return {name: getattr(scaler, f"_{name}") for name in self._NAMES} if scaler else {}

    def load(self, state: dict[str, float]) -> None:
        """Go on from the state of another."""
        lacking = [name for name in self._NAMES if name not in state] if self._scaler and state else []
        if lacking:
            raise ValueError(f"the scale of its losses has no {', '.join(lacking)}")
        for name in self._NAMES if self._scaler and state else ():
            setattr(self._scaler, f"_{name}", state[name])


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
            resized = index in self.resized
            small, gradient = (gather(weight), gather_gradient(grad)) if resized else (weight, grad)
            super().update(index, small, gradient, tuple(state[:2]))
            if resized:
                spread(small).copyto(weight)
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


def _memory_of(array: mx.nd.NDArray) -> np.ndarray:
    """Return the floats of an array on a CPU, flat and not copied, once every operator that uses it is done."""
    library, check = mx.base._LIB, mx.base.check_call
    check(library.MXNDArrayWaitToWrite(array.handle))
    pointer = ctypes.c_void_p()
    check(library.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))  # puts oneDNN's own layouts back in order
    return np.frombuffer((ctypes.c_float * array.size).from_address(pointer.value), np.float32)
