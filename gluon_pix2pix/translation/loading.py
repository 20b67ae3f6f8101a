"""Models in whatever form they are handed on: a run's folder, an export's, an ONNX file. MXNet only if it is needed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any, Optional

from gluon_pix2pix.translation.exported import ONNX, SYMBOL
from gluon_pix2pix.translation.network import Network
from gluon_pix2pix.translation.onnx_network import load_onnx
from gluon_pix2pix.wording import not_there
from gluon_pix2pix.zoo.shipped import find_model

BACKENDS = ("mxnet", "onnx")


def find_format(path: str | Path, backend: Optional[str] = None) -> str:
    """Tell in which form a model is: "run", "symbol" or "onnx". The last alone works without MXNet.

    Parameters
    ----------
    path
        The name of a model in the box, the folder of a run, the folder of an export, or an .onnx file.
    backend
        What shall compute, one of `BACKENDS`; None takes MXNet where the model and the machine allow it.

    Raises
    ------
    FileNotFoundError
        If it is none of the four, or not in a form that `backend` runs.
    ValueError
        If there is no such backend.
    """
    if backend not in (None, *BACKENDS):
        raise ValueError(f"backend is one of {', '.join(BACKENDS)}, not {backend!r}")
    forms = _forms_of(find_model(path))
    if backend is None and forms == ["symbol", "onnx"] and not has_mxnet():
        return "onnx"
    fitting = [form for form in forms if backend is None or (backend == "onnx") == (form == "onnx")]
    if not fitting:
        hint = "export it with --onnx" if backend == "onnx" else "MXNet runs no .onnx files"
        raise FileNotFoundError(f"{path} has nothing that backend {backend} runs: {hint}")
    return fitting[0]


def _forms_of(path: Path) -> list[str]:
    if path.is_file() and path.suffix == ".onnx":
        return ["onnx"]
    if (path / "options.json").is_file():
        return ["run"]
    if not path.exists():
        raise FileNotFoundError(not_there(path))
    forms = [form for form, name in (("symbol", SYMBOL), ("onnx", ONNX)) if (path / name).is_file()]
    if not forms:
        raise FileNotFoundError(
            f"{path} is not the folder of a run: it has no options.json; nor an export, with {SYMBOL} or {ONNX}"
        )
    return forms


def has_mxnet() -> bool:
    """Whether MXNet is installed."""
    try:
        return importlib.util.find_spec("mxnet") is not None
    except ValueError:  # its place among the modules is barred
        return False


def load_network(
    path: str | Path,
    *,
    epoch: str = "latest",
    statistics: Optional[str] = None,
    dropout: Optional[bool] = None,
    backend: Optional[str] = None,
    ctx: Any = None,
    provider: Optional[str] = None,
) -> Network:
    """Load a model in any form; see `find_format` for `path` and `backend`.

    Parameters
    ----------
    epoch
        For a run, the checkpoint: a number of completed epochs, "latest" or "best".
    statistics, dropout
        None is the paper's way for a run, "picture" and on, and what is in its graph for an export, which has no other.
    ctx
        The mx.Context to compute on [the CPU].
    provider
        For ONNX Runtime: what of it computes, such as "cuda" [the CPU].

    Raises
    ------
    OSError
        If a file is not there.
    ImportError
        If ONNX Runtime or MXNet is needed and not installed.
    ValueError
        If a file is damaged or something else, or an argument is not for this model.
    """
    if provider is not None and backend == "mxnet":
        raise ValueError(f"provider {provider} is ONNX Runtime's, and backend mxnet is asked for")
    form, path = find_format(path, "onnx" if provider is not None else backend), find_model(path)
    if form != "run" and epoch != "latest":
        raise ValueError(f"{path} is an export, of one checkpoint: epoch {epoch} needs the folder of the run")
    if form == "onnx":
        return load_onnx(path, statistics=statistics, dropout=dropout, provider=provider)
    from gluon_pix2pix.translation import gluon_network  # here: it imports MXNet

    if form == "symbol":
        return gluon_network.load_symbol(path, statistics=statistics, dropout=dropout, ctx=ctx)
    return gluon_network.load_run(path, epoch=epoch, statistics=statistics, dropout=dropout, ctx=ctx)
