"""Some thousand damaged pictures; `python tests/fuzz/fuzz_pictures.py` damages as many as one likes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "fuzz_pictures.py"
spec = importlib.util.spec_from_file_location("fuzz_pictures", SCRIPT)
fuzz_pictures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fuzz_pictures)


def test_damaged_pictures_are_read_or_refused():
    command = [sys.executable, str(SCRIPT), "--trials", "3000", "--seconds", "10", "--seed", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parents[2])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.splitlines()[-1].endswith(": 0 failed")


def test_the_files_are_whole_before_they_are_damaged(tmp_path):
    several = {"frames.png", "frames.webp", "frames.gif", "pages.tif"}
    for name, data in fuzz_pictures.whole_files().items():
        (tmp_path / name).write_bytes(data)
        assert fuzz_pictures.read(tmp_path / name) == ("refused" if name in several else "read"), name


def test_what_is_not_promised_is_found(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(fuzz_pictures.whole_files()["plain.png"])
    for error, message in (
        (ValueError("something is wrong"), "does not name the file"),
        (ValueError("a.png is\nwrong"), "more than a line"),
    ):

        def refuse(path, error=error):
            raise error

        monkeypatch.setattr(fuzz_pictures, "read_image", refuse)
        with pytest.raises(AssertionError, match=message):
            fuzz_pictures.read(tmp_path / "a.png")
    monkeypatch.setattr(fuzz_pictures, "read_image", lambda path: fuzz_pictures.np.zeros((1, 1, 3), "uint8"))
    with pytest.raises(AssertionError, match=r"\(1, 1, 3\) uint8, and Header"):
        fuzz_pictures.read(tmp_path / "a.png")


def test_a_crash_ends_a_trial_and_not_the_others(tmp_path):
    script = tmp_path / "crash.py"
    script.write_text(
        f"""
import os, sys
sys.path.insert(0, {str(SCRIPT.parent)!r})
import fuzz_pictures
fuzz_pictures.__file__ = __file__
fuzz_pictures.read = lambda path: os.abort() if path.name in ("gray.jpg", "bits.png") else "read"
sys.exit(fuzz_pictures.main())
"""
    )
    command = [sys.executable, str(script), "--trials", "12", "--keep", str(tmp_path / "kept")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parents[2])
    assert ended.returncode == 1, ended.stderr
    counted, *failed = ended.stdout.splitlines()[-3:]
    assert counted.startswith("12 trials of seed 0")
    assert counted.endswith(": 2 failed")
    assert failed[0].startswith("trial 3 (gray.jpg): the process died with -6")
    assert failed[1].startswith("trial 9 (bits.png): the process died with -6")
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["3_gray.jpg", "9_bits.png"]


def test_the_same_number_is_the_same_file():
    files = fuzz_pictures.whole_files()
    for number in range(40):
        assert fuzz_pictures.trial(number, 3, files) == fuzz_pictures.trial(number, 3, files)
    damaged = sum(fuzz_pictures.trial(number, 3, files)[1] not in files.values() for number in range(40))
    assert damaged > 35
