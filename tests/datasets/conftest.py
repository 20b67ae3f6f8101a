"""A web server on this machine that misbehaves as it is told."""

from __future__ import annotations

import contextlib
import resource
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Page:
    """What one address answers. Lists are used up, an item for each request."""

    body: bytes
    version: str = '"1"'  # the ETag; "" for none
    length: bool = True  # send Content-Length
    lie: int = 0  # added to Content-Length
    tells: str = ""  # the Content-Length, if another
    ranges: bool = True  # honour Range
    if_range: bool = True  # honour If-Range
    kind: str = "application/x-gzip"
    errors: list = field(default_factory=list)  # HTTP errors to answer first
    cuts: list = field(default_factory=list)  # bytes after which the connection is closed
    to: str = ""  # redirect there
    hangs: bool = False
    drips: str = ""  # where a byte comes now and then, and no more: "head", "chunk" (its length) or "body"


class Web:
    """The server: `pages` by path, the `requests` that came as (path, Range)."""

    def __init__(self) -> None:
        self.pages, self.requests, self.closing = {}, [], threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.requests.append((self.path, self.headers["Range"]))
                with contextlib.suppress(ConnectionError):
                    web.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}).start()

    def add(self, path: str, body: bytes = b"", **behaviour: object) -> str:
        """Serve a page and return its address."""
        self.pages[path] = Page(body, **behaviour)
        return self.address(path)

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        page = self.pages.get(request.path)
        if page is None or page.errors:
            request.send_error(page.errors.pop(0) if page else 404)
            return
        if page.hangs:
            self.closing.wait()
        if page.drips:
            self.drip(request, page)
            return
        start = 0
        asked, version = request.headers["Range"], request.headers["If-Range"]
        if page.ranges and asked and not (page.if_range and version and version != page.version):
            start = int(asked[len("bytes=") : -1])
        if start >= len(page.body) > 0:
            request.send_error(416)
            return
        body = page.body[start:]
        request.send_response(302 if page.to else 206 if start else 200)
        if page.to:
            request.send_header("Location", page.to)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(page.body) - 1}/{len(page.body)}")
        if page.length:
            request.send_header("Content-Length", page.tells or str(len(body) + page.lie))
        if page.version:
            request.send_header("ETag", page.version)
        request.send_header("Content-Type", page.kind)
        request.end_headers()
        request.wfile.write(body[: page.cuts.pop(0)] if page.cuts else body)

    def drip(self, request: BaseHTTPRequestHandler, page: Page) -> None:
        heads = {"head": b"X: ", "chunk": b"Transfer-Encoding: chunked\r\n\r\n", "body": b"\r\n" + page.body[:10]}
        request.wfile.write(b"HTTP/1.1 200 OK\r\n" + heads[page.drips])
        while not self.closing.wait(0.02):
            request.wfile.write(b"0")
            request.wfile.flush()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


@pytest.fixture
def small_files():
    """Let no file of this process grow beyond 50 kB, as on a disk that becomes full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
