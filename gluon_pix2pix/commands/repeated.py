"""An option that takes several values, typed several times: --model A --model B is --model A B."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Sequence
from typing import Any


def join_repeated(options: type, words: Sequence[str]) -> list[str]:
    """Return a command line's words with all values of such an option behind its first name.

    The parser would take those of the last name alone, without a word. `options` is the dataclass that it fills.
    Numbers (a width and a height) are no list. Words from a "--" on are another command's.
    """
    end = words.index("--") if "--" in words else len(words)
    names = [_name(word) for word in words[:end]]
    several = {name for name in names if name and names.count(name) > 1}
    if not several:
        return list(words)
    several &= set(_names_of_several(options))
    values: dict[str, list[str]] = {name: [] for name in several}
    joined: list[Any] = []
    into = joined
    for word, name in zip(words[:end], names):
        if name in several:
            into = values[name]
            if name not in joined:
                joined += [name, into]
            _, equals, value = word.partition("=")
            into += [value] if equals else []
        elif word.startswith("-"):
            into = joined
            into.append(word)
        else:
            into.append(word)
    return [word for part in joined for word in ([part] if isinstance(part, str) else part)] + list(words[end:])


def _name(word: str) -> str:
    return word.partition("=")[0].replace("_", "-") if word.startswith("--") else ""


def _names_of_several(options: type) -> Iterator[str]:
    if not dataclasses.is_dataclass(options):  # a subcommand that there is not
        return
    hints = typing.get_type_hints(options)
    for place in dataclasses.fields(options):
        kind = hints[place.name]
        if dataclasses.is_dataclass(kind):
            yield from _names_of_several(kind)
        elif typing.get_origin(kind) is tuple and typing.get_args(kind)[-1] is Ellipsis and kind != tuple[int, ...]:
            yield f"--{place.name.replace('_', '-')}"
