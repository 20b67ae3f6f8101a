"""What a run's options.json says, and files that say something else."""

from __future__ import annotations

import json

import pytest

from gluon_pix2pix.runs.options_file import read_run, trained_size


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"crop_size": 512}, (512, 512)),
        ({"crop_size": 64, "preprocess": "resize_and_crop", "aspect_ratio": 1.5}, (64, 96)),
        ({"crop_size": 64, "preprocess": "scale_width"}, None),
    ],
)
def test_size_of_training(options, size):
    assert trained_size({"options": options}, 32) == size


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, r"is not the folder of a run: it has no options\.json"),
        ("{", r"options\.json is not the options of a run: it is no JSON \(Expecting"),
        ("{}", r"options\.json is not the options of a run: it has no options"),
        ("[]", r"options\.json is not the options of a run: it should be an object, not a list"),
        ('{"options": {"crop_size": 8, "direction": "AtoB"}}', r"options\.json is not the .* run: it has no generator"),
    ],
)
def test_folders_that_are_no_runs(tmp_path, text, error):
    if text is not None:
        (tmp_path / "options.json").write_text(text)
    with pytest.raises(FileNotFoundError if text is None else ValueError, match=f"^{tmp_path}.*{error}"):
        read_run(tmp_path)


def test_options_that_lack_what_translating_needs(tiny_run, tmp_path):
    run = json.loads((tiny_run / "options.json").read_text())
    del run["options"]["direction"]
    (tmp_path / "options.json").write_text(json.dumps(run))
    with pytest.raises(ValueError, match="is not the options of a run: options lacks direction"):
        read_run(tmp_path)
