"""One line of a diagnosis, and what of this machine it does not tell."""

from __future__ import annotations

import dataclasses
import getpass
import os
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """What was found of one thing. A note is no fault: it says what could be better, or what is not there."""

    name: str
    found: str
    state: Literal["ok", "note", "fault"] = "ok"
    remedy: str = ""

    def as_json(self) -> dict[str, str]:
        """Return it as it goes into a report."""
        return {name: anonymous(value) for name, value in dataclasses.asdict(self).items()}


def works(checks: Sequence[Check]) -> bool:
    """Whether there is no fault."""
    return all(check.state != "fault" for check in checks)


def screen(checks: Sequence[Check]) -> list[str]:
    """Lay checks out as lines, each with its remedy below it."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        lines.append(f"{check.state:5}  {check.name.ljust(width)}  {anonymous(check.found)}")
        if check.remedy:
            lines.append(f"{'':7}{'':{width}}  -> {anonymous(check.remedy)}")
    return lines


def anonymous(text: str) -> str:
    """Leave out the names of user and machine, and where the home and the environment are."""
    for path, word in ((sys.prefix, "ENVIRONMENT"), (sys.base_prefix, "PYTHON"), (os.path.expanduser("~"), "~")):
        if len(path) > 1:
            text = text.replace(path, word)
    for name, word in ((_user(), "USER"), (platform.node(), "HOST")):
        if name:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", word, text)
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return ""
