"""``python -m gluon_pix2pix COMMAND``: the commands behind one door."""

from __future__ import annotations

import sys

from gluon_pix2pix import __version__
from gluon_pix2pix.commands.cli import COMMANDS, run
from gluon_pix2pix.wording import NAME, did_you_mean, program


def main() -> None:
    """Run the command that the first word names; without one, list them."""
    words = sys.argv[1:]
    if words and words[0] in COMMANDS:
        run(words[0], words[1:])
    lines = [f"  {name:10} {purpose}" for name, purpose in COMMANDS.items()]
    text = "\n".join([f"usage: {program()} COMMAND [--help]", "", *lines])
    if words and words[0] == "--version":
        text = f"{NAME} {__version__}"
    elif words and words[0] not in ("-h", "--help", "--help-all"):
        print(f"error: there is no command {words[0]!r}{did_you_mean(words[0], COMMANDS)}\n{text}", file=sys.stderr)
        sys.exit(2)
    print(text)


if __name__ == "__main__":
    main()
