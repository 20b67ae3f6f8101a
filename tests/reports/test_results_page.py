"""The page of scored pictures: its order, its large view, its difference map, in a browser; its files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Callable
from urllib.parse import quote

import matplotlib
import numpy as np
import pytest

from gluon_pix2pix.evaluation.pairing import find_pairs
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.reports.gallery import GAP, THUMB
from gluon_pix2pix.reports.results_page import protocol_of, write_results_page
from gluon_pix2pix.reports.translations_page import write_translations_page


def picture(value: int, size: tuple = (64, 96)) -> np.ndarray:
    return np.full((*size, 3), value, np.uint8)


@pytest.fixture
def make_results(tmp_path) -> Callable[..., Path]:
    """Write a folder of results: a picture for each of `rows`, and their scores."""

    def write(rows: dict[str, dict], *, sources: bool = True, ending: str = "png", **report) -> Path:
        folder = tmp_path / "facades"
        folder.mkdir()
        pictures = []
        for name, scores in rows.items():
            files = {role: f"{name}_{role}.{ending}" for role in ("source", "fake", "target")[not sources :]}
            for value, file in zip((10, 100, 130), list(files.values())[-3:] if sources else ["", *files.values()]):
                if file:
                    write_image(folder / file, picture(value))
            row = {"folder": ".", "name": name, "source": None, **files}
            pictures.append({**row, "width": 96, "height": 64, "channels": 3, "bits": 8, **scores})
        report = {"folder": str(folder), "targets": None, "protocol": {"psnr": "dB"}, "pictures": pictures, **report}
        (folder / "scores.json").write_text(json.dumps(report))
        return folder

    return write


SCORES = {
    "a": {"psnr": 20.0, "mse": 5.0},
    "b": {"psnr": 10.0, "mse": 9.0},
    "c": {"psnr": "inf", "mse": 0.0},
    "d": {"psnr": 15.0, "mse": None},
}


def names(dom: str) -> list[str]:
    return re.findall(r'data-name="([^"]*)"', dom)


def data_of(folder: Path) -> dict:
    page = (folder / "index.html").read_text()
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page)[1])


@pytest.mark.parametrize(
    ("fragment", "order"),
    [
        ("", "abcd"),
        ("#sort=psnr", "bdac"),  # the worst first: low, and identical pictures last
        ("#sort=psnr&order=best", "cadb"),
        ("#sort=mse", "bacd"),  # the worst first: high, and pictures without a score last
        ("#sort=mse&order=best", "cabd"),
        ("#sort=unknown", "abcd"),
        ("#find=B", "b"),
    ],
)
def test_order(make_results, browser, fragment, order):
    folder = make_results(SCORES)
    page = write_results_page(folder)
    assert "".join(names(browser.dom(page, fragment))) == order


def test_every_number_of_a_row_is_a_score(make_results, browser, texts):
    folder = make_results({"a": {"psnr": 20.123, "psnr_y": 21.0, "label_accuracy": 0.51239, "note": "x", "ok": True}})
    write_results_page(folder)
    metrics = data_of(folder)["metrics"]
    assert [(m["key"], m["title"], m["unit"], m["low"], m["decimals"]) for m in metrics] == [
        ("psnr", "PSNR", "dB", False, 2),
        ("psnr_y", "PSNR Y", "dB", False, 2),
        ("label_accuracy", "Label accuracy", "", False, 4),
    ]
    dom = browser.dom(folder / "index.html")
    assert texts(dom, "h2")[:3] == ["PSNR (dB)", "PSNR Y (dB)", "Label accuracy"]
    assert texts(dom, "strong") == ["20.12", "21.00", "0.5124"]
    assert "20.12 dB" in texts(dom, "b")


def test_means_and_histograms(make_results, browser, texts):
    folder = make_results({f"p{n}": {"ssim": n / 10} for n in (1, 1, 2, 3, 8)} | {"q": {"ssim": 0.2}})
    dom = browser.dom(write_results_page(folder))
    assert texts(dom, "strong") == ["0.3200"]  # (.1 + .2 + .3 + .8 + .2) / 5
    assert "median 0.2000" in texts(dom, "span")
    bars = [float(height) for height in re.findall(r'<rect [^>]*height="([^"]*)"', dom)]
    assert len([height for height in bars if height]) == 4
    assert max(bars) == 44


def test_identical_pictures_alone(make_results, browser, texts):
    dom = browser.dom(write_results_page(make_results({"a": {"psnr": "inf"}})))
    assert texts(dom, "strong") == ["∞"]


def test_the_large_view(make_results, browser, texts):
    page = write_results_page(make_results(SCORES))
    dom = browser.dom(page, "#sort=psnr&view=d")
    assert re.search(r"<dialog [^>]*open", dom)
    assert "d" in texts(dom, "h2")
    assert "2 of 4 by PSNR, worst first" in dom
    assert 'src="d_fake.png"' in dom
    assert 'src="d_target.png"' in dom
    assert "MSE <b>\u2013</b>" in dom
    side = browser.dom(page, "#view=d&mode=side")
    assert 'src="d_source.png"' in side


def test_cards_say_what_is_what_and_the_large_view_links_the_files(make_results, browser, texts):
    page = write_results_page(make_results({"a": {"psnr": 20.0}}))
    dom = browser.dom(page, "#view=a&with=source&zoom=2")
    assert re.findall(r'<div class="roles"[^>]*>(.*?)</div>', dom) == [
        "".join(f'<span style="flex-grow:192">{role}</span>' for role in ("source", "fake", "target"))
    ]
    assert 'class="field wipe zoomed"' in dom
    stage = dom[dom.index('class="stage wipe"') :]
    assert re.findall(r'src="([^"]*)"', stage)[:2] == ["a_source.png", "a_fake.png"]
    for role in ("source", "fake", "target"):
        assert f'<a href="a_{role}.png" target="_blank">open</a>' in dom
        assert f'<a href="a_{role}.png" download="a_{role}.png">download</a>' in dom
    assert [text for text in texts(dom, "button") if text.startswith("with ")] == ["with target", "with source"]


def test_the_head_says_by_what_pictures_were_translated(make_results):
    made = {"model": "runs/f", "checkpoint": "epoch_0003", "statistics": "picture", "dropout": True, "seed": 4}
    folder = make_results({"a": {"psnr": 20.0}})
    (folder / "translation.json").write_text(json.dumps({**made, "size": [64, 96], "tile": None}))
    line = "model runs/f  ·  epoch_0003  ·  statistics: picture  ·  with dropout, seed 4  ·  translated at 96 x 64"
    assert f'<p class="quiet">{line}</p>' in write_results_page(folder).read_text()


def test_only_what_was_computed_is_explained():
    words = {"psnr": "p", "ssim": "s", "mse_mae": "m", "psnr_rgb": "r", "psnr_ab": "c", "inf": "i", "null": "n"}
    words |= {"psnr_of_mean_mse": "x"}
    rows = [{"name": "a", "psnr": 20.0, "mae": 3.0, "psnr_ab": None}]
    assert list(protocol_of({"protocol": words, "pictures": rows})) == ["psnr", "mse_mae"]
    rows.append({"name": "b", "psnr": "inf", "mae": 3.0, "psnr_ab": 9.0})
    assert list(protocol_of({"protocol": words, "pictures": rows})) == ["psnr", "mse_mae", "psnr_ab", "inf", "null"]


def test_a_page_without_targets(tmp_path, browser, texts):
    files = {role: tmp_path / f"a_{role}.png" for role in ("source", "fake")}
    for path, value in zip(files.values(), (10, 100)):
        write_image(path, picture(value))
    page = write_translations_page(tmp_path, [("a", files)])
    dom = browser.dom(page, "#view=a")
    assert re.findall(r'src="([^"]*)"', dom[dom.index('class="stage wipe"') :])[:2] == ["a_source.png", "a_fake.png"]
    assert "1 picture" in texts(dom, "p")
    assert not texts(dom, "strong")  # no scores


@pytest.mark.parametrize(
    ("keys", "place", "mode"),
    [
        (("ArrowRight",), "3 of 4", "wipe"),
        (("ArrowLeft", "ArrowLeft", "d"), "1 of 4", "difference"),
        (("s", "ArrowRight"), "3 of 4", "side"),
    ],
)
def test_keys_in_the_large_view(make_results, browser, keys, place, mode):
    dom = browser.dom(write_results_page(make_results(SCORES)), "#sort=psnr&view=d", keys=keys)
    assert f">{place} by PSNR, worst first<" in dom
    assert f'class="field {mode}"' in dom


def test_keys_walk_through_the_pictures_and_open_one(make_results, browser, texts):
    """The first arrow goes to the first picture; a link that has the focus opens at Enter, which is a click."""
    page = write_results_page(make_results(SCORES))
    step = "dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))"
    walk = f"document.body.{step}; document.activeElement.{step}; document.activeElement.click()"
    dom = browser.dom(page, "#sort=psnr", first=walk)
    assert texts(dom[dom.index("<dialog") :], "h2") == ["d"]


def test_a_closed_view_leaves_the_focus_on_its_picture(make_results, browser):
    page = write_results_page(make_results(SCORES))
    mark = "document.activeElement.setAttribute('here', '')"
    # The page's own answer to the event comes first. A timer would not do: virtual time can pass before the event.
    close = f"const d = document.querySelector('dialog'); d.addEventListener('close', () => {mark}); d.close()"
    dom = browser.dom(page, "#view=c", first=close)
    assert re.search(r'data-name="c"[^>]* here=', dom)


def centre(shot: np.ndarray) -> np.ndarray:
    height, width = shot.shape[:2]
    return shot[height // 2 - 90, width // 2 + np.array([-40, 40])]


def test_wiping_shows_both(make_results, browser):
    page = write_results_page(make_results({"a": {"psnr": 20.0}}))
    left, right = centre(browser.screenshot(page, "#view=a"))
    np.testing.assert_allclose([left, right], [[100] * 3, [130] * 3], atol=1)


def test_the_difference_has_the_colour_of_its_size(make_results, browser):
    """Fake and target differ by 30 everywhere; twice that of 255 is looked up in matplotlib's inferno."""
    page = write_results_page(make_results({"a": {"psnr": 20.0}}))
    seen = centre(browser.screenshot(page, "#view=a&mode=difference"))
    expected = np.array(matplotlib.colormaps["inferno"](60 / 255)[:3]) * 255
    np.testing.assert_allclose(seen, [expected] * 2, atol=4)  # the filter's table has 17 entries, matplotlib's 256


def test_thumbnails(make_results):
    folder = make_results({"a": {"psnr": 20.0}})
    write_results_page(folder)
    (thumb,) = (folder / "thumbs").iterdir()
    strip = read_image(thumb)
    assert strip.shape == (THUMB, 3 * 192 + 2 * GAP, 3)
    np.testing.assert_allclose(strip[64, [96, 96 + 192 + GAP, 96 + 2 * (192 + GAP)], 0], [10, 100, 130], atol=2)
    (shown,) = data_of(folder)["pictures"]
    assert (shown["widths"], shown["high"]) == ([192] * 3, THUMB)
    assert shown["size"] == [96, 64]
    assert (folder / shown["thumb"]) == thumb


def test_thumbnails_are_no_results(make_results):
    folder = make_results({"a": {"psnr": 20.0}}, ending="tiff")
    write_results_page(folder)
    write_results_page(folder)
    assert [pair.name for pair in find_pairs(folder).pairs] == ["a"]
    assert find_pairs(folder).ignored == []


def test_pictures_that_browsers_do_not_show_are_converted(make_results):
    folder = make_results({"a": {"psnr": 20.0}}, ending="tiff")
    write_results_page(folder)
    files = data_of(folder)["pictures"][0]["files"]
    assert [read_image(folder / files[role])[0, 0, 0] for role in ("source", "fake", "target")] == [10, 100, 130]
    assert files["fake"].endswith(".png")


def test_16_bits_without_sources(tmp_path):
    folder = tmp_path / "depth"
    folder.mkdir()
    for role, value in (("fake", 257 * 100), ("target", 257 * 130)):
        write_image(folder / f"a_{role}.png", np.full((16, 16, 1), value, np.uint16))
    row = {"folder": ".", "name": "a", "fake": "a_fake.png", "target": "a_target.png", "source": None, "psnr": 20.0}
    (folder / "scores.json").write_text(json.dumps({"folder": "depth", "pictures": [row]}))
    write_results_page(folder)
    (thumb,) = (folder / "thumbs").iterdir()
    np.testing.assert_allclose(read_image(thumb)[64, [64, 64 + THUMB + GAP], 0], [100, 130], atol=2)
    assert list(data_of(folder)["pictures"][0]["files"]) == ["fake", "target"]


def test_scores_that_lie_apart_from_their_pictures(tmp_path, make_results, monkeypatch):
    """With --output and --targets, paths are relative to the folders that were scored."""
    folder = make_results({"a": {"psnr": 20.0}}, sources=False)
    (tmp_path / "truth").mkdir()
    (folder / "a_target.png").rename(tmp_path / "truth" / "a.png")
    report = json.loads((folder / "scores.json").read_text())
    report["pictures"][0]["target"] = "a.png"
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "scores.json").write_text(json.dumps({**report, "folder": "facades", "targets": "truth"}))
    monkeypatch.chdir(tmp_path)
    write_results_page("page")
    assert data_of(tmp_path / "page")["pictures"][0]["files"] == {
        "fake": "../facades/a_fake.png",
        "target": "../truth/a.png",
    }


EVIL = "<script>alert('x')<&\"é#%.."


def test_names_are_text(make_results, browser, texts):
    folder = make_results({EVIL: {"psnr": 20.0}}, left_out=[f"{EVIL}.png: no"], protocol={"psnr": EVIL})
    page = write_results_page(folder)
    assert page.read_text().count("<script") == 2
    dom = browser.dom(page)
    assert EVIL in texts(dom, "h3")
    assert EVIL in texts(dom, "dd")
    assert f"{EVIL}.png: no" in texts(dom, "li")
    left, _ = centre(browser.screenshot(page, f"#view={quote(EVIL)}"))
    np.testing.assert_allclose(left, [100] * 3, atol=1)  # the picture itself is found under its name


def test_a_name_of_undecodable_bytes(make_results):
    name = b"\xff1".decode("utf-8", "surrogateescape")
    folder = make_results({name: {"psnr": 20.0}})
    write_results_page(folder)
    (shown,) = data_of(folder)["pictures"]
    assert shown["name"] == "?1"
    assert shown["files"]["fake"] == "%FF1_fake.png"


def test_means_of_folders(make_results, texts):
    folders = {
        "x/<a>": {"pictures": 1, "psnr": {"mean": 20.0}, "mse": None},
        "b": {"pictures": 2, "psnr": {"mean": "inf"}},
    }
    folder = make_results({"a": {"psnr": 20.0}}, folders=folders)
    page = write_results_page(folder).read_text()
    assert texts(page, "th") == ["", "pictures", "psnr", "x/<a>", "b"]
    assert texts(page, "td") == ["1", "20", "2", "inf"]


def test_2000_pictures(make_results, browser):
    """The browser lists all of them, and loads those in sight and near it alone."""
    scores = np.random.default_rng(0).permutation(2000)
    page = write_results_page(make_results({"a": {"psnr": 1.0}}))
    data = data_of(page.parent)
    shown = data["pictures"][0]
    data["pictures"] = [{**shown, "name": f"p{n}", "scores": [float(score)]} for n, score in enumerate(scores)]
    text = page.read_text()
    page.write_text(re.sub(r'(id="data" type="application/json">).*?(?=</script>)', rf"\1{json.dumps(data)}", text))
    dom = browser.dom(page, "#sort=psnr")
    assert names(dom) == [f"p{n}" for n in np.argsort(scores)]
    assert 1 <= dom.count('src="thumbs/') < 200


def test_no_scores(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"scores.json is not there: `evaluate` writes it"):
        write_results_page(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pictures": [{"name": "a"}]}', '{"pictures": [3]}'])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "scores.json").write_text(text)
    with pytest.raises(ValueError, match=r"scores.json is not a file of scores as `evaluate` writes it: "):
        write_results_page(tmp_path)


def test_many_channels_are_shown_by_the_first_three(tmp_path):
    folder = tmp_path / "bands"
    folder.mkdir()
    for role, value in (("fake", 100), ("target", 130)):
        write_image(folder / f"a_{role}.tiff", np.full((16, 16, 5), value, np.uint8))
    row = {"folder": ".", "name": "a", "fake": "a_fake.tiff", "target": "a_target.tiff", "source": None, "psnr": 20.0}
    (folder / "scores.json").write_text(json.dumps({"folder": "bands", "pictures": [row]}))
    write_results_page(folder)
    (thumb,) = (folder / "thumbs").glob("*.jpg")
    np.testing.assert_allclose(read_image(thumb)[64, [64, 64 + THUMB + GAP], 0], [100, 130], atol=2)
