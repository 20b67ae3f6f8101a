"""Programs that show a run while it trains: TensorBoard by event files, visdom by its server; one small protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional, Protocol

import numpy as np

from gluon_pix2pix.reports.series import GROUPS

SINKS = ("tensorboard", "visdom")


@dataclass(frozen=True)
class WatchOptions:
    """Who else looks at a run, and at what."""

    log: Optional[str] = field(default=None, metadata={"may_change": True})
    """Show the run elsewhere too: tensorboard, visdom, or both with a comma between (docs/watching.md)."""
    visdom_server: str = field(default="http://127.0.0.1", metadata={"may_change": True})
    """Where the visdom server is..."""
    visdom_port: int = field(default=8097, metadata={"may_change": True})
    """...and its port."""
    log_gradients: bool = field(default=False, metadata={"may_change": True})
    """Log the norms of both networks' gradients."""

    def check(self) -> None:
        """Raise ValueError if `log` names something else."""
        parse_log(self.log)


class Sink(Protocol):
    """Where a run's numbers and pictures are shown. `step` counts the run's steps from 1, over all epochs."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Show numbers, by the names that they have in the log."""

    def images(self, step: int, name: str, image: np.ndarray) -> None:
        """Show a picture, (H, W, 1 or 3) uint8."""

    def close(self) -> None:
        """Deliver what is still under way, and let go."""


class TensorBoardSink:
    """Write event files that TensorBoard reads; TensorFlow is not needed.

    Parameters
    ----------
    folder
        Of the event files; each start of a run adds one.
    step
        How many steps the run has done. What an earlier, killed process wrote beyond them is marked as void.

    Raises
    ------
    ValueError
        If tensorboardX is not installed.
    """

    def __init__(self, folder: Path, *, step: int = 0):
        try:
            from tensorboardX import SummaryWriter  # here: only who asks for it needs it
        except ModuleNotFoundError as error:
            raise _not_installed("tensorboard", error) from error
        # A file's name has the second of its start; two starts within one shall not share a file.
        suffix = f".{step:09d}"
        self._writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None, filename_suffix=suffix)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """See `Sink.scalars`; names get their chart's group in front, which TensorBoard folds them by."""
        for name, value in values.items():
            self._writer.add_scalar(tag(name), value, step)
        self._writer.flush()

    def images(self, step: int, name: str, image: np.ndarray) -> None:
        """See `Sink.images`."""
        self._writer.add_image(name, image, step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        """See `Sink.close`."""
        self._writer.close()


def tag(name: str) -> str:
    """Return TensorBoard's name of a logged value: "G_L1" -> "loss/G_L1", "val_psnr" -> "validation/psnr"."""
    return f"validation/{name[4:]}" if name.startswith("val_") else f"{GROUPS.get(name, 'other')}/{name}"


def parse_log(words: Optional[str]) -> list[str]:
    """Split the value of --log, such as "tensorboard,visdom", into names of `SINKS`.

    Raises
    ------
    ValueError
        If one of them is none.
    """
    names = [word.strip() for word in (words or "").split(",") if word.strip()]
    unknown = [name for name in names if name not in SINKS]
    if unknown:
        raise ValueError(f"--log {','.join(unknown)}: choose from {', '.join(SINKS)}")
    return list(dict.fromkeys(names))


def _not_installed(sink: str, error: ModuleNotFoundError) -> ValueError:
    return ValueError(f"--log {sink} needs {error.name}, which is not installed: pip install -e '.[live]' brings it")


def open_sinks(
    names: Sequence[str],
    run_dir: Path,
    *,
    step: int = 0,
    history: Iterable[tuple[int, Mapping[str, float]]] = (),
    visdom_server: str = "http://127.0.0.1",
    visdom_port: int = 8097,
    say: Callable[[str], None],
) -> list[Sink]:
    """Open the sinks that `parse_log` has named, for a run that has done `step` steps.

    Parameters
    ----------
    history
        (step, numbers) of the run so far, for visdom, whose server may not have them.
    say
        Gets a line when a server does not answer; the run goes on without it.

    Raises
    ------
    ValueError
        If what a sink needs is not installed, or visdom's address is none.
    """
    sinks: list[Sink] = []
    if "tensorboard" in names:
        sinks.append(TensorBoardSink(run_dir / "tensorboard", step=step))
    if "visdom" in names:
        try:
            from gluon_pix2pix.reports.visdom import VisdomSink  # here: only who asks for it needs its HTTP library
        except ModuleNotFoundError as error:
            raise _not_installed("visdom", error) from error
        env = run_dir.resolve().name
        sinks.append(VisdomSink(env, server=visdom_server, port=visdom_port, history=history, say=say))
    return sinks
