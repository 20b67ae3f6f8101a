"""The page in headless Chromium, served and as static files: painted on, given pictures, by mouse and by keys."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import io
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.commands import cli
from gluon_pix2pix.serving import site
from gluon_pix2pix.serving.web_runtime import FILES

from .conftest import pixels, png

selenium = pytest.importorskip("selenium")
from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

FLAGS = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-sync"
FLAGS += " disable-component-update hide-scrollbars disable-dev-shm-usage"
WINDOW, SHOP = (0, 128, 255), (175, 0, 0)  # colours of facades


class Page:
    """A page in a browser, with what the tests look at."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, url: str, width: int = 1280, height: int = 800, model: str | None = None) -> Page:
        phone = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        self.driver.get(url)
        self.until(lambda: self.find("studio").is_displayed())
        if model:
            Select(self.find("model")).select_by_visible_text(model)
            self.until(lambda: model in self.driver.title)
        return self

    def find(self, name: str):
        return self.driver.find_element(By.ID, name)

    def click(self, css: str) -> None:
        self.driver.execute_script("arguments[0].click()", self.driver.find_element(By.CSS_SELECTOR, css))

    def until(self, condition, seconds: float = 60):
        return WebDriverWait(self.driver, seconds, poll_frequency=0.05).until(lambda driver: condition())

    def canvas(self, name: str) -> np.ndarray:
        """Return a canvas' pixels, (H, W, 3) uint8."""
        return self._bytes(name)[:, :, :3]

    def alpha(self, name: str) -> np.ndarray:
        """Return how opaque a canvas' pixels are, (H, W) uint8."""
        return self._bytes(name)[:, :, 3]

    def _bytes(self, name: str) -> np.ndarray:
        program = """const canvas = document.getElementById(arguments[0]), {width, height} = canvas;
            const bytes = canvas.getContext('2d').getImageData(0, 0, width, height).data;
            let text = ''; for (const byte of bytes) text += String.fromCharCode(byte);
            return [width, height, btoa(text)]"""
        width, height, text = self.driver.execute_script(program, name)
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)

    def answers(self) -> int:
        return int(self.find("answer").get_attribute("data-count") or 0)

    def at_rest(self) -> np.ndarray:
        """Wait until the answer is that to what is given now, and return it."""
        self.until(lambda: self.answers() > 0)
        last = None

        def settled():
            nonlocal last
            now = (self.answers(), self.find("working").is_displayed())
            same, last = now == last, now
            return same and not now[1]

        WebDriverWait(self.driver, 60, poll_frequency=0.4).until(lambda driver: settled())
        return self.canvas("result")

    def drag(self, name: str, begin: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the mouse over an element, from and to parts of its width and height."""
        box = self.driver.execute_script(
            "const e = document.getElementById(arguments[0]); e.scrollIntoView({block: 'center'});"
            "const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]",
            name,
        )
        chain = ActionChains(self.driver, duration=20)
        for part, act in (
            (begin, chain.w3c_actions.pointer_action.pointer_down),
            (end, chain.w3c_actions.pointer_action.pointer_up),
        ):
            x, y = (int(box[i] + part[i] * box[i + 2]) for i in (0, 1))
            chain.w3c_actions.pointer_action.move_to_location(x, y)
            act()
        chain.perform()

    def drop(self, data: bytes, name: str, kind: str = "image/png") -> None:
        """Drop a file onto the page."""
        program = """const bytes = Uint8Array.from(atob(arguments[0]), c => c.charCodeAt(0));
            const parts = new DataTransfer(), kind = {dataTransfer: parts, bubbles: true, cancelable: true};
            parts.items.add(new File([bytes], arguments[1], {type: arguments[2]}));
            document.body.dispatchEvent(new DragEvent('drop', kind))"""
        self.driver.execute_script(program, base64.b64encode(data).decode(), name, kind)

    def said(self) -> list[str]:
        """Return what the browser complains of."""
        ours = ("No available adapters", "willReadFrequently")  # there is no GPU here; the tests read canvases often
        lines = self.driver.get_log("browser")
        return [line["message"] for line in lines if not any(word in line["message"] for word in ours)]


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Iterator[webdriver.Chrome]:
    program, service = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not service:
        pytest.skip("no chromium with chromedriver (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in [*FLAGS.split(), f"user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(service))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver) -> Page:
    before = driver.current_window_handle
    driver.switch_to.new_window("tab")  # a tab of its own: the page keeps drawings in its tab
    fresh = driver.current_window_handle
    driver.switch_to.window(before)
    driver.close()
    driver.switch_to.window(fresh)
    driver.get_log("browser")  # of the test before
    return Page(driver)


@pytest.fixture(scope="module")
def photo() -> bytes:
    return draw_photo(48, 64)


def draw_photo(height: int, width: int) -> bytes:
    y, x = np.mgrid[0:height, 0:width]
    return png(np.stack([4 * x, 255 * y // height, 255 - 4 * x], axis=2).astype(np.uint8))


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_a_painted_rectangle_changes_the_picture(service, page, width, height):
    page.open(service.url, width, height, "houses")
    before, drawing = page.at_rest(), page.canvas("canvas")
    page.click("[name=tool][value=rectangle]")
    page.click("#palette label:nth-child(12) input")
    page.drag("canvas", (0.25, 0.25), (0.75, 0.75))
    after = page.at_rest()
    painted = page.canvas("canvas")
    changed = np.argwhere((painted != drawing).any(axis=2))
    size = len(painted)
    assert set(map(tuple, painted[(painted != drawing).any(axis=2)])) == {SHOP}
    assert (np.abs(changed.min(axis=0) - size / 4) <= 1).all()
    assert (np.abs(changed.max(axis=0) - 3 * size / 4) <= 1).all()
    assert (painted[size // 2, size // 3 : size // 2] == SHOP).all()
    assert (after != before).mean() > 0.1
    served = service.post("houses", png(np.ascontiguousarray(painted)))
    np.testing.assert_array_equal(after, pixels(served.content))  # what is seen is what the service answers
    page.click("#undo")
    np.testing.assert_array_equal(page.at_rest(), before)
    page.click("#redo")
    np.testing.assert_array_equal(page.at_rest(), after)
    room = page.driver.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert room[0] <= room[1]  # nothing to scroll sideways
    assert page.said() == []


def test_strokes_have_hard_edges(service, page):
    page.open(service.url, model="houses").at_rest()
    palette = {
        tuple(colour["rgb"]) for colour in httpx.get(f"{service.url}/v1/models/houses").json()["source"]["palette"]
    }
    page.click("[name=tool][value=brush]")
    page.click("#palette label:nth-child(12) input")
    page.drag("canvas", (0.1, 0.2), (0.9, 0.7))
    page.at_rest()
    painted = page.canvas("canvas")
    assert set(map(tuple, painted.reshape(-1, 3))) <= palette
    assert (painted == SHOP).all(axis=2).sum() > 20


def test_the_tab_keeps_drawings(service, page):
    page.open(service.url, model="houses").at_rest()
    small = page.canvas("canvas").shape
    Select(page.find("size")).select_by_index(1)
    page.click("#palette label:nth-child(12) input")
    page.drag("canvas", (0.25, 0.25), (0.75, 0.75))
    answer, drawing = page.at_rest(), page.canvas("canvas")
    assert (drawing == SHOP).all(axis=2).any()
    Select(page.find("model")).select_by_visible_text("labels")
    page.until(lambda: "labels" in page.driver.title)
    page.at_rest()
    for again in (
        lambda: Select(page.find("model")).select_by_visible_text("houses"),
        page.driver.refresh,  # with the model that was chosen
    ):
        again()
        page.until(lambda: "houses" in page.driver.title and page.find("studio").is_displayed())
        np.testing.assert_array_equal(page.at_rest(), answer)
        np.testing.assert_array_equal(page.canvas("canvas"), drawing)
        assert Select(page.find("size")).first_selected_option.text == "{1} \u00d7 {0}".format(*drawing.shape)
        assert not page.find("undo").is_enabled()
    page.driver.execute_script("addEventListener('pagehide', () => sessionStorage['drawing houses'] = '7,7,1')")
    page.driver.refresh()
    page.until(lambda: "houses" in page.driver.title and page.find("studio").is_displayed())
    page.at_rest()
    assert page.canvas("canvas").shape == small  # what was kept is of another model: the example again
    assert page.said() == []


def test_by_keyboard_alone(service, page):
    page.open(service.url, model="houses").at_rest()
    assert page.find("canvas-help").size["width"] <= 1
    page.driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    page.driver.execute_script("document.getElementById('canvas').focus()")
    assert page.find("canvas-help").size["width"] > 100  # who goes by keys sees which there are
    before = page.canvas("canvas")
    press = lambda *keys: ActionChains(page.driver).send_keys(*keys).perform()  # noqa: E731
    press("r", "3")  # rectangle, window
    press(Keys.ARROW_LEFT, Keys.SPACE, Keys.ARROW_UP, Keys.ARROW_LEFT, Keys.SPACE)
    assert "rectangle of 9 by 9 pixels" in page.find("said").text or page.canvas("canvas").shape[0] < 20
    painted = page.canvas("canvas")
    changed = (painted != before).any(axis=2)
    assert set(map(tuple, painted[changed])) <= {WINDOW}
    centre = len(painted) // 2
    assert (painted[centre - 8 : centre + 1, centre - 8 : centre + 1] == WINDOW).all()
    press("i", Keys.SPACE)
    assert "picked window" in page.find("said").text
    ActionChains(page.driver).key_down(Keys.CONTROL).send_keys("z").key_up(Keys.CONTROL).perform()
    np.testing.assert_array_equal(page.canvas("canvas"), before)
    press("f", "1", Keys.SPACE)
    assert (page.canvas("canvas")[centre - 8, centre - 8] == (0, 0, 223)).all()
    names = page.driver.execute_script(
        "return [...document.querySelectorAll('button, input, select, canvas[tabindex=\"0\"]')]"
        ".filter(e => e.offsetParent && !(e.labels?.length || e.textContent.trim() || e.ariaLabel || e.title))"
        ".map(e => e.outerHTML)"
    )
    assert names == []  # each has a name for a screen reader


def test_a_dropped_photo_is_coloured_and_wiped(service, page, photo):
    page.open(service.url, model="colours")
    assert page.find("drop").is_displayed()
    page.drop(photo, "a.png")
    answer = page.at_rest()
    np.testing.assert_array_equal(answer, pixels(service.post("colours", photo).content))
    assert "64 \u00d7 48 in " in page.find("status").text
    page.click("#wiping")
    assert page.find("wiped").is_displayed()
    np.testing.assert_array_equal(page.canvas("before"), pixels(photo))
    page.drop(b"no picture", "a.txt", "text/plain")
    page.until(lambda: "is not a picture" in page.find("given-problem").text)
    page.drop(photo, "b.png")
    np.testing.assert_array_equal(page.at_rest(), answer)
    assert page.find("given-problem").text == ""


def test_holes_are_painted_and_filled(service, page, photo):
    page.open(service.url, model="holes")
    page.drop(photo, "a.png")
    whole, first = pixels(photo), page.at_rest()
    hole = np.zeros(whole.shape[:2], bool)
    hole[12:36, 16:48] = True  # the central one, as in training

    def served():
        return pixels(
            service.post("holes", png(np.dstack([whole, np.where(hole, 0, 255).astype(np.uint8)])), size="own").content
        )

    np.testing.assert_array_equal(first, served())
    np.testing.assert_array_equal(first[~hole], whole[~hole])
    assert (first[hole] != whole[hole]).any()
    page.drag("canvas", (0.02, 0.02), (0.2, 0.2))
    second = page.at_rest()
    changed = np.argwhere((second != first).any(axis=2))
    assert changed[:, 0].min() < 10
    hole |= page.alpha("canvas") == 0
    assert hole[3, 3]
    np.testing.assert_array_equal(second, served())
    page.click("#undo")
    np.testing.assert_array_equal(page.at_rest(), first)
    page.click("#clear")
    np.testing.assert_array_equal(page.at_rest(), first)
    assert page.said() == []


def test_sizes_seeds_and_a_chosen_file(service, page, photo, tmp_path):
    page.open(service.url, model="run")
    (tmp_path / "a.png").write_bytes(photo)
    page.find("file").send_keys(str(tmp_path / "a.png"))
    page.at_rest()
    choices = [option.get_attribute("value") for option in Select(page.find("size")).options]
    assert choices == ["trained", "proportions", "own"]
    Select(page.find("size")).select_by_value("own")
    plain = page.at_rest()
    np.testing.assert_array_equal(plain, pixels(service.post("run", photo, size="own").content))
    page.click("#dropout")
    first = page.at_rest()
    expected = service.post("run", photo, size="own", dropout=True, seed=0)
    np.testing.assert_array_equal(first, pixels(expected.content))
    page.click("#dice")
    assert (page.at_rest() != first).any()
    page.find("seed").clear()
    page.find("seed").send_keys("-3")
    page.until(lambda: "A seed is a whole number" in page.find("seed-problem").text)


def test_a_label_map_is_painted(service, page):
    page.open(service.url, model="labels")
    before = page.at_rest()
    page.click("#palette label:nth-child(3) input")
    page.drag("canvas", (0.2, 0.2), (0.8, 0.8))
    after = page.at_rest()
    assert (after != before).any()
    painted, colours = page.canvas("canvas"), httpx.get(f"{service.url}/v1/models/labels").json()["source"]["palette"]
    labels = np.zeros((*painted.shape[:2], 1), np.uint8)
    for number, colour in enumerate(colours):
        labels[(painted == colour["rgb"]).all(axis=2)] = number
    np.testing.assert_array_equal(after, pixels(service.post("labels", png(labels), size="own").content))


# The same without a server


@pytest.fixture(scope="module")
def runtime() -> Path:
    """The folder of onnxruntime-web, or a skip that says how to get it."""
    place = Path(os.environ.get("ONNXRUNTIME_WEB", ".venv/onnxruntime-web"))
    if not place.is_dir():
        pytest.skip(f"onnxruntime-web is not in {place}: make web-runtime gets it")
    return place


class Static(NamedTuple):
    """A site's address, its folder, and what the command said that made it."""

    url: str
    folder: Path
    said: str


@pytest.fixture(scope="module")
def static(models, runtime, tmp_path_factory) -> Iterator[Static]:
    """A site of four models."""
    folder = tmp_path_factory.mktemp("static") / "my site"
    words = [f"{name}={models[name]}" for name in ("houses", "symbol", "colours", "labels")]
    said = io.StringIO()
    with pytest.raises(SystemExit) as stopped, contextlib.redirect_stdout(said):
        cli.run("web", ["--model", *words, "--output", str(folder), "--runtime-dir", str(runtime)])
    assert not stopped.value.code

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Static(f"http://127.0.0.1:{server.server_port}/", folder, said.getvalue())
        server.shutdown()
        thread.join()


def test_the_browser_computes_what_the_service_does(service, static, page, photo):
    page.open(static.url, model="houses")
    answer = page.at_rest().astype(int)
    assert "WebAssembly" in page.find("status").text
    served = pixels(service.post("houses", png(np.ascontiguousarray(page.canvas("canvas")))).content)
    assert np.abs(answer - served).max() <= 1
    page.click("#palette label:nth-child(12) input")
    page.drag("canvas", (0.25, 0.25), (0.75, 0.75))
    assert (page.at_rest() != answer).any()
    page.open(static.url, model="labels")
    labels = np.zeros((*page.canvas("canvas").shape[:2], 1), np.uint8)
    served = pixels(service.post("labels", png(labels), size="own").content)
    assert np.abs(page.at_rest().astype(int) - served).max() <= 1
    assert page.said() == []


@pytest.mark.parametrize(
    ("name", "size", "shape", "most"),
    [
        ("symbol", "own", (48, 64), 1),
        ("symbol", "trained", (64, 64), 1),  # halved
        ("symbol", "trained", (20, 17), 2),  # enlarged by OpenCV in whole numbers: what the network gets is up to 1 off
        ("colours", "trained", (64, 64), 1),
        ("colours", "trained", (32, 32), 1),
    ],
)
def test_photos_in_the_browser(service, static, page, name, size, shape, most):
    photo = draw_photo(*shape)
    page.open(static.url, model=name)
    page.drop(photo, "a.png")
    page.at_rest()
    if name == "symbol":
        Select(page.find("size")).select_by_value(size)
    answer = page.at_rest().astype(int)
    served = pixels(service.post(name, photo, size=size).content)
    assert answer.shape == served.shape
    assert np.abs(answer - served).max() <= most


def test_the_folder(static):
    sizes = {path.name: path.stat().st_size for path in static.folder.iterdir() if path.is_file()}
    assert sum(sizes[name] for name in site.static_page()) < 60_000
    assert {path.name for path in (static.folder / "runtime").iterdir()} == {*FILES, "NOTICE.txt"}
    assert "server.js" not in sizes
    assert Image.open(io.BytesIO((static.folder / "houses-0.png").read_bytes())).size[0] >= 8


def test_the_line_that_shows_it(static, monkeypatch):
    """As printed, but for its port, which may be another program's here."""
    (line,) = re.findall("^next: (.+) 8000$", static.said, re.MULTILINE)
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(f"exec {line} 0", shell=True, **pipes) as process:
        port = re.search(r"port (\d+)", process.stdout.readline())[1]
        assert httpx.get(f"http://127.0.0.1:{port}/").content == (static.folder / "index.html").read_bytes()
        process.terminate()
