"""The line that installs what is not there: which extra of this package has it, and where the package came from."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import shlex
from pathlib import Path
from typing import Optional
from urllib.parse import unquote, urlsplit

NAME = "gluon-pix2pix"
# What pyproject.toml's extras bring, by the names that are imported; all else comes with the package itself.
EXTRAS = {"skimage": "scores", "scipy": "scores", "matplotlib": "curves", "mxnet": "cpu", "numba": "cpu"}
EXTRAS |= {"onnxruntime": "onnxruntime", "onnx": "onnx"}
EXTRAS |= dict.fromkeys(("tensorboardX", "tensorboard", "httpx"), "live")
EXTRAS |= dict.fromkeys(("fastapi", "uvicorn", "starlette", "pydantic", "multipart", "python_multipart"), "serve")
_CALLED = {"skimage": "scikit-image", "mxnet": "MXNet", "onnxruntime": "ONNX Runtime"}  # by people, and by pip


def install_line(extra: str) -> str:
    """Return what brings an extra: from the folder of the sources, or the wheel or index that this came from.

    Where MXNet is installed, its extra is named too: else pip would take a numpy that it does not allow.
    """
    beside = _extra_of_mxnet()
    extra = f"{beside},{extra}" if beside and extra not in ("cpu", "cu112") else extra
    sources = Path(__file__).resolve().parents[1]
    if (sources / "pyproject.toml").is_file():
        folder = "." if Path.cwd() == sources else str(sources)
        return f"pip install -e {_quote(f'{folder}[{extra}]')}"
    return f"pip install {_quote(_from_origin(extra, _origin()))}"


def is_missing(module: Optional[str]) -> str:
    """Say in a line that a package is not installed, by the name that is imported, and what brings it."""
    name = (module or "a package").partition(".")[0]
    extra = EXTRAS.get(name)
    brings = "brings it" if extra else "brings all that is needed"
    return f"{_CALLED.get(name, name)} is not installed: {install_line(extra or 'cpu')} {brings}"


def _extra_of_mxnet() -> Optional[str]:
    for extra, name in (("cpu", "mxnet"), ("cu112", "mxnet-cu112")):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            importlib.metadata.distribution(name)
            return extra
    return None


def _quote(words: str) -> str:
    quoted = shlex.quote(words)
    return quoted if quoted != words else f"'{words}'"


def _origin() -> dict:
    """Return what pip has noted of where this came from (PEP 610), {} of an index."""
    try:
        noted = importlib.metadata.distribution(NAME).read_text("direct_url.json")
        return json.loads(noted) if noted else {}
    except (importlib.metadata.PackageNotFoundError, ValueError, OSError):
        return {}


def _from_origin(extra: str, origin: dict) -> str:
    """Return the requirement of the extra: a wheel that lies on this machine by its path, else as PEP 508 has it."""
    url, package = str(origin.get("url", "")), f"{NAME}[{extra}]"
    if not url:
        return package
    if url.startswith("file:"):
        path = Path(unquote(urlsplit(url).path))
        return f"{path if path.exists() else Path('FOLDER') / path.name}[{extra}]"  # of a wheel that has been moved
    source = origin.get("vcs_info") or {}
    version = f"@{source['commit_id']}" if source.get("commit_id") else ""
    return f"{package} @ {source['vcs'] + '+' if source.get('vcs') else ''}{url}{version}"
