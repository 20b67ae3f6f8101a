"""How differences are measured, and when they fail."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix import nvidia
from gluon_pix2pix.diagnosis.comparison import (
    DRAWS,
    TF32_TOLERANCES,
    TOLERANCES,
    Row,
    compare,
    distance,
    first_that_passes,
    guarded,
    largest_difference,
    tolerance,
)
from gluon_pix2pix.runtime import mx


def test_differences_are_parts_of_the_largest_true_number():
    assert largest_difference(np.array([1.0, 8.2]), np.array([1.1, -8.0])) == pytest.approx(16.2 / 8)
    assert largest_difference(np.array([0.5]), np.array([0.0])) == 0.5
    assert distance(np.array([3.0, 0.0]), np.array([0.0, 4.0])) == 5 / 4
    assert distance(np.zeros(2), np.zeros(2)) == 0


@pytest.mark.parametrize("measure", [largest_difference, distance])
@pytest.mark.parametrize("found", [[np.nan, 1], [np.inf, 1], [1, 1, 1]])
def test_what_is_not_finite_or_of_another_shape_is_infinitely_far(measure, found):
    assert measure(np.array(found, float), np.array([1.0, 1.0])) == float("inf")


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (Row("a", "b", 0.0, 0.0), "ok"),
        (Row("a", "b", 0.1, 0.1), "ok"),
        (Row("a", "b", 0.2, 0.1), "FAILED"),
        (Row("a", "b", float("nan"), 0.1), "FAILED"),
        (Row("a", "b", note="why"), "left out"),
        (Row("a", "b", note="why", failed=True), "FAILED"),
    ],
)
def test_states(row, state):
    assert row.state == state


def test_ampere_computes_in_tf32(monkeypatch):
    monkeypatch.setattr(nvidia, "find_gpus", lambda: [nvidia.Gpu("T4", (7, 5)), nvidia.Gpu("A100", (8, 0))])
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    allowed = [tolerance("convolution", device) for device in (mx.cpu(), mx.gpu(0), mx.gpu(1), mx.gpu(2))]
    exact, loose = TOLERANCES["convolution"], TF32_TOLERANCES["convolution"]
    assert allowed == [exact, exact, loose, exact]
    assert tolerance("moved", mx.gpu(1)) == 0
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    assert tolerance("convolution", mx.gpu(1)) == exact


def test_arrays_are_compared_by_their_kinds():
    found, true = {"y": np.array([1.0]), "z": np.array([2.0])}, {"y": np.array([1.5]), "z": np.array([2.0])}
    rows = list(compare("part", "name", {"": "sum", "z": "bits"}, found, true, mx.cpu()))
    assert [(row.name, row.allowed, row.state) for row in rows] == [
        ("name: y", TOLERANCES["sum"], "FAILED"),
        ("name: z", 0.0, "ok"),
    ]


def test_the_first_draw_that_passes_counts():
    tried = []

    def rows_of(draw):
        tried.append(draw)
        yield Row("a", "b", 0.0 if draw == 1 else 1.0)

    assert [(row.state, row.note) for row in first_that_passes(rows_of)] == [("ok", "draw 2")]
    assert tried == [0, 1]
    (row,) = first_that_passes(lambda draw: iter([Row("a", "b", 1.0)]))
    assert (row.state, row.note) == ("FAILED", f"draw {DRAWS}")


@pytest.mark.parametrize("error", [mx.MXNetError("Traceback:\n  out of  memory"), FloatingPointError("out of memory")])
def test_a_comparison_that_cannot_be_finished_has_failed(error):
    def rows():
        yield Row("a", "first", 0.0)
        raise error

    first, failed = guarded("a", "b", rows)
    assert first.state == "ok"
    assert (failed.state, failed.name) == ("FAILED", "b")
    assert failed.note.endswith("out of memory")
