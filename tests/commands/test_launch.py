"""Training on several processes: real ones, on loopback, and real signals."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
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
echo "on $host: $*" >> {log}
case $host in other) command=$(echo "$command" | sed 's/--n-epochs 3/--n-epochs 4/');; esac
exec sh -c "$command"
"""


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


def test_two_workers_do_what_one_process_does(words, alone, look, tmp_path):
    """Started over ssh, or what takes its place here."""
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(FAKE_SSH.format(log=tmp_path / "ssh.log"))
    ssh.chmod(0o755)
    run_dir = tmp_path / "with spaces" / "run"
    hosts = ["--hosts", "localhost", "some-host"]
    with job(words(run_dir), *hosts, PATH=f"{ssh.parent}:{os.environ['PATH']}") as process:
        out, err = process.communicate(timeout=200)
    assert (process.returncode, err) == (0, "")
    check_equal(run_dir, alone)
    assert weights(run_dir).keys() == weights(alone).keys()
    reached = [line.split(":")[0] for line in (tmp_path / "ssh.log").read_text().splitlines()]
    assert sorted(reached) == ["on localhost", "on localhost", "on some-host"]  # a server, and the workers

    ours, theirs = look(run_dir), look(alone)
    assert ours.checkpoints() == theirs.checkpoints() == ["epoch_0001", "epoch_0002", "epoch_0003"]
    for mine, other in zip(ours.losses(), theirs.losses()):
        assert mine == pytest.approx(other, rel=1e-4)  # the means are those over both workers
    assert len(ours.losses()) == len(theirs.losses()) == 9  # and one of them writes
    assert ours.events("device", "workers") == [(2,)]
    lines = [line for line in out.splitlines() if line.startswith("[rank 1]")]
    assert lines == ["[rank 1] rank 1 of 2"]
    assert "[rank 0] next: python -m gluon_pix2pix translate" in out


def test_stopped_and_killed_it_goes_on_to_the_same_end(words, alone, look, tmp_path):
    run = look(tmp_path / "run")
    with job(words(run.folder)) as process:
        wait_for(process, "[rank 0] epoch 1/3")
        for pid in [pid for pid, what in processes_of(process).items() if what != "worker"]:
            os.kill(pid, signal.SIGTERM)  # as batch systems do: who serves goes on
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (128 + signal.SIGTERM, "")
    stopped = re.search(r"\[rank 0\] stopped after (\d) epochs and (\d) steps; saved (.*); the same command", out)
    steps = 3 * int(stopped[1]) + int(stopped[2])
    assert 0 < steps < 9
    assert run.state(Path(stopped[3]).name)["steps"] == steps

    with job(words(run.folder)) as process:
        wait_for(process, f"[rank 0] resumed from {stopped[3]}")
        wait_for(process, "[rank 0] saved ")
        parts = processes_of(process)
        assert sorted(parts.values()) == ["scheduler", "server", "worker", "worker"]
        os.kill([pid for pid, what in parts.items() if what == "worker"][1], signal.SIGKILL)
        killed = time.monotonic()
        _, err = process.communicate(timeout=60)
    assert time.monotonic() - killed < 60
    assert process.returncode == 1
    message = r"error: rank \d was killed by SIGKILL; the job is stopped, and the same command resumes it from its new"
    assert re.fullmatch(message + "est checkpoint\n", err)
    assert [pid for pid in parts if Path(f"/proc/{pid}").exists()] == []  # nobody is left behind
    # The step_ of before may be there yet: it goes just after an epoch is said to be saved.
    assert "epoch_0001" in run.checkpoints()
    assert "epoch_0003" not in run.checkpoints()

    with job(words(run.folder)) as process:
        out, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, "")
    assert "[rank 0] resumed from " in out
    check_equal(run.folder, alone)
    assert len(run.losses()) == 9


def test_workers_that_disagree_end_the_job(words, tmp_path):
    """One gets other words; nobody waits for ever for those that have given up."""
    ssh = tmp_path / "ssh"
    ssh.write_text(FAKE_SSH.format(log=tmp_path / "ssh.log"))
    ssh.chmod(0o755)
    with job(
        words(tmp_path / "run"), "--hosts", "localhost", "other", PATH=f"{tmp_path}:{os.environ['PATH']}"
    ) as process:
        out, err = process.communicate(timeout=100)
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
