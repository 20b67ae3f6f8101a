"""A run's curves and current pictures in a visdom server, by the requests that visdom's own client sends.

That client waits without an end for a server that hangs, and its package builds with old setuptools only. All that is
needed of it is a POST of JSON (visdom 0.2.4, server/handlers/web_handlers.py), so nothing of visdom is installed here.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Optional
from urllib.parse import urlsplit

import cv2
import httpx
import numpy as np

from gluon_pix2pix.reports.charts import CHARTS, Chart, score_title, thin

DEADLINE = 10.0  # seconds that the server has for all that is sent at a time, however slowly it answers
RETRY = 60.0  # seconds until a server that did not answer is tried again...
PATIENCE = 0.02  # ...or more, so that no more of the time than this goes into one that keeps us busy for nothing
LONGEST_ANSWER = 65536  # bytes; visdom answers with the name of the window


class VisdomSink:
    """Show a run in the environment `env` of a visdom server, or go on without when it does not answer.

    A thread of its own talks to the server, so that nothing that the server does holds up training. Curves are kept
    here and sent whole, and of each window only the newest content waits: a server that is slow misses what is between,
    and one that was started or came back later has the curves from the beginning.

    Parameters
    ----------
    env
        What the run is called there.
    server, port
        Where the server is, such as "http://127.0.0.1" and 8097; a path after the host is its -base_url.
    history
        (step, numbers) of the run so far.
    say
        Gets one line when the server does not answer, and one when it does again; called in the other thread.
    deadline, retry
        Seconds, see `DEADLINE` and `RETRY`.

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
        deadline: float = DEADLINE,
        retry: float = RETRY,
    ):
        self.address = web_address(server, port)
        self._env, self._say, self._deadline, self._retry = env, say, deadline, retry
        self._curves: dict[str, tuple[list[int], list[float]]] = {}
        for step, values in history:
            self._keep(step, values)
        self._waiting: dict[str, dict] = {}  # window -> what it shall show: no longer than there are windows
        self._closing = False
        self._changed = threading.Condition()  # holds the two above
        self._thread = threading.Thread(target=self._deliver, name="visdom", daemon=True)
        self._thread.start()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """See `sinks.Sink.scalars`; values of one chart share a window."""
        self._keep(step, values)
        charts = [chart for chart in CHARTS if set(chart.names) & set(values)]
        charts += [Chart(score_title(name), "", (name,)) for name in values if name.startswith("val_")]
        self._show([self._plot(chart) for chart in charts])

    def images(self, step: int, name: str, image: np.ndarray) -> None:
        """See `sinks.Sink.images`; a window shows the newest picture."""
        png = cv2.imencode(".png", image[:, :, ::-1])[1].tobytes()
        source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        content = {"src": source, "caption": f"{name}, step {step}"}
        height, width = image.shape[:2]
        opts = {"title": name, "width": width, "height": height}
        self._show([{"win": name, "data": [{"type": "image", "content": content}], "opts": opts}])

    def close(self) -> None:
        """See `sinks.Sink.close`; a server that answers gets `deadline` seconds for what still waits."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(self._deadline + 1)

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

    def _show(self, windows: list[dict]) -> None:
        with self._changed:
            self._waiting.update({window["win"]: window for window in windows})
            self._changed.notify()

    def _deliver(self) -> None:
        """Send what waits, until the end; after a failure say so once, and pause before the next attempt."""
        answers = True
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                windows, self._waiting = self._waiting, {}
            if not windows:
                return
            began = time.monotonic()
            problem = self._post(windows)
            if problem and answers:
                self._say(
                    f"warning: visdom: {self.address} does not answer ({problem}); training goes on without it. "
                    "`python -m visdom.server` starts one"
                )
            elif not problem and not answers:
                self._say(f"visdom: {self.address} answers again")
            answers = not problem
            if problem:
                pause = max(self._retry, (time.monotonic() - began) / PATIENCE)
                with self._changed:
                    self._waiting = {**windows, **self._waiting}
                    if self._changed.wait_for(lambda: self._closing, timeout=pause):
                        return

    def _post(self, windows: Mapping[str, dict]) -> Optional[str]:
        """Send windows, all of them within the deadline; return what went wrong, in a few words."""
        try:
            return asyncio.run(asyncio.wait_for(self._post_each(windows.values()), self._deadline))
        except asyncio.TimeoutError:
            return f"it takes more than {self._deadline:g} s"
        except Exception as error:  # whatever a server can bring about, it ends no run
            return f"{error}" or type(error).__name__

    async def _post_each(self, windows: Iterable[dict]) -> Optional[str]:
        tls = ssl.create_default_context() if self.address.startswith("https") else False
        # trust_env=False: straight to the server, whatever proxy and passwords (~/.netrc) the environment has.
        async with httpx.AsyncClient(timeout=None, trust_env=False, verify=tls) as client:
            for window in windows:
                body = json.dumps({**window, "eid": self._env})
                headers = {"Content-Type": "application/json"}
                async with client.stream("POST", f"{self.address}/events", content=body, headers=headers) as response:
                    if response.status_code != 200:
                        return f"status {response.status_code}"
                    length = 0
                    async for part in response.aiter_raw():
                        length += len(part)
                        if length > LONGEST_ANSWER:
                            return f"its answer has more than {LONGEST_ANSWER} bytes"
        return None


def web_address(server: str, port: int) -> str:
    """Return where a server is: "example.org" and 8097 give "http://example.org:8097".

    Raises
    ------
    ValueError
        If `server` is no address of a web server.
    """
    try:
        parts = urlsplit(server if "://" in server else f"http://{server}")
        host, port = parts.hostname, parts.port or port
    except ValueError:  # of its brackets or its port
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError(f"--visdom-server {server} is no address such as http://127.0.0.1")
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}"
