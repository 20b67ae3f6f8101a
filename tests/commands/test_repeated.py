"""Options that take several values, typed several times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Optional, Union

import pytest

from gluon_pix2pix.commands import data, evaluate, launch, serve, web
from gluon_pix2pix.commands.data_options import ResizeOptions
from gluon_pix2pix.commands.repeated import join_repeated


@dataclass
class Inner:
    """Options within options."""

    url: Annotated[tuple[str, ...], "mark"] = ()


@dataclass
class Options:
    """What a command takes."""

    model: tuple[str, ...] = ()
    seed: int = 0
    counts: Optional[tuple[int, int]] = None
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize(
    ("words", "joined"),
    [
        ("", ""),
        ("--model a b --seed 1", "--model a b --seed 1"),
        ("--model a --model b", "--model a b"),
        ("--model a --seed 1 --model b c --gpu -1 --model=d", "--model a b c d --seed 1 --gpu -1"),
        ("--model=a --model=b=c", "--model a b=c"),
        ("in.png --url a --model m --url b", "in.png --url a b --model m"),
        ("--seed 1 --seed 2", "--seed 1 --seed 2"),  # one value: the last counts, as in other programs
        ("--counts 1 2 --counts 3 4", "--counts 1 2 --counts 3 4"),
        ("--model a -- train --model b --model c", "--model a -- train --model b --model c"),
        ("--model a --model b -- train --model c", "--model a b -- train --model c"),
    ],
)
def test_values_are_joined(words, joined):
    assert join_repeated(Options, words.split()) == joined.split()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (serve.Options, "model"),
        (web.Options, "model"),
        (evaluate.Options, "metrics"),
        (launch.Options, "hosts"),
        (data.GetOptions, "url"),
    ],
)
def test_the_commands_own(options, name):
    assert join_repeated(options, [f"--{name}", "a", f"--{name}", "b"]) == [f"--{name}", "a", "b"]


def test_a_width_and_a_height_are_no_list():
    words = ["--size", "64", "--size", "32"]
    assert join_repeated(ResizeOptions, words) == words


def test_a_subcommand_that_there_is_not():
    words = ["nothing", "--url", "a", "--url", "b"]
    assert join_repeated(Union[data.GetOptions, data.ListOptions], words) == words
