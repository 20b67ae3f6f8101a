"""Runs on folders without splits: drawn once, remembered, listed for who translates."""

from __future__ import annotations

import shutil

import pytest

from gluon_pix2pix.commands import train
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.reading import read_json
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.translation.inputs import find_inputs


@pytest.fixture
def options(tiny_options, tiny_pairs, tmp_path):
    """A run of one epoch on six pairs side by side in one folder."""
    folder = tmp_path / "my own"
    for split in ("train", "val"):
        for path in (tiny_pairs / split).iterdir():
            folder.mkdir(exist_ok=True)
            shutil.copy(path, folder / f"{split}_{path.name}")
    return tiny_options(dataset=str(folder), run_dir=tmp_path / "run")


def remembered(options: TrainOptions) -> list[str]:
    return read_json(options.run.run_dir / "split.json", {"val": [str]}, what="a split")["val"]


def test_the_split_is_drawn_remembered_and_listed(options, tmp_path, capsys):
    train.main(options)
    out = capsys.readouterr().out
    assert "\n6 pairs: 5 train, 1 val, drawn by --seed; --val-fraction 0 uses all\n" in out
    assert "validation PSNR" in out
    (val,) = remembered(options)
    assert (tmp_path / "run/val.csv").read_text().strip() == f"{tmp_path}/my own/{val}"
    assert f"--input {tmp_path}/run/val.csv --pairs yes\n" in out
    assert [file.path.name for file in find_inputs(tmp_path / "run/val.csv").files] == [val]

    for number in range(6):  # which would be another draw
        shutil.copy(tmp_path / "my own" / val, tmp_path / "my own" / f"a{number}.png")
    train.main(options.replace(n_epochs=2))
    out = capsys.readouterr().out
    assert "12 pairs: 11 train, 1 val, as when the run began\n" in out
    assert "are not those that the run has seen so far" in out
    assert remembered(options) == [val]
    with pytest.raises(UsageError, match=r"was trained with no --val-fraction \(now 0\.0\): pass the same"):
        train.main(options.replace(n_epochs=3, val_fraction=0.0))

    (tmp_path / "run/split.json").unlink()  # as an earlier version has left it, which trained on all
    train.main(options.replace(n_epochs=3))
    assert "12 pairs: all train, no val, as when the run began\n" in capsys.readouterr().out


def test_runs_among_their_own_photos_are_refused(options, tmp_path):
    options = options.replace(task="colorization", run_dir=tmp_path / "my own" / "run")
    with pytest.raises(UsageError, match=r"my own/run is inside the photos' folder"):
        train.main(options)


def test_no_share_of_arrays_and_no_share_above_one(options):
    from gluon_pix2pix import train as train_arrays

    with pytest.raises(UsageError, match="pass `validation`"):
        train_arrays([], val_fraction=0.5)
    with pytest.raises(UsageError, match=r"--val-fraction 1 is no share"):
        options.replace(val_fraction=1.0)
