"""Run a command and end with whoever started it: what `distributed.launch` starts, here or through ssh.

A line on its standard input asks the command to stop (SIGTERM); the end of the input, as when the connection or the
launcher has gone, kills it.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence


def main(words: Sequence[str]) -> int:
    """Run `words` to their end; return the exit code, 128 + the signal's number if one ended it, as shells do."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    threading.Thread(target=_obey, args=(process,), daemon=True).start()
    code = process.wait()
    return 128 - code if code < 0 else code


def _obey(process: subprocess.Popen) -> None:
    for _ in iter(sys.stdin.readline, ""):
        process.terminate()
    process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
