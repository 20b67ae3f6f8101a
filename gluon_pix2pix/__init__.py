"""pix2pix, image-to-image translation with conditional GANs (arXiv 1611.07004), on Apache MXNet Gluon."""

from __future__ import annotations

import os
import sys

__version__ = "0.1.0"


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:2])) -> None:
    """Refuse a Python that MXNet 1.9.1 cannot live with.

    Raises
    ------
    ImportError
        If Python is not 3.9 to 3.13.
    """
    if not (3, 9) <= tuple(version[:2]) <= (3, 13):
        raise ImportError(
            f"MXNet 1.9.1 runs on Python 3.9 to 3.13 and this is {version[0]}.{version[1]}: make a virtual environment "
            "with one of those, by `uv venv --python 3.12` or from the system's package"
        )


def processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
