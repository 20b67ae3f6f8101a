"""Training on several processes: real ones, on loopback, and real signals."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.commands import cli
from gluon_pix2pix.commands.launch import Options
from gluon_pix2pix.distributed import launch
from gluon_pix2pix.runtime import mx

# Without norms, which see what a process has of a batch, and without dropout, two workers do what one process does.
SAME = ["--batch-size", 2, "--norm", "none", "--no-dropout"]
FAKE_SSH = """#!/bin/sh
for last; do command=$last; host=$name; name=$last; done
echo "$host" >> {log}
case $host in other) command=$(echo "$command" | sed 's/--n-epochs 3/--n-epochs 4/');; esac
exec sh -c "$command"
"""


@dataclass
class FakeSsh:
    """A folder with a program ssh in it, which works here and writes down where it should."""

    folder: Path

    @property
    def path(self) -> str:
        """The variable by which it is found first."""
        return f"{self.folder}:{os.environ['PATH']}"

    def take_hosts(self) -> list[str]:
        """Return where something was started, sorted, and forget it."""
        log = self.folder / "ssh.log"
        hosts = log.read_text().split()
        log.unlink()
        return sorted(hosts)


@pytest.fixture(scope="module")
def ssh(tmp_path_factory) -> FakeSsh:
    fake = FakeSsh(tmp_path_factory.mktemp("bin"))
    (fake.folder / "ssh").write_text(FAKE_SSH.format(log=fake.folder / "ssh.log"))
    (fake.folder / "ssh").chmod(0o755)
    return fake


@pytest.fixture(scope="module")
def five(draw_set, tmp_path_factory) -> Path:
    """Five pairs: with batches of 2, the last one has nothing for the second worker."""
    return draw_set(tmp_path_factory.mktemp("five") / "pairs", 5)


@pytest.fixture(scope="module")
def words(five, train):
    """The words of a run of three epochs, nine steps."""

    def build(run_dir: Path, *more: object) -> list[str]:
        named = ["--dataset", five, "--run-dir", run_dir]  # the last of two values counts
        return ["train", *train.words(*SAME, *named, *more, epochs=3)]

    return build


@pytest.fixture(scope="module")
def alone(words, tmp_path_factory) -> Path:
    """The run of one process."""
    run_dir = tmp_path_factory.mktemp("alone") / "run"
    with pytest.raises(SystemExit) as caught:
        cli.run("train", words(run_dir)[1:])
    assert not caught.value.code
    return run_dir


@contextlib.contextmanager
def job(train_words: list[str], *options: object, **environment: str) -> Iterator[subprocess.Popen]:
    """Launch two workers and a server."""
    command = [sys.executable, "-m", "gluon_pix2pix", "launch", "--workers", "2", *map(str, options), "--"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, *train_words], env={**os.environ, **environment}, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()  # and what it has started ends with it


def wait_for(process: subprocess.Popen, start: str) -> None:
    """Read the job's output up to a line that starts like this."""
    for line in process.stdout:
        if line.startswith(start):
            return
    pytest.fail(f"no line starts with {start}: {process.stderr.read()}")


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def role(pid: int) -> str:
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next(line.decode()[10:] for line in environment if line.startswith(b"DMLC_ROLE="))


def processes_of(process: subprocess.Popen) -> dict[int, str]:
    """Return what a job consists of: process id -> role."""
    return {pid: role(pid) for watcher in children(process.pid) for pid in children(watcher)}


def weights(run_dir: Path, checkpoint: str = "epoch_0003") -> dict[str, np.ndarray]:
    folder = run_dir / "checkpoints" / checkpoint
    names = ("generator", "discriminator", "generator_adam", "discriminator_adam")
    loaded = {name: mx.nd.load(str(folder / f"{name}.params")) for name in names}
    return {f"{name}/{key}": array.asnumpy() for name, arrays in loaded.items() for key, array in arrays.items()}


def check_equal(run_dir: Path, alone: Path) -> None:
    ours, theirs = weights(run_dir), weights(alone)
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        # A step is of 2e-4, and the moments are of gradients up to some tens.
        np.testing.assert_allclose(ours[name], expected, atol=2e-6, rtol=1e-3 if "_adam" in name else 0, err_msg=name)


# One job in three parts, each of them a test's: asked to stop, killed, and gone on with to its end.


@dataclass
class Part:
    """What a part of the job was, said and left."""

    code: int
    out: str
    err: str
    checkpoints: list[str]
    hosts: Sequence[str] = ()


@pytest.fixture(scope="module")
def run(look, tmp_path_factory):
    return look(tmp_path_factory.mktemp("job") / "with spaces" / "run")


@pytest.fixture(scope="module")
def stopped(words, run) -> Part:
    """Two workers that are asked to stop after their first step, as batch systems do it: all processes are asked."""
    with job(words(run.folder)) as process:
        wait_for(process, "[rank 0] epoch 1/3")
        for pid in [pid for pid, what in processes_of(process).items() if what != "worker"]:
            os.kill(pid, signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=100)
    return Part(process.returncode, out, err, run.checkpoints())


@pytest.fixture(scope="module")
def killed(words, run, stopped) -> Part:
    """They go on, and one of them is killed when the first epoch is saved."""
    with job(words(run.folder)) as process:
        wait_for(process, f"[rank 0] resumed from {run.folder / 'checkpoints' / stopped.checkpoints[-1]}")
        wait_for(process, "[rank 0] saved ")
        parts = processes_of(process)
        assert sorted(parts.values()) == ["scheduler", "server", "worker", "worker"]
        os.kill([pid for pid, what in parts.items() if what == "worker"][1], signal.SIGKILL)
        out, err = process.communicate(timeout=60)  # the others do not wait for it
    assert [pid for pid in parts if Path(f"/proc/{pid}").exists()] == []  # nobody is left behind
    return Part(process.returncode, out, err, run.checkpoints())


@pytest.fixture(scope="module")
def finished(words, run, killed, ssh) -> Part:
    """They go on to the end, started over ssh, or what takes its place here."""
    with job(words(run.folder), "--hosts", "localhost", "some-host", PATH=ssh.path) as process:
        out, err = process.communicate(timeout=200)
    return Part(process.returncode, out, err, run.checkpoints(), ssh.take_hosts())


def test_all_stop_at_the_same_step(run, stopped):
    assert (stopped.code, stopped.err) == (128 + signal.SIGTERM, "")
    said = re.search(r"rank 0. stopped after (\d) epochs? and (\d) steps?; saved (.*); the same command", stopped.out)
    assert 0 < 3 * int(said[1]) + int(said[2]) < 9
    assert stopped.checkpoints[-1] == Path(said[3]).name


def test_a_worker_that_is_killed_ends_the_job(killed):
    assert killed.code == 1
    message = r"error: rank \d was killed by SIGKILL; the job is stopped, and the same command resumes it from its new"
    assert re.fullmatch(message + "est checkpoint\n", killed.err)
    # The step_ of before may be there yet: it goes just after an epoch is said to be saved.
    assert "epoch_0001" in killed.checkpoints
    assert "epoch_0003" not in killed.checkpoints


def test_two_workers_do_what_one_process_does(run, finished, alone, look):
    """In spite of what has come between."""
    assert (finished.code, finished.err) == (0, "")
    assert "[rank 0] resumed from " in finished.out
    assert re.search(r"\[rank 0\] next: .* translate --model ", finished.out)
    lines = [line for line in finished.out.splitlines() if line.startswith("[rank 1]")]
    assert lines == ["[rank 1] rank 1 of 2"]
    assert finished.hosts == ["localhost", "localhost", "some-host"]  # a server, and the workers

    check_equal(run.folder, alone)
    ours, theirs = run.losses(), look(alone).losses()
    assert finished.checkpoints == look(alone).checkpoints() == ["epoch_0001", "epoch_0002", "epoch_0003"]
    assert len(ours) == len(theirs) == 9  # one of them writes
    for mine, other in zip(ours, theirs):
        assert mine == pytest.approx(other, rel=1e-4)  # the means are those over both workers
    assert run.events("device", "workers") == [(2,)] * 3


def test_workers_that_disagree_end_the_job(words, ssh, tmp_path):
    """One gets other words; nobody waits for ever for those that have given up."""
    with job(words(tmp_path / "run"), "--hosts", "localhost", "other", PATH=ssh.path) as process:
        out, err = process.communicate(timeout=100)
    assert ssh.take_hosts() == ["localhost", "localhost", "other"]
    assert process.returncode == 1
    assert "error: options: not the same for all 2 workers" in out
    assert re.search(r"error: rank \d ended with exit code 1; the job is stopped\n$", err)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--workers", "0", "--", "train"], "--workers 0 and --servers 1: both have to be 1 or more"),
        (["--port", "70000", "--", "train"], "--port 70000 is no port"),
        (["--workers", "2"], "after -- comes what every worker runs: launch --workers 2 -- train"),
        (["--", "translate"], "after -- comes what every worker runs"),
        (["--", "train", "--kvstore", "local"], "--kvstore local after --: several processes need dist_sync or dist_d"),
        (["--", "train", "--kvstore=local", "--gpu", "0"], "--kvstore local after --: several processes need"),
        (["--", "train", "--kvstore=dist_sync", "--kvstore", "device"], "--kvstore device after --"),
        (["--", "train", "--dataset", "dist_sync", "--kvstore"], "--kvstore after --"),
        (
            ["--hosts", "no-such-host.invalid", "--", "train"],
            "--hosts no-such-host.invalid: .*pass this machine's --ad",
        ),
    ],
)
def test_what_cannot_be_launched(call, given, message, monkeypatch):
    def resolve(*_):
        raise socket.gaierror(-2, "Name or service not known")

    if "--hosts" in given:
        monkeypatch.setattr(launch.socket.socket, "connect", resolve)
    code, _, err = call("launch", *given)
    assert code == 2
    assert re.search(message, err)


def test_the_kvstore_is_added_unless_it_is_given():
    assert Options(command=("train", "--gpu", "0")).command == ("train", "--gpu", "0", "--kvstore", "dist_sync")
    for given in ("--kvstore dist_device_sync", "--kvstore=dist_sync", "--kvstore=local --kvstore=dist_sync"):
        command = ("train", *given.split())
        assert Options(command=command).command == command
