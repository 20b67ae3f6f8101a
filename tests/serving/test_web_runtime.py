"""The files of ONNX Runtime for browsers: found wherever they may be, and none but those of the version."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from pathlib import Path
from typing import Optional

import pytest

from gluon_pix2pix.serving import web_runtime
from gluon_pix2pix.serving.web_runtime import FILES, PACKAGE, read_runtime

CONTENT = {name: f"the bytes of {name}".encode() for name in FILES}


@pytest.fixture(autouse=True)
def small_files(monkeypatch):
    """A version whose files have few bytes."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()}
    monkeypatch.setattr(web_runtime, "FILES", digests)


def lay(folder: Path, content: dict[str, bytes] = CONTENT) -> Path:
    folder.mkdir(parents=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def pack(path: Path, content: dict[str, Optional[bytes]]) -> Path:
    """Write an archive as npm's; None stands for a folder."""
    with tarfile.open(path, "w:gz") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.type, member.size = (tarfile.DIRTYPE, 0) if data is None else (tarfile.REGTYPE, len(data))
            archive.addfile(member, io.BytesIO(data or b""))
    return path


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Take the place of npm by a script of the shell."""

    def write(script: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "npm").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return write


@pytest.mark.parametrize("below", [".", "dist", f"node_modules/{PACKAGE}/dist", f"{PACKAGE}/dist"])
def test_a_folder(tmp_path, below):
    lay(tmp_path / "project" / below)
    assert read_runtime(tmp_path / "project") == CONTENT


def test_an_archive(tmp_path):
    assert read_runtime(pack(tmp_path / "package.tgz", {"other.js": b"", **CONTENT})) == CONTENT


def test_npm_gets_it(tmp_path, npm):
    archive = pack(tmp_path / "package.tgz", CONTENT)
    npm(f'[ "$1 $2 $3" = "pack {PACKAGE}@{web_runtime.VERSION} --pack-destination" ] && cp "{archive}" "$4"')
    assert read_runtime() == CONTENT


def test_other_bytes(tmp_path):
    first = next(iter(FILES))
    folder = lay(tmp_path / "dist", {**CONTENT, first: b"of another version"})
    with pytest.raises(ValueError, match=rf"^{first} in .*dist is not that of {PACKAGE}"):
        read_runtime(folder)


def test_a_folder_without(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"has no {next(iter(FILES))}: name the folder of the npm package"):
        read_runtime(tmp_path)


@pytest.mark.parametrize("last", [{}, {"gone": b""}, {list(FILES)[-1]: None}])
def test_an_archive_without(tmp_path, last):
    content = dict(list(CONTENT.items())[:-1])
    with pytest.raises(ValueError, match=rf"package.tgz is not the npm package {PACKAGE} .*{list(FILES)[-1]}"):
        read_runtime(pack(tmp_path / "package.tgz", {**content, **last}))


def test_no_archive(tmp_path):
    (tmp_path / "package.tgz").write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match=f"package.tgz is not the npm package {PACKAGE}"):
        read_runtime(tmp_path / "package.tgz")


def test_an_archive_that_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(web_runtime, "MAX_BYTES", 5)
    with pytest.raises(ValueError, match=f"is not that of {PACKAGE}"):
        read_runtime(pack(tmp_path / "package.tgz", CONTENT))


def test_no_npm(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"^npm is not installed: .*--runtime-dir"):
        read_runtime()


def test_npm_fails(npm):
    npm("echo 'npm error code ENOTFOUND' >&2; exit 1")
    with pytest.raises(OSError, match=r"^npm did not get .*, pass --runtime-dir: npm error code ENOTFOUND"):
        read_runtime()


def test_npm_is_silent(npm, monkeypatch):
    npm("exec sleep 60")
    monkeypatch.setattr(web_runtime, "SECONDS", 0.2)
    with pytest.raises(OSError, match=r"within 0.2 s: pass --runtime-dir"):
        read_runtime()
