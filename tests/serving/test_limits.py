"""Under load, and against those who send too much, too slowly, or go away."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from gluon_pix2pix.serving import server
from gluon_pix2pix.serving.limits import Gate, Limits, Places, RefusedError

from .conftest import png, until

PICTURE = png(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3))
PATH = "/v1/models/stub/translate"


class Held:
    """An `act` that says when it has begun, and goes on when it is let."""

    def __init__(self):
        self.begun, self.go, self.calls = threading.Event(), threading.Event(), 0

    def __call__(self, batch):
        self.calls += 1
        self.begun.set()
        assert self.go.wait(20)
        return batch


def raw(url, head, body=b""):
    """Send bytes as they are, over a connection of their own."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(head.replace("\n", "\r\n").encode() + body)
    return connection


def test_a_full_queue_says_when_to_come_again(start_stub):
    stub = start_stub(queue=3)
    stub.act = Held()
    with ThreadPoolExecutor(3) as pool, stub.client() as client:
        jobs = [pool.submit(client.post, PATH, content=PICTURE) for _ in range(3)]
        until(lambda: stub.gate.inside == 3)
        full = client.post(PATH, content=bytes(5 << 20))  # it is read, so that its sender sees the answer
        assert (full.status_code, full.json()["detail"][:23]) == (429, "3 requests are waiting:")
        assert int(full.headers["Retry-After"]) >= 1
        ready = client.get("/readyz")
        assert (ready.status_code, client.get("/healthz").status_code) == (503, 200)
        stub.act.go.set()
        assert [job.result().status_code for job in jobs] == [200] * 3
        until(lambda: stub.gate.inside == 0)
        assert client.get("/readyz").json() == {"status": "ready", "waiting": 0}
        assert client.post(PATH, content=PICTURE).status_code == 200


def test_the_wait_that_is_told_grows_with_the_time_that_answers_take():
    gate = Gate(Limits(queue=2))
    for _ in range(100):
        gate.learn(8.0)
    with (
        gate.enter(),
        gate.enter(),
        pytest.raises(RefusedError, match=r"2 requests are waiting: try again in 16 s"),
        gate.enter(),
    ):
        pass
    assert not gate.full


@pytest.mark.parametrize("word", ["queue", "seconds", "max_bytes", "max_pixels", "max_untiled"])
def test_limits_of_nothing(word):
    with pytest.raises(ValueError, match=f"{word.replace('_', ' ')} is more than 0, not 0"):
        Limits(**{word: 0})


def test_an_answer_that_takes_too_long(start_stub):
    stub = start_stub(seconds=0.3)
    stub.act = Held()
    with stub.client() as client:
        late = client.post(PATH, content=PICTURE)
        assert (late.status_code, late.json()["detail"]) == (504, "there was no answer within 0.3 s")
        stub.act.go.set()
        assert client.post(PATH, content=PICTURE).status_code == 200


def test_who_goes_away_is_forgotten(start_stub):
    stub = start_stub()
    stub.act = Held()
    with ThreadPoolExecutor(1) as pool, stub.client() as client:
        first = pool.submit(client.post, PATH, content=PICTURE)
        assert stub.act.begun.wait(20)
        gone = [
            raw(stub.url, f"POST {PATH} HTTP/1.1\nHost: x\nContent-Length: {len(PICTURE)}\n\n", PICTURE)
            for _ in range(5)
        ]
        until(lambda: stub.gate.inside == 6)
        for connection in gone:
            connection.close()
        until(lambda: stub.gate.inside == 1)
        stub.act.go.set()
        assert first.result().status_code == 200
        assert client.post(PATH, content=PICTURE).status_code == 200
    assert stub.act.calls == 2


@pytest.mark.parametrize("turns", range(4))
def test_a_place_is_free_again_whenever_its_waiter_goes(turns):
    """Also when the waiter's turn has just come, and it does not know yet."""

    async def use(places: Places) -> None:
        async with places:
            await asyncio.sleep(0)

    async def go_away() -> None:
        places = Places(1)
        async with places:
            waiters = [asyncio.ensure_future(use(places)) for _ in range(3)]
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        for waiter in waiters:
            waiter.cancel()
        await asyncio.gather(*waiters, return_exceptions=True)
        await asyncio.wait_for(use(places), 5)

    asyncio.run(go_away())


def test_a_picture_in_tiles_is_given_up_between_two(start_stub):
    stub = start_stub()
    stub.act = Held()
    body = png(np.zeros((500, 500, 3), np.uint8))
    head = f"POST {PATH}?size=own&tile=64 HTTP/1.1\nHost: x\nContent-Length: {len(body)}\n\n"
    connection = raw(stub.url, head, body)
    assert stub.act.begun.wait(20)
    connection.close()
    until(lambda: stub.gate.inside == 0)
    stub.act.go.set()
    with stub.client() as client:
        assert client.post(PATH, content=PICTURE).status_code == 200
    assert stub.act.calls == 2


def test_a_fault_is_one_answers_and_no_others(start_stub):
    stub = start_stub()

    def act(batch):
        if batch.max() > 0.9:
            raise RuntimeError("secrets of the machine")
        return batch

    stub.act = act
    white = png(np.full((16, 16, 3), 255, np.uint8))
    with stub.client() as client:
        for _ in range(3):
            failed = client.post(PATH, content=white)
            assert (failed.status_code, failed.json()) == (
                500,
                {"detail": "the service has failed: RuntimeError; its log has more"},
            )
            assert client.post(PATH, content=png(np.full((16, 16, 3), 9, np.uint8))).status_code == 200


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_long(start_stub, announced):
    stub = start_stub(max_bytes=1000)
    parts = [bytes(100)] * 11
    with stub.client() as client:
        answer = client.post(PATH, content=b"".join(parts) if announced else iter(parts))
        assert (answer.status_code, answer.json()["detail"]) == (
            413,
            "the body is longer than the 1,000 bytes that are taken here",
        )
        form = client.post(PATH, files={"picture": b"".join(parts)})
        assert form.status_code == 413
        lie = raw(stub.url, f"POST {PATH} HTTP/1.1\nHost: x\nContent-Length: {10**30}\n\n")
        assert lie.recv(12) in (b"HTTP/1.1 413", b"HTTP/1.1 400")
        lie.close()


def test_a_body_that_does_not_come(start_stub):
    stub = start_stub(seconds=0.3)
    connection = raw(stub.url, f"POST {PATH} HTTP/1.1\nHost: x\nContent-Length: 1000\n\n", b"begun")
    assert connection.recv(12) == b"HTTP/1.1 408"
    connection.close()
    until(lambda: stub.gate.inside == 0)


@pytest.mark.parametrize("sent", ["", "GET / HTTP/1.1\nHost", "GET /healthz HTTP/1.1\nHost: x\n\nGET /"])
def test_a_head_that_does_not_come(start_stub, monkeypatch, sent):
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.2)
    connection = raw(start_stub().url, sent)
    while connection.recv(1 << 16):  # until it is closed
        pass
    connection.close()


@pytest.mark.parametrize(
    ("query", "status", "line"),
    [
        ({}, 200, None),
        (
            {"size": "own"},
            413,
            "300 x 100 pixels at once are more than the 10,000 of this service: ask for tile=512, or",
        ),
        ({"size": "own", "tile": 64}, 200, None),
        ({"size": "200"}, 413, "200 x 200 pixels at once"),
        ({"size": "200", "tile": 128}, 413, "128 x 128 pixels at once"),
        ({"size": "999999999"}, 413, "999999 x 999999 pixels: no more than 50,000 are taken here"),
        ({"size": "1x600"}, 200, None),
        ({"size": "1x1000"}, 413, "1000 x 1 pixels at once"),  # padded to 16 rows
    ],
)
def test_pixels_are_bounded(start_stub, query, status, line):
    stub = start_stub(max_pixels=50_000, max_untiled=10_000)
    with stub.client() as client:
        answer = client.post(PATH, content=png(np.zeros((100, 300, 3), np.uint8)), params=query)
    assert answer.status_code == status
    assert line is None or answer.json()["detail"].startswith(line)


def test_a_picture_that_is_too_large_is_not_decoded(start_stub):
    stub = start_stub(max_pixels=50_000)
    with stub.client() as client:
        answer = client.post(PATH, content=claiming(11000, 11000))
        line = "11000 x 11000 pixels: no more than 50,000 are taken here"
        assert (answer.status_code, answer.json()["detail"]) == (413, line)
        assert client.post(PATH, content=claiming(1 << 30, 1 << 30)).status_code in (413, 415)


def claiming(width, height):
    """Return a small PNG whose header claims another size."""
    data = png(np.zeros((10, 10, 3), np.uint8))
    head = b"IHDR" + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]


def test_signals_of_other_words(start_stub):
    """Hosts, methods and heads that are no requests end no connection but their own."""
    stub = start_stub()
    for head in (
        "NONSENSE\n\n",
        "GET /\n\n",
        f"POST {PATH} HTTP/1.1\nHost: x\nContent-Length: -5\n\n",
        "GET / HTTP/1.1\n" + "A: b\n" * 50000,
    ):
        with contextlib.closing(raw(stub.url, head)) as connection:
            assert connection.recv(1 << 16)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431", b"")
    assert httpx.get(f"{stub.url}/healthz").status_code == 200
