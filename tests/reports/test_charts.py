"""What is drawn of a log, and where along the run it lies."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.reports.charts import charts_of, curve_of, epochs_at, is_number, score_title, steps_per_epoch, thin


def test_places_are_epochs(make_line):
    events = [make_line(1, 5), make_line(1, 10), make_line(2, 5), {"event": "epoch", "epoch": 1, "val_psnr": 20.0}]
    assert steps_per_epoch(events) == 10
    assert [epochs_at(event, 10) for event in events] == [0.5, 1, 1.5, 1]


def test_a_first_epoch_that_is_not_over_needs_to_be_told(make_line):
    assert steps_per_epoch([{"event": "device", "steps_per_epoch": 400}, make_line(1, 100)]) == 400
    assert steps_per_epoch([]) == 1


def test_charts_are_those_that_have_curves(make_line):
    events = [make_line(1, D_accuracy=0.9), {"event": "epoch", "epoch": 1, "val_psnr": 20.0, "val_ssim": None}]
    drawn = {chart.title: [curve.name for curve in curves] for chart, curves in charts_of(events)}
    assert drawn == {
        "Generator: L1, weighted": ["G_L1"],
        "Generator: adversarial": ["G_GAN"],
        "Discriminator": ["D_real", "D_fake"],
        "Validation: PSNR (dB)": ["val_psnr"],
        "Discriminator: accuracy": ["D_accuracy"],
        "Images per second": ["images_per_second"],
        "Learning rate": ["lr"],
    }


def test_an_earlier_logs_lines_have_no_such_value(make_line):
    events = [make_line(1, 5), make_line(1, 10, D_accuracy=0.75)]
    assert curve_of(events, "D_accuracy", 10) == ("D_accuracy", [1], [0.75])


def test_long_curves_are_means_of_equal_stretches():
    at, values = thin(np.arange(4000) / 4, np.arange(4000) % 2, longest=1000)
    assert len(at) == len(values) == 1000
    assert set(values) == {0.5}
    assert at[:2] == [0.375, 1.375]
    assert thin([1, 2], [3, 4]) == ([1, 2], [3, 4])


@pytest.mark.parametrize(
    ("name", "title"), [("val_psnr", "Validation: PSNR (dB)"), ("val_ms_ssim", "Validation: MS SSIM")]
)
def test_titles_of_scores(name, title):
    assert score_title(name) == title


@pytest.mark.parametrize("value", [0, -1.5, 1 << 70, 1.7e308])
def test_numbers_can_be_drawn(value):
    assert is_number(value)


@pytest.mark.parametrize("value", [None, True, "3", [3], float("nan"), float("inf"), -float("inf"), 10**400])
def test_what_is_none_cannot(value):
    """Whole numbers of JSON may be longer than a float can be."""
    assert not is_number(value)
