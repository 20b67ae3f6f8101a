"""What the service gives: requests a second and how long they take, beside the bare network; and its memory.

    python benchmarks/serving.py --model facades --seconds 20
    python benchmarks/serving.py --model facades --memory 10000

The service runs as its command does, in a process of its own; the clients run here, each with a connection, and send
the same picture again and again as PNG. "bare" is `Translator` called in a loop in a process of its own, without
decoding, encoding or HTTP.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import psutil
from PIL import Image

BARE = """
import sys, time
import numpy as np
from gluon_pix2pix.translation.translator import Translator
model, seconds = sys.argv[1], float(sys.argv[2])
translator = Translator.load(model, dropout=False)
size = translator.network.trained_at or 256
height, width = (size, size) if isinstance(size, int) else size
channels = translator.network.coding.source.channels
picture = np.random.default_rng(0).integers(0, 256, (height, width, 1 if channels == 1 else 3)).astype(np.uint8)
for _ in range(3):
    translator(picture)
begun, count = time.monotonic(), 0
while time.monotonic() - begun < seconds:
    translator(picture)
    count += 1
print((time.monotonic() - begun) / count, height, width)
"""


def picture(height: int, width: int, channels: int = 3, seed: int = 0) -> bytes:
    """Return noise of 16 x 16 blocks, which compresses as pictures do, as PNG."""
    blocks = (
        np.random.default_rng(seed).integers(0, 256, (-(-height // 16), -(-width // 16), channels)).astype(np.uint8)
    )
    whole = np.kron(blocks, np.ones((16, 16, 1), np.uint8))[:height, :width]
    stream = io.BytesIO()
    Image.fromarray(whole[:, :, 0] if channels == 1 else whole).save(stream, "PNG")
    return stream.getvalue()


@contextlib.contextmanager
def running(model: str):
    """Run the service; yield its address and its process."""
    command = [sys.executable, "-m", "gluon_pix2pix", "serve", "--port", "0", "--gpu", "-1", "--queue", "128"]
    process = subprocess.Popen([*command, "--model", f"it={model}"], stdout=subprocess.PIPE, text=True)
    try:
        line = next((line for line in process.stdout if line.startswith("the page: ")), None)
        if line is None:
            sys.exit("the service does not start")
        yield re.match(r"the page: (http://\S+)/ ", line)[1], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def load(url: str, body: bytes, clients: int, seconds: float) -> tuple[float, np.ndarray]:
    """Return answers a second, and the seconds that each took."""
    end = time.monotonic() + seconds

    def client(_: int) -> list[float]:
        took = []
        with httpx.Client(timeout=120) as connection:
            while time.monotonic() < end:
                begun = time.monotonic()
                answer = connection.post(f"{url}/v1/models/it/translate", content=body)
                assert answer.status_code == 200, answer.text
                took.append(time.monotonic() - begun)
        return took

    begun = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        times = np.concatenate([np.array(took) for took in pool.map(client, range(clients))])
    return len(times) / (time.monotonic() - begun), times


def rates(model: str, seconds: float) -> None:
    """Print a table of rates and times."""
    done = subprocess.run([sys.executable, "-c", BARE, model, str(seconds)], capture_output=True, text=True, check=True)
    bare, height, width = (float(word) for word in done.stdout.split())
    print(f"pictures of {width:.0f} x {height:.0f} pixels\n")
    print("| | requests/s | median | 99 % | of the bare network |\n| --- | ---: | ---: | ---: | ---: |")
    print(f"| bare network | {1 / bare:.1f} | {1000 * bare:.0f} ms | | 1.00 |")
    with running(model) as (url, _):
        body = picture(int(height), int(width))
        load(url, body, 1, 2)
        for clients in (1, 8, 64):
            rate, times = load(url, body, clients, seconds)
            middle, slow = 1000 * np.percentile(times, [50, 99])
            shown = f"{clients} client{'s' if clients > 1 else ''}"
            print(f"| {shown} | {rate:.1f} | {middle:.0f} ms | {slow:.0f} ms | {rate * bare:.2f} |", flush=True)


def memory(model: str, requests: int) -> None:
    """Print the resident memory as requests of ever other sizes are answered."""
    rng = np.random.default_rng(0)
    with running(model) as (url, process), httpx.Client(timeout=120) as connection:
        print("| requests | resident |\n| ---: | ---: |")
        for number in range(requests + 1):
            if number in (0, 100) or number % (requests // 10) == 0:
                print(f"| {number:,} | {process.memory_info().rss / 1e6:.0f} MB |", flush=True)
            height, width = (int(side) for side in rng.integers(16, 300, 2))
            body = picture(height, width, seed=number)
            answer = connection.post(f"{url}/v1/models/it/translate", content=body, params={"size": "own"})
            assert answer.status_code == 200, answer.text


def main() -> None:
    """Measure what the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument("--memory", type=int, default=0, metavar="REQUESTS", help="look at the memory instead")
    options = parser.parse_args()
    if options.memory:
        memory(options.model, options.memory)
    else:
        rates(options.model, options.seconds)


if __name__ == "__main__":
    main()
