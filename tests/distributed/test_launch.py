"""How the processes of a job start and end, with a program in their place; jobs that train: tests/commands."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import pytest

from gluon_pix2pix.distributed import launch
from gluon_pix2pix.distributed.launch import Ended, Job, own_address

# Who serves ends when the workers have left a file. What one is asked, it is asked by SIGTERM.
PART = """
import os, pathlib, signal, sys, time

over, asked = pathlib.Path(__file__).with_name("over"), []
role = os.environ["DMLC_ROLE"]
signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
print(role, "with pid", os.getpid(), flush=True)

def wait_for(condition):
    while not condition():
        time.sleep(0.02)

{body}
if role == "worker":
    over.touch()
wait_for(over.exists)
"""


@pytest.fixture
def run_job(tmp_path):
    """Run a job whose processes do what `body` says; return how it ended, and the lines that it showed.

    At a line that ends with `stop_at`, the job is asked to stop.
    """

    def run(body: str = "", *, stop_at: str = "\n") -> tuple[Ended, list[str]]:
        script, lines, asked = tmp_path / "part.py", [], []
        script.write_text(PART.format(body=body))

        def show(line: str) -> None:
            lines.append(line)
            if line.endswith(stop_at):
                asked.append(signal.SIGTERM)

        with Job([sys.executable, str(script)], workers=1, servers=1, show=show) as job:
            ended = job.wait(asked)
        pids = [int(line.split()[-1]) for line in lines if "with pid" in line]
        assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]  # nobody is left behind
        return ended, lines

    return run


def test_it_ends_when_the_workers_have(run_job):
    ended, lines = run_job()
    assert ended == Ended(None)
    parts = [line.partition(" with")[0] for line in lines]
    assert sorted(parts) == ["[scheduler] scheduler", "[server 0] server", "[worker 0] worker"]


def test_a_worker_has_its_rank_in_front_once_it_is_known(run_job):
    _, lines = run_job("if role == 'worker': print('a\\nrank 4 of 5\\nb')")
    assert [line for line in lines if " with pid " not in line] == [
        "[worker 0] a",
        "[rank 4] rank 4 of 5",
        "[rank 4] b",
    ]


@pytest.mark.parametrize(
    ("body", "code", "problem"),
    [
        ("if role == 'worker': sys.exit(2)", 2, "worker 0 ended with exit code 2; the job is stopped"),
        (
            "if role == 'worker': print('rank 1 of 2', flush=True); os.kill(os.getpid(), signal.SIGKILL)",
            1,
            "rank 1 was killed by SIGKILL; the job is stopped, and the same command resumes it from its newest checkp",
        ),
        ("sys.exit(128 + 99)", 1, r"\w+( 0)? was killed by signal 99; the job is stopped"),
    ],
)
def test_a_process_that_fails_ends_the_job_and_is_named(run_job, body, code, problem):
    ended, _ = run_job(body)
    assert ended.code == code
    assert re.match(problem, ended.problem)


NOISE = """
import socket
if role == "scheduler":
    from gluon_pix2pix.distributed.cluster import serve
    serve()
while role == "worker":
    try:
        with socket.create_connection(("127.0.0.1", int(os.environ["DMLC_PS_ROOT_PORT"]))) as connection:
            connection.sendall(bytes([1, 0, 5, 0, *[255] * 4]))  # ZMTP 1.0: no name, and a message of four bytes
            connection.recv(10)
            connection.recv(1)
    except OSError:
        time.sleep(0.1)
"""


def test_what_is_not_of_the_job_ends_it_with_a_word(run_job):
    """A real scheduler gets what it cannot read."""
    ended, lines = run_job(NOISE)
    assert ended.code == 1
    assert ended.problem.startswith(
        "scheduler was killed by SIGABRT (MXNet's ps-lite does so when anything but this job's processes connects to "
        "one of its ports: these have to be private, see docs/distributed.md); the job is stopped, and the same command"
    )
    assert [line for line in lines if "ps-lite" in line]


def test_a_request_to_stop_is_passed_on_to_the_workers(run_job):
    """And the job's end is theirs: here they save, and end as one whom a signal has stopped."""
    body = "if role == 'worker':\n print('ready', flush=True); wait_for(lambda: asked); over.touch(); sys.exit(143)"
    assert run_job(body, stop_at="ready")[0] == Ended(143)


def test_workers_that_do_not_stop_are_killed(run_job, monkeypatch):
    monkeypatch.setattr(launch, "GRACE", 0.1)
    body = "if role == 'worker':\n print('ready', flush=True); wait_for(lambda: False)"
    assert run_job(body, stop_at="ready")[0] == Ended(1, "the workers had not yet stopped, and are killed")


def test_alone_it_listens_on_the_loopback():
    assert own_address([]) == "127.0.0.1"
    assert own_address(["somebody@127.0.0.1"]) == "127.0.0.1"
