"""The page without a server: a folder of static files that computes in the browser."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

import gluon_pix2pix
from gluon_pix2pix.evaluation.palettes import Palette
from gluon_pix2pix.reading import read_json
from gluon_pix2pix.serving.about import describe
from gluon_pix2pix.serving.examples import find_examples
from gluon_pix2pix.serving.page_files import page_files
from gluon_pix2pix.serving.web_runtime import FILES, NOTICE
from gluon_pix2pix.translation.exported import ONNX, read_checked, read_model
from gluon_pix2pix.translation.loading import find_format, load_network
from gluon_pix2pix.translation.onnx_network import load_onnx
from gluon_pix2pix.writing import whole_folder
from gluon_pix2pix.zoo.card import find_card

MODELS = "models.json"
_KEY = "gluon_pix2pix"


def write_site(
    models: Mapping[str, Path],
    output: Path,
    runtime: Mapping[str, bytes],
    *,
    palette: Optional[Palette] = None,
    examples: Optional[Path] = None,
    float16: bool = False,
) -> dict[str, int]:
    """Write the folder, whole or not at all; an earlier one is replaced.

    Parameters
    ----------
    models
        Paths of runs, exports or .onnx files, by the names that the page shows.
    runtime
        ONNX Runtime's files, as `web_runtime.read_runtime` gives them.
    palette, examples
        As for the service.
    float16
        Whether weights are stored as float16, for half the size; a model that stores them so keeps them.

    Returns
    -------
    dict
        The bytes of each file, by its path in the folder.

    Raises
    ------
    OSError, ValueError, ImportError
        If a model cannot be found, loaded or exported, or the folder has other files than a site's.
    """
    _check_folder(output)
    with tempfile.TemporaryDirectory() as workshop, whole_folder(output) as folder:
        told = []
        for name, path in models.items():
            data = onnx_of(path, Path(workshop) / name, float16=float16)
            (folder / f"{name}.onnx").write_bytes(data)
            network = load_onnx(folder / f"{name}.onnx")
            card = find_card(path)
            about = describe(name, network, palette=palette, card=card)
            if path.is_dir() and not card:  # a run tells more than the file that was made from it
                about.card = describe(name, load_network(path, dropout=False), palette=palette).card
            about.examples = []
            for number, example in enumerate(find_examples(path, network, about.source, examples)):
                about.examples.append(f"{name}-{number}.png")
                (folder / about.examples[-1]).write_bytes(example.data)
            sizes = {file: len(runtime[file]) for file in FILES}
            told.append({**about.model_dump(), "file": f"{name}.onnx", "bytes": len(data), "runtime": sizes})
        (folder / "runtime").mkdir()
        for file, data in runtime.items():
            (folder / "runtime" / file).write_bytes(data)
        (folder / "runtime" / "NOTICE.txt").write_text(NOTICE)
        for file, data in static_page().items():
            (folder / file).write_bytes(data)
        text = json.dumps({_KEY: "site", "version": gluon_pix2pix.__version__, "models": told}, indent=1)
        (folder / MODELS).write_text(text)
    files = sorted(path for path in output.rglob("*") if path.is_file())
    return {path.relative_to(output).as_posix(): path.stat().st_size for path in files}


def static_page() -> dict[str, bytes]:
    """Return the page's files as they compute in the browser."""
    files = {name: data for name, (data, _) in page_files().items() if name != "server.js"}
    files["index.html"] = files["index.html"].replace(b'data-backend="server"', b'data-backend="browser"')
    return files


def onnx_of(path: Path, workshop: Path, *, float16: bool = False) -> bytes:
    """Return a model as the bytes of an ONNX file: its own, or exported now into the folder `workshop`.

    Raises
    ------
    OSError, ValueError, ImportError
        If that is not possible.
    """
    if path.is_file():
        return path.read_bytes()
    model = read_model(path) if find_format(path) != "run" else {}
    if ONNX in model.get("sha256", {}):
        return read_checked(path, ONNX, model)
    from gluon_pix2pix.handover.export import export_generator  # here: it imports MXNet, which ONNX files do without

    export_generator(path, workshop, onnx=True, float16=float16 or model.get("stored_as") == "float16")
    return (workshop / ONNX).read_bytes()


def _check_folder(output: Path) -> None:
    """Refuse to put a site in the place of other files."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    try:
        ours = read_json(output / MODELS, {_KEY: str}, what="the list of a page")[_KEY] == "site"
    except (OSError, ValueError):
        ours = False
    if not ours:
        raise ValueError(f"{output} has other files than those of such a page: choose another folder")
