"""A uvicorn server that says when it listens, ends well on SIGTERM, and does not wait for ever on a silent client."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import threading
from typing import Callable, Optional

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = 1024  # at once; one more is told to come again
HEADER_SECONDS = 15.0  # in which a connection has to send the head of a request


class _Impatient(H11Protocol):
    """Closes a connection that does not come to the end of a request's head; uvicorn would wait for ever."""

    _waiting: Optional[asyncio.TimerHandle] = None

    def connection_made(self, transport) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc) -> None:
        super().connection_lost(exc)
        self._stop_watching()

    def _watch(self) -> None:
        idle = self.cycle is None or self.cycle.response_complete
        if not idle:
            self._stop_watching()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(HEADER_SECONDS, self._close)

    def _stop_watching(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _close(self) -> None:
        self._waiting = None
        self.transport.close()


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound and does not listen yet; port 0 takes a free one.

    Raises
    ------
    OSError
        If the port is taken, or the host is not this machine's.
    """
    if not 0 <= port < 1 << 16:
        raise OSError(f"a port is 0 to 65535, not {port}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        with contextlib.ExitStack() as stack:
            stack.callback(listener.close)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            stack.pop_all()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OSError(f"port {port} of {host} is taken: pass another --port, or 0 for a free one") from error
        raise OSError(f"cannot listen on {host}, port {port}: {error.strerror or error}") from error
    return listener


class Server(uvicorn.Server):
    """Serve an application until SIGTERM or Ctrl-C; what is in work then is finished.

    Parameters
    ----------
    listener
        Where to listen, as `bind` gives it.
    seconds
        The most that is waited at the end for what is in work.
    access_log
        Whether each request gets a line on standard output.
    listening
        Called with the address when it listens.
    """

    def __init__(
        self,
        app: FastAPI,
        *,
        listener: socket.socket,
        seconds: float,
        access_log: bool = False,
        listening: Callable[[str], None] = lambda address: None,
    ):
        config = uvicorn.Config(
            app,
            http=_Impatient,
            ws="none",
            lifespan="off",
            log_level="info" if access_log else "warning",
            access_log=access_log,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=int(seconds) + 1,
            server_header=False,
        )
        super().__init__(config)
        self._listener, self._listening = listener, listening

    def run(self, sockets: Optional[list[socket.socket]] = None) -> None:
        """Serve, until a signal says that it is enough."""
        sockets = sockets or [self._listener]
        if threading.current_thread() is not threading.main_thread():  # as in tests: `should_exit` ends it
            super().run(sockets)
            return
        # uvicorn raises the signal again when it is done, for whoever handled it before: that it ended well is no news.
        before = signal.signal(signal.SIGTERM, lambda number, frame: None)
        try:
            super().run(sockets)
        finally:
            signal.signal(signal.SIGTERM, before)

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            host, port = self._listener.getsockname()[:2]
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
            self._listening(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
