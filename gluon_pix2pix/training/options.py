"""The options of ``train``: the small dataclasses of all rooms, each told once where it is used, put together."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Optional, get_args, get_origin, get_type_hints

from gluon_pix2pix.core_options import PRECISIONS, AdamOptions, LossOptions, ScheduleOptions
from gluon_pix2pix.errors import CommonOptions, UsageError, option_errors
from gluon_pix2pix.evaluation.names import METRICS
from gluon_pix2pix.pairs.options import DataOptions, TaskOptions
from gluon_pix2pix.reports.sinks import WatchOptions
from gluon_pix2pix.training.kvstores import DIST_ASYNC_REFUSED, KVSTORES
from gluon_pix2pix.training.network_options import NetworkOptions
from gluon_pix2pix.training.presets import PRESETS, naming_preset
from gluon_pix2pix.wording import did_you_mean


@dataclass(frozen=True)
class RunOptions:
    """Where a run begins, where it is written, and how often."""

    preset: Optional[Literal[tuple(PRESETS)]] = field(default=None, metadata={"may_change": True})
    """A set of options by one name: quick, a picture in about 20 minutes on two CPU cores (of 400 pairs); paper, as the
    paper has it where upstream differs; best, what has been measured to look better at equal steps. Options that are
    given override it [upstream's defaults]."""
    run_dir: Optional[Path] = field(default=None, metadata={"may_change": True})
    """Where the run is written [runs/<dataset>]."""
    init_from: Optional[str] = None
    """Start from the networks of this run, or of a folder that `convert` made, instead of random weights; or from a
    model in the box or an export, which have the generator alone."""
    seed: int = field(default=0, metadata={"least": 0})
    """Decides initial weights, order, jitter and dropout: the same seed repeats a run bit for bit."""
    save_every: int = field(default=5, metadata={"least": 1, "may_change": True})
    """Epochs between two checkpoints, each with samples and a validation score; the last epoch has one always."""
    sample_every: Optional[int] = field(default=None, metadata={"least": 1, "may_change": True})
    """Epochs between two samples [as --save-every; also after 100 steps, and after each of the first five epochs]."""
    keep: int = field(default=2, metadata={"least": 1, "may_change": True})
    """Newest checkpoints that stay on disk, beside the one with the best validation score."""
    log_every: int = field(default=100, metadata={"least": 1, "may_change": True})
    """Steps between two lines of the log."""


@dataclass(frozen=True)
class ValidationOptions:
    """How a run is scored while it trains."""

    val_pictures: int = field(default=100, metadata={"least": 0, "may_change": True})
    """Validation pictures that are scored; 0 for none."""
    eval_every: Optional[int] = field(default=None, metadata={"least": 1, "may_change": True})
    """Epochs between two scorings; the best so far is saved, whether or not it is the turn of --save-every [that]."""
    eval_metric: Optional[Literal[METRICS]] = field(default=None, metadata={"may_change": True})
    """What decides which checkpoint is the best [psnr; psnr_ab for colorization, right pixels for label maps]."""


@dataclass(frozen=True)
class MachineOptions:
    """What computes."""

    gpu: Optional[str] = field(default=None, metadata={"may_change": True})
    """GPUs, such as 0 or 0,1; -1 for the CPU [the first GPU there is, else the CPU]."""
    precision: Literal[PRECISIONS] = field(default="float32", metadata={"may_change": True})
    """Compute convolutions in 16 bits, all else in float32: bfloat16 on CPUs with AVX512-BF16, but not the transposed
    ones; float16 on GPUs (with scaled losses; not tried on one)."""
    kvstore: Literal[KVSTORES] = field(default="device", metadata={"may_change": True})
    """Where gradients are added up: on the GPUs, on the CPU (local), or over several processes and machines (dist_sync,
    dist_device_sync)."""

    def check(self) -> None:
        """Raise ValueError if the kvstore is one that is refused."""
        if self.kvstore == "dist_async":
            raise ValueError(DIST_ASYNC_REFUSED)


@dataclass
class TrainOptions(CommonOptions):
    """Train pix2pix on pairs of pictures. The same command resumes a run that was stopped or killed."""

    data: DataOptions = field(default_factory=DataOptions)
    task: TaskOptions = field(default_factory=TaskOptions)
    networks: NetworkOptions = field(default_factory=NetworkOptions)
    losses: LossOptions = field(default_factory=LossOptions)
    adam: AdamOptions = field(default_factory=AdamOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    run: RunOptions = field(default_factory=RunOptions)
    validation: ValidationOptions = field(default_factory=ValidationOptions)
    watch: WatchOptions = field(default_factory=WatchOptions)
    machine: MachineOptions = field(default_factory=MachineOptions)

    def __post_init__(self) -> None:
        with naming_preset(self.run.preset), option_errors():  # these refuse before a data set is downloaded
            for part in self.parts():
                check_types(part)
                check_ranges(part)
            for part in self.parts():
                getattr(part, "check", lambda: None)()  # has more to say of some choices
            for part in self.parts():
                check_choices(part)

    @classmethod
    def of(cls, **flat: Any) -> TrainOptions:
        """Return the defaults with changes, each under the name that it has on the command line.

        With `preset`, the changes override what it stands for.

        Raises
        ------
        TypeError
            If there is no option of that name.
        """
        return cls().replace(**{**PRESETS.get(flat.get("preset") or "", {}), **flat})

    def replace(self, **flat: Any) -> TrainOptions:
        """Return these options with changes, each under the name that it has on the command line."""
        changes, left = {}, dict(flat)
        for place in dataclasses.fields(self):
            part = getattr(self, place.name)
            if not dataclasses.is_dataclass(part):
                if place.name in left:
                    changes[place.name] = left.pop(place.name)
                continue
            own = {name: left.pop(name) for name in _names(part) if name in left}
            if own:
                changes[place.name] = dataclasses.replace(part, **own)
        if left:
            near = did_you_mean(sorted(left)[0], self.flat())
            raise TypeError(f"train has no option {', '.join(sorted(left))}{near}")
        return dataclasses.replace(self, **changes)

    def flat(self) -> dict[str, Any]:
        """Return every option under the name that it has on the command line."""
        parts = {name: getattr(part, name) for part in self.parts() for name in _names(part)}
        return {"debug": self.debug, **parts}

    def parts(self) -> list[Any]:
        """Return the options room by room."""
        values = (getattr(self, place.name) for place in dataclasses.fields(self))
        return [value for value in values if dataclasses.is_dataclass(value)]

    def may_change(self) -> set[str]:
        """Return the names of those that a resumed run may have otherwise."""
        places = (place for part in self.parts() for place in dataclasses.fields(part))
        return {"debug"} | {place.name for place in places if place.metadata.get("may_change")}

    def describe_generator(self) -> dict:
        """Return the generator as `get_model` takes it."""
        return self.networks.describe_generator(*self.task.channels())

    def describe_discriminator(self) -> dict:
        """Return the discriminator as `get_model` takes it."""
        return self.networks.describe_discriminator(*self.task.channels())


def check_types(part: Any) -> None:
    """See that numbers are numbers: a caller in Python may give anything.

    Raises
    ------
    UsageError
        If one is not.
    """
    for name, kind in get_type_hints(type(part)).items():
        value, kinds = getattr(part, name), {kind, *get_args(kind)}  # Optional[int] has int
        words = "a whole number" if int in kinds else "a number"
        is_number = isinstance(value, int if int in kinds else (int, float)) and not isinstance(value, bool)
        if kinds & {int, float} and not is_number and not (value is None and type(None) in kinds):
            raise UsageError(f"--{name.replace('_', '-')} {value!r} is not {words}")


def check_ranges(part: Any) -> None:
    """See that the numbers of a dataclass are not below the least that its fields name.

    Raises
    ------
    UsageError
        If one is.
    """
    for place in dataclasses.fields(part):
        value, least = getattr(part, place.name), place.metadata.get("least")
        if least is not None and value is not None and not value >= least:
            raise UsageError(f"--{place.name.replace('_', '-')} {value} is below {least}")


def check_choices(part: Any) -> None:
    """See that the words of a dataclass are of those that its fields name: a caller in Python may give any.

    Raises
    ------
    UsageError
        If one is not.
    """
    for name, kind in get_type_hints(type(part)).items():
        value = getattr(part, name)
        kinds = [kind, *get_args(kind)]  # Optional[Literal[...]] has it as its first
        choices = next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), None)
        if choices and value is not None and value not in choices:
            raise UsageError(f"--{name.replace('_', '-')} {value!r} is none of {', '.join(map(str, choices))}")


def _names(part: Any) -> list[str]:
    return [place.name for place in dataclasses.fields(part)]
