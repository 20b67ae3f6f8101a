"""Send hostile requests to a running service: python tests/fuzz/fuzz_service.py --trials 10000

Bodies are whole pictures with bytes changed, cut, doubled or made up; queries, headers and forms are wrong in every
way; some requests break off, drip, or announce what does not come. Every one has to be answered by a picture or a
refusal in one line, or its connection closed; none by a status of 500. Between them, whole pictures have to have the
answers that they had at the beginning. At the end the queue has to be empty, and the memory no more than it may.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from fuzz_pictures import whole_files

THREADS, SECONDS, GROWTH_MIB = 8, 30, 400
NUMBERS = (
    "0",
    "-1",
    "1",
    "64",
    "512",
    "999999999999",
    "1e9",
    "NaN",
    "",
    "0x10",
    "١٢",
    "true",
    "null",
    "../../etc/passwd",
)
WORDS = ("size", "tile", "statistics", "dropout", "seed", "format", "quality", "path", "url", "model", "%00", "é")


def request_of(draw: random.Random, models: list[str], files: list[bytes]) -> tuple[str, dict, bytes]:
    """Return a path with its query, headers and a body."""
    body = bytearray(draw.choice(files) if draw.random() < 0.9 else draw.randbytes(draw.randrange(3000)))
    for _ in range(draw.choice((0, 1, 1, 3, 20))):
        if body:
            at = draw.randrange(len(body))
            kind = draw.randrange(4)
            if kind == 0:
                body[at] = draw.randrange(256)
            elif kind == 1:
                del body[at : at + draw.randrange(1, 60)]
            elif kind == 2:
                body[at:at] = body[at : at + draw.randrange(1, 60)]
            else:
                body[at : at + 4] = draw.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
    model = draw.choice(models) if draw.random() < 0.95 else draw.choice(("..", "%2e%2e", "nobody", "a" * 3000, "%ff"))
    pairs = []
    for _ in range(draw.choice((0, 0, 1, 2, 4))):
        value = draw.choice((*NUMBERS, "own", "trained", "64x64", "1x9999", "png", "tiff", "running", "picture"))
        pairs.append(f"{draw.choice(WORDS)}={value}")
    path = f"/v1/models/{model}/translate" + (f"?{'&'.join(pairs)}" if pairs else "")
    headers = {}
    if draw.random() < 0.2:
        kind = draw.choice(("multipart/form-data; boundary=x", "multipart/form-data", "text/html", "é", "a" * 2000))
        headers["Content-Type"] = kind
        if "=x" in kind:
            name = draw.choice((b'name="picture"; filename="a.png"', b'name="size"', b'filename="../../a"', b""))
            body[:0] = b"--x\r\nContent-Disposition: form-data; " + name + b"\r\n\r\n"
            body += draw.choice((b"\r\n--x--\r\n", b"\r\n--x\r\n", b""))
    if draw.random() < 0.1:
        headers[draw.choice(("Content-Encoding", "Host", "Expect", "X-Forwarded-For", "Range"))] = draw.choice(
            ("gzip", "", "100-continue", "x" * 5000, "bytes=0-1")
        )
    return path, headers, bytes(body)


def send(address: tuple[str, int], draw: random.Random, path: str, headers: dict, body: bytes) -> str:
    """Send a request as bytes, in one of several bad manners, and return the status, or "closed"."""
    manner = draw.choice(("whole",) * 12 + ("breaks off", "says more", "says less", "chunks", "noise"))
    length = {"says more": len(body) + 500, "says less": len(body) // 2}.get(manner, len(body))
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in {"Host": "x", **headers}.items())]
    lines.append("Transfer-Encoding: chunked" if manner == "chunks" else f"Content-Length: {length}")
    data = "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8", "replace") + body
    if manner == "chunks":
        data = data[: -len(body) or None] + b"%x\r\n" % draw.choice((len(body), 1 << 60)) + body + b"\r\n0\r\n\r\n"
    if manner == "noise":
        data = draw.randbytes(500)
    with contextlib.closing(socket.create_connection(address, timeout=SECONDS)) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data[: draw.randrange(len(data))] if manner == "breaks off" else data)
            if manner in ("breaks off", "says more"):
                connection.shutdown(socket.SHUT_WR if draw.random() < 0.5 else socket.SHUT_RDWR)
            answer = b""
            while part := connection.recv(1 << 16):
                answer += part
            answer = answer.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"", 1)
            status = answer[9:12].decode("ascii", "replace")
            if status not in ("", "200") and b'{"detail":"' not in answer and status not in ("400", "404", "405"):
                return f"{status} without a line"
            return status or "closed"
        return "closed"


def fuzz(url: str, trials: int, seed: int, process: psutil.Process) -> tuple[Counter, list[str]]:
    """Send requests in threads; return how often each status came, and what was wrong."""
    host, port = url.removeprefix("http://").split(":")
    models = [model["name"] for model in httpx.get(f"{url}/v1/models").json()["models"]]
    files = list(whole_files().values())
    whole = io.BytesIO()
    Image.fromarray(np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3)).save(whole, "PNG")

    def ask(model: str) -> bytes:
        for _ in range(100):
            answer = httpx.post(f"{url}/v1/models/{model}/translate", content=whole.getvalue(), timeout=60)
            if answer.status_code != 429:
                return answer.content
            time.sleep(0.1)
        return b"never"

    expected = {model: ask(model) for model in models}
    counts, wrong, lock = Counter(), [], threading.Lock()
    before = process.memory_info().rss

    def trial(number: int) -> None:
        draw = random.Random(f"{seed}/{number}")
        begun = time.monotonic()
        try:
            status = send((host, int(port)), draw, *request_of(draw, models, files))
        except OSError as error:
            status = f"{type(error).__name__}"
        with lock:
            counts[status] += 1
            if (status.startswith("5") and status != "504") or "without" in status or status == "TimeoutError":
                wrong.append(f"request {number} of seed {seed}: {status} after {time.monotonic() - begun:.1f} s")
        if number % 25 == 0:
            model = draw.choice(models)
            if ask(model) != expected[model]:
                wrong.append(f"after request {number} of seed {seed} the model {model} answers otherwise")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(trial, range(trials)))
    for _ in range(600):  # what had broken off is forgotten in the end
        if httpx.get(f"{url}/readyz").json().get("waiting", 1) == 0:
            break
        time.sleep(0.1)
    else:
        wrong.append("requests stay in the queue")
    grown = (process.memory_info().rss - before) >> 20
    if grown > GROWTH_MIB:
        wrong.append(f"the memory has grown by {grown} MiB")
    counts["MiB more"] = grown
    return counts, wrong


@contextlib.contextmanager
def running(models: list[str]):
    """Run the service on a free port; yield its address and process."""
    command = [sys.executable, "-m", "gluon_pix2pix", "serve", "--port", "0", "--gpu", "-1", "--timeout", "4"]
    with tempfile.TemporaryFile() as log:
        command += ["--max-megapixels", "1", "--model", *models]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            line = next((line for line in process.stdout if line.startswith("the page: ")), "")
            if not line:
                log.seek(0)
                sys.exit(log.read().decode())
            yield line.split()[2].rstrip("/"), psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(60)
            process.stdout.close()


def main() -> None:
    """Fuzz, print the counts, and exit with 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", nargs="+", required=True, help="names and paths, as serve takes them")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    begun = time.monotonic()
    with running(options.model) as (url, process):
        counts, wrong = fuzz(url, options.trials, options.seed, process)
    shown = ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
    print(f"{options.trials} requests in {time.monotonic() - begun:.0f} s; {shown}")
    for line in wrong:
        print(f"wrong: {line}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
