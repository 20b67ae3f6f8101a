"""What --help shows of a command: its options from the dataclasses that hold them, for a terminal of 80 columns."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import shutil
import textwrap
import typing
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Literal, Optional, Union

from gluon_pix2pix.wording import program

NARROW, WIDE, INDENT = 60, 100, 26  # columns
WANTED = ("-h", "--help", "--help-all")


class Option(typing.NamedTuple):
    """An option, or a positional argument, as it is shown: how it is typed, and what it does."""

    name: str
    typed: str
    text: str
    positional: bool = False


def help_text(command: str, module: ModuleType, words: Sequence[str], *, width: Optional[int] = None) -> Optional[str]:
    """Return what --help says of a command, or of its subcommand that the words name; None if they do not ask.

    A module may have ``HELP_FIRST``, names of the options that --help shows, where --help-all shows all;
    ``HELP_GROUPS``, titles with the fields or options that are under them; and ``EXAMPLES``, lines to type.
    """
    mine = words[: words.index("--")] if "--" in words else words
    if not set(mine) & set(WANTED):
        return None
    width = width or min(max(shutil.get_terminal_size().columns, NARROW), WIDE)
    subcommands = getattr(module, "COMMANDS", {})
    if subcommands:
        if mine[0] not in subcommands:
            return _list_subcommands(command, module, subcommands, width)
        command, options = f"{command} {mine[0]}", subcommands[mine[0]][0]
        return _page(command, inspect.getdoc(options) or "", {"options": list(_options_of(options))}, width)
    groups = _grouped(module.Options, getattr(module, "HELP_GROUPS", {}))
    first = getattr(module, "HELP_FIRST", ())
    total = sum(map(len, groups.values()))
    examples = [f"{program()} {line}" for line in getattr(module, "EXAMPLES", ())]
    about = inspect.getdoc(module.Options) or module.__doc__
    if not first or "--help-all" in mine:
        return _page(command, about, groups, width, examples)
    by_name = {option.name: option for options in groups.values() for option in options}
    shown = {"options": [by_name[name] for name in first]}
    return _page(command, about, shown, width, examples, f"--help-all shows all {total} options.")


def _page(
    command: str,
    about: str,
    groups: Mapping[str, Sequence[Option]],
    width: int,
    examples: Sequence[str] = (),
    end: str = "",
) -> str:
    places = " ".join(option.typed for options in groups.values() for option in options if option.positional)
    lines = [f"usage: {program()} {command} {places}{' ' if places else ''}[options]", "", *_wrap(about, width)]
    if examples:
        lines += ["", "examples:", *(f"  {line}" for line in examples)]
    for title, options in groups.items():
        lines += ["", f"{title}:"]
        for option in sorted(options, key=lambda option: not option.positional):
            lines += _lines(option, width)
    return "\n".join([*lines, *(["", end] if end else [])])


def _list_subcommands(command: str, module: ModuleType, subcommands: Mapping[str, Any], width: int) -> str:
    lines = [
        f"usage: {program()} {command} COMMAND [options]",
        "",
        *_wrap((module.__doc__ or "").split("\n\n")[0], width),
        "",
    ]
    for name, (options, _) in subcommands.items():
        first = (inspect.getdoc(options) or "").split("\n\n")[0]
        lines += _lines(Option(name, name, first), width)
    return "\n".join([*lines, "", f"{program()} {command} COMMAND --help shows the options of one."])


def _wrap(text: str, width: int, indent: int = 0) -> list[str]:
    """Break a text anew: where its source breaks it says nothing, but for empty lines."""
    lines = []
    for paragraph in text.split("\n\n"):
        space = " " * indent
        made = textwrap.wrap(
            " ".join(paragraph.split()), width, initial_indent=space, subsequent_indent=space, break_on_hyphens=False
        )
        lines += [*([""] if lines else []), *made]
    return lines


def _lines(option: Option, width: int) -> list[str]:
    head, body = f"  {option.typed}", _wrap(option.text, width, INDENT)
    if len(head) < INDENT - 1 and body:
        return [head.ljust(INDENT) + body[0].lstrip(), *body[1:]]
    return [head, *body]


def _grouped(options: type, groups: Mapping[str, Sequence[str]]) -> dict[str, list[Option]]:
    """Return the options under their titles: those of `groups`, else those of the dataclasses that they are told in."""
    hints = typing.get_type_hints(options, include_extras=True)
    title_of = {name: title for title, members in groups.items() for name in members}
    found: dict[str, list[Option]] = {title: [] for title in groups}
    for place in dataclasses.fields(options):
        kind = hints[place.name]
        room = place.name if dataclasses.is_dataclass(kind) else "options"
        parts = _options_of(kind) if room != "options" else [_option(place, kind, _docs(options))]
        for option in parts:
            title = title_of.get(option.name, title_of.get(place.name, room))
            found.setdefault(title, []).append(option)
    return {title: members for title, members in found.items() if members}


def _options_of(kind: type) -> Iterator[Option]:
    """Yield a dataclass's options, its own before those that it inherits."""
    hints, docs = typing.get_type_hints(kind, include_extras=True), _docs(kind)
    places = {place.name: place for place in dataclasses.fields(kind)}
    for name in sorted(places, key=list(docs).index):
        yield _option(places[name], hints[name], docs)


def _docs(kind: type) -> dict[str, str]:
    """Return the text below each field of a dataclass, its own fields first."""
    docs: dict[str, str] = {}
    for owner in kind.__mro__:
        if not dataclasses.is_dataclass(owner):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0].body
        for part, after in zip(body, [*body[1:], None]):
            if isinstance(part, ast.AnnAssign):
                told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                docs.setdefault(part.target.id, " ".join(after.value.value.split()) if told else "")
    return docs


def _option(place: dataclasses.Field, kind: Any, docs: Mapping[str, str]) -> Option:
    marks, kind = (kind.__metadata__, kind.__origin__) if hasattr(kind, "__metadata__") else ((), kind)
    told = next((mark for mark in marks if hasattr(mark, "metavar")), None)
    word = (getattr(told, "name", None) or place.name).replace("_", "-")
    default = place.default_factory() if place.default_factory is not dataclasses.MISSING else place.default
    metavar, choices = _metavar(kind)
    metavar = getattr(told, "metavar", None) or metavar
    text = docs.get(place.name, "")
    if choices:
        text = f"{text} {choices}"
    if any("Positional" in repr(mark) for mark in marks):
        return Option(place.name, metavar, text, positional=True)
    if kind is bool:
        shown = "on" if default else "off"
        typed = f"--{word}" if not default else f"--{word}, --no-{word}"
        return Option(place.name, typed, f"{text} [{shown}]")
    if _is_missing(default):
        text = f"{text} [needed]"
    elif default is not None and default != ():
        text = f"{text} [{' '.join(map(str, default)) if isinstance(default, tuple) else default}]"
    return Option(place.name, f"--{word} {metavar}".rstrip(), text)


def _metavar(kind: Any) -> tuple[str, str]:
    """Return what stands for an option's value, and a sentence of its choices where they are too many for that."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Union:
        return _metavar(next(argument for argument in arguments if argument is not type(None)))
    if origin is Literal:
        joined = ",".join(map(str, arguments))
        return (f"{{{joined}}}", "") if len(joined) < INDENT else ("WORD", f"One of {', '.join(map(str, arguments))}.")
    if origin is tuple:
        inner, choices = _metavar(arguments[0])
        return " ".join([inner] * len(arguments)) if arguments[-1] is not ... else f"{inner} ...", choices
    return {"str": "TEXT", "Path": "PATH", "int": "N", "float": "X"}.get(getattr(kind, "__name__", ""), "VALUE"), ""


def _is_missing(default: Any) -> bool:
    return default is dataclasses.MISSING or repr(default) == "tyro.MISSING"
