"""Sets of options by one name: what each stands for, and words about it. Any option still overrides a preset's."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, Optional

from gluon_pix2pix.core_options import ScheduleOptions
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.wording import count

# The defaults are upstream's, and so are the options that a preset does not name. docs/quality.md has the figures.
_BETTER_AT_EQUAL_STEPS = {"ema": 0.999, "upsample": "resize"}
PRESETS: dict[str, dict[str, Any]] = {
    # About 20 minutes on two CPU cores for 400 pairs.
    "quick": {"ngf": 16, "ndf": 16, "n_epochs": 8, "n_epochs_decay": 8, **_BETTER_AT_EQUAL_STEPS},
    # arXiv 1611.07004, section 6, and the Torch7 program: dropout in the innermost blocks, one rate to the end.
    "paper": {"dropout_blocks": "paper", "lr_policy": "constant", "n_epochs": 200, "n_epochs_decay": 0},
    "best": _BETTER_AT_EQUAL_STEPS,
}
FEWEST_STEPS = 2000  # before which, on facades, windows have no edges yet


def expand_preset(words: Sequence[str]) -> list[str]:
    """Put what --preset stands for before the words of a command line, where any of them overrides it.

    Raises
    ------
    UsageError
        If there are two presets.
    """
    names = [after for word, after in zip(words, words[1:]) if word == "--preset"]
    if len(set(names)) > 1:
        raise UsageError(f"--preset {names[0]} and --preset {names[1]} contradict each other: pass one of them")
    return [*preset_words(names[0] if names else None), *words]


def preset_words(name: Optional[str]) -> list[str]:
    """Return what a preset stands for, as words of the command line; none for an unknown one, or none."""
    return [word for option, value in PRESETS.get(name or "", {}).items() for word in _words(option, value)]


def _words(option: str, value: Any) -> list[str]:
    return [f"--{option.replace('_', '-')}", str(value)]


def describe_preset(name: Optional[str], chosen: Mapping[str, Any]) -> str:
    """Say in a line which set of options a run has; `chosen` are its options by name."""
    if name is None:
        return "options: upstream's defaults where none is given; --preset quick, paper or best are other sets"
    others = {option: chosen[option] for option, value in PRESETS[name].items() if chosen[option] != value}
    but = "; but, as asked for, " + " ".join(w for o in others.items() for w in _words(*o)) if others else ""
    return f"preset {name}: {' '.join(preset_words(name))}{but}"


def few_steps(
    preset: Optional[str],
    schedule: ScheduleOptions,
    steps_per_epoch: int,
    find_trained: Callable[[], Optional[str]] = lambda: None,
) -> Optional[str]:
    """Say that so few pairs make a short run of --preset quick, whose epochs are meant for hundreds; None if not.

    `find_trained` is asked for a model that the run could begin from.
    """
    steps = schedule.total_epochs * steps_per_epoch
    if preset != "quick" or steps >= FEWEST_STEPS:
        return None
    trained = find_trained()
    half = math.ceil(FEWEST_STEPS / 2 / steps_per_epoch)
    return (
        f"{count(steps, 'step')} in {count(schedule.total_epochs, 'epoch')} of so few pictures will leave a blur: "
        f"--n-epochs {half} --n-epochs-decay {half} makes {2 * half * steps_per_epoch}"
        + (f", --init-from {trained} begins from a trained generator" if trained else "")
    )


@contextlib.contextmanager
def naming_preset(name: Optional[str]) -> Iterator[None]:
    """Add to a usage error what the preset stands for: it may have chosen what the user has not."""
    try:
        yield
    except UsageError as error:
        text = str(error)
        chosen = PRESETS.get(name or "", {})
        named = any(re.search(rf"(?<![a-z]){option}(?![a-z])", text.replace("-", "_")) for option in chosen)
        if not named or f"--preset {name} stands for" in text:
            raise  # of other options, or said further down
        raise UsageError(f"{text} (--preset {name} stands for {' '.join(preset_words(name))})") from error
