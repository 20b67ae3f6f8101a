"""Paris StreetView as its authors send it."""

from __future__ import annotations

import pytest

from gluon_pix2pix.datasets.prepare.paris import plan_paris


def test_paris(tmp_path):
    for name in (
        "paris_train_original/paris_train_original/48.8_2.3_90_-004.JPG",
        "paris_eval/paris_eval_gt/001_im.png",
        "paris_eval/paris_eval_corrupted/001_im.png",
    ):
        (tmp_path / "sent" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sent" / name).touch()
    files = plan_paris(tmp_path / "sent", tmp_path / "out")
    assert list(files) == ["train/48.8_2.3_90_-004.JPG", "val/001_im.png"]
    assert files["val/001_im.png"].parent.name == "paris_eval_gt"
    with pytest.raises(FileNotFoundError, match="paris_eval has no paris_train_original/: unpack the archives"):
        plan_paris(tmp_path / "sent" / "paris_eval", tmp_path / "out")
    with pytest.raises(ValueError, match="lies in the input"):
        plan_paris(tmp_path / "sent", tmp_path / "sent")
