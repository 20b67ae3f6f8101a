"""One process at a time trains into a folder."""

from __future__ import annotations

import pytest

from gluon_pix2pix.runs.lock import RunLock


def test_two_processes_do_not_train_into_one_folder(tmp_path):
    with RunLock(tmp_path / "run"), pytest.raises(OSError, match=r"another process is training into .*run: wait for"):
        RunLock(tmp_path / "run").__enter__()
    with RunLock(tmp_path / "run") as lock:
        lock.check()


@pytest.mark.parametrize("locks", [True, False])
def test_a_folder_that_is_gone_is_noticed(tmp_path, monkeypatch, locks):
    if not locks:
        monkeypatch.setattr("gluon_pix2pix.writing.fcntl", None)
    with RunLock(tmp_path / "run") as lock:
        (tmp_path / "run").rename(tmp_path / "moved")
        with pytest.raises(FileNotFoundError, match=r"run was removed or replaced while it was trained into"):
            lock.check()
        (tmp_path / "moved").rename(tmp_path / "run")
        lock.check()
