"""One training on several processes or machines: start a scheduler, servers and workers of MXNet's KVStore; end all.

Each is started, here or over ssh, under `distributed.remote`, which ends it with us and passes on our word to stop.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

from gluon_pix2pix import processors

GRACE = 120.0  # seconds that workers get to save and stop, once asked, before they are killed


class Ended(NamedTuple):
    """How a job ended: the exit code, None if all is well, and what there is to say of it."""

    code: Optional[int]
    problem: str = ""


@dataclass
class Part:
    """A process of the job, the name that its lines begin with, and the thread that reads them."""

    name: str
    process: subprocess.Popen
    reader: threading.Thread = field(init=False)


class Job:
    """A scheduler, servers and workers, which run while the block does.

    Parameters
    ----------
    command
        What each of them runs, program and all; MXNet's DMLC_ variables tell it what it is.
    workers, servers
        How many of each.
    hosts
        Machines for servers and workers, in turn, over ssh; all here if there are none. The scheduler runs here.
    address, port
        Where the scheduler listens; found if not given. Without hosts all ports are of this machine's loopback alone.
    show
        Gets each line that a process prints, with its name in front; called in other threads.

    Raises
    ------
    ValueError
        If no way leads to the first host.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        workers: int,
        servers: int,
        hosts: Sequence[str] = (),
        address: Optional[str] = None,
        port: int = 0,
        show: Callable[[str], None],
    ):
        self._command, self._workers, self._servers, self._hosts = command, workers, servers, hosts
        self._address, self._port, self._show = address or own_address(hosts), port or free_port(), show
        self._parts: list[Part] = []

    def __enter__(self) -> Job:
        try:
            self._start_all()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def wait(self, asked: Sequence[int]) -> Ended:
        """Wait for the workers, and give up when a process fails.

        Parameters
        ----------
        asked
            The signals that have asked the job to stop, filled from outside: at the first the workers are told to save
            and stop, at the second they are killed.
        """
        workers, deadline = self._training(), None
        while any(part.process.poll() is None for part in workers):
            failed = next((part for part in self._parts if part.process.poll() not in (None, 0)), None)
            if failed and deadline is None:
                return _failure(failed)
            if asked and deadline is None:
                deadline = time.monotonic() + GRACE
                for part in workers:
                    _tell_to_stop(part)
            if len(asked) > 1 or (deadline is not None and time.monotonic() > deadline):
                return Ended(1, "the workers had not yet stopped, and are killed")
            time.sleep(0.1)
        for part in workers:
            part.reader.join(timeout=5)
        fine = (0, 128 + signal.SIGTERM) if asked else (0,)
        failed = next((part for part in workers if part.process.returncode not in fine), None)
        if failed:
            return _failure(failed)
        return Ended(128 + asked[0] if asked and any(part.process.returncode for part in workers) else None)

    def _start_all(self) -> None:
        environment = {
            "DMLC_PS_ROOT_URI": self._address,
            "DMLC_PS_ROOT_PORT": str(self._port),
            "DMLC_NUM_WORKER": str(self._workers),
            "DMLC_NUM_SERVER": str(self._servers),
            "PYTHONUNBUFFERED": "1",
        }
        if self._address == "127.0.0.1":  # else ps-lite takes the first network interface, for all who reach it
            environment["DMLC_NODE_HOST"] = self._address
        on_one_machine = -(-self._workers // max(1, len(self._hosts)))
        if on_one_machine > 1 and "OMP_NUM_THREADS" not in os.environ:  # machines are taken to be alike
            environment["OMP_NUM_THREADS"] = str(max(1, processors() // on_one_machine))
        roles = [("scheduler", 0), *(("server", n) for n in range(self._servers))]
        roles += [("worker", n) for n in range(self._workers)]
        for role, number in roles:
            host = self._hosts[number % len(self._hosts)] if self._hosts and role != "scheduler" else None
            name = role if role == "scheduler" else f"{role} {number}"
            self._start(name, {**environment, "DMLC_ROLE": role}, host)

    def _start(self, name: str, environment: dict[str, str], host: Optional[str]) -> None:
        words = [sys.executable, "-m", "gluon_pix2pix.distributed.remote", *self._command]
        if host:
            settings = [f"{key}={value}" for key, value in environment.items()]
            remote = f"cd {shlex.quote(os.getcwd())} && exec env {shlex.join([*settings, *words])}"
            words = ["ssh", "-o", "BatchMode=yes", host, remote]
        process = subprocess.Popen(
            words,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C comes to us alone, and we pass it on
        )
        part = Part(name, process)
        part.reader = threading.Thread(target=self._relay, args=(part,), daemon=True)
        part.reader.start()
        self._parts.append(part)

    def _relay(self, part: Part) -> None:
        """Pass on what a process prints; ranks are given in the order of arrival, and a worker says its own first."""
        for line in part.process.stdout:
            said = re.match(r"rank (\d+) of \d+$", line)
            if said:
                part.name = f"rank {said[1]}"
            self._show(f"[{part.name}] {line.rstrip()}")

    def _training(self) -> list[Part]:
        return [part for part in self._parts if part.name.startswith(("worker", "rank"))]

    def _end(self) -> None:
        """Kill what still runs; servers and scheduler end by themselves once all workers have said goodbye."""
        goodbye = all(part.process.poll() == 0 for part in self._training())
        deadline = time.monotonic() + (3 if goodbye else 0)
        while time.monotonic() < deadline and any(part.process.poll() is None for part in self._parts):
            time.sleep(0.05)
        for part in self._parts:
            with contextlib.suppress(OSError):
                part.process.stdin.close()  # distributed.remote kills what it runs
        for part in self._parts:
            try:
                part.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                part.process.kill()  # an ssh that does not answer
                part.process.wait()
            part.reader.join(timeout=1)
            if not part.reader.is_alive():
                part.process.stdout.close()


def _failure(failed: Part) -> Ended:
    """Say what a process died of; 128 + N is a signal's exit code, as of shells."""
    code = failed.process.returncode
    failed.reader.join(timeout=2)  # its own words come first
    if code <= 128:
        return Ended(code, f"{failed.name} ended with exit code {code}; the job is stopped")
    how = signal.Signals(code - 128).name if code - 128 in set(signal.Signals) else f"signal {code - 128}"
    why = (
        " (MXNet's ps-lite does so when anything but this job's processes connects to one of its ports: these have to "
        "be private, see docs/distributed.md)"
    )
    return Ended(
        1,
        f"{failed.name} was killed by {how}{why if how in ('SIGABRT', 'SIGSEGV') else ''}; the job is stopped, and the "
        "same command resumes it from its newest checkpoint",
    )


def _tell_to_stop(part: Part) -> None:
    with contextlib.suppress(OSError):  # it has just ended
        part.process.stdin.write("stop\n")
        part.process.stdin.flush()


def own_address(hosts: Sequence[str]) -> str:
    """Return this machine's address as seen from the first of the hosts, or the loopback's if there are none.

    Raises
    ------
    ValueError
        If no way leads there.
    """
    if not hosts:
        return "127.0.0.1"
    name = hosts[0].rpartition("@")[2]
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.connect((name, 9))  # sends nothing, and finds the way there
            return one.getsockname()[0]
    except OSError as error:
        raise ValueError(f"--hosts {name}: {error.strerror or error}; pass this machine's --address") from error


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("", 0))
        return one.getsockname()[1]
