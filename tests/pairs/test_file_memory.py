"""The memory of what was found in files: right or empty, never in the way."""

from __future__ import annotations

import gzip
import json
import os
import time

import pytest

from gluon_pix2pix.pairs import file_memory
from gluon_pix2pix.pairs.file_memory import FileMemory


@pytest.fixture
def old_file(tmp_path):
    path = tmp_path / "a\udcff.png"
    path.write_bytes(b"content")
    os.utime(path, (time.time() - 60,) * 2)
    return path


def test_it_remembers_what_is_as_it_was(tmp_path, old_file):
    memory = FileMemory(tmp_path / "deep" / "memory.gz")
    assert memory.recall(old_file, old_file.stat()) is None
    memory.learn(old_file, old_file.stat(), (1, "x", [2]))
    memory.save()
    memory = FileMemory(tmp_path / "deep" / "memory.gz")
    assert memory.recall(old_file, old_file.stat()) == [1, "x", [2]]
    old_file.write_bytes(b"another")
    assert memory.recall(old_file, old_file.stat()) is None


def test_files_that_are_gone_are_forgotten(tmp_path, old_file):
    path = tmp_path / "memory.gz"
    memory = FileMemory(path)
    for name in ("1.png", "2.png"):
        memory.learn(tmp_path / name, old_file.stat(), [1])
    memory.save()
    memory = FileMemory(path)
    memory.recall(tmp_path / "1.png", old_file.stat())
    memory.save()
    assert list(json.loads(gzip.decompress(path.read_bytes()))["files"]) == [str(tmp_path / "1.png")]
    before = path.stat().st_mtime_ns
    memory = FileMemory(path)
    memory.recall(tmp_path / "1.png", old_file.stat())
    memory.save()
    assert path.stat().st_mtime_ns == before  # nothing is new


@pytest.mark.parametrize(
    "content",
    [b"", b"text", *(gzip.compress(t, mtime=0)[:e] for t, e in ((b"[]", 99), (b"{}", 9), (b'{"readers": 1}', 99)))],
)
def test_a_damaged_memory_is_none(tmp_path, old_file, content):
    path = tmp_path / "memory.gz"
    path.write_bytes(content)
    memory = FileMemory(path)
    assert memory.recall(old_file, old_file.stat()) is None
    memory.learn(old_file, old_file.stat(), [1])
    memory.save()
    assert FileMemory(path).recall(old_file, old_file.stat()) == [1]


def test_other_readers_see_for_themselves(tmp_path, old_file, monkeypatch):
    memory = FileMemory(tmp_path / "memory.gz")
    memory.learn(old_file, old_file.stat(), [1])
    memory.save()
    monkeypatch.setattr(file_memory, "_readers", lambda: "others")
    assert FileMemory(tmp_path / "memory.gz").recall(old_file, old_file.stat()) is None


def test_where_nothing_can_be_kept_nothing_is(tmp_path, old_file):
    (tmp_path / "file").touch()
    memory = FileMemory(tmp_path / "file" / "memory.gz")
    memory.learn(old_file, old_file.stat(), [1])
    memory.save()
    FileMemory(None).save()


def test_each_data_set_has_its_own(tmp_path, monkeypatch, old_file):
    monkeypatch.setenv("GLUON_PIX2PIX_CACHE", str(tmp_path / "cache"))
    for folder in ("a", "b"):
        memory = FileMemory.of([tmp_path / folder])
        memory.learn(old_file, old_file.stat(), [folder])
        memory.save()
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert FileMemory.of([tmp_path / "a"]).recall(old_file, old_file.stat()) == ["a"]
    monkeypatch.delenv("GLUON_PIX2PIX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    FileMemory.of([tmp_path]).learn(old_file, old_file.stat(), [1])
    memory = FileMemory.of([tmp_path])
    memory.learn(old_file, old_file.stat(), [1])
    memory.save()
    assert len(list((tmp_path / "xdg" / "gluon-pix2pix").iterdir())) == 1
