"""``python -m gluon_pix2pix``: the list of commands, and the way to each."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gluon_pix2pix import __main__, __version__
from gluon_pix2pix.commands.cli import COMMANDS


@pytest.fixture
def door(monkeypatch, capsys):
    def knock(*words):
        monkeypatch.setattr(sys, "argv", ["gluon_pix2pix", *words])
        code = 0
        try:
            __main__.main()
        except SystemExit as exit_:
            code = exit_.code
        return (code, *capsys.readouterr())

    return knock


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"]])
def test_it_lists_the_commands(door, words):
    code, out, err = door(*words)
    assert (code, err) == (0, "")
    assert out.startswith("usage: python -m gluon_pix2pix COMMAND [--help]\n")
    listed = {line.split()[0]: line.split(maxsplit=1)[1] for line in out.splitlines()[2:]}
    assert listed == COMMANDS


def test_a_command_that_there_is_not(door):
    code, out, err = door("trian", "--gpu", "0")
    assert (code, out) == (2, "")
    assert err.startswith("error: there is no command 'trian'; did you mean train?\nusage: ")
    assert all(name in err for name in COMMANDS)


def test_a_word_that_is_like_none(door):
    assert door("x")[2].startswith("error: there is no command 'x'\nusage: ")


def test_the_version(door):
    assert door("--version") == (0, f"gluon-pix2pix {__version__}\n", "")
    assert door("train", "--version") == (0, f"gluon-pix2pix {__version__}\n", "")


def test_the_rest_of_the_words_is_the_commands(monkeypatch, door):
    calls = []
    monkeypatch.setattr(__main__, "run", lambda *words: calls.append(words) or sys.exit(7))
    assert door("train", "--gpu", "0") == (7, "", "")
    assert calls == [("train", ["--gpu", "0"])]


def test_as_a_module():
    ran = subprocess.run([sys.executable, "-m", "gluon_pix2pix"], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "train" in ran.stdout
