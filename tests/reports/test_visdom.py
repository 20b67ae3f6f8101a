"""A run shown by a real visdom server, by none, by one that hangs and by one that comes back."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import cv2
import numpy as np
import pytest

from gluon_pix2pix.reports import visdom
from gluon_pix2pix.reports.visdom import VisdomSink

# What `python -m visdom.server` does, without its attempt to download scripts for the browser.
SERVER = "from visdom.server.run_server import main; main()"
LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The port of a running visdom server, or a skip that says what is missing."""
    if importlib.util.find_spec("visdom") is None:
        pytest.skip("no visdom server is installed (docs/watching.md)")
    port, folder = free_port(), tmp_path_factory.mktemp("visdom")
    words = [sys.executable, "-c", SERVER, "-port", str(port), "-env_path", str(folder), "-bind_local"]
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    try:
        for _ in range(300):
            try:
                LOCAL.open(f"http://127.0.0.1:{port}/", timeout=5).close()
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


def window(port: int, env: str, name: str) -> dict:
    """Ask the server what a window holds."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/win_data", json.dumps({"win": name, "eid": env}).encode()
    )
    with LOCAL.open(request, timeout=20) as response:
        return json.loads(response.read())


def test_curves(server):
    said = []
    history = [(10, {"D_real": 0.75, "D_fake": 0.5}), (20, {"D_real": 0.5, "D_fake": 0.25})]
    sink = VisdomSink("curves", port=server, history=history, say=said.append)
    sink.scalars(30, {"D_real": 0.25, "D_fake": 0.125, "val_psnr": 21.5, "G_L1": 30.0})
    assert said == []
    shown = window(server, "curves", "D_real")
    assert shown["title"] == "Discriminator"
    lines = {line["name"]: (line["x"], line["y"]) for line in shown["content"]["data"]}
    assert lines == {"D_real": ([10, 20, 30], [0.75, 0.5, 0.25]), "D_fake": ([10, 20, 30], [0.5, 0.25, 0.125])}
    assert window(server, "curves", "val_psnr")["content"]["data"][0]["y"] == [21.5]


def test_a_resumed_run_replaces_its_curves(server):
    for history in ((), [(10, {"G_L1": 1.0})]):
        sink = VisdomSink("resumed", port=server, history=history, say=print)
        sink.scalars(20, {"G_L1": 2.0})
    (line,) = window(server, "resumed", "G_L1")["content"]["data"]
    assert (line["x"], line["y"]) == ([10, 20], [1, 2])


def test_pictures(server):
    image = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)
    sink = VisdomSink("pictures", port=server, say=pytest.fail)
    sink.images(30, "samples", image)
    content = window(server, "pictures", "samples")["content"]
    assert content["caption"] == "samples, step 30"
    png = base64.b64decode(content["src"].partition("base64,")[2])
    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1], image)


def test_no_server_is_said_once_and_costs_no_more_time(monkeypatch):
    said, port = [], free_port()
    sink = VisdomSink("none", port=port, say=said.append)
    sink.scalars(1, {"G_L1": 1.0})
    monkeypatch.setattr(sink, "_post", lambda *args, **kwargs: pytest.fail("tried again at once"))
    sink.scalars(2, {"G_L1": 1.0})
    assert len(said) == 1
    assert f"visdom: http://127.0.0.1:{port} does not answer (Connection refused); training goes on" in said[0]


def test_a_server_that_comes_back_has_the_whole_curve(server, monkeypatch):
    said = []
    monkeypatch.setattr(visdom, "RETRY", 0.0)
    sink = VisdomSink("back", port=free_port(), say=said.append)
    for step in (1, 2):
        sink.scalars(step, {"G_L1": float(step)})
    sink._port = server
    sink.scalars(3, {"G_L1": 3.0})
    assert window(server, "back", "G_L1")["content"]["data"][0]["y"] == [1, 2, 3]
    assert ["does not answer" in line for line in said] == [True, False]
    assert "answers again" in said[1]


def test_a_server_that_hangs_does_not_hold_up_training(monkeypatch):
    monkeypatch.setattr(visdom, "TIMEOUT", 0.2)
    said = []
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # accepts, and never answers
        sink = VisdomSink("deaf", port=deaf.getsockname()[1], say=said.append)
        started = time.monotonic()
        sink.scalars(1, {"G_L1": 1.0, "G_GAN": 1.0, "lr": 1.0, "D_real": 1.0})
        assert time.monotonic() - started < 2
    assert "(timed out)" in said[0]


def test_a_slow_server_gets_no_more_than_the_time_there_is(server, monkeypatch):
    monkeypatch.setattr(visdom, "TIMEOUT", 0.0)
    said = []
    VisdomSink("slow", port=server, say=said.append).scalars(1, {"G_L1": 1.0})
    assert "it takes more than 0 s" in said[0]


def test_an_answer_that_refuses_is_named(server):
    said = []
    VisdomSink("lost", server="http://127.0.0.1/elsewhere", port=server, say=said.append).scalars(1, {"G_L1": 1.0})
    assert re.match(
        rf"visdom: http://127.0.0.1:{server}/elsewhere does not answer \(status [45]\d\d\); training", said[0]
    )


@pytest.mark.parametrize(
    ("address", "expected"),
    [("example.org", "http://example.org:8097"), ("https://example.org:1/a/", "https://example.org:1/a")],
)
def test_addresses(address, expected):
    assert VisdomSink("x", server=address, say=print).address == expected


@pytest.mark.parametrize("address", ["ftp://example.org", "http://"])
def test_other_addresses_are_refused(address):
    with pytest.raises(ValueError, match=f"--visdom-server {address} is no address such as"):
        VisdomSink("x", server=address, say=print)
