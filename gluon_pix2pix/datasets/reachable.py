"""Which addresses have a host whose name is known here: without a network that is said at once, not after minutes."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Sequence

PATIENCE = 1.5  # seconds, for all names together


def find_unreachable(urls: Sequence[str], *, patience: float = PATIENCE) -> dict[str, str]:
    """Return the addresses whose host is not found, and why.

    Where a proxy is set it is asked for names, and all addresses count as reachable.

    Parameters
    ----------
    patience
        Seconds after which a name that nobody has answered for is one that is not found.
    """
    hosts = {url: urllib.parse.urlsplit(url).hostname for url in urls if not _has_proxy(url)}
    answers: queue.Queue = queue.Queue()
    waiting = {host for host in hosts.values() if host}
    for host in waiting:
        threading.Thread(target=_look_up, args=(host, answers), daemon=True).start()
    reasons = dict.fromkeys(waiting, f"no answer for the name {{}} within {patience:g} seconds")
    end = time.monotonic() + patience
    with contextlib.suppress(queue.Empty):
        for _ in waiting:
            host, reason = answers.get(timeout=max(0.0, end - time.monotonic()))
            reasons[host] = reason
    return {url: reasons[host].format(host) for url, host in hosts.items() if host and reasons[host]}


def _look_up(host: str, answers: queue.Queue) -> None:
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        answers.put((host, "the name {} is not found"))
    else:
        answers.put((host, ""))


def _has_proxy(url: str) -> bool:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.hostname or "")
