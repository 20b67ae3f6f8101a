"""A run's log as training writes it, pictures to look at, and a browser, where there is one."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Callable

import cv2
import numpy as np
import pytest

from gluon_pix2pix.pictures.files import write_image

LOSSES = {"D_real": 0.5, "D_fake": 0.4, "G_GAN": 1.2, "G_L1": 30.0}


def train_line(epoch: int, step: int = 10, **values) -> dict:
    """An event as a line of the log has it."""
    return {"event": "train", "epoch": epoch, "step": step, **LOSSES, "lr": 2e-4, "images_per_second": 5.0, **values}


@pytest.fixture
def make_line() -> Callable[..., dict]:
    return train_line


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Write a run's folder of `epochs` epochs, two lines each, with samples after each, and more events."""

    def write(name: str = "facades", *, epochs: int = 3, total: int = 3, more: tuple = (), **options) -> Path:
        run_dir = tmp_path / name
        (run_dir / "samples").mkdir(parents=True)
        events = [{"event": "start"}, {"event": "device", "device": "CPU", "data": "data/facades", "direction": "BtoA"}]
        for epoch in range(1, epochs + 1):
            events += [train_line(epoch, step, time=1e9 + 60 * epoch + step) for step in (5, 10)]
            events.append({"event": "epoch", "epoch": epoch, "val_psnr": 10.0 + epoch})
            sheet = np.full((12, 3 * 12 + 8, 3), 40 * epoch, np.uint8)
            write_image(run_dir / "samples" / f"epoch_{epoch:04d}.png", sheet)
        text = "".join(json.dumps(event) + "\n" for event in [*events, *more])
        (run_dir / "log.jsonl").write_text(text + '{"event": "tra')  # as a kill leaves it
        options = {"generator": "unet_256", "crop_size": 256, "direction": "BtoA", **options}
        options |= {"n_epochs": total, "n_epochs_decay": 0, "init_from": None}
        (run_dir / "options.json").write_text(json.dumps({"options": options, "versions": {"mxnet": "1.9.1"}}))
        return run_dir

    return write


class Browser:
    """Headless Chromium, a process for each page."""

    def __init__(self, program: str, profile: Path):
        self._words = [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        self._words += ["--no-first-run", "--disable-quic", "--disable-sync", "--disable-component-update"]
        self._words += ["--disable-background-networking", f"--user-data-dir={profile}"]
        self._words += ["--virtual-time-budget=3000", "--run-all-compositor-stages-before-draw"]

    def _run(self, *words: str) -> bytes:
        return subprocess.run([*self._words, *words], capture_output=True, check=True, timeout=120).stdout

    def dom(self, page: Path, fragment: str = "", *, keys: tuple[str, ...] = (), first: str = "") -> str:
        """Return the page's elements, after its script has run, as HTML.

        Before, `first` is run as a script and `keys` are pressed, where the page is for it.
        """
        if keys or first:
            where = "(document.querySelector('dialog[open]') || document.activeElement)"
            press = f"for (const key of {json.dumps(keys)}) {where}"
            press += ".dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));"
            script = f"<script>addEventListener('load', () => {{ {first}; {press} }});</script>"
            page = Path(shutil.copy(page, page.parent / "pressed.html"))
            page.write_text(page.read_text() + script)
        return self._run("--dump-dom", f"{page.resolve().as_uri()}{fragment}").decode()

    def screenshot(self, page: Path, fragment: str = "", *, width: int = 800, height: int = 600) -> np.ndarray:
        """Return what is seen, (height, width, 3) uint8 RGB."""
        path = page.parent / "shot.png"
        self._run(f"--window-size={width},{height}", f"--screenshot={path}", f"{page.resolve().as_uri()}{fragment}")
        return cv2.imread(str(path))[:, :, ::-1]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """A browser, or a skip that says what to install."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        pytest.skip("no chromium (Debian: apt-get install chromium)")
    return Browser(program, tmp_path_factory.mktemp("chromium"))


@pytest.fixture
def texts() -> Callable[[str, str], list[str]]:
    """The texts of all elements of a tag in a page, without the tags inside them."""

    def find(dom: str, tag: str) -> list[str]:
        found = re.findall(rf"<{tag}(?: [^>]*)?>(.*?)</{tag}>", dom, re.DOTALL)
        return [html.unescape(re.sub("<[^>]*>", "", text)).strip() for text in found]

    return find
