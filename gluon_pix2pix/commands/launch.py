"""Start one training on several processes or machines: a scheduler, parameter servers and workers of MXNet's KVStore.

What follows -- is what every worker runs, for example:
python -m gluon_pix2pix launch --workers 2 --servers 1 -- train --dataset facades --batch-size 2
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Optional

import tyro

from gluon_pix2pix.distributed.launch import Job
from gluon_pix2pix.errors import CommonOptions, UsageError, option_errors
from gluon_pix2pix.training.kvstores import OF_PROCESSES


@dataclass
class Options(CommonOptions):
    """Start a scheduler, servers and workers here or over ssh, show what they print, and stop all when one dies."""

    command: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="-- train ...")] = ()
    """What every worker runs: train and its options; --kvstore dist_sync is added if there is no --kvstore."""
    workers: int = 2
    """Processes that train, each on its share of every batch."""
    servers: int = 1
    """Processes that add up the workers' gradients."""
    hosts: tuple[str, ...] = ()
    """Machines to start servers and workers on in turn, over ssh without a password [all on this one]. Each needs this
    folder and Python environment under the same paths."""
    address: Optional[str] = None
    """This machine's address, which the others reach the scheduler by [the one that leads to the first host]."""
    port: int = 0
    """Where the scheduler listens [a free port]."""

    def __post_init__(self) -> None:
        if self.workers < 1 or self.servers < 1:
            raise UsageError(f"--workers {self.workers} and --servers {self.servers}: both have to be 1 or more")
        if not 0 <= self.port < 65536:
            raise UsageError(f"--port {self.port} is no port: 1 to 65535, or 0 for a free one")
        if not self.command or self.command[0] != "train":
            raise UsageError("after -- comes what every worker runs: launch --workers 2 -- train --dataset facades ...")
        kvstore = last_value(self.command, "--kvstore")
        if kvstore is None:
            self.command += ("--kvstore", OF_PROCESSES[0])
        elif kvstore not in OF_PROCESSES:
            names = " or ".join(OF_PROCESSES)
            raise UsageError(f"--kvstore {kvstore} after --: several processes need {names}, or no --kvstore at all")


def last_value(words: Sequence[str], option: str) -> Optional[str]:
    """Return the last value that a command line gives an option, as two words or with =; None if it has it not."""
    value = None
    for word, after in zip(words, [*words[1:], ""]):
        name, equals, behind = word.partition("=")
        if name == option:
            value = behind if equals else after
    return value


def main(options: Options) -> Optional[int]:
    """Run the job to its end; return the failed process's exit code, or the signal's if one stopped the job."""
    asked: list[int] = []
    before = {number: signal.signal(number, lambda n, _: asked.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with option_errors():
            job = Job(
                [sys.executable, "-m", "gluon_pix2pix", *options.command],
                workers=options.workers,
                servers=options.servers,
                hosts=options.hosts,
                address=options.address,
                port=options.port,
                show=lambda line: print(f"{line}\n", end="", flush=True),  # in one piece: each process has a thread
            )
        with job:
            ended = job.wait(asked)
            if ended.problem:
                print(f"error: {ended.problem}", file=sys.stderr)
            return ended.code
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
