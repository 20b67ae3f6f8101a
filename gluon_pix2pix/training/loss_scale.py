"""Factors of the losses, with which float16 gradients stay above the smallest number that there is."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from gluon_pix2pix.runtime import mx

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
