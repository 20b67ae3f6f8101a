"""What a digest of pairs depends on, and how often files are read for it."""

from __future__ import annotations

import hashlib
import os
import shutil
import time

import pytest

from gluon_pix2pix.pairs import digest
from gluon_pix2pix.pairs.digest import digest_pairs
from gluon_pix2pix.pairs.file_memory import FileMemory
from gluon_pix2pix.pairs.layouts import PairPaths


@pytest.fixture
def pairs(tmp_path):
    """Two files for one pair, one for the other, all of a minute ago."""
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a.jpg", "b.png", "c.png"):
        (data / name).write_bytes(name.encode())
        os.utime(data / name, (time.time() - 60,) * 2)
    return [PairPaths("1.jpg", data / "a.jpg", data / "b.png"), PairPaths("2", data / "c.png")]


@pytest.fixture
def opened(monkeypatch):
    """The names of the files that are read."""
    names, open_file = [], digest.open_file
    monkeypatch.setattr(digest, "open_file", lambda path: (names.append(path.name), open_file(path))[1])
    return names


def test_it_is_of_names_and_contents(pairs):
    a, b, c = (hashlib.sha256(name).hexdigest() for name in (b"a.jpg", b"b.png", b"c.png"))
    assert digest_pairs(pairs) == hashlib.sha256(f"{a} {b} 1.jpg\n{c} 2\n".encode()).hexdigest()
    assert digest_pairs([]) == hashlib.sha256(b"").hexdigest()


def test_it_is_not_of_the_place(pairs, tmp_path):
    shutil.copytree(tmp_path / "data", tmp_path / "moved")
    moved = [PairPaths(p.name, *(tmp_path / "moved" / file.name for file in p.files)) for p in pairs]
    assert digest_pairs(moved) == digest_pairs(pairs)
    assert digest_pairs(moved[::-1]) != digest_pairs(pairs)
    assert digest_pairs(moved[:1]) != digest_pairs(pairs)
    assert digest_pairs([moved[0]._replace(name="3"), moved[1]]) != digest_pairs(pairs)
    (tmp_path / "moved/c.png").write_bytes(b"d.png")  # of the same name and size
    assert digest_pairs(moved) != digest_pairs(pairs)


def test_files_that_stay_are_read_once(pairs, tmp_path, opened):
    memory = FileMemory(tmp_path / "memory")
    expected = digest_pairs(pairs, memory)
    assert sorted(opened) == ["a.jpg", "b.png", "c.png"]
    memory.save()
    assert digest_pairs(pairs, FileMemory(tmp_path / "memory")) == expected
    assert len(opened) == 3
    pairs[1].a.write_bytes(b"C.png")
    assert digest_pairs(pairs, FileMemory(tmp_path / "memory")) != expected
    assert opened[3:] == ["c.png"]


def test_a_memory_of_something_else_is_not_believed(pairs, tmp_path):
    memory = FileMemory(tmp_path / "memory")
    memory.learn(pairs[1].a, pairs[1].a.stat(), [3])
    memory.save()
    assert digest_pairs(pairs, FileMemory(tmp_path / "memory")) == digest_pairs(pairs)


def test_a_file_that_is_gone_is_named(pairs):
    pairs[1].a.unlink()
    with pytest.raises(FileNotFoundError, match=r"c\.png"):
        digest_pairs(pairs)
