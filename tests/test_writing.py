"""Files and folders are written whole or not at all."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from gluon_pix2pix.writing import (
    LockedError,
    json_text,
    lock_folder,
    remove_folder,
    remove_leftovers,
    unlock_folder,
    whole_file,
    whole_folder,
    write_atomically,
    write_json,
)

LONG = "ä" * 125 + ".png"  # 254 bytes, and file systems allow 255


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupt(_: object) -> None:
    raise KeyboardInterrupt


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_is_the_old_or_the_new(tmp_path, monkeypatch, durable):
    path = tmp_path / "a.txt"
    write_atomically(path, b"old", durable=durable)
    (tmp_path / "plain.txt").touch()  # as the user's umask has it
    assert path.stat().st_mode == (tmp_path / "plain.txt").stat().st_mode
    (tmp_path / "plain.txt").unlink()
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"No space left on device: .*a\.txt"):
        write_atomically(path, b"new", durable=durable)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.txt"]


def test_what_is_lent_has_the_extension_and_is_hidden(tmp_path):
    with whole_file(tmp_path / "film.mp4") as path:
        assert path.parent == tmp_path
        assert path.name.startswith(".film.mp4.")
        assert path.suffix == ".mp4"
        path.write_bytes(b"frames")
    assert names(tmp_path) == ["film.mp4"]
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "film.mp4"):
        raise KeyboardInterrupt
    assert (tmp_path / "film.mp4").read_bytes() == b"frames"
    assert names(tmp_path) == ["film.mp4"]


def test_names_as_long_as_the_file_system_allows(tmp_path):
    write_atomically(tmp_path / LONG, b"x")
    with whole_folder(tmp_path / LONG[:-4]) as folder:
        (folder / "a").touch()
    remove_folder(tmp_path / LONG[:-4])
    assert names(tmp_path) == [LONG]


def test_errors_name_the_final_path(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_atomically(tmp_path / "none/a.txt", b"")
    assert caught.value.filename == str(tmp_path / "none/a.txt")
    with pytest.raises(OSError, match="No space") as caught, whole_folder(tmp_path / "out"):
        full()
    assert caught.value.filename == str(tmp_path / "out")
    with pytest.raises(FileNotFoundError) as caught, whole_folder(tmp_path / "out") as folder:
        (folder / "none/a.txt").write_text("")
    assert caught.value.filename == str(tmp_path / "out/none/a.txt")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match=r"file is a file: name a folder"), whole_folder(tmp_path / "file"):
        pass
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(("free", "words"), [(100, "No space left on device"), (1 << 30, "File too large")])
def test_what_mxnet_cannot_write_whole_is_said(tmp_path, monkeypatch, free, words):
    """Its own error names neither the file nor the reason."""

    def fail():
        raise RuntimeError("local_filesys.cc:38\nCheck failed: FileStream.Write incomplete")

    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=free))
    with pytest.raises(OSError, match=rf"{words}: '.*model'"), whole_folder(tmp_path / "model"):
        fail()
    assert names(tmp_path) == []
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "model"):
        _ = 1 / 0


@pytest.mark.parametrize("durable", [False, True])
def test_a_folder_is_the_old_or_the_new(tmp_path, durable):
    path = tmp_path / "above/model"
    for number in range(2):
        with whole_folder(path, durable=durable) as folder:
            (folder / "inner").mkdir()
            (folder / "inner/a.txt").write_text(str(number))
            (folder / f"{number}").touch()
        assert names(path) == [f"{number}", "inner"]
    assert path.stat().st_mode & 0o777 == path.parent.stat().st_mode & 0o777
    with pytest.raises(KeyboardInterrupt), whole_folder(path) as folder:
        interrupt((folder / "b.txt").touch())
    assert (path / "inner/a.txt").read_text() == "1"
    assert names(path.parent) == ["model"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old(tmp_path, monkeypatch):
    with whole_folder(tmp_path / "model") as folder:
        (folder / "old").touch()
    rename, calls = os.rename, []

    def fail_once(source, target):
        calls.append(target)
        return full() if len(calls) == 2 else rename(source, target)

    monkeypatch.setattr(os, "rename", fail_once)
    with pytest.raises(OSError, match="No space"), whole_folder(tmp_path / "model") as folder:
        (folder / "new").touch()
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["old"]


def test_a_filled_folder_may_be_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with whole_folder(tmp_path / "empty", replace=False) as folder:
        (folder / "a").touch()
    with (
        pytest.raises(FileExistsError, match=r"empty is there already"),
        whole_folder(tmp_path / "empty", replace=False),
    ):
        raise AssertionError  # before any work
    with pytest.raises(FileExistsError, match=r"new is there already"), whole_folder(tmp_path / "new", replace=False):
        (tmp_path / "new/others").mkdir(parents=True)
    assert names(tmp_path) == ["empty", "new"]


def test_a_link_to_a_folder_stays_one(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    with whole_folder(tmp_path / "link") as folder:
        (folder / "a").touch()
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "disk") == ["a"]


KILLED = """
import os, sys, time
from pathlib import Path
from gluon_pix2pix import writing

with writing.whole_folder(Path(sys.argv[1])) as folder:
    (folder / "new").touch()
    if sys.argv[2] == "moving":
        rename = os.rename
        def half(source, target):
            rename(source, target)
            print("ready", flush=True)
            time.sleep(60)
        os.rename = half
    else:
        print("ready", flush=True)
        time.sleep(60)
"""


@pytest.fixture
def killed(tmp_path):
    """Kill a process that writes tmp_path/model while it is "writing" or "moving" the old one aside."""

    def kill(when):
        words = [sys.executable, "-c", KILLED, str(tmp_path / "model"), when]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            yield
            process.send_signal(signal.SIGKILL)

    return kill


def test_what_a_killed_process_left_is_removed_and_what_another_is_at_work_on_is_not(tmp_path, killed):
    for _ in killed("writing"):
        with whole_folder(tmp_path / "model") as folder:
            (folder / "mine").touch()
        assert len(names(tmp_path)) == 2  # the other's is still there
    with whole_folder(tmp_path / "mod"):
        assert len(names(tmp_path)) == 3  # of another folder
    with whole_folder(tmp_path / "model") as folder:
        (folder / "mine").touch()
    assert names(tmp_path) == ["mod", "model"]


def test_what_a_killed_process_had_moved_aside_is_put_back(tmp_path, killed):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/old").touch()
    for _ in killed("moving"):
        assert "model" not in names(tmp_path)
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "model"):
        interrupt(None)
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["old"]


def test_a_folder_that_is_removed_is_never_half_there(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/a").touch()
    monkeypatch.setattr("shutil.rmtree", full)
    with pytest.raises(OSError, match="No space"):
        remove_folder(tmp_path / "model")
    assert [name.startswith(".model.") for name in names(tmp_path)] == [True]
    monkeypatch.undo()
    (tmp_path / ".mine").touch()
    (tmp_path / ".my.partial.txt").touch()
    (tmp_path / ".a.csv.abcdefg8.part.csv").touch()
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [".mine", ".my.partial.txt"]


def test_leftovers_are_known_by_the_names_that_they_were_to_have(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / f".{name}.abcdefg8.part.csv").touch()
    remove_leftovers(tmp_path, of=r"a\.\w+")
    assert names(tmp_path) == [".b.csv.abcdefg8.part.csv"]


KILLED_FILE = """
import sys, time
from gluon_pix2pix.writing import whole_file

with whole_file(sys.argv[1]) as path:
    path.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_file_that_a_killed_process_was_writing_is_hidden_and_known(tmp_path):
    words = [sys.executable, "-c", KILLED_FILE, str(tmp_path / "1_fake.png")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    (left,) = names(tmp_path)
    assert left.startswith(".1_fake.png.")
    write_atomically(tmp_path / "1_fake.png", b"whole")
    assert (tmp_path / "1_fake.png").read_bytes() == b"whole"
    assert len(names(tmp_path)) == 2
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ["1_fake.png"]


def test_a_folder_is_held_by_one(tmp_path):
    lock = lock_folder(tmp_path)
    with pytest.raises(LockedError, match=f"another process holds {tmp_path}"):
        lock_folder(tmp_path)
    unlock_folder(lock)
    unlock_folder(lock_folder(tmp_path, wait=True))
    unlock_folder(None)
    with pytest.raises(FileNotFoundError):
        lock_folder(tmp_path / "none")


def test_where_there_are_no_locks_there_is_no_error(tmp_path, monkeypatch):
    from gluon_pix2pix import writing

    class NoLocks:
        LOCK_EX = LOCK_NB = 0

        @staticmethod
        def flock(*_):
            raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(writing, "fcntl", NoLocks)
    unlock_folder(lock_folder(tmp_path))
    monkeypatch.setattr(writing, "fcntl", None)
    assert lock_folder(tmp_path) is None
    with whole_folder(tmp_path / "model") as folder:
        (folder / "a").touch()
    assert names(tmp_path) == ["model"]


def test_json_has_no_infinity(tmp_path):
    value = {"a": [math.inf, -math.inf, (math.nan, 1.5)], "b": {"c": math.inf}, "d": None}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": ["inf", "-inf", ["nan", 1.5]],
        "b": {"c": "inf"},
        "d": None,
    }
    assert text.endswith("}\n")
    assert json_text({"a": 1}) == '{"a": 1}'
