"""What a run's events make: numbers and pictures in the sinks, warnings, the page."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.pictures.files import write_image
from gluon_pix2pix.reports import watch as module
from gluon_pix2pix.reports.sinks import WatchOptions
from gluon_pix2pix.reports.watch import Watch, numbers_of


class Recorder:
    """A sink that keeps what it is shown."""

    def __init__(self):
        self.numbers, self.pictures, self.closed = [], [], False

    def scalars(self, step, values):
        self.numbers.append((step, dict(values)))

    def images(self, step, name, image):
        self.pictures.append((step, name, image))

    def close(self):
        self.closed = True


@pytest.fixture
def recorder(monkeypatch):
    sink = Recorder()
    sink.opened = {}

    def open_sinks(options, run_dir, **more):
        sink.opened = {"options": options, **more}
        return [sink]

    monkeypatch.setattr(module, "open_sinks", open_sinks)
    return sink


def test_numbers_go_to_the_sinks_at_the_runs_own_steps(tmp_path, recorder, make_line):
    watch = Watch(tmp_path, steps_per_epoch=10, options=WatchOptions("visdom"), say=pytest.fail)
    assert watch.event(make_line(1, 5, time=1e9, D_accuracy=0.5)) == []
    watch.event(make_line(2, 5))
    watch.event({"event": "epoch", "epoch": 2, "val_psnr": 20.5, "val_ssim": None})
    watch.event({"event": "epoch", "epoch": 3, "val_psnr": None})
    watch.event({"event": "note", "text": "nothing to draw"})
    values = {"D_real": 0.5, "D_fake": 0.4, "G_GAN": 1.2, "G_L1": 30.0, "lr": 2e-4, "images_per_second": 5.0}
    assert recorder.numbers == [(5, {**values, "D_accuracy": 0.5}), (15, values), (20, {"val_psnr": 20.5})]


def test_samples_are_shown_in_eight_bits(tmp_path, recorder):
    (tmp_path / "samples").mkdir()
    sheet = np.random.default_rng(0).integers(0, 65536, (6, 9, 1)).astype(np.uint16)
    write_image(tmp_path / "samples" / "epoch_0002.png", sheet)
    watch = Watch(tmp_path, steps_per_epoch=10, say=pytest.fail)
    watch.event({"event": "samples", "epoch": 2, "file": "samples/epoch_0002.png"})
    ((step, name, image),) = recorder.pictures
    assert (step, name) == (20, "samples")
    np.testing.assert_array_equal(image, np.repeat(sheet >> 8, 3, axis=2).astype(np.uint8))


def test_a_resumed_run_tells_the_sinks_where_it_is(tmp_path, recorder, make_line):
    events = [make_line(1, 10), {"event": "epoch", "epoch": 1, "val_psnr": 20.0}, make_line(2, 4)]
    options = WatchOptions("visdom", visdom_port=1234)
    Watch(tmp_path, steps_per_epoch=10, events=events, options=options, say=print)
    assert recorder.opened["step"] == 14
    assert [step for step, _ in recorder.opened["history"]] == [10, 10, 14]
    assert recorder.opened["history"][1] == (10, {"val_psnr": 20.0})
    assert recorder.opened["options"] is options


def test_the_end_closes_the_sinks(tmp_path, recorder):
    watch = Watch(tmp_path, steps_per_epoch=10, say=pytest.fail)
    watch.close()
    assert recorder.closed


def test_warnings_come_back_and_the_page_has_them(tmp_path, make_line):
    watch = Watch(tmp_path, steps_per_epoch=10, say=pytest.fail)
    found = [w for step in (2, 4, 6, 8) for w in watch.event(make_line(1, step, data_wait=0.5))]
    assert [(warning["kind"], warning["step"]) for warning in found] == [("loader", 6)]
    watch.event({"event": "warning", **found[0]})
    assert "reading the pictures is the bottleneck" in (tmp_path / "index.html").read_text()


def test_the_page_takes_a_small_share_of_the_time(tmp_path, make_line, monkeypatch):
    written, clock = [], iter(range(0, 1000))
    monkeypatch.setattr(module, "write_run_page", lambda run_dir, events, **_: written.append(len(events)))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))  # a write takes a second of this clock
    watch = Watch(tmp_path, steps_per_epoch=1000, say=pytest.fail)
    for step in range(1, 102):
        watch.event(make_line(1, step))
    assert written == [1, 51, 101]  # each line asks for the time, and 1 / 0.02 s have to pass
    watch.event({"event": "epoch", "epoch": 1})  # moments that a person waits for do not
    watch.close()
    assert written[3:] == [102, 102]


def test_a_page_that_cannot_be_written_is_said_once(tmp_path, make_line):
    said = []
    watch = Watch(tmp_path / "gone", steps_per_epoch=10, say=said.append)
    for step in (1, 2):
        watch.event(make_line(1, step))
    watch.close()
    assert len(said) == 1
    assert "the run's page is not written" in said[0]


def test_places_and_words_are_no_numbers():
    event = {"event": "x", "epoch": 1, "step": 2, "time": 3.0, "text": "x", "flag": True, "nan": float("nan"), "lr": 1}
    assert numbers_of(event) == {"lr": 1}
