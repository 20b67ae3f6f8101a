"""A process that obeys and outlives nobody."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

REMOTE = [sys.executable, "-m", "gluon_pix2pix.distributed.remote"]
# Says when it listens; ends with 3 when asked to, and then and there when killed. It sleeps in short pieces: a signal
# that comes just before a sleep is seen after it.
OBEDIENT = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); print(1, flush=True); "


@pytest.mark.parametrize(
    ("said", "code"), [("stop\n", 3), (None, 128 + signal.SIGKILL)], ids=["asked", "the launcher has gone"]
)
def test_it_ends_when_asked_and_when_left_alone(said, code):
    words = [*REMOTE, sys.executable, "-c", OBEDIENT + "[time.sleep(0.05) for _ in range(1200)]"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "1\n"
        if said:
            process.stdin.write(said)
            process.stdin.flush()
        else:
            process.stdin.close()
        assert process.wait(timeout=20) == code


@pytest.mark.parametrize("code", [0, 7])
def test_its_exit_code_is_the_commands(code):
    words = [*REMOTE, sys.executable, "-c", f"raise SystemExit({code})"]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        assert process.wait(timeout=20) == code
