"""Adam's moments, out of a learner and into another of the same network, as a checkpoint keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Optional

from gluon_pix2pix.runtime import mx

if TYPE_CHECKING:  # translating loads checkpoints without what training needs
    from gluon_pix2pix.core.optimizer import Learner


def get_moments(learner: Learner) -> dict[str, mx.nd.NDArray]:
    """Return Adam's running means of each gradient and of its square, and the number of its steps."""
    states = learner.trainer._updaters[0].states  # the same on every device
    arrays = {"steps": mx.nd.array([learner.trainer._optimizer.num_update], dtype="int64")}
    for name, index in learner.indices().items():
        if index in states:
            arrays[f"{name}:mean"], arrays[f"{name}:variance"] = states[index][:2]
    return arrays


def set_moments(
    learner: Learner,
    arrays: Mapping[str, mx.nd.NDArray],
    ctx: Sequence[mx.Context],
    averages: Optional[Mapping[str, mx.nd.NDArray]] = None,
) -> None:
    """Go on with the moments of another, and the averages of the weights if there are any, on the devices `ctx`."""
    steps, optimizer = int(arrays["steps"].asscalar()), learner.trainer._optimizer
    if steps == 0:
        return
    for context, updater in zip(ctx, learner.trainer._updaters):
        optimizer._set_current_context(context.device_id)  # by its number: --gpu 1 alone is not the first
        for name, index in learner.indices().items():
            if f"{name}:mean" not in arrays:
                continue  # never updated: the discriminator of a run without adversarial loss
            moments = [arrays[f"{name}:mean"], arrays[f"{name}:variance"]]
            moments += [averages[name]] if averages else []
            updater.states[index] = tuple(moment.copyto(context) for moment in moments)
            updater.states_synced[index] = False
            optimizer._index_update_count[index] = steps
    optimizer.num_update = steps
