"""A run's curves and current pictures in a visdom server, by the requests that its own client sends.

visdom's client waits without an end for a server that hangs, and its package builds with old setuptools only. All that
is needed of it is a POST of JSON (visdom 0.2.4, server/handlers/web_handlers.py), so nothing has to be installed here.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Optional
from urllib.parse import urlsplit

import cv2
import numpy as np

from gluon_pix2pix.reports.series import CHARTS, Chart, score_title, thin

TIMEOUT = 2.0  # seconds that training may lose to the server at a time
RETRY = 60.0  # seconds until a server that did not answer is tried again


class VisdomSink:
    """Show a run in the environment `env` of a visdom server, or go on without when it does not answer.

    The curves are kept here and sent whole: a server that was started or came back later has them from the beginning.

    Parameters
    ----------
    env
        What the run is called there.
    server, port
        Where the server is, such as "http://127.0.0.1" and 8097; a path after the host is its -base_url.
    history
        (step, numbers) of the run so far.
    say
        Gets one line when the server does not answer, and one when it does again.

    Raises
    ------
    ValueError
        If `server` is no address of a web server.
    """

    def __init__(
        self,
        env: str,
        *,
        server: str = "http://127.0.0.1",
        port: int = 8097,
        history: Iterable[tuple[int, Mapping[str, float]]] = (),
        say: Callable[[str], None],
    ):
        parts = urlsplit(server if "://" in server else f"http://{server}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"--visdom-server {server} is no address such as http://127.0.0.1")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port or port
        self._path, self._env, self._say = parts.path.rstrip("/"), env, say
        self.address = f"{parts.scheme}://{self._host}:{self._port}{self._path}"
        self._curves: dict[str, tuple[list[int], list[float]]] = {}
        self._answers, self._next_try = True, 0.0
        for step, values in history:
            self._keep(step, values)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """See `live.Sink.scalars`; values of one chart share a window."""
        self._keep(step, values)
        charts = [chart for chart in CHARTS if set(chart.names) & set(values)]
        charts += [Chart(score_title(name), "", (name,)) for name in values if name.startswith("val_")]
        self._send([self._plot(chart) for chart in charts])

    def images(self, step: int, name: str, image: np.ndarray) -> None:
        """See `live.Sink.images`; a window shows the newest picture."""
        png = cv2.imencode(".png", image[:, :, ::-1])[1].tobytes()
        source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        content = {"src": source, "caption": f"{name}, step {step}"}
        height, width = image.shape[:2]
        opts = {"title": name, "width": width, "height": height}
        self._send([{"win": name, "data": [{"type": "image", "content": content}], "opts": opts}])

    def close(self) -> None:
        """See `live.Sink.close`; nothing is under way here."""

    def _keep(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            steps, kept = self._curves.setdefault(name, ([], []))
            steps.append(step)
            kept.append(value)

    def _plot(self, chart: Chart) -> dict:
        lines = []
        for name in chart.names:
            if name in self._curves:
                x, y = thin(*self._curves[name])
                lines.append({"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y})
        layout = {"title": chart.title, "xaxis": {"title": "step"}, "showlegend": len(lines) > 1}
        return {"win": chart.names[0], "data": lines, "layout": layout, "opts": {"title": chart.title}}

    def _send(self, windows: list[dict]) -> None:
        """Post windows, all within `TIMEOUT`; say so once when that fails, and pause before the next attempt."""
        if time.monotonic() < self._next_try:
            return
        problem = self._post(windows, until=time.monotonic() + TIMEOUT)
        if problem:
            self._next_try = time.monotonic() + RETRY
            if self._answers:
                self._say(
                    f"visdom: {self.address} does not answer ({problem}); training goes on without it. "
                    "`python -m visdom.server` starts one"
                )
        elif not self._answers:
            self._say(f"visdom: {self.address} answers again")
        self._answers = not problem

    def _post(self, windows: list[dict], *, until: float) -> Optional[str]:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=TIMEOUT)
        try:
            for window in windows:
                left = until - time.monotonic()
                if left <= 0:
                    return f"it takes more than {TIMEOUT:g} s"
                connection.timeout = left
                if connection.sock:
                    connection.sock.settimeout(left)
                body = json.dumps({**window, "eid": self._env})
                connection.request("POST", f"{self._path}/events", body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    return f"status {response.status}"
        except (OSError, http.client.HTTPException) as error:
            return getattr(error, "strerror", None) or str(error) or type(error).__name__
        finally:
            connection.close()
        return None
