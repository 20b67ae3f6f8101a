"""Start one training on several processes or machines: a scheduler, parameter servers and workers of MXNet's KVStore.

What follows -- is what every worker runs, for example:
python -m gluon_pix2pix launch --workers 2 --servers 1 -- train --dataset facades --batch-size 2
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
from dataclasses import dataclass
from typing import Annotated, Optional

import tyro

from gluon_pix2pix import processors
from gluon_pix2pix.errors import CommonOptions, UsageError

GRACE = 120.0  # seconds that workers get to save and stop, once asked, before they are killed
DIST = ("dist_sync", "dist_device_sync")


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
        if "--kvstore" not in self.command:
            self.command += ("--kvstore", DIST[0])
        elif not set(DIST) & set(self.command):
            raise UsageError(f"several processes need --kvstore {' or '.join(DIST)} after --, or none")


@dataclass
class Started:
    """A process and the name that its lines begin with."""

    name: str
    process: subprocess.Popen
    reader: Optional[threading.Thread] = None


def main(options: Options) -> Optional[int]:
    """Run the job to its end; return the failed process's exit code, or the signal's if one stopped the job."""
    asked: list[int] = []
    before = {number: signal.signal(number, lambda n, _: asked.append(n)) for number in (signal.SIGINT, signal.SIGTERM)}
    started: list[Started] = []
    try:
        _start_all(options, started)
        return _watch(started, asked)
    finally:
        _end(started)
        for number, handler in before.items():
            signal.signal(number, handler)


def _start_all(options: Options, started: list[Started]) -> None:
    address = options.address or _own_address(options.hosts)
    environment = {
        "DMLC_PS_ROOT_URI": address,
        "DMLC_PS_ROOT_PORT": str(options.port or _free_port()),
        "DMLC_NUM_WORKER": str(options.workers),
        "DMLC_NUM_SERVER": str(options.servers),
        "PYTHONUNBUFFERED": "1",
    }
    if address == "127.0.0.1":  # else ps-lite takes the first network interface, in front of which may be a firewall
        environment["DMLC_NODE_HOST"] = address
    on_one_machine = -(-options.workers // max(1, len(options.hosts)))
    if on_one_machine > 1 and "OMP_NUM_THREADS" not in os.environ:  # machines are taken to be alike
        environment["OMP_NUM_THREADS"] = str(max(1, processors() // on_one_machine))
    roles = [("scheduler", 0), *(("server", n) for n in range(options.servers))]
    roles += [("worker", n) for n in range(options.workers)]
    for role, number in roles:
        host = options.hosts[number % len(options.hosts)] if options.hosts and role != "scheduler" else None
        name = role if role == "scheduler" else f"{role} {number}"
        started.append(_start(name, options.command, {**environment, "DMLC_ROLE": role}, host))


def _start(name: str, command: tuple[str, ...], environment: dict[str, str], host: Optional[str]) -> Started:
    words = [sys.executable, "-m", "gluon_pix2pix.commands.remote", sys.executable, "-m", "gluon_pix2pix", *command]
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
    one = Started(name, process)
    one.reader = threading.Thread(target=_relay, args=(one,), daemon=True)
    one.reader.start()
    return one


def _relay(one: Started) -> None:
    """Pass on what a process prints; ranks are given in the order of arrival, and a worker says its own first."""
    for line in one.process.stdout:
        said = re.match(r"rank (\d+) of \d+$", line)
        if said:
            one.name = f"rank {said[1]}"
        print(f"[{one.name}] {line.rstrip()}", flush=True)


def _watch(started: list[Started], asked: list[int]) -> Optional[int]:
    """Wait for the workers; pass a request to stop on to them, and give up when a process fails."""
    workers = [one for one in started if one.name.startswith(("worker", "rank"))]
    deadline = None
    while any(one.process.poll() is None for one in workers):
        failed = next((one for one in started if one.process.poll() not in (None, 0)), None)
        if failed and deadline is None:
            return _give_up(failed)
        if asked and deadline is None:
            deadline = time.monotonic() + GRACE
            for one in workers:
                _ask(one)
        if len(asked) > 1 or (deadline is not None and time.monotonic() > deadline):
            print("error: the workers had not yet stopped, and are killed", file=sys.stderr)
            return 1
        time.sleep(0.1)
    for one in workers:
        one.reader.join(timeout=5)
    fine = (0, 128 + signal.SIGTERM) if asked else (0,)
    failed = next((one for one in workers if one.process.returncode not in fine), None)
    if failed:
        return _give_up(failed)
    return 128 + asked[0] if asked and any(one.process.returncode for one in workers) else None


def _give_up(failed: Started) -> int:
    code = failed.process.returncode
    failed.reader.join(timeout=2)  # its own words come first
    if code <= 128:
        print(f"error: {failed.name} ended with exit code {code}; the job is stopped", file=sys.stderr)
        return code
    how = signal.Signals(code - 128).name if code - 128 in set(signal.Signals) else f"signal {code - 128}"
    print(
        f"error: {failed.name} was killed by {how}; the job is stopped, and the same command resumes it from its "
        "newest checkpoint",
        file=sys.stderr,
    )
    return 1


def _ask(one: Started) -> None:
    with contextlib.suppress(OSError):  # it has just ended
        one.process.stdin.write("stop\n")
        one.process.stdin.flush()


def _end(started: list[Started]) -> None:
    """Kill what still runs; servers and scheduler end by themselves once all workers have said goodbye."""
    fine = all(one.process.poll() in (None, 0) for one in started)
    deadline = time.monotonic() + (3 if fine else 0)
    while time.monotonic() < deadline and any(one.process.poll() is None for one in started):
        time.sleep(0.05)
    for one in started:
        with contextlib.suppress(OSError):
            one.process.stdin.close()  # commands.remote kills what it runs
    for one in started:
        try:
            one.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            one.process.kill()  # an ssh that does not answer
            one.process.wait()
        one.reader.join(timeout=1)
        if not one.reader.is_alive():
            one.process.stdout.close()


def _own_address(hosts: tuple[str, ...]) -> str:
    if not hosts:
        return "127.0.0.1"
    name = hosts[0].rpartition("@")[2]
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.connect((name, 9))  # sends nothing, and finds the way there
            return one.getsockname()[0]
    except OSError as error:
        raise UsageError(f"--hosts {name}: {error.strerror or error}; pass this machine's --address") from error


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("", 0))
        return one.getsockname()[1]
