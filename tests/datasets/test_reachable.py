"""Names that nobody knows, or that nobody answers for, are found out at once."""

from __future__ import annotations

import socket
import threading

import pytest

from gluon_pix2pix.datasets import fetch
from gluon_pix2pix.datasets.download import DownloadError, download
from gluon_pix2pix.datasets.reachable import find_unreachable


@pytest.fixture
def names(monkeypatch):
    """A resolver that knows one name, never answers for another, and counts how often it is asked."""
    asked, end = [], threading.Event()

    def look_up(host, *_, **__):
        asked.append(host)
        if host == "known.example":
            return []
        if host == "silent.example":
            end.wait(30)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    yield asked
    end.set()


def test_of_each_address_whether_its_name_is_known(names):
    urls = ["https://known.example/a", "https://none.example/a", "http://none.example/a", "http://silent.example/a"]
    assert find_unreachable(urls, patience=0.2) == {
        "https://none.example/a": "the name none.example is not found",
        "http://none.example/a": "the name none.example is not found",
        "http://silent.example/a": "no answer for the name silent.example within 0.2 seconds",
    }
    assert sorted(names) == ["known.example", "none.example", "silent.example"]


def test_a_proxy_is_asked_for_names(names, monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert find_unreachable(["https://none.example/a"]) == {}


def test_without_a_network_no_address_is_tried(names, tmp_path):
    stages = []
    with pytest.raises(DownloadError) as error:
        fetch.get("facades", tmp_path, progress=lambda stage, *_: stages.append(stage))
    lines = str(error.value).splitlines()
    assert lines[0] == "could not get facades:"
    assert lines[1].startswith("  https://")
    assert lines[1].endswith(" is not found")
    assert stages == []
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DownloadError, match=r"^could not get cmp_base:\n"):
        fetch.check_network("cmp", tmp_path)
    fetch.check_network("demo", tmp_path)
    (tmp_path / "maps" / "train").mkdir(parents=True)
    fetch.check_network("maps", tmp_path)


def test_a_download_that_has_not_begun_is_not_tried_again(names, tmp_path):
    with pytest.raises(DownloadError, match=r"^http://none\.example/a: \[Errno -2\] Name or service not known$"):
        download("http://none.example/a", tmp_path / "a", sleep=lambda seconds: pytest.fail("it waits"))
    assert names == ["none.example"]
