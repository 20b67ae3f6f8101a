"""The learning rate of each epoch; tests/parity compares it with the reference's table."""

from __future__ import annotations

import pytest

from gluon_pix2pix.core.loop import learning_rate, plateau
from gluon_pix2pix.core_options import ScheduleOptions


def rates(n_epochs: int, n_epochs_decay: int) -> list[float]:
    schedule = ScheduleOptions(n_epochs=n_epochs, n_epochs_decay=n_epochs_decay)
    return [learning_rate(schedule, epoch, lr=1.0) for epoch in range(n_epochs + 4)]


def test_it_is_constant_and_then_falls_in_equal_steps():
    # The last of 3 epochs at the full rate, then thirds and not down to 0.
    assert rates(3, 2)[:5] == pytest.approx([1, 1, 1, 2 / 3, 1 / 3])


def test_without_decay_it_is_constant():
    assert rates(3, 0)[:3] == [1, 1, 1]


def test_decay_alone_begins_at_once():
    assert rates(0, 3)[:3] == pytest.approx([3 / 4, 2 / 4, 1 / 4])


def policy_rates(policy: str, epochs: int, history=(), **options) -> list[float]:
    schedule = ScheduleOptions(lr_policy=policy, n_epochs=4, **options)
    return [learning_rate(schedule, epoch, lr=1.0, history=history) for epoch in range(epochs)]


def test_policies_by_name():
    assert policy_rates("linear", 6, n_epochs_decay=2) == pytest.approx([1, 1, 1, 1, 2 / 3, 1 / 3])
    assert policy_rates("step", 5, n_epochs_decay=0, lr_decay_iters=2) == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    half = 0.5**0.5
    cosine = [1, (1 + half) / 2, 1 / 2, (1 - half) / 2, 0, (1 - half) / 2]
    assert policy_rates("cosine", 6, n_epochs_decay=2) == pytest.approx(cosine)
    assert policy_rates("constant", 3, n_epochs_decay=2) == [1, 1, 1]
    assert policy_rates("plateau", 2, n_epochs_decay=2, history=[5.0] * 7) == pytest.approx([0.2, 0.2])
    with pytest.raises(ValueError, match="there is no lr_policy 'warm'; choose from linear, step, plateau, cosine"):
        policy_rates("warm", 1, n_epochs_decay=0)


def test_plateau_waits_for_six_epochs_without_a_fall_of_a_hundredth():
    assert plateau([], lr=1.0) == 1
    falling = [100 * 0.98**epoch for epoch in range(30)]
    assert plateau(falling, lr=1.0) == 1
    assert plateau([10.0] * 6, lr=1.0) == 1  # the best, and five without a fall
    assert plateau([10.0] * 7, lr=1.0) == pytest.approx(0.2)
    assert plateau([10.0, *[9.95] * 6], lr=1.0) == pytest.approx(0.2)  # half a hundredth is none
    assert plateau([10.0, *[10.0] * 5, *[9.0] * 6], lr=1.0) == 1
    assert plateau([10.0] * 13, lr=1.0) == pytest.approx(0.04)


# torch 2.13.0: scheduler = ReduceLROnPlateau(SGD([zeros(1, requires_grad=True)], lr=2e-4), mode="min", factor=0.2,
# threshold=0.01, patience=5), as the reference makes it; then scheduler.step(loss) for each of the losses, and the
# optimiser's rate after each: (rate, for how many epochs), the first of them before any loss.
FALLS = [50, 49.6, 49.5, 49.49, 49.6, 49.7, 49.5, 49.51, 40, 41, 42, 43, 44, 45, 39.7, 39.6, 39.5, 30, *[31] * 12]
TORCH = {
    "falls and rests": (FALLS, [(2e-4, 15), (4e-5, 9), (8e-6, 6), (1.6e-6, 1)]),
    "below 0": ([-1.0, -1.005, -0.995, -0.99, -0.9, *[-1.0] * 7], [(2e-4, 13)]),
    "a drop of 1e-8 or less is left out": (
        [1.0] * 60,
        [(2e-4, 7), (4e-5, 6), (8e-6, 6), (1.6e-6, 6), (3.2e-7, 6), (6.4e-8, 6), (1.28e-8, 6), (2.56e-9, 18)],
    ),
}


@pytest.mark.parametrize("case", TORCH)
def test_plateau_is_pytorchs(case):
    losses, expected = TORCH[case]
    rates = [plateau(losses[:epoch], lr=2e-4) for epoch in range(len(losses) + 1)]
    assert rates == pytest.approx([rate for rate, epochs in expected for _ in range(epochs)], rel=1e-12, abs=0)
