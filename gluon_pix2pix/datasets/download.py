"""One file from the web to the disk: resumed, retried, bounded in time and bytes, checked, or not there."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import queue
import socket
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Callable, NamedTuple, Optional

from gluon_pix2pix.reading import COUNT, read_json
from gluon_pix2pix.writing import naming_errors, write_json

Progress = Callable[[int, Optional[int]], None]

CHUNK = 1 << 16  # bytes
GAIN = 1 << 20  # bytes further that make an attempt no failure
LONGEST_WAIT = 60  # seconds
SLOWEST = 1 << 10  # bytes a second, over `patience`: a whole file takes at most its length by this
MOST_BYTES = 1 << 50  # no length that a server tells is more
NO_NETWORK = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}  # HTTP answers that may pass


class DownloadError(OSError):
    """A file could not be downloaded; the message says what and why, in several lines where there is more to say."""

    has_lines = True


class _PassingError(Exception):
    """An attempt failed in a way that the next one may not; `alone` if the network itself is not there."""

    alone = False


class _Part(NamedTuple):
    """What there is of a file: `done` bytes of `total` (None: unknown), and the server's mark of its version."""

    done: int
    total: Optional[int]
    version: Optional[str]


def download(
    url: str,
    path: Path,
    *,
    progress: Optional[Progress] = None,
    sha256: Optional[str] = None,
    begins: tuple[bytes, ...] = (b"",),
    max_bytes: Optional[int] = None,
    attempts: int = 4,
    timeout: float = 30.0,
    patience: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Download `url` to `path`, which appears only when all of it is there and checked.

    What has come so far is kept in `path`.part, and the server's version of the file in `path`.part.json. A later
    attempt, or a later call, goes on from there unless the server has another version by then.

    Parameters
    ----------
    url
        http or https; redirects to anything else are refused.
    path
        Where the file goes. Its folder must exist.
    progress
        Called with the bytes that are there and their total (None if the server does not say) as they come.
    sha256
        The digest that the file must have, in hexadecimal.
    begins
        The file must begin with one of these, which is seen before the rest is downloaded: an error page is none.
    max_bytes
        A longer file is refused.
    attempts
        How many failures in a row are enough; an attempt that came 1 MiB further begins a new row. The wait between
        them doubles from 1 s up to 60 s.
    timeout
        Seconds without a piece of the file after which an attempt has failed; an answer may take three times as long
        to begin.
    patience
        Seconds in which 1 KiB for each has to come, or the attempt has failed: a server that drips is no server.
    sleep
        What waits.

    Raises
    ------
    DownloadError
        If the file cannot be had from `url` in these terms.
    """
    part = path.with_name(path.name + ".part")
    failures, furthest = 0, _size(part)
    while True:
        try:
            _attempt(url, part, progress, begins, max_bytes, timeout, patience)
            break
        except _PassingError as error:
            # Compared with the furthest ever: going over the same ground again and again must come to an end.
            failures = 1 if _size(part) >= furthest + GAIN else failures + 1
            furthest = max(furthest, _size(part))
            if error.alone and not furthest:
                raise DownloadError(f"{url}: {error}") from error
            if failures >= attempts:
                raise DownloadError(f"{url}: {error} ({attempts} attempts)") from error
            sleep(min(LONGEST_WAIT, 2 ** (failures - 1)))
    _check_digest(url, part, sha256)
    os.replace(part, path)
    _note(part).unlink()


def _attempt(
    url: str,
    part: Path,
    progress: Optional[Progress],
    begins: tuple[bytes, ...],
    max_bytes: Optional[int],
    timeout: float,
    patience: float,
) -> None:
    """Complete `part` by one request, or raise `_PassingError` or `DownloadError`."""
    have = _read_note(part, url)
    if have.total is not None and have.done == have.total:
        return
    with _sorted_errors(url):
        try:
            response = _answer(url, have, timeout)
        except urllib.error.HTTPError as error:
            if error.code != 416:  # Range Not Satisfiable
                raise
            error.close()
            _discard(part)
            raise _PassingError(f"the server has nothing beyond the {have.done:,} bytes that came before") from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(response)
        have = _agree(response, part, url, have)
        stack.enter_context(naming_errors(part))
        stream = stack.enter_context(open(part, "ab"))
        chunks = stack.enter_context(contextlib.closing(_chunks(url, response, timeout, patience)))
        try:
            _copy(url, chunks, stream, have, progress, begins, max_bytes)
        except DownloadError:
            _discard(part)
            raise


def _open(url: str, have: _Part, timeout: float) -> http.client.HTTPResponse:
    """Send the request for what is missing."""
    _check_scheme(url)
    headers = {"User-Agent": "gluon-pix2pix", "Accept-Encoding": "identity"}
    if have.done:
        headers["Range"] = f"bytes={have.done}-"
        if have.version:
            headers["If-Range"] = have.version
    request = urllib.request.Request(url, headers=headers)
    return urllib.request.build_opener(_HttpOnly).open(request, timeout=timeout)


def _agree(response: http.client.HTTPResponse, part: Path, url: str, have: _Part) -> _Part:
    """Say where the answer's bytes belong; unless they continue what is there, clear it and note the new version."""
    kind = response.headers.get_content_type()
    if "html" in kind:
        raise DownloadError(f"{url}: the server sent a web page ({kind}) instead of the file")
    version = _version(response)
    if response.status == 206:
        # Some servers ignore If-Range, so the version and the length are compared here as well.
        start, total = _content_range(response)
        if start == have.done and version == have.version and total == have.total:
            return have
        _discard(part)
        raise _PassingError("the file on the server is not the one that the first half came from")
    new = _Part(0, _number(response.headers.get("Content-Length", "")), version)
    part.write_bytes(b"")
    write_json(_note(part), {"url": url, "total": new.total, "version": version})
    return new


def _copy(
    url: str,
    chunks: Iterator[bytes],
    stream: BinaryIO,
    have: _Part,
    progress: Optional[Progress],
    begins: tuple[bytes, ...],
    max_bytes: Optional[int],
) -> None:
    """Append the body to the part, and see that it is what was promised."""
    done, total = have.done, have.total
    if max_bytes is not None and total is not None and total > max_bytes:
        raise DownloadError(f"{url}: {total:,} bytes, more than the {max_bytes:,} that are plausible")
    if progress:
        progress(done, total)
    for chunk in chunks:
        if done == 0 and not any(chunk.startswith(mark) or mark.startswith(chunk) for mark in begins):
            raise DownloadError(f"{url}: not the kind of file that was expected (it begins with {chunk[:12]!r})")
        done += len(chunk)
        if max_bytes is not None and done > max_bytes:
            raise DownloadError(f"{url}: more than the {max_bytes:,} bytes that are plausible")
        stream.write(chunk)
        if progress:
            progress(done, total)
    if total is not None and done < total:
        raise _PassingError(f"the connection ended after {done:,} of {total:,} bytes")


def _answer(url: str, have: _Part, timeout: float) -> http.client.HTTPResponse:
    """Return the answer to a request, or raise TimeoutError if it takes three times `timeout` to begin.

    A socket's own time-out begins anew with every byte. The thread that waits for the answer is left behind then.
    """
    answers: queue.Queue = queue.Queue(maxsize=1)
    given_up = threading.Event()

    def ask() -> None:
        try:
            response = _open(url, have, timeout)
        except BaseException as error:
            answers.put((None, error))
            return
        answers.put((response, None))
        if given_up.is_set():
            response.close()

    threading.Thread(target=ask, daemon=True).start()
    try:
        response, error = answers.get(timeout=3 * timeout)
    except queue.Empty:
        given_up.set()
        with contextlib.suppress(queue.Empty, AttributeError):  # it may have come in this very moment
            answers.get_nowait()[0].close()
        raise TimeoutError("timed out") from None
    try:
        if error is not None:
            raise error
        return response
    finally:
        del error  # whose traceback leads here: a circle, which would keep a socket open


def _chunks(url: str, response: http.client.HTTPResponse, timeout: float, patience: float) -> Iterator[bytes]:
    """Yield the body as it comes, and an empty piece at its end, so long as it comes fast enough."""
    pieces: queue.Queue = queue.Queue(maxsize=16)  # from a thread that reads ahead: it may be waited for, or not
    stopped = threading.Event()

    def read() -> None:
        try:
            while (piece := response.read1(CHUNK)) and not stopped.is_set():
                put((piece, None))
            put((b"", None))
        except BaseException as error:
            put((b"", error))

    def put(piece: tuple[bytes, Optional[BaseException]]) -> None:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                pieces.put(piece, timeout=0.1)
                return

    threading.Thread(target=read, daemon=True).start()
    try:
        yield from _fast_enough(url, pieces, timeout, patience)
    finally:
        stopped.set()
        with contextlib.suppress(Exception):  # the thread ends at once, not after many more bytes that drip
            response.fp.raw._sock.shutdown(socket.SHUT_RDWR)


def _fast_enough(url: str, pieces: queue.Queue, timeout: float, patience: float) -> Iterator[bytes]:
    """Yield what a thread has read until it is empty; raise what it has raised, or `_PassingError` if it is slow."""
    piece, since, came = b" ", time.monotonic(), 0
    while piece:
        try:
            piece, error = pieces.get(timeout=timeout)
        except queue.Empty:
            raise _PassingError("timed out") from None
        try:
            if error is not None:
                with _sorted_errors(url):
                    raise error
        finally:
            del error
        yield piece
        came += len(piece)
        took = time.monotonic() - since
        if took > patience:
            if came < SLOWEST * took:
                raise _PassingError(f"only {came:,} bytes came in {took:.0f} seconds")
            since, came = time.monotonic(), 0


class _HttpOnly(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        _check_scheme(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_scheme(url: str) -> None:
    # Without this, urllib would read file:// and ftp:// as well.
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise DownloadError(f"{url}: only http and https addresses are downloaded from")


@contextlib.contextmanager
def _sorted_errors(url: str) -> Iterator[None]:
    """Sort what urllib raises into what may pass and what will not."""
    try:
        yield
    except (DownloadError, _PassingError):
        raise
    except urllib.error.HTTPError as error:
        error.close()
        words = " ".join(f"HTTP {error.code} {error.reason}".split())
        if error.code in TRY_AGAIN:
            raise _PassingError(words) from error
        raise DownloadError(f"{url}: {words}") from error
    except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise DownloadError(f"{url}: the server's certificate is not valid ({reason.verify_message})") from error
        passing = _PassingError(f"{reason or type(error).__name__}")
        passing.alone = isinstance(reason, socket.gaierror) or getattr(reason, "errno", None) in NO_NETWORK
        raise passing from error


def _version(response: http.client.HTTPResponse) -> Optional[str]:
    """The strong ETag or the date of change: what If-Range takes (RFC 9110, 13.1.5)."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified")


def _content_range(response: http.client.HTTPResponse) -> tuple[Optional[int], Optional[int]]:
    """(first byte, length of the whole file) of a partial answer: `Content-Range: bytes 10-99/100`."""
    span, _, total = response.headers.get("Content-Range", "").partition("/")
    start = span.replace("bytes", "").strip().partition("-")[0]
    return _number(start), _number(total)


def _number(text: str) -> Optional[int]:
    """Return a length that a server tells, None if it tells none that can be."""
    return int(text) if text.isdecimal() and len(text) < 20 and int(text) <= MOST_BYTES else None


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _read_note(part: Path, url: str) -> _Part:
    """What is there of `url`: nothing, if the part is of another address or nobody knows what it is."""
    try:
        note = read_json(_note(part), {"url": str, "total": (None, COUNT), "version": (None, str)}, what="a note")
        if note["url"] == url:
            return _Part(part.stat().st_size, note["total"], note["version"])
    except (OSError, ValueError):
        pass  # no part, or a note that was cut off: start again
    return _Part(0, None, None)


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _check_digest(url: str, part: Path, expected: Optional[str]) -> None:
    if expected is None:
        return
    digest = hashlib.sha256()
    with open(part, "rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != expected.lower():
        _discard(part)
        raise DownloadError(f"{url}: the file's SHA-256 is {digest.hexdigest()}, not {expected}")
