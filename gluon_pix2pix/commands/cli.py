"""From the words on the command line to a command's ``main``, and from its errors to one line and an exit code."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn, Optional, TextIO

from gluon_pix2pix import __version__, check_python
from gluon_pix2pix.commands.help import help_text
from gluon_pix2pix.commands.repeated import join_repeated
from gluon_pix2pix.errors import UsageError, one_line
from gluon_pix2pix.pictures.quiet import quiet_libraries
from gluon_pix2pix.wording import NAME, program

# Command name -> what it does, in the order of a user's day. Each is a module of this package.
COMMANDS = {
    "train": "train a generator and a discriminator on pairs of pictures",
    "launch": "train on several processes or machines",
    "translate": "translate pictures with a trained generator",
    "evaluate": "score translated pictures against the true ones: PSNR, SSIM",
    "compare": "compare two models by their translations, with an interval",
    "models": "list the trained models in the box",
    "serve": "serve models over HTTP, with a page to play with them",
    "web": "write the page as static files that compute in the browser",
    "export": "write a generator as symbol + params that any MXNet program loads",
    "convert": "take over weights from PyTorch, or hand ours to it",
    "data": "list, get, prepare and check data sets",
    "doctor": "say what is installed, and whether it works",
    "selftest": "prove a GPU: its numbers against the CPU's",
}


# What a terminal takes for a command or a change of direction, and a file name may have: it is shown as \x1b and the
# like. A carriage return is a progress bar's where a text begins or ends with it.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|(?<!^)\r(?!$|\n)")


class PrintableStream:
    """A text stream that shows control characters instead of obeying them."""

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, in which nothing commands the terminal."""
        self._stream.write(_UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts one after the other."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextlib.contextmanager
def printable_output() -> Iterator[None]:
    """While the block runs, let what is printed hold no commands to the terminal, whatever files are called."""
    output, errors = PrintableStream(sys.stdout), PrintableStream(sys.stderr)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        yield


def expand_home(words: Sequence[str]) -> list[str]:
    """Put the home folder for ~ in front of paths, in --name=~/x too, which shells leave; not in a launched command."""
    mine = words.index("--") if "--" in words else len(words)
    return [re.sub("^(--[^=]+=)?(~.*)", _expand, word, flags=re.DOTALL) for word in words[:mine]] + words[mine:]


def _expand(found: re.Match) -> str:
    return (found[1] or "") + os.path.expanduser(found[2])


def run(command: str, argv: Optional[Sequence[str]] = None) -> NoReturn:
    """Run one command of `COMMANDS` with `argv` (default: the process's own) and exit with its code.

    A command's module has ``Options``, a dataclass, and ``main(options)``, which returns an exit code or None.
    """
    words = expand_home(list(sys.argv[1:] if argv is None else argv))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # file names need not be text in the terminal's encoding
            stream.reconfigure(errors="backslashreplace")
    quiet_libraries()
    try:
        check_python()
        module = importlib.import_module(f"gluon_pix2pix.commands.{command}")
        try:
            text = f"{NAME} {__version__}" if words[:1] == ["--version"] else help_text(command, module, words)
            if text is not None:
                print(text)
                sys.exit(0)
            import tyro  # here, where a package that is not installed becomes one line

            parsed = module.read_words(words) if hasattr(module, "read_words") else words
            subcommand = getattr(module, "COMMANDS", {}).get(next(iter(words), ""))
            parsed = join_repeated(subcommand[0] if subcommand else module.Options, parsed)
            flat = (tyro.conf.OmitArgPrefixes,)  # options are told in small dataclasses, room by room
            options = tyro.cli(
                module.Options, prog=f"{program()} {command}", description=module.__doc__, args=parsed, config=flat
            )
            with printable_output():
                sys.exit(module.main(options))
        finally:
            sys.stdout.flush()  # here, where a reader that has gone (`| head`) is no news
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush on its way out
        sys.exit(1)
    except Exception as error:
        with printable_output():
            if "--debug" in words:
                traceback.print_exc()
            print(f"error: {error if hasattr(error, 'has_lines') else one_line(error)}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
