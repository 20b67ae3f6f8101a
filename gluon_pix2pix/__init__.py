"""pix2pix, image-to-image translation with conditional GANs (arXiv 1611.07004), on Apache MXNet Gluon."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gluon_pix2pix.api import TrainedRun, compare, evaluate, train
    from gluon_pix2pix.core.networks import get_model
    from gluon_pix2pix.pictures.files import read_image, write_image
    from gluon_pix2pix.translation.translator import Translator

__version__ = "0.1.0"

__all__ = [
    "TrainedRun",
    "Translator",
    "__version__",
    "compare",
    "evaluate",
    "get_model",
    "read_image",
    "train",
    "write_image",
]

# Where the public names are: each is imported when it is first asked for, so that importing the package costs nothing.
_HOMES = {"train": "api", "evaluate": "api", "compare": "api", "TrainedRun": "api", "get_model": "core.networks"}
_HOMES |= {"Translator": "translation.translator", "read_image": "pictures.files", "write_image": "pictures.files"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


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
