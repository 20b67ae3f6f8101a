from __future__ import annotations

import functools
import hashlib
import ssl
import time
import urllib.error

import numpy as np
import pytest

from gluon_pix2pix.datasets import download as module
from gluon_pix2pix.datasets.download import DownloadError

BODY = b"\x1f\x8b" + np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def waits():
    return []


@pytest.fixture
def download(waits):
    return functools.partial(module.download, sleep=waits.append, begins=(b"\x1f\x8b",))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


def left(path):
    return sorted(file.name for file in path.parent.iterdir())


def test_downloads_and_reports_progress(web, download, path, waits):
    seen = []
    digest = hashlib.sha256(BODY).hexdigest()
    url = web.add("/a", BODY)
    download(url, path, progress=lambda *now: seen.append(now), sha256=digest.upper(), max_bytes=len(BODY))
    assert path.read_bytes() == BODY
    assert left(path) == ["file"]
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert seen == sorted(seen)
    assert waits == []


def test_resumes_where_the_connection_was_cut(web, download, path, waits):
    download(web.add("/a", BODY, cuts=[100_000, 50_000, 0]), path)
    assert path.read_bytes() == BODY
    assert [asked for _, asked in web.requests] == [None, "bytes=100000-", "bytes=150000-", "bytes=150000-"]
    assert waits == [1, 2, 4]


def test_attempts_that_bring_something_do_not_count(web, download, path, waits, monkeypatch):
    monkeypatch.setattr(module, "GAIN", 50_000)
    download(web.add("/a", BODY, cuts=[60_000] * 4), path, attempts=2)
    assert path.read_bytes() == BODY
    assert waits == [1, 1, 1, 1]


def test_a_later_call_resumes(web, download, path):
    url = web.add("/a", BODY, cuts=[100_000])
    with pytest.raises(DownloadError, match=r"/a: the connection ended after 100,000 of 300,002 bytes \(1 attempts\)"):
        download(url, path, attempts=1)
    assert left(path) == ["file.part", "file.part.json"]
    seen = []
    download(url, path, progress=lambda *now: seen.append(now))
    assert path.read_bytes() == BODY
    assert seen[0] == (100_000, len(BODY))
    assert left(path) == ["file"]


def test_ctrl_c_keeps_the_half(web, download, path):
    def interrupt(done, total):
        if done > 100_000:
            raise KeyboardInterrupt

    url = web.add("/a", BODY)
    with pytest.raises(KeyboardInterrupt):
        download(url, path, progress=interrupt)
    download(url, path)
    assert path.read_bytes() == BODY
    assert int(web.requests[1][1][len("bytes=") : -1]) > 100_000


def test_a_complete_part_is_not_asked_for_again(web, download, path):
    url = web.add("/a", BODY)
    with pytest.raises(DownloadError, match="SHA-256"):
        download(url, path, sha256="0" * 64)
    path.with_name("file.part").write_bytes(BODY)
    path.with_name("file.part.json").write_text(f'{{"url": "{url}", "total": {len(BODY)}, "version": null}}')
    web.requests.clear()
    download(url, path)
    assert path.read_bytes() == BODY
    assert web.requests == []


@pytest.mark.parametrize("server", [{"ranges": False}, {"version": ""}, {"version": 'W/"weak"'}])
def test_servers_that_cannot_resume_or_name_versions(web, download, path, server):
    download(web.add("/a", BODY, cuts=[100_000], **server), path)
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("server", [{}, {"if_range": False}], ids=["honours If-Range", "ignores If-Range"])
@pytest.mark.parametrize("version", ['"2"', ""])
def test_two_versions_are_not_glued_together(web, download, path, server, version):
    url = web.add("/a", BODY, cuts=[100_000])
    with pytest.raises(DownloadError, match="connection ended"):
        download(url, path, attempts=1)
    other = BODY[:2] + BODY[:1:-1]
    web.add("/a", other, version=version, **server)
    download(url, path)
    assert path.read_bytes() == other


def test_without_versions_the_length_tells(web, download, path):
    url = web.add("/a", BODY, cuts=[100_000], version="")
    with pytest.raises(DownloadError, match="connection ended"):
        download(url, path, attempts=1)
    web.add("/a", BODY[:2] + BODY, version="")
    download(url, path)
    assert path.read_bytes() == BODY[:2] + BODY


def test_a_part_longer_than_the_file_is_dropped(web, download, path):
    url = web.add("/a", BODY, cuts=[200_000])
    with pytest.raises(DownloadError, match="connection ended"):
        download(url, path, attempts=1)
    web.add("/a", BODY[:1000], if_range=False)
    download(url, path)
    assert path.read_bytes() == BODY[:1000]


@pytest.mark.parametrize("note", ["", "[]", '{"url": "http://elsewhere", "total": 9, "version": null}', None])
def test_a_part_of_unknown_origin_is_not_used(web, download, path, note):
    path.with_name("file.part").write_bytes(b"\x1f\x8bxxx")
    if note is not None:
        path.with_name("file.part.json").write_text(note)
    download(web.add("/a", BODY), path)
    assert path.read_bytes() == BODY
    assert web.requests == [("/a", None)]


def test_errors_that_pass_are_waited_for(web, download, path, waits):
    download(web.add("/a", BODY, errors=[503, 429, 500]), path)
    assert path.read_bytes() == BODY
    assert waits == [1, 2, 4]


def test_errors_that_do_not_pass(web, download, path, waits):
    with pytest.raises(DownloadError, match=r"^http://127\.0\.0\.1:\d+/none: HTTP 404 Not Found$"):
        download(web.address("/none"), path)
    assert waits == []
    with pytest.raises(DownloadError, match=r"HTTP 503 Service Unavailable \(4 attempts\)"):
        download(web.add("/a", BODY, errors=[503] * 9), path)
    assert waits == [1, 2, 4]


def test_waits_are_bounded(web, download, path, waits):
    download(web.add("/a", BODY, errors=[503] * 9), path, attempts=10)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize(
    ("server", "words"),
    [({}, "nothing beyond the 300,002 bytes"), ({"ranges": False}, "ended after 300,002 of 300,102 bytes")],
)
def test_a_length_that_is_a_lie(web, download, path, waits, monkeypatch, server, words):
    monkeypatch.setattr(module, "GAIN", 1000)
    with pytest.raises(DownloadError, match=rf"{words}.* \(4 attempts\)"):
        download(web.add("/a", BODY, lie=100, **server), path)
    assert not path.exists()
    assert waits == [1, 2, 4]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ({"body": b"<html>log in", "kind": "text/html; charset=utf-8"}, r"sent a web page \(text/html\)"),
        ({"body": b"<html>log in"}, r"not the kind of file that was expected \(it begins with b'<html>log in'\)"),
        ({"body": BODY}, "300,002 bytes, more than the 1,000 that are plausible"),
        ({"body": BODY, "length": False}, "more than the 1,000 bytes that are plausible"),
    ],
    ids=["html", "garbage", "long", "long in secret"],
)
def test_what_cannot_be_the_file_is_refused(web, download, path, waits, page, words):
    with pytest.raises(DownloadError, match=words):
        download(web.add("/a", **page), path, max_bytes=1000)
    assert left(path) == []
    assert waits == []


def test_a_file_without_length(web, download, path):
    seen = []
    download(web.add("/a", BODY, length=False), path, progress=lambda *now: seen.append(now))
    assert path.read_bytes() == BODY
    assert seen[-1] == (len(BODY), None)


def test_another_digest_is_refused(web, download, path):
    with pytest.raises(DownloadError, match=f"SHA-256 is {hashlib.sha256(BODY).hexdigest()}, not 0000"):
        download(web.add("/a", BODY), path, sha256="0" * 64)
    assert left(path) == []


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://localhost/a", "data:,abc", "/etc/hostname"])
def test_only_http(download, path, url):
    with pytest.raises(DownloadError, match="only http and https addresses"):
        download(url, path)


def test_redirects(web, download, path):
    download(web.add("/b", to=web.add("/a", BODY)), path)
    assert path.read_bytes() == BODY
    with pytest.raises(DownloadError, match=r"^ftp://localhost/a: only http and https"):
        download(web.add("/b", to="ftp://localhost/a"), path)
    with pytest.raises(DownloadError, match=r"/b: HTTP 302 .*not allowed"):
        download(web.add("/b", to="file:///etc/hostname"), path)
    with pytest.raises(DownloadError, match=r"/b: HTTP 302 .*infinite loop"):
        download(web.add("/b", to="/b"), path)


def test_silence_is_a_failure(web, download, path, waits):
    with pytest.raises(DownloadError, match=r"/a: (The read operation )?timed out \(2 attempts\)"):
        download(web.add("/a", BODY, hangs=True), path, timeout=0.1, attempts=2)
    assert waits == [1]


@pytest.mark.parametrize(
    ("where", "words"), [("head", "timed out"), ("chunk", "timed out"), ("body", r"only \d+ bytes came in 0 seconds")]
)
def test_a_server_that_drips_is_a_failure(web, download, path, waits, where, words):
    url = web.add("/a", BODY, drips=where)
    began = time.monotonic()
    with pytest.raises(DownloadError, match=rf"/a: {words} \(2 attempts\)"):
        download(url, path, timeout=0.2, patience=0.3, attempts=2)
    assert time.monotonic() - began < 20  # for ever, without a bound
    assert waits == [1]


@pytest.mark.parametrize("length", ["99999999999999999999", "9" * 5000, "-1", "0x10"])
def test_lengths_that_cannot_be_are_none(web, download, path, length):
    seen = []
    with pytest.raises(DownloadError, match="not the kind of file"):
        download(web.add("/a", b"text", lie=0, tells=length), path, progress=lambda *now: seen.append(now))
    assert seen == [(0, None)]


def test_nobody_there(web, download, path, waits):
    url = web.address("/a")
    web.close()
    with pytest.raises(DownloadError, match=r"Connection refused \(4 attempts\)"):
        download(url, path)
    assert waits == [1, 2, 4]


def test_a_bad_certificate_is_not_tried_again():
    reason = ssl.SSLCertVerificationError(1, "certificate verify failed")
    reason.verify_message = "self-signed certificate"
    words = r"https://x: the server's certificate is not valid \(self-signed"
    with pytest.raises(DownloadError, match=words), module._sorted_errors("https://x"):
        raise urllib.error.URLError(reason)


def test_trouble_with_the_disk_is_not_the_servers(web, download, tmp_path, waits):
    with pytest.raises(FileNotFoundError, match="missing"):
        download(web.add("/a", BODY), tmp_path / "missing" / "file")
    assert waits == []


def test_a_file_that_cannot_be_written_is_named(web, download, path, small_files):
    with pytest.raises(OSError, match=r"File too large: '.*file\.part'"):
        download(web.add("/a", BODY), path)
