"""Lines of a diagnosis, and what they leave out."""

from __future__ import annotations

import sys

from gluon_pix2pix.diagnosis import check
from gluon_pix2pix.diagnosis.check import Check, anonymous, screen, works

FINE, NOTE, FAULT = Check("a", "1"), Check("longer", "2", "note", "do"), Check("b", "3", "fault", "mend")


def test_a_note_is_no_fault():
    assert works([FINE, NOTE])
    assert not works([FINE, FAULT])


def test_the_screen_has_each_remedy_below_its_line():
    assert screen([FINE, NOTE, FAULT]) == [
        "ok     a       1",
        "note   longer  2",
        "               -> do",
        "fault  b       3",
        "               -> mend",
    ]


def test_names_and_the_home_are_left_out(monkeypatch):
    monkeypatch.setenv("HOME", "/home/alice")
    monkeypatch.setattr(check.getpass, "getuser", lambda: "alice")
    monkeypatch.setattr(check.platform, "node", lambda: "mira")
    monkeypatch.setattr(sys, "prefix", "/home/alice/env")
    text = "/home/alice/env/lib and /home/alice/x, /data/alice/y on mira; malice and admiral stay"
    assert anonymous(text) == "ENVIRONMENT/lib and ~/x, /data/USER/y on HOST; malice and admiral stay"
    assert Check("a", text, "ok", "alice").as_json()["remedy"] == "USER"


def test_a_user_without_a_name_is_no_error(monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 1000")

    monkeypatch.setattr(check.getpass, "getuser", nobody)
    assert anonymous("text") == "text"
