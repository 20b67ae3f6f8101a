"""What the running service gives beside translated pictures, how it starts, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import re
import signal
import socket
from pathlib import Path

import httpx
import numpy as np
import pytest

import gluon_pix2pix
from gluon_pix2pix.commands import cli

from .conftest import pixels, png, serve, until

PICTURE = png(np.random.default_rng(0).integers(0, 256, (48, 64, 3)).astype(np.uint8))


def test_models(service, models):
    answer = httpx.get(f"{service.url}/v1/models").json()
    assert answer["version"] == gluon_pix2pix.__version__
    told = {model["name"]: model for model in answer["models"]}
    assert list(told) == list(models)
    assert (told["run"]["trained_at"], told["run"]["multiple"], told["run"]["dropout"]) == ([32, 32], 32, True)
    assert (told["run"]["statistics"], told["symbol"]["statistics"]) == (["picture", "running"], ["picture"])
    assert told["symbol"]["dropout"] is told["net"]["dropout"] is False
    assert told["run"]["card"] == {
        "trained on": "tiny",
        "direction": "BtoA",
        "network": "unet, ngf 4",
        "checkpoint": "epoch_0000",
    }
    kinds = {name: (model["source"]["kind"], model["target"]["kind"]) for name, model in told.items()}
    assert kinds["labels"] == ("labels", "picture")
    assert kinds["colours"] == ("lightness", "chroma")
    assert [colour["name"] for colour in told["labels"]["source"]["palette"]] == [
        f"label {number}" for number in range(4)
    ]
    assert told["houses"]["source"]["palette"][2] == {"name": "window", "rgb": [0, 128, 255]}
    assert httpx.get(f"{service.url}/v1/models/houses").json() == told["houses"]
    assert str(models["run"].parent) not in json.dumps(answer)  # no paths of this machine


def test_examples_are_what_the_model_takes(service):
    examples = httpx.get(f"{service.url}/v1/models/houses").json()["examples"]
    palette = {
        tuple(colour["rgb"]) for colour in httpx.get(f"{service.url}/v1/models/houses").json()["source"]["palette"]
    }
    assert len(examples) == 6
    for example in examples:
        answer = httpx.get(f"{service.url}/{example}")
        assert {tuple(pixel) for pixel in pixels(answer.content).reshape(-1, 3)} <= palette
        assert service.post("houses", answer.content).status_code == 200
    missing = httpx.get(f"{service.url}/v1/models/houses/examples/6")
    assert (missing.status_code, missing.json()["detail"]) == (404, "there are 6 examples, counted from 0")


def test_the_page(service):
    page = httpx.get(f"{service.url}/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    names = {"page.css", "page.js", "editor.js", "pixels.js", "server.js", "icon.svg"}
    sizes = [len(page.content)]
    for name in names:
        answer = httpx.get(f"{service.url}/{name}")
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        sizes.append(len(answer.content))
        assert "//" not in answer.text.replace("http://www.w3.org/2000/svg", "").replace(
            "// ", ""
        )  # nothing from elsewhere
    assert sum(sizes) < 60_000
    assert "http" not in page.text.replace("http-equiv", "")


def test_what_is_not_there(service):
    for path in ("nothing", "v1/models/../../etc/passwd", "page/..%2f..%2fapp.py", "docs", "__init__.py"):
        assert httpx.get(f"{service.url}/{path}").status_code == 404
    unknown = service.post("nobody", PICTURE)
    assert unknown.status_code == 404
    assert unknown.json()["detail"].startswith("there is no model 'nobody': there are run, symbol, net, ")
    assert httpx.get(f"{service.url}/v1/models/run/translate").status_code == 405


def test_openapi_knows_every_word(service):
    spec = httpx.get(f"{service.url}/openapi.json").json()
    post = spec["paths"]["/v1/models/{name}/translate"]["post"]
    assert {"name", "size", "tile", "statistics", "dropout", "seed", "format", "quality"} == {
        word["name"] for word in post["parameters"]
    }
    (size,) = [word for word in post["parameters"] if word["name"] == "size"]
    assert size["schema"]["examples"] == ["trained", "own", "512", "256x512"]
    assert {"200", "413", "415", "422", "429", "504"} <= set(post["responses"])
    assert "multipart/form-data" in post["requestBody"]["content"]


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ({"size": "0"}, "size='0': trained, own, a number of pixels, or HEIGHTxWIDTH"),
        ({"size": "2x3x4"}, "size='2x3x4': trained"),
        ({"tile": "8"}, "tile='8': Input should be greater than or equal to 64"),
        ({"statistics": "batch"}, "statistics='batch': Input should be 'picture' or 'running'"),
        ({"format": "gif"}, "format='gif': Input should be 'png', 'jpg' or 'tiff'"),
        (
            {"path": "/etc/passwd"},
            "there is no 'path'; there are size, tile, statistics, dropout, seed, format, quality",
        ),
        ({"seed": "-1"}, "seed='-1': Input should be greater than or equal to 0"),
        ({"size": ["1", "2"]}, "a word of the query is there twice"),
    ],
)
def test_words_that_cannot_be(service, query, line):
    answer = service.post("run", PICTURE, **query)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(line)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"", "the body is empty: send a picture"),
        (b"hello", "what was sent is not a picture"),
        (PICTURE[:200], "what was sent is cut off"),
        (b"\x93NUMPY\x01\x00", "what was sent is not an array"),
    ],
)
def test_what_is_no_picture(service, body, line):
    answer = service.post("run", body)
    assert answer.status_code == 415
    assert answer.json()["detail"].startswith(line)


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["nowhere"], 1, "there is no model 'nowhere'"),
        (["{run}", "{run}"], 2, "two models are named 'run', .* pass --model OTHER="),
        (["a b={run}"], 2, "'a b' is no name for a model"),
        (["{run}", "--queue", "0"], 2, "queue is more than 0, not 0"),
        (["{run}", "--palette", "ade"], 2, "no palette and no file 'ade'"),
        (["{run}", "--examples", "nowhere"], 1, "there is no file or folder nowhere in "),
        (["{run}", "--gpu", "0,1"], 2, "GPU|one device"),
        (["{run}", "--port", "99999"], 1, "a port is 0 to 65535, not 99999|cannot listen"),
        (["{run}", "--host", "192.0.2.1"], 1, r"cannot listen on 192\.0\.2\.1, port 0: "),
    ],
)
def test_what_cannot_be_served(models, capsys, words, code, line):
    with pytest.raises(SystemExit) as stopped:
        cli.run("serve", ["--port", "0", "--gpu", "-1", "--model", *(word.format(run=models["run"]) for word in words)])
    assert stopped.value.code == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(line, error), error


def test_a_port_that_is_taken(models, service, capsys):
    port = service.url.rpartition(":")[2]
    with pytest.raises(SystemExit) as stopped:
        cli.run("serve", ["--model", str(models["net"]), "--port", port])
    assert stopped.value.code == 1
    assert (
        capsys.readouterr().err
        == f"error: port {port} of 127.0.0.1 is taken: pass another --port, or 0 for a free one\n"
    )


def test_sigterm_finishes_what_is_in_work(models):
    """An .onnx file alone, without MXNet; half of the picture comes after the signal, when nothing new is taken."""
    big = png(np.random.default_rng(0).integers(0, 256, (300, 300, 3)).astype(np.uint8))
    with serve("--model", f"net={models['net']}") as running:
        assert running.said == [
            "models: net\n",
            "device: CPU, ONNX Runtime\n",
            f"the page: {running.url}/  (Ctrl-C ends it)\n",
        ]
        address = running.url.removeprefix("http://")
        with contextlib.closing(http.client.HTTPConnection(address, timeout=60)) as connection:
            connection.putrequest("POST", "/v1/models/net/translate?size=own&tile=64")
            connection.putheader("Content-Length", str(len(big)))
            connection.endheaders(big[:1000])
            until(lambda: httpx.get(f"{running.url}/readyz").json()["waiting"] == 1)
            running.process.send_signal(signal.SIGTERM)
            until(lambda: not listens(address))
            connection.send(big[1000:])
            answer = connection.getresponse()
            assert (answer.status, pixels(answer.read()).shape) == (200, (300, 300, 3))
        assert running.process.wait(30) == 0
        assert running.process.stderr.read() == ""


def listens(address: str) -> bool:
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=20).close()
    except ConnectionError:
        return False
    return True


def test_an_application_of_ones_own(models, monkeypatch, tmp_path):
    """The ten lines of docs/deploy.md, served under a path."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "deploy.md").read_text()
    program = re.search(r"<!-- tested: application -->\n```python\n(.*?)```", text, re.DOTALL)[1]
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "facades").symlink_to(models["symbol"])
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    exec(program, scope)

    async def ask() -> list[httpx.Response]:
        transport, path = httpx.ASGITransport(scope["app"]), "/pix2pix/v1/models"
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            pages = [await client.get("/"), await client.get("/pix2pix/")]
            posts = [await client.post(f"{path}/{name}/translate", content=PICTURE) for name in ("facades", "nobody")]
        return pages + posts

    home, page, answer, unknown = asyncio.run(ask())
    assert home.json() == {"page": "/pix2pix/"}
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert (answer.status_code, pixels(answer.content).shape) == (200, (32, 32, 3))
    assert unknown.json()["detail"].startswith("there is no model 'nobody'")
