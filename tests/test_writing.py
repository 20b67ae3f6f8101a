"""Files are written whole or not at all."""

from __future__ import annotations

import os

import pytest

from gluon_pix2pix.writing import write_atomically


def test_write_atomically(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")
    (tmp_path / "plain.txt").touch()  # as the user's umask has it
    assert path.stat().st_mode == (tmp_path / "plain.txt").stat().st_mode
    (tmp_path / "plain.txt").unlink()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
