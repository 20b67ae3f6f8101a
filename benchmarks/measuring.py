"""What the benchmarks share: processes that measure on request, turns, tables, the machine. Plain Python."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Optional

HERE = Path(__file__).resolve().parent


class Peer:
    """A process that answers each line of JSON with one; it waits while it is not asked.

    Attributes
    ----------
    about
        What it says first, of itself; None if it has nothing to measure with.
    """

    def __init__(self, *command: Any, **environment: str):
        environment = {**os.environ, **environment}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        words = [str(word) for word in command]
        try:
            self._process = subprocess.Popen(words, env=environment, **pipes)
        except OSError as error:
            sys.exit(f"error: {words[0]} cannot be started: {error.strerror}")
        said = self._process.stdout.readline()
        if not said:
            self.close()
            sys.exit(f"error: {' '.join(words)} ended with exit code {self._process.returncode}")
        self.about = json.loads(said)

    def __call__(self, **asked: Any) -> Any:
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit(f"error: the process that was asked for {asked} ended with exit code {self._process.wait()}")
        return json.loads(answer)

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def torch_peer(python: Optional[Path], threads: int, upstream: Optional[Path], **environment: str) -> Optional[Peer]:
    """Start PyTorch's process, or return None where there is no PyTorch."""
    if python is None:
        return None
    if upstream and not (upstream / "models" / "networks.py").is_file():
        sys.exit(f"error: --upstream {upstream} has no models/networks.py")
    words = [] if upstream is None else [upstream]
    peer = Peer(python, HERE / "torch_peer.py", threads, *words, **environment)
    if peer.about is None:
        peer.close()
        return None
    return peer


def table(results: Mapping[str, list[float]], against: Iterable[str], unit: str = "ms") -> str:
    """Lay medians, spread and ratios out in markdown: how many times as fast as each of `against`."""
    against = [name for name in against if name in results]
    lines = ["| | median | least - most |" + "".join(f" against {name} |" for name in against)]
    lines.append("| --- | ---: | ---: |" + " ---: |" * len(against))
    for name, times in results.items():
        median = statistics.median(times)
        ratios = "".join(f" {statistics.median(results[other]) / median:.2f} |" for other in against)
        lines.append(f"| {name} | {median:,.0f} {unit} | {min(times):,.0f} - {max(times):,.0f} {unit} |{ratios}")
    return "\n".join(lines)


def machine(**facts: Any) -> dict[str, Any]:
    """Name the processor and the date, and what else there is to say."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    said = {line.partition("\t")[0].strip(): line.partition(":")[2].strip() for line in reversed(lines)}
    vector = [
        name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16") if name in said.get("flags", "").split()
    ]
    return {
        "processor": said.get("model name", platform.machine()),
        "vector": " ".join(vector),
        "load": os.getloadavg()[0],  # of others, if it is taken before the measurement
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        **facts,
    }


def line_of(facts: Mapping[str, Any]) -> str:
    """Return facts in a line of text."""
    return ", ".join(f"{what} {value}" for what, value in facts.items())


def peak_bytes() -> int:
    """Return the most memory that this process has had resident (Linux).

    Not `resource.getrusage`: its figure survives exec, so that a child's is at least its parent's.
    """
    return _status("VmHWM")


def resident_bytes() -> int:
    """Return the memory of this process that is resident now (Linux)."""
    return _status("VmRSS")


def _status(name: str) -> int:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(status[name].split()[0])


def refuse_below(options: object, **lowest: int) -> None:
    """End with a line if an option, or one of several values, is below its lowest value."""
    for name, least in lowest.items():
        value = getattr(options, name)
        for each in value if isinstance(value, tuple) else (value,):
            if each < least:
                sys.exit(f"error: --{name.replace('_', '-')} {each} is below {least}")


def write_json(path: Optional[Path], numbers: Mapping[str, Any]) -> None:
    """Write numbers to a file, if one was named."""
    if path:
        path.write_text(json.dumps(numbers, indent=2, default=str) + "\n")
