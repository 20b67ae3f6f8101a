"""Segmenters on disk: trained once, found again, and refused when damaged."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.evaluation import segmenter_files
from gluon_pix2pix.evaluation.palettes import PALETTES
from gluon_pix2pix.evaluation.segmenter_files import get_segmenter
from gluon_pix2pix.pairs.layouts import side_by_side
from gluon_pix2pix.runtime import mx


@pytest.fixture
def get(tiny_pairs, tmp_path, monkeypatch):
    """Get a small segmenter for `tiny_pairs`; return it, its facts and the number of steps that were trained."""
    monkeypatch.setattr(segmenter_files, "NETWORK", {"size": 32, "width": 16, "num_downs": 3})
    monkeypatch.setattr(segmenter_files, "LOAD_SIZE", 36)

    def run(**changes):
        steps = []
        options = {"direction": "BtoA", "palette": PALETTES["facades"], "epochs": 2, "seed": 0, "ctx": mx.cpu()}
        pairs = side_by_side(tiny_pairs / "train").pairs[:: changes.pop("order", 1)]
        segmenter, facts = get_segmenter(
            tmp_path / "kept", pairs, name="tiny", progress=lambda *step: steps.append(step), **{**options, **changes}
        )
        return segmenter, facts, len(steps)

    return run


def test_trained_once_and_found_again(get, tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    first, facts, steps = get()
    again, facts_again, steps_again = get()
    assert (steps, steps_again) == (2, 0)
    assert facts == facts_again
    assert np.array_equal(first(photo), again(photo))
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [facts["path"].rpartition("/")[2]]
    kept = tmp_path / "kept" / facts["path"].rpartition("/")[2]
    stored = json.loads((kept / "segmenter.json").read_text())
    assert stored["sha256"] == hashlib.sha256((kept / "segmenter.params").read_bytes()).hexdigest()
    assert stored["pairs"] == 4
    assert stored["settings"]["epochs"] == 2
    assert stored["palette"]["names"][:2] == ["background", "facade"]
    assert kept.stat().st_mode & 0o777 == 0o755


def test_the_order_of_the_pairs_does_not_matter(get):
    assert get()[1]["path"] == get(order=-1)[1]["path"]


def test_other_settings_are_another_segmenter(get):
    paths = {get()[1]["path"], get(seed=1)[1]["path"], get(epochs=1)[1]["path"]}
    assert len(paths) == 3


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("segmenter.params", b"\0", "its weights are not those that were saved"),
        ("segmenter.json", b"{", "Expecting property name"),
        ("segmenter.params", None, "No such file"),
        ("segmenter.json", b'{"sha256": 3}', "sha256 should be a text"),
        ("segmenter.json", b'{"sha256": "3"}', "is of another one"),
    ],
)
def test_a_damaged_one_is_refused(get, tmp_path, name, content, reason):
    file = Path(get()[1]["path"]) / name
    file.write_bytes(content) if content else file.unlink()
    with pytest.raises(ValueError, match=rf"holds a damaged segmenter \(.*{reason}.*\): remove it, and it is trained"):
        get()


def test_nothing_is_left_of_a_training_that_fails(get, tmp_path):
    with pytest.raises(ValueError, match="are not label pictures"):
        get(direction="AtoB")
    assert list((tmp_path / "kept").iterdir()) == []
