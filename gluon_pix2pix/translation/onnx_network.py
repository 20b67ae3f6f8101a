"""An exported generator run by ONNX Runtime, on machines without MXNet."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import Optional

import numpy as np

from gluon_pix2pix import processors
from gluon_pix2pix.errors import reason_of
from gluon_pix2pix.installing import install_line
from gluon_pix2pix.reading import open_file, parse_json
from gluon_pix2pix.translation.exported import DESCRIPTION, MODEL, ONNX, WHAT, read_checked, read_model
from gluon_pix2pix.translation.network import Network, check_modes, from_model
from gluon_pix2pix.translation.onnx_file import check_onnx

INPUT, OUTPUT = "data", "output"
_PACKAGES = {"cuda": "onnxruntime-gpu", "tensorrt": "onnxruntime-gpu", "dml": "onnxruntime-directml"}
_PACKAGES |= {"openvino": "onnxruntime-openvino", "migraphx": "onnxruntime-migraphx"}
METADATA = "gluon_pix2pix"  # the key under which the file has model.json


def load_onnx(
    path: str | Path,
    *,
    statistics: Optional[str] = None,
    dropout: Optional[bool] = None,
    provider: Optional[str] = None,
) -> Network:
    """Load an .onnx file, or that of an export's folder, whose SHA-256 is checked if model.json is beside it.

    `provider` is what of ONNX Runtime computes, see `open_session`.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ImportError
        If onnxruntime is not installed.
    ValueError
        If the file is damaged or something else, or `statistics` or `dropout` ask for what is not in its graph.
    """
    path = Path(path)
    file = path / ONNX if path.is_dir() else path
    folder = file.parent
    if file.name == ONNX and (folder / MODEL).is_file():
        data = read_checked(folder, ONNX, read_model(folder))
    else:
        with open_file(file) as stream:
            data = stream.read()
    session = open_session(data, file, provider)
    text = session.get_modelmeta().custom_metadata_map.get(METADATA)
    if text is None:
        raise ValueError(f"{file} was not exported by this program: it does not say what it translates")
    model = parse_json(text, DESCRIPTION, what=f"{file} is not an export: what it says of itself is not {WHAT}")
    network = from_model(model, sha256=hashlib.sha256(data).hexdigest(), path=file)
    _check_ends(session, network, file)
    check_modes(path, network, statistics=statistics, dropout=dropout)
    device = f"{word_of(session.get_providers()[0])}, ONNX Runtime"
    return dataclasses.replace(network, compute=onnx_compute(session), device=device)


def open_session(data: bytes, path: object, provider: Optional[str] = None):
    """Return an onnxruntime.InferenceSession, on the processors that this process may use or on another device.

    Parameters
    ----------
    provider
        One of ONNX Runtime's execution providers by its first word, such as "cuda", "tensorrt" or "directml" [the CPU].

    Raises
    ------
    ImportError
        If onnxruntime is not installed.
    ValueError
        If the bytes are no ONNX model, `path` is named; or if this ONNX Runtime has no such provider, or cannot start
        it: that it would compute on the CPU instead is not what was asked for.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"{path} needs ONNX Runtime: {install_line('onnxruntime')}") from error
    check_onnx(data, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", str(processors())).split(",")[0])
    options.log_severity_level = 3  # errors; they come as exceptions too
    asked = _find_provider(onnxruntime, provider)
    try:
        session = onnxruntime.InferenceSession(data, options, providers=[asked])
    except Exception as error:  # onnxruntime's own classes, which share no parent
        raise ValueError(f"{path} is not an ONNX model that ONNX Runtime can load: {reason_of(error)}") from error
    if session.get_providers()[0] != asked:
        raise ValueError(
            f"ONNX Runtime could not start its provider {word_of(asked).lower()}, and would compute on the CPU: see "
            "that its driver and libraries are there (onnxruntime.ai, execution providers), or pass --provider cpu"
        )
    return session


def _find_provider(onnxruntime, provider: Optional[str]) -> str:
    """Return the whole name of an execution provider that the installed ONNX Runtime has."""
    names = {word_of(name).lower(): name for name in onnxruntime.get_available_providers()}
    word = {"directml": "dml"}.get((provider or "cpu").lower(), (provider or "cpu").lower())
    if word in names:
        return names[word]
    there = f"this ONNX Runtime has no provider {provider}; it has {', '.join(sorted(names))}"
    if word in _PACKAGES:
        there += f". pip uninstall onnxruntime and pip install {_PACKAGES[word]} bring it"
    raise ValueError(there)


def word_of(provider: str) -> str:
    """Return "CUDA" for "CUDAExecutionProvider"."""
    return provider[: -len("ExecutionProvider")] if provider.endswith("ExecutionProvider") else provider


def onnx_compute(session):
    """Return `Network.compute` of a session."""

    def compute(batch: np.ndarray, seed: Optional[int] = None) -> np.ndarray:
        return session.run([OUTPUT], {INPUT: batch})[0]

    return compute


def _check_ends(session, network: Network, path: Path) -> None:
    ends = session.get_inputs() + session.get_outputs()
    found = [(end.name, end.shape[1] if len(end.shape) == 4 else None) for end in ends]
    expected = [(INPUT, network.coding.source.channels), (OUTPUT, network.coding.target.channels)]
    if found != expected:
        words = [", ".join(f"{name} with {channels} channels" for name, channels in ends) for ends in (found, expected)]
        raise ValueError(f"{path} has {words[0]} as its inputs and outputs, and not {words[1]}")
