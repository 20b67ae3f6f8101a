"""A run shown by a visdom server: one that only listens, those that do what no server should, and visdom's own."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from gluon_pix2pix.reports.visdom import LONGEST_ANSWER, VisdomSink, web_address

LONG = 60.0  # seconds after which a test that waits gives up
OK = b"HTTP/1.1 200 OK\r\n"


class Listener:
    """A server that keeps what it is sent, and answers like visdom, or with `status`."""

    def __init__(self, port: int = 0):
        self.windows: dict[str, dict] = {}
        self.paths: set[str] = set()
        self.status, listener = 200, self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                window = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                listener.paths.add(self.path)
                listener.windows[window["win"]] = window
                self.send_response(listener.status)
                self.end_headers()
                self.wfile.write(window["win"].encode())

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def lines(self, window: str) -> dict[str, tuple]:
        """Return the curves of a window: name -> (x, y)."""
        return {line["name"]: (line["x"], line["y"]) for line in self.windows[window]["data"]}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def listener():
    server = Listener()
    yield server
    server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_curves(listener):
    history = [(10, {"D_real": 0.75, "D_fake": 0.5}), (20, {"D_real": 0.5, "D_fake": 0.25})]
    sink = VisdomSink("curves", port=listener.port, history=history, say=pytest.fail)
    sink.scalars(30, {"D_real": 0.25, "D_fake": 0.125, "val_psnr": 21.5, "G_L1": 30.0})
    sink.close()
    assert listener.paths == {"/events"}
    assert listener.windows["D_real"]["eid"] == "curves"
    assert listener.windows["D_real"]["opts"]["title"] == "Discriminator"
    expected = {"D_real": ([10, 20, 30], [0.75, 0.5, 0.25]), "D_fake": ([10, 20, 30], [0.5, 0.25, 0.125])}
    assert listener.lines("D_real") == {name: tuple(curve) for name, curve in expected.items()}
    assert listener.lines("val_psnr") == {"val_psnr": ([30], [21.5])}
    assert listener.lines("G_L1") == {"G_L1": ([30], [30.0])}


def test_pictures(listener):
    image = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)
    sink = VisdomSink("pictures", port=listener.port, say=pytest.fail)
    sink.images(30, "samples", image)
    sink.close()
    content = listener.windows["samples"]["data"][0]["content"]
    assert content["caption"] == "samples, step 30"
    png = base64.b64decode(content["src"].partition("base64,")[2])
    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1], image)


def test_a_server_that_comes_later_has_the_whole_curves():
    """One line says that it is not there, one that it is; what was shown meanwhile is shown then."""
    said, port = queue.Queue(), free_port()
    sink = VisdomSink("late", port=port, say=said.put, retry=0.02)
    sink.scalars(1, {"G_L1": 1.0, "lr": 0.5})
    first = said.get(timeout=LONG)
    assert first.startswith(f"warning: visdom: http://127.0.0.1:{port} does not answer (")
    sink.scalars(2, {"G_L1": 2.0})
    late = Listener(port)
    try:
        assert said.get(timeout=LONG) == f"visdom: http://127.0.0.1:{port} answers again"
        sink.close()
        assert late.lines("G_L1") == {"G_L1": ([1, 2], [1.0, 2.0])}
        assert late.lines("lr") == {"lr": ([1], [0.5])}
        assert said.empty()
    finally:
        late.stop()


def test_an_answer_that_refuses_is_named(listener):
    listener.status, said = 404, []
    sink = VisdomSink("lost", server="http://127.0.0.1/elsewhere", port=listener.port, say=said.append)
    sink.scalars(1, {"G_L1": 1.0})
    sink.close()
    assert listener.paths == {"/elsewhere/events"}
    assert len(said) == 1
    address = f"http://127.0.0.1:{listener.port}/elsewhere"
    assert said[0].startswith(f"warning: visdom: {address} does not answer (status 404); training goes on without it")


@contextlib.contextmanager
def rogue(answer: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """Run a server that gives each connection to `answer`, with an event that says when it has to end."""
    ended, threads = threading.Event(), []

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            answer(connection, ended)

    def accept() -> None:
        with contextlib.suppress(OSError):  # closed below
            while True:
                threads.append(threading.Thread(target=serve, args=(server.accept()[0],)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            server.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join(LONG)


def drip(text: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """A byte at a time, each soon enough for a time-out that counts from byte to byte."""

    def answer(connection: socket.socket, ended: threading.Event) -> None:
        for place in range(1_000_000):
            connection.sendall(text[place % len(text) :][:1])
            if ended.wait(0.01):
                return

    return answer


def flood(first: bytes, more: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """As much as is taken."""

    def answer(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(first)
        while not ended.is_set():
            connection.sendall(more)

    return answer


def say(text: bytes) -> Callable[[socket.socket, threading.Event], None]:
    """Once, and then hold the line."""

    def answer(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(text)
        ended.wait(LONG)

    return answer


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param(say(b""), "more than 0.3 s", id="silence"),
        pytest.param(lambda connection, ended: None, "", id="hangs up"),
        pytest.param(drip(OK), "more than 0.3 s", id="drips headers"),
        pytest.param(say(OK + b"Content-Length: 9\r\n\r\n"), "more than 0.3 s", id="no body"),
        pytest.param(flood(OK + b"\r\n", bytes(65536)), f"more than {LONGEST_ANSWER} bytes", id="floods"),
        pytest.param(flood(OK, b"a" * 65536), "", id="one endless header"),
        pytest.param(flood(OK, b"a: b\r\n" * 9999), "", id="endless headers"),
        pytest.param(flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 999, b""), "more than 0.3 s", id="always continue"),
        pytest.param(say(OK + b"Content-Length: 99999999999999999999\r\n\r\nx"), "more than 0.3 s", id="long"),
        pytest.param(say(OK + b"Content-Length: -1\r\n\r\nx"), "", id="of negative length"),
        pytest.param(
            say(OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\nx"), "more than 0.3 s", id="a chunk of 1 TB"
        ),
        pytest.param(say(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "", id="a chunk of no size"),
        pytest.param(say(np.random.default_rng(0).bytes(5000)), "", id="noise"),
        pytest.param(say(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"), "status 302", id="moved"),
    ],
)
def test_a_server_that_misbehaves_costs_one_warning(answer, problem):
    """It is still at it while the run goes on and ends."""
    said = queue.Queue()
    with rogue(answer) as port:
        sink = VisdomSink("x", port=port, say=said.put, deadline=0.3, retry=LONG)
        for step in range(100):
            sink.scalars(step, {"G_L1": 1.0})
            sink.images(step, "samples", np.zeros((9, 9, 3), np.uint8))
        warning = said.get(timeout=LONG)
        sink.scalars(101, {"G_L1": 1.0})
        sink.close()
        assert said.empty()
    assert "does not answer (" in warning
    assert problem in warning
    assert "training goes on without it" in warning


def test_what_waits_for_a_server_is_bounded(listener):
    """Of each window only the newest content waits: here the first is sent, then nothing for long, then the last."""
    began, go_on, got = threading.Event(), threading.Event(), []

    class Recorder(dict):
        def __setitem__(self, name, window):
            got.append(len(window["data"][0]["y"]))
            began.set()
            go_on.wait(LONG)

    listener.windows = Recorder()
    sink = VisdomSink("slow", port=listener.port, say=pytest.fail, deadline=LONG)
    sink.scalars(0, {"G_L1": 0.0})
    assert began.wait(LONG)
    for step in range(1, 500):
        sink.scalars(step, {"G_L1": 0.0})
    go_on.set()
    sink.close()
    assert got == [1, 500]


@pytest.mark.parametrize("server", ["http://exa mple", "http://no-such-host.invalid", "http://\x00", "http://[::1]"])
def test_an_address_where_nobody_is(server):
    said = queue.Queue()
    sink = VisdomSink("x", server=server, port=free_port(), say=said.put, retry=LONG)
    sink.scalars(1, {"G_L1": 1.0})
    assert "does not answer (" in said.get(timeout=LONG)
    sink.close()
    assert said.empty()


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("example.org", "http://example.org:8097"),
        ("https://example.org:1/a/", "https://example.org:1/a"),
        ("http://[::1]", "http://[::1]:8097"),
    ],
)
def test_addresses(server, expected):
    assert web_address(server, 8097) == expected


@pytest.mark.parametrize("server", ["ftp://example.org", "http://", "http://example.org:99999", "http://[::1"])
def test_other_addresses_are_refused(server):
    with pytest.raises(ValueError, match=re.escape(f"--visdom-server {server} is no address such as")):
        VisdomSink("x", server=server, say=print)


# What `python -m visdom.server` does, without its attempt to download scripts for the browser.
REAL_SERVER = "from visdom.server.run_server import main; main()"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(scope="module")
def visdom(tmp_path_factory):
    """The port of visdom's own server, run by $VISDOM_PYTHON (or this Python), or a skip that says what is missing."""
    python = os.environ.get("VISDOM_PYTHON", sys.executable)
    if not shutil.which(python) or subprocess.run([python, "-c", "import visdom"], capture_output=True).returncode:
        pytest.skip("no visdom: `make visdom` installs it, and VISDOM_PYTHON=.venv/visdom/bin/python tells where")
    port, folder = free_port(), tmp_path_factory.mktemp("visdom")
    words = [python, "-c", REAL_SERVER, "-port", str(port), "-env_path", str(folder), "-bind_local"]
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    try:
        for _ in range(600):
            try:
                DIRECT.open(f"http://127.0.0.1:{port}/", timeout=5).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                assert process.poll() is None, (folder / "server.log").read_text()
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_what_visdom_itself_then_shows(visdom):
    """Curves, those of a resumed run in the place of the first one's, and a picture."""
    image = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)
    for history in ((), [(10, {"D_real": 0.75, "D_fake": 0.5})]):
        sink = VisdomSink("run", port=visdom, history=history, say=pytest.fail)
        sink.scalars(20, {"D_real": 0.25, "D_fake": 0.125})
        sink.images(20, "samples", image)
        sink.close()

    def window(name: str) -> dict:
        body = json.dumps({"win": name, "eid": "run"}).encode()
        with DIRECT.open(urllib.request.Request(f"http://127.0.0.1:{visdom}/win_data", body), timeout=20) as response:
            return json.loads(response.read())

    shown = window("D_real")
    assert shown["title"] == "Discriminator"
    lines = {line["name"]: (line["x"], line["y"]) for line in shown["content"]["data"]}
    assert lines == {"D_real": ([10, 20], [0.75, 0.25]), "D_fake": ([10, 20], [0.5, 0.125])}
    content = window("samples")["content"]
    assert content["caption"] == "samples, step 20"
    assert content["src"].startswith("data:image/png;base64,")
