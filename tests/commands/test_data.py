from __future__ import annotations

import dataclasses
import functools
import io
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gluon_pix2pix.commands.stage_bar import StageBar
from gluon_pix2pix.datasets.catalogue import CATALOGUE


@pytest.fixture
def data(call):
    return functools.partial(call, "data")


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


def test_lists(data, tmp_path):
    (tmp_path / "facades" / "train").mkdir(parents=True)
    (tmp_path / "facades" / "train" / "1.jpg").touch()
    (tmp_path / "maps" / "val").mkdir(parents=True)
    code, out, _ = data("list", "--data-root", tmp_path)
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert code == 0
    assert list(rows) == ["name", *CATALOGUE]
    assert rows["name"].endswith(f"in {tmp_path}")
    assert " ".join(rows["facades"].split()) == "facades photo | label map BtoA 400/100/106 30 MB train 1"
    words = {name: row.split() for name, row in rows.items()}
    assert words["maps"][-7:] == ["AtoB", "1096/1098/-", "250", "MB", "no", "train", "pictures"]
    assert words["night2day"][-3:] == ["2,000", "MB", "-"]
    assert words["paris_streetview"][-3:] == ["by", "request", "-"]
    assert words["cmp"][-4:] == ["of", "cmp_base,", "cmp_extended", "-"]
    assert words["cmp_base"][-6:] == ["756", "files", "35", "MB,", "raw", "-"]
    assert "drawn" in words["demo"]


def test_lists_what_is_raw(data, tmp_path):
    for name, folder in (("cmp_base", "base"), ("cityscapes_raw", "gtFine")):
        (tmp_path / name / folder).mkdir(parents=True)
        (tmp_path / name / folder / "1.png").touch()
    rows = {line.split()[0]: line for line in data("list", "--data-root", tmp_path)[1].splitlines()}
    assert rows["cmp_base"].endswith("  base 1")
    assert rows["cityscapes_raw"].endswith("  there")


def test_what_is_by_request_is_one_line(data, tmp_path):
    code, out, err = data("get", "paris_streetview", "--data-root", tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {tmp_path}/paris_streetview is not there; it is by request: ask Deepak Pathak")
    assert err.count("\n") == 1
    for name in ("paris_train_original/a.JPG", "paris_eval_gt/001_im.png"):
        (tmp_path / "sent" / name).parent.mkdir(parents=True)
        (tmp_path / "sent" / name).touch()
    code, out, err = data("get", "paris_streetview", "--data-root", tmp_path, "--from", tmp_path / "sent")
    assert code == 0
    assert out.startswith(f"{tmp_path}/paris_streetview: train 1, val 1\nnote: ")
    assert err == "copy paris_streetview\n"


def test_a_raw_set_says_what_comes_next(data, tmp_path):
    (tmp_path / "cmp_base" / "base").mkdir(parents=True)
    (tmp_path / "cmp_base" / "base" / "1.png").touch()
    code, out, _ = data("get", "cmp_base", "--data-root", tmp_path)
    assert code == 0
    assert out.endswith(f"to prepare it: python -m gluon_pix2pix data get cmp --data-root {tmp_path}\n")


def test_gets(data, address, tmp_path):
    code, out, err = data("get", "maps", "--data-root", tmp_path / "data", "--url", address)
    assert code == 0
    assert out.splitlines() == [
        f"{tmp_path}/data/maps: train 1, val 1",
        f"origin: {CATALOGUE['maps'].origin}",
        f"terms: {CATALOGUE['maps'].terms}",
    ]
    assert err.splitlines() == ["downloading maps (250 MB)", "unpack maps"]
    (tmp_path / "data" / "maps" / "val" / "1.jpg").unlink()
    code, out, err = data("get", "maps", "--data-root", tmp_path / "data")
    assert (code, err) == (0, "")
    assert f"note: {tmp_path}/data/maps has no val split, published are 1 picture\n" in out


def test_says_why_not(data, address, tmp_path):
    code, out, err = data("get", "maps", "--data-root", tmp_path / "data", "--url", address + "x")
    assert (code, out) == (1, "")
    said, error, problem, *ways = err.splitlines()
    assert (said, error) == ("downloading maps (250 MB)", "error: could not get maps:")
    assert problem.startswith(f"  {address}x: HTTP 404 ")
    assert [way.split(":")[0].strip() for way in ways] == [
        *("ways on", "a drawn set", "your own pictures", "another address", "by hand"),
    ]


def test_draws(data, tmp_path):
    words = ["get", "demo", "--data-root", tmp_path, "--size", 32, "--counts", 2, 1, 0]
    code, out, err = data(*words)
    assert code == 0
    assert out.startswith(f"{tmp_path}/demo: train 2, val 1\n")
    assert err == "draw demo\n"
    assert data(*words)[0] == 0
    code, _, err = data(*words, "--seed", 1)
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
def test_usage_errors(data, tmp_path, words, error):
    code, out, err = data(*words, "--data-root", tmp_path)
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
