"""Whatever stands in a run's JSON files, its readers return a value or raise one line that names the file."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluon_pix2pix.reports.run_page import write_run_page
from gluon_pix2pix.runs.checkpoint_list import best_checkpoint, check_resumable, is_best, read_state_file
from gluon_pix2pix.runs.log import read_log, resume_log
from gluon_pix2pix.runs.options_file import coding_of, read_options, read_run, trained_size

NETWORK = {"name": "unet", "num_downs": 5, "input_nc": 3, "output_nc": 3, "ngf": 4, "norm": "batch", "dropout": True}
RUN = {
    "options": {
        "crop_size": 32,
        "direction": "BtoA",
        "preprocess": "resize_and_crop",
        "aspect_ratio": 1.0,
        "n_epochs": 2,
    },
    "generator": NETWORK,
    "discriminator": {"name": "n_layers", "n_layers": 1, "input_nc": 6, "ndf": 4, "norm": "batch"},
    "coding": {"task": "pairs", "input_nc": 3, "output_nc": 3, "labels": 0, "output_labels": 0, "mask": "center"},
    "versions": {"numpy": "1.26"},
    "threads": 1,
}
STATE = {"epoch": 1, "step": 0, "steps": 4, "threads": 1, "history": [30.5], "losses": [], "data": "4 pairs ab"}
STATE |= {"val_psnr": 20.5, "val_ssim": None, "best_by": "val_psnr", "sha256": {"generator.params": "ab"}}
EVENT = {"event": "train", "epoch": 1, "step": 4, "D_real": 0.5, "G_L1": 30.0, "lr": 2e-4, "time": 1.5e9}

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn, whole: dict) -> dict:
    """Draw a dictionary with one or two of its values, at any depth, removed or replaced by anything."""
    value = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 2))):
        holders = [value, *(inner for inner in value.values() if isinstance(inner, dict) and inner)]
        holder = draw(st.sampled_from(holders))
        if holder:
            key = draw(st.sampled_from(sorted(holder)))
            if draw(st.booleans()):
                holder[key] = draw(junk)
            else:
                del holder[key]
    return value


def write(path: Path, *values: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, values)) + "\n")
    return path


def ask(function, path: Path) -> object:
    """Return what a reader returns, or None if it refuses as it should."""
    try:
        return function()
    except ValueError as error:
        line = str(error)
    assert str(path) in line
    assert "\n" not in line
    assert len(line) < len(str(path)) + 500
    return None


quick = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(run=damaged(RUN))
def test_options(tmp_path, run):
    path = write(tmp_path / "options.json", run)
    ask(lambda: read_options(tmp_path), path)
    read = ask(lambda: read_run(tmp_path), path)
    if read is not None:
        assert coding_of(read).source.channels >= 1
        assert trained_size(read, 32) is None or min(trained_size(read, 32)) >= 1


@quick
@given(state=damaged(STATE))
def test_state(tmp_path, state):
    path = write(tmp_path / "checkpoints/epoch_0001/state.json", state)
    read = ask(lambda: read_state_file(path.parent), path)
    if read is not None:
        ask(lambda: check_resumable(path.parent, read), path)
        ask(lambda: resume_log(tmp_path, read), path)
    best_checkpoint(path.parents[1])
    is_best(path.parents[1], {"val_psnr": 21.0}, "val_psnr")


@quick
@given(event=damaged(EVENT))
def test_log(tmp_path, event):
    write(tmp_path / "options.json", RUN)
    write(tmp_path / "log.jsonl", EVENT, event, {"event": "epoch", "epoch": 1})
    events = read_log(tmp_path)
    assert 2 <= len(events) <= 3
    write_run_page(tmp_path, events)
    resume_log(tmp_path, {"epoch": 1, "step": 0})
    for line in (tmp_path / "log.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)
