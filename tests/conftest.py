"""Where tests find real data and the reference's own answers, when they are there."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def _folder_or_skip(folder: Path) -> Path:
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of the PyTorch implementation's own answers (npz files), or a skip that names it."""
    return _folder_or_skip(SHARED / "reference")


@pytest.fixture(scope="session")
def facades() -> Path:
    """The folder of the real facades pairs (train and val), or a skip that names it."""
    return _folder_or_skip(SHARED / "data" / "facades")
