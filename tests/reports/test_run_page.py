"""The page of a run: what it says, and that it says it in a browser."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest

from gluon_pix2pix.reports.run_page import progress_of, write_run_page


def data_of(page) -> dict:
    """What a page's script draws."""
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page.read_text())[1])


def test_the_page_has_what_the_run_has(make_run):
    run_dir = make_run(epochs=3)
    write_run_page(run_dir)
    data, text = data_of(run_dir / "index.html"), (run_dir / "index.html").read_text()
    assert (data["state"], data["epochs"], data["total"]) == ("finished", 3, 3)
    assert [sample["epoch"] for sample in data["samples"]] == [1, 2, 3]
    assert data["samples"][0]["src"] == "samples/epoch_0001.png"
    (psnr,) = [chart for chart in data["charts"] if chart["title"] == "Validation: PSNR (dB)"]
    assert psnr["curves"] == [{"name": "val_psnr", "x": [1, 2, 3], "y": [11, 12, 13]}]
    assert '<th scope="row">--n-epochs</th><td class="">3</td>' in text
    assert "unet_256  ·  data/facades  ·  BtoA  ·  CPU" in text
    assert "http://www.w3.org/2000/svg" in text
    assert re.findall(r"(?:src|href)=\"(?!data:|log|losses|options)[^\"]*\"", text) == []  # nothing from elsewhere


def test_a_run_that_has_only_begun(tmp_path):
    write_run_page(tmp_path)
    data = data_of(tmp_path / "index.html")
    assert (data["state"], data["epochs"], data["charts"], data["samples"]) == ("training", 0, [], [])


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ([], "training"),
        ([{"event": "stop"}], "stopped"),
        ([{"event": "error", "text": "no space"}], "failed"),
        ([{"event": "stop"}, {"event": "start"}], "training"),
        ([{"event": "epoch", "epoch": 9}], "finished"),
    ],
)
def test_states(more, state):
    assert progress_of([{"event": "start"}, *more], total=9)["state"] == state


def test_the_time_left_is_at_the_pace_since_the_last_start(make_line):
    slow = [make_line(1, step, time=1e9 + 100 * step) for step in (5, 10)]
    fast = [make_line(2, step, time=2e9 + step) for step in (5, 10)]
    events = [{"event": "start"}, *slow, {"event": "stop"}, {"event": "start"}, *fast]
    facts = progress_of(events, total=12)
    assert (facts["epochs"], facts["left"], facts["pace"]) == (2, 100, 5)  # half an epoch in 5 s, 10 epochs to go
    assert facts["updated"] == 2e9 + 10
    assert progress_of(events[:2], total=12)["left"] is None


def test_options_that_differ_from_the_defaults_come_first_and_make_the_command(make_run, texts):
    changed = {"gpu": [0, 1], "dataset": "my houses", "flip": False, "cache": True, "lr": -1.0}
    run_dir = make_run(epochs=1, total=1, **changed)
    write_run_page(run_dir, defaults={"generator": "unet_256", "crop_size": 256, "direction": "AtoB", "lr": 2e-4})
    text = (run_dir / "index.html").read_text()
    first, others = (re.findall(r"<th scope=.row.>--([a-z-]+)</th>", part) for part in re.split("All other", text))
    assert others == ["generator", "crop-size"]
    assert first == ["direction", "gpu", "dataset", "flip", "cache", "lr", "n-epochs", "n-epochs-decay", "init-from"]
    begin, use = (html.unescape(line).split(" ", 1)[1] for line in re.findall("<code>(.*?)</code>", text))
    begin, use = (line[line.index(word) :] for line, word in ((begin, "train "), (use, "translate ")))
    assert begin.startswith("train --direction BtoA --gpu 0 1 --dataset 'my houses' --no-flip --cache --lr=-1.0 ")
    assert begin.endswith(f"--n-epochs 1 --n-epochs-decay 0 --run-dir {run_dir}")
    assert use == f"translate --model {run_dir} --input PICTURES"


def test_how_long_it_trained_how_much_disk_and_the_best_epoch(make_run, make_line):
    start = {"event": "start", "epochs": 1, "steps": 0}
    more = ({"event": "stop"}, start, make_line(2, 5, time=5e9), make_line(2, 10, time=5e9 + 7))
    run_dir = make_run(epochs=1, more=more)
    for epoch, psnr in ((1, 12.0), (2, 11.0)):
        folder = run_dir / "checkpoints" / f"epoch_{epoch:04d}"
        folder.mkdir(parents=True)
        state = {"epoch": epoch, "step": 0, "sha256": {}, "val_psnr": psnr, "best_by": "val_psnr"}
        (folder / "state.json").write_text(json.dumps(state))
        (folder / "weights").write_bytes(bytes(2_000_000))
    write_run_page(run_dir)
    data = data_of(run_dir / "index.html")
    assert data["seconds"] == 5 + 7  # between the lines of each start, and not the years between
    assert data["megabytes"] == 4.0
    assert data["best"] == 1


def test_each_chart_says_what_is_good(make_run, browser, texts):
    run_dir = make_run(epochs=2)
    write_run_page(run_dir)
    for figure in texts(browser.dom(run_dir / "index.html"), "figure"):
        assert "Good: " in figure, figure


def test_the_smoothed_curve_does_not_lag(make_run, browser, make_line):
    """A loss that falls in a straight line is its own mean: the smoothed path is the raw one."""
    lines = tuple(make_line(1 + step // 10, step % 10 + 1, G_L1=float(200 - step)) for step in range(120))
    run_dir = make_run(epochs=0, more=lines)
    write_run_page(run_dir)
    dom = browser.dom(run_dir / "index.html")
    figure = dom[dom.index("Generator: L1") :]
    raw, smooth = re.findall(r'<path[^>]* d="M([^"]+)"', figure)[:2]
    raw, smooth = ([tuple(map(float, at.split())) for at in path.split("L")] for path in (raw, smooth))
    assert len(raw) == len(smooth) == 120
    assert np.abs(np.subtract(raw, smooth)).max() < 0.5  # of a pixel


def test_texts_are_texts(make_run):
    evil = "</script><script>alert(1)</script>"
    warning = {"event": "warning", "kind": "x", "text": evil, "epoch": 2}
    run_dir = make_run("<b>run", more=(warning, {"event": "error", "text": evil}), generator=evil)
    write_run_page(run_dir)
    text = (run_dir / "index.html").read_text()
    assert evil not in text
    assert text.count("<script") == 2
    assert "<h1>&lt;b&gt;run</h1>" in text
    assert data_of(run_dir / "index.html")["warned"] == [2]


def test_it_opens_in_a_browser(make_run, browser, texts):
    warning = {"event": "warning", "kind": "x", "text": "the discriminator <has> won", "epoch": 2}
    run_dir = make_run(epochs=2, total=4, more=(warning, {"event": "stop"}))
    write_run_page(run_dir)
    dom = browser.dom(run_dir / "index.html")
    assert "stopped" in texts(dom, "span")
    assert "the discriminator <has> won" in texts(dom, "span")
    assert texts(dom, "b")[:2] == ["2 of 4", "5"]
    assert texts(dom, "output") == ["epoch 2"]
    assert 'src="samples/epoch_0002.png"' in dom
    assert dom.count("<figure") == 6
    assert "30" in texts(dom, "figcaption")[0]


def test_the_address_tells_the_epoch_of_the_samples(make_run, browser, texts):
    run_dir = make_run(epochs=3)
    write_run_page(run_dir)
    dom = browser.dom(run_dir / "index.html", "#sample=2")
    assert texts(dom, "output") == ["epoch 2"]
    assert 'src="samples/epoch_0002.png"' in dom


def test_it_fits_a_narrow_window(make_run, browser):
    """Nothing sticks out to the right: the last columns of pixels are the ground and the cards' faint shadows."""
    run_dir = make_run(epochs=2, data_root="a/" + "very_long_name/" * 30)
    write_run_page(run_dir)
    frame = run_dir / "frame.html"
    frame.write_text('<body style="margin:0"><iframe src="index.html" style="border:0;width:360px;height:2400px">')
    shot = browser.screenshot(frame, width=500, height=2400)
    assert np.ptp(shot[:, 348:360]) < 8
    assert np.ptp(shot[:, :348]) > 200


@pytest.mark.parametrize(
    ("keys", "epoch"),
    [(("ArrowLeft",), 2), (("ArrowLeft",) * 9, 1), (("ArrowLeft", "ArrowLeft", "ArrowRight"), 2), ((" ",), 3)],
)
def test_keys_walk_through_the_epochs(make_run, browser, texts, keys, epoch):
    """The space bar begins at the first epoch and has played all three within the browser's time."""
    run_dir = make_run(epochs=3)
    write_run_page(run_dir)
    assert texts(browser.dom(run_dir / "index.html", keys=keys), "output") == [f"epoch {epoch}"]


def test_a_hairs_breadth_of_waiting_is_not_a_mountain(make_run, browser, texts, make_line):
    run_dir = make_run(epochs=1, more=(make_line(1, data_wait=0.0001),))
    write_run_page(run_dir)
    (figure,) = [text for text in texts(browser.dom(run_dir / "index.html"), "figure") if "Waiting" in text]
    assert figure.startswith("Waiting for pictures (share)1.0e−4")  # noqa: RUF001, a minus sign
    assert "0.1" in figure.removeprefix("Waiting for pictures (share)1.0e−4")  # noqa: RUF001
