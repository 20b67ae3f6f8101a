"""Other programs that show a run while it trains, TensorBoard and visdom, behind one small protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Protocol

from gluon_pix2pix.installing import install_line

if TYPE_CHECKING:
    import numpy as np

SINKS = ("tensorboard", "visdom")


@dataclass(frozen=True)
class WatchOptions:
    """Who else looks at a run, and at what."""

    log: Optional[str] = field(default=None, metadata={"may_change": True})
    """Show the run elsewhere too: tensorboard, visdom, or both with a comma between."""
    visdom_server: str = field(default="http://127.0.0.1", metadata={"may_change": True})
    """Where the visdom server is..."""
    visdom_port: int = field(default=8097, metadata={"may_change": True})
    """...and its port."""
    log_gradients: bool = field(default=False, metadata={"may_change": True})
    """Log the norms of both networks' gradients."""

    def check(self) -> None:
        """Raise ValueError if `log` names something else."""
        unknown = [name for name in self.sinks if name not in SINKS]
        if unknown:
            raise ValueError(f"--log {','.join(unknown)}: choose from {', '.join(SINKS)}")

    @property
    def sinks(self) -> list[str]:
        """The names in `log`, each once."""
        words = [word.strip() for word in (self.log or "").split(",")]
        return list(dict.fromkeys(word for word in words if word))


class Sink(Protocol):
    """Where a run's numbers and pictures are shown. `step` counts the run's steps from 1, over all epochs."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Show numbers, by the names that they have in the log."""

    def images(self, step: int, name: str, image: np.ndarray) -> None:
        """Show a picture, (H, W, 1 or 3) uint8."""

    def close(self) -> None:
        """Deliver what is still under way, and let go."""


def open_sinks(
    options: WatchOptions,
    run_dir: Path,
    *,
    step: int = 0,
    history: Iterable[tuple[int, Mapping[str, float]]] = (),
    say: Callable[[str], None],
) -> list[Sink]:
    """Open what the options name, for a run that has done `step` steps.

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
    for name in options.sinks:
        try:  # imported here: only who asks for one needs its packages
            if name == "tensorboard":
                from gluon_pix2pix.reports.tensorboard import TensorBoardSink

                sinks.append(TensorBoardSink(run_dir / "tensorboard", step=step))
            else:
                from gluon_pix2pix.reports.visdom import VisdomSink

                where = {"server": options.visdom_server, "port": options.visdom_port}
                sinks.append(VisdomSink(run_dir.resolve().name, **where, history=history, say=say))
        except ModuleNotFoundError as error:
            raise ValueError(
                f"--log {name} needs {error.name}, which is not installed: {install_line('live')} brings it"
            ) from error
    return sinks
