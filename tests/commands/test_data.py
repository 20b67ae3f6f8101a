from __future__ import annotations

import dataclasses
import functools
import io
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gluon_pix2pix.commands.cli import run
from gluon_pix2pix.commands.data import StageBar
from gluon_pix2pix.data.catalogue import CATALOGUE


@pytest.fixture
def call(capsys):
    """Run `data` with words; return (exit code, standard output, standard error)."""

    def run_data(*words):
        with pytest.raises(SystemExit) as end:
            run("data", [str(word) for word in words])
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return run_data


@pytest.fixture
def address(tmp_path, monkeypatch):
    """Serve an archive of two maps, which the catalogue then expects, and return its address."""
    maps = dataclasses.replace(CATALOGUE["maps"], splits={"train": 1, "val": 1})
    monkeypatch.setitem(CATALOGUE, "maps", maps)
    (tmp_path / "web").mkdir()
    with tarfile.open(tmp_path / "web" / "maps.tar.gz", "w:gz") as tar:
        for name in ("maps/train/1.jpg", "maps/val/1.jpg"):
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path / "web"))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield f"http://127.0.0.1:{server.server_port}/maps.tar.gz"
    server.shutdown()
    server.server_close()


def test_lists(call, tmp_path):
    (tmp_path / "facades" / "train").mkdir(parents=True)
    (tmp_path / "facades" / "train" / "1.jpg").touch()
    (tmp_path / "maps" / "val").mkdir(parents=True)
    code, out, _ = call("list", "--data-root", tmp_path)
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert code == 0
    assert list(rows) == ["name", *CATALOGUE]
    assert rows["name"].endswith(f"in {tmp_path}")
    assert " ".join(rows["facades"].split()) == "facades photo | label map BtoA 400/100/106 30 MB train 1"
    assert rows["maps"].endswith("AtoB       1096/1098/-     250 MB    no train pictures")
    assert rows["night2day"].endswith("2,000 MB  -")
    assert " drawn " in rows["demo"]


def test_gets(call, address, tmp_path):
    code, out, err = call("get", "maps", "--data-root", tmp_path / "data", "--url", address)
    assert code == 0
    assert out.splitlines() == [
        f"{tmp_path}/data/maps: train 1, val 1",
        f"origin: {CATALOGUE['maps'].origin}",
        f"terms: {CATALOGUE['maps'].terms}",
    ]
    assert err.splitlines() == ["download maps", "unpack maps"]
    (tmp_path / "data" / "maps" / "val" / "1.jpg").unlink()
    code, out, err = call("get", "maps", "--data-root", tmp_path / "data")
    assert (code, err) == (0, "")
    assert f"note: {tmp_path}/data/maps/val holds 0 pictures, published are 1\n" in out


def test_says_why_not(call, address, tmp_path):
    code, out, err = call("get", "maps", "--data-root", tmp_path / "data", "--url", address + "x")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: could not get maps: {address}x: HTTP 404 ")
    assert err.count("\n") == 1


def test_draws(call, tmp_path):
    words = ["get", "demo", "--data-root", tmp_path, "--size", 32, "--counts", 2, 1, 0]
    code, out, err = call(*words)
    assert code == 0
    assert out.startswith(f"{tmp_path}/demo: train 2, val 1\n")
    assert err == "draw demo\n"
    assert call(*words)[0] == 0
    code, _, err = call(*words, "--seed", 1)
    assert code == 2
    assert "holds a demo set of" in err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["get", "fasades"], "error: there is no data set 'fasades' to get; the data sets are facades, "),
        (["get", "demo", "--counts", "0", "1", "1"], "error: --counts: train needs 1 picture or more, not 0\n"),
        (["get", "maps", "--size", "9"], "error: maps is downloaded, not drawn: it takes no size\n"),
        (["get", "maps", "--sha256", "9"], "error: '9' is no SHA-256"),
    ],
)
def test_usage_errors(call, tmp_path, words, error):
    code, out, err = call(*words, "--data-root", tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith(error)


def test_a_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with StageBar("maps") as bar:
        bar("download", 0, 2_000_000)
        bar("download", 1_500_000, 2_000_000)
        bar("download", 0, 3_000_000)  # it began anew
        bar("download", 3_000_000, 3_000_000)
        bar("unpack", 1, None)
    shown = capsys.readouterr().err
    assert "download maps: 100%" in shown
    assert "3.00M/3.00M" in shown
    assert "unpack maps: 1 pictures" in shown
