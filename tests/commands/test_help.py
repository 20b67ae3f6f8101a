"""What --help shows: every option once, in groups, within 80 columns, with lines broken once."""

from __future__ import annotations

import dataclasses
import importlib

import pytest

from gluon_pix2pix.commands.cli import COMMANDS
from gluon_pix2pix.commands.help import help_text
from gluon_pix2pix.training.options import TrainOptions


def shown(command: str, *words: str, width: int = 80) -> str:
    return help_text(command, importlib.import_module(f"gluon_pix2pix.commands.{command}"), words, width=width)


def options_in(text: str) -> list[str]:
    return [line.split()[0].rstrip(",") for line in text.splitlines() if line.startswith("  --")]


def test_train_shows_a_few_options_and_all_on_request():
    first, everything = shown("train", "--help"), shown("train", "--help-all")
    few, every = options_in(first), options_in(everything)
    assert 14 <= len(few) <= 17
    assert sorted(every) == sorted(f"--{name.replace('_', '-')}" for name in TrainOptions().flat())
    assert set(few) < set(every)
    assert first.endswith(f"--help-all shows all {len(every)} options.")
    titles = [line for line in everything.splitlines() if line.endswith(":") and not line.startswith(" ")]
    groups = ["data", "networks", "losses", "schedule", "run", "hardware", "several machines"]
    assert titles == [f"{title}:" for title in ("examples", *groups)]
    examples = [line.strip() for line in first.splitlines() if line.startswith("  python -m gluon_pix2pix train ")]
    assert len(examples) == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_lines_are_broken_once(command):
    words = ("--help-all",) if command == "train" else ("--help",)
    text = shown(command, *words)
    lines = text.splitlines()
    assert "None" not in text
    assert [line for line in lines if len(line) > 80] == []
    for line, after in zip(lines, lines[1:]):  # a line ends where the next word would not have fitted
        if line.startswith(" " * 26) and after.startswith(" " * 26):
            assert len(line) + 1 + len(after.split()[0]) > 80, line


def test_how_options_are_typed():
    text = shown("train", "--help-all")
    assert "\n  --flip, --no-flip       Mirror half of the pairs. [on]\n" in text
    assert "\n  --direction {AtoB,BtoA}\n                          AtoB translates" in text
    assert "\n  --beta1 X               Adam's momentum. [0.5]\n" in text
    assert "One of vanilla, lsgan, hinge. [vanilla]" in text or "{vanilla,lsgan,hinge}" in text
    words = shown("translate", "--help")
    assert "[needed]" in words
    assert shown("train", "--seed", "1") is None
    assert shown("launch", "--", "train", "--help") is None
    assert shown("data", "get", "--help").startswith("usage: python -m gluon_pix2pix data get NAME [options]\n")


def test_every_option_says_what_it_does():
    parts = [part for part in TrainOptions().parts() if dataclasses.is_dataclass(part)]
    assert len(parts) > 5
    for line, after in zip(lines := shown("train", "--help-all").splitlines(), lines[1:]):
        if line.startswith("  --"):
            assert line[24:26] == "  " or after.startswith(" " * 26), line
