"""From the words on the command line to a command's ``main``, and from its errors to one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn, Optional

from gluon_pix2pix import check_python
from gluon_pix2pix.errors import UsageError, one_line

# Command name -> what it does, in the order of a user's day. Each is a module of this package.
COMMANDS = {
    "train": "train a generator and a discriminator on pairs of pictures",
    "launch": "train on several processes or machines",
    "translate": "translate pictures with a trained generator",
    "evaluate": "score translated pictures against the true ones: PSNR, MSE, MAE, SSIM",
    "compare": "compare two models' translations of the same pictures, with an interval",
    "export": "write a generator as symbol + params that any MXNet program loads",
    "convert": "take over weights from the PyTorch implementation, or hand ours to it",
    "data": "list, get, prepare and check data sets",
}


def run(command: str, argv: Optional[Sequence[str]] = None) -> NoReturn:
    """Run one command of `COMMANDS` with `argv` (default: the process's own) and exit with its code.

    A command's module has ``Options``, a dataclass, and ``main(options)``, which returns an exit code or None.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # file names need not be text in the terminal's encoding
            stream.reconfigure(errors="backslashreplace")
    try:
        check_python()
        import tyro  # here, where a package that is not installed becomes one line

        module = importlib.import_module(f"gluon_pix2pix.commands.{command}")
        program = f"python -m gluon_pix2pix {command}"
        try:
            options = tyro.cli(module.Options, prog=program, description=module.__doc__, args=words)
            sys.exit(module.main(options))
        finally:
            sys.stdout.flush()  # here, where a reader that has gone (`| head`) is no news
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for Python's own flush on its way out
        sys.exit(1)
    except Exception as error:
        if "--debug" in words:
            traceback.print_exc()
        print(f"error: {one_line(error)}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UsageError) else 1)
