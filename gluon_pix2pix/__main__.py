"""``python -m gluon_pix2pix COMMAND``: the commands behind one door."""

from __future__ import annotations

import sys

from gluon_pix2pix.commands.cli import COMMANDS, run


def main() -> None:
    """Run the command that the first word names; without one, list them."""
    words = sys.argv[1:]
    if words and words[0] in COMMANDS:
        run(words[0], words[1:])
    lines = [f"  {name:10} {purpose}" for name, purpose in COMMANDS.items()]
    text = "\n".join(["usage: python -m gluon_pix2pix COMMAND [--help]", "", *lines])
    if words and words[0] not in ("-h", "--help"):
        print(f"error: there is no command {words[0]!r}\n{text}", file=sys.stderr)
        sys.exit(2)
    print(text)


if __name__ == "__main__":
    main()
