"""A running service with models of every kind, and one in this process whose model does what a test says."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Callable

import httpx
import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.pairs.coding import make_coding
from gluon_pix2pix.serving.about import describe
from gluon_pix2pix.serving.app import make_app
from gluon_pix2pix.serving.computing import Computing
from gluon_pix2pix.serving.limits import Limits
from gluon_pix2pix.serving.server import Server, bind
from gluon_pix2pix.serving.service import Service
from gluon_pix2pix.translation.network import Network


def png(picture: np.ndarray) -> bytes:
    """Return (H, W, 1, 3 or 4) uint8 as the bytes of a PNG."""
    stream = io.BytesIO()
    Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(stream, "PNG")
    return stream.getvalue()


def pixels(data: bytes) -> np.ndarray:
    """Return an 8-bit picture's pixels, (H, W) or (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(data)))


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another thread or process does."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


@dataclass
class Running:
    """A service that listens."""

    url: str
    process: subprocess.Popen
    said: list[str] = field(default_factory=list)

    def post(self, model: str, body: bytes, **query: object) -> httpx.Response:
        return httpx.post(f"{self.url}/v1/models/{model}/translate", content=body, params=query, timeout=60)


@contextlib.contextmanager
def serve(*words: object) -> Iterator[Running]:
    """Run the command until it says where it listens; afterwards, end it."""
    command = [sys.executable, "-m", "gluon_pix2pix", "serve", "--port", "0", "--gpu", "-1", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        running = Running("", process)
        for line in process.stdout:
            running.said.append(line)
            if found := re.match(r"the page: (http://\S+)/ ", line):
                running.url = found[1]
                break
        if not running.url:
            pytest.fail(f"{process.wait()}: {process.stderr.read()}")
        try:
            yield running
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="session")
def models(write_model_folder, tmp_path_factory) -> dict[str, Path]:
    """Models of every kind by their names."""
    from gluon_pix2pix.handover.export import export_generator

    folder = tmp_path_factory.mktemp("models")
    deep = {"name": "unet", "num_downs": 5, "ngf": 4, "dropout_blocks": "paper"}
    run = write_model_folder(folder / "run", deep, {}, dataset="somewhere/tiny", direction="BtoA", crop_size=32)
    export_generator(run, folder / "symbol", onnx=True)
    small = {"name": "unet", "num_downs": 2, "ngf": 16, "dropout_blocks": "paper"}
    codings = {"labels": {"labels": 4}, "colours": {"task": "colorization"}, "bands": {"input_nc": 5}}
    codings |= {"holes": {"task": "inpainting"}}
    made = {name: write_model_folder(folder / name, small, coding) for name, coding in codings.items()}
    made["houses"] = write_model_folder(folder / "houses", small, {}, dataset="x/facades", direction="BtoA")
    return {"run": run, "symbol": folder / "symbol", "net": folder / "symbol" / "generator.onnx", **made}


@pytest.fixture(scope="session")
def service(models) -> Iterator[Running]:
    """The command at work on `models`."""
    with serve("--model", *(f"{name}={path}" for name, path in models.items()), "--max-megapixels", 1) as running:
        yield running


@dataclass
class Stub:
    """A service in this process, of a model "stub" that calls `act` with each batch and answers its result."""

    act: Callable[[np.ndarray], np.ndarray] = lambda batch: batch
    url: str = ""
    gate: object = None

    def client(self, **kwargs: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, **kwargs)


@pytest.fixture
def start_stub() -> Iterator[Callable[..., Stub]]:
    """Start services of stubs; they end with the test."""
    with contextlib.ExitStack() as stack:

        def start(**limits: object) -> Stub:
            stub, computing, ready = Stub(), stack.enter_context(Computing()), threading.Event()

            def compute(batch: np.ndarray, seed: object = None) -> np.ndarray:
                computing.check()
                return stub.act(batch)

            network = Network(compute=compute, coding=make_coding(), multiple=16, trained_at=16)
            about = describe("stub", network)
            model = SimpleNamespace(
                network=lambda statistics=None, dropout=False: network,
                coding=network.coding,
                about=about,
                examples=[],
                note_on=lambda picture: None,
            )
            service = Service({"stub": model}, computing, Limits(**limits))
            stub.gate = service.gate

            def listening(address: str) -> None:
                stub.url = address
                ready.set()

            server = Server(make_app(service), listener=bind("127.0.0.1", 0), seconds=1, listening=listening)
            thread = threading.Thread(target=server.run)
            thread.start()
            stack.callback(thread.join)
            stack.callback(setattr, server, "should_exit", True)
            assert ready.wait(20)
            return stub

        yield start
