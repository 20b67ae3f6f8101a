"""ONNX Runtime for browsers: the files of the npm package onnxruntime-web that the page needs, each of known bytes."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Optional

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"

# File -> its SHA-256. The first three compute with WebAssembly, the others with WebGPU where a browser has it.
FILES = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
    "ort.webgpu.min.mjs": "3dffff71811bc13a3a3d9591c57ca5ee5735b8f5f3eaf789510b02bb040ae3a0",
    "ort-wasm-simd-threaded.asyncify.mjs": "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28",
    "ort-wasm-simd-threaded.asyncify.wasm": "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
}
NOTICE = f"{PACKAGE} {VERSION}, by Microsoft Corporation, under the MIT licence (github.com/microsoft/onnxruntime).\n"
SECONDS = 600
MAX_BYTES = 1 << 26  # of one file; the largest has 27 MB


def read_runtime(folder: Optional[Path] = None) -> dict[str, bytes]:
    """Return the bytes of `FILES`, from a folder or from the npm registry.

    Parameters
    ----------
    folder
        Where they are: the package's own folder, its dist, a project with it in node_modules, or its .tgz.
        None asks npm for the package.

    Raises
    ------
    OSError
        If a file is not there, or npm is not, or does not get the package.
    ValueError
        If a file is not the one of this version.
    """
    found = _from_disk(folder) if folder else _from_npm()
    for name, data in found.items():
        if hashlib.sha256(data).hexdigest() != FILES[name]:
            raise ValueError(f"{name} in {folder or 'what npm gave'} is not that of {PACKAGE} {VERSION}")
    return found


def _from_disk(folder: Path) -> dict[str, bytes]:
    if folder.is_file():
        return _from_archive(folder.read_bytes(), folder)
    for dist in (folder, folder / "dist", folder / "node_modules" / PACKAGE / "dist", folder / PACKAGE / "dist"):
        if (dist / next(iter(FILES))).is_file():
            return {name: (dist / name).read_bytes() for name in FILES}
    raise FileNotFoundError(
        f"{folder} has no {next(iter(FILES))}: name the folder of the npm package {PACKAGE} {VERSION}"
    )


def _from_npm() -> dict[str, bytes]:
    npm = shutil.which("npm")
    if not npm:
        raise FileNotFoundError(
            f"npm is not installed: install Node.js, or get the package {PACKAGE} {VERSION} elsewhere and pass its "
            "folder as --runtime-dir"
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [
            npm,
            "pack",
            f"{PACKAGE}@{VERSION}",
            "--pack-destination",
            folder,
            "--ignore-scripts",
            "--loglevel=error",
        ]
        try:
            subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=True)
        except subprocess.TimeoutExpired as error:
            raise OSError(f"npm did not get {PACKAGE} {VERSION} within {SECONDS} s: pass --runtime-dir") from error
        except subprocess.CalledProcessError as error:
            last = " ".join((error.stderr or error.stdout).split())[:300]
            raise OSError(f"npm did not get {PACKAGE} {VERSION}, pass --runtime-dir: {last}") from error
        (archive,) = Path(folder).glob("*.tgz")
        return _from_archive(archive.read_bytes(), archive)


def _from_archive(data: bytes, path: Path) -> dict[str, bytes]:
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for name in FILES:
                member = archive.extractfile(f"package/dist/{name}")
                if member is None:
                    raise KeyError(f"{name} is no file")
                found[name] = member.read(MAX_BYTES)
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise ValueError(f"{path} is not the npm package {PACKAGE} {VERSION}: {error}") from error
    return found
