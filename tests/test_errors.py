"""One line about any error."""

from __future__ import annotations

import pytest

from gluon_pix2pix.errors import UsageError, one_line, option_errors, reason_of


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UsageError("--number 3 is odd"), "--number 3 is odd"),
        (ValueError("two\n  lines"), "two lines"),
        (ValueError(), "ValueError"),
        (FileNotFoundError("runs/a has no checkpoint"), "runs/a has no checkpoint"),
        (FileNotFoundError(2, "No such file or directory", "a.png"), "a.png: No such file or directory"),
        (FileNotFoundError(2, "No such file or directory", b"a\xff.png"), "a\udcff.png: No such file or directory"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (RuntimeError("x" * 400), f"RuntimeError: {'x' * 300} (--debug shows where)"),
    ],
)
def test_one_line(error, line):
    assert one_line(error) == line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("it is too small"), "a.png: it is too small"),
        (ValueError("b.png is too small"), "b.png is too small"),
        (OSError(28, "No space left on device"), "a.png: No space left on device"),
        (OSError(2, "No such file or directory", "c.png"), "c.png: No such file or directory"),
        (KeyError("x"), "a.png: KeyError: 'x' (--debug shows where)"),
    ],
)
def test_a_line_about_files_names_one(error, line):
    assert one_line(error, "a.png", "b.png") == line


def test_the_reason_is_the_first_line():
    assert reason_of(RuntimeError("\n[10:00]  src/a.cc:7:\tCheck failed\nStack trace:\n  [1]")) == (
        "[10:00] src/a.cc:7: Check failed"
    )
    assert reason_of(KeyError()) == "KeyError"
    assert reason_of(ValueError("x" * 300)) == "x" * 200


def test_wrong_values_become_usage_errors():
    with pytest.raises(UsageError, match="below 1"), option_errors():
        raise ValueError("3 is below 1")
    with pytest.raises(OSError, match="disk"), option_errors():
        raise OSError("disk")
