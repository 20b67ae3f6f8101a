"""What the running service answers is what the command `translate` writes."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import cv2
import httpx
import numpy as np
import pytest
import tifffile

from gluon_pix2pix.commands import cli
from gluon_pix2pix.pictures.files import read_image, write_image

from .conftest import pixels, png


@pytest.fixture
def draw():
    """Draw noise with shapes in it, (height, width, channels)."""

    def make(height=40, width=56, channels=3, seed=0, dtype=np.uint8, below=None):
        high = below or np.iinfo(dtype).max + 1
        return np.random.default_rng(seed).integers(0, high, (height, width, channels)).astype(dtype)

    return make


@pytest.fixture
def by_command(tmp_path, models):
    """Translate a file by the command without dropout, and return what it wrote."""

    def run(name, file, *words):
        output = tmp_path / "results"
        command = ["--model", models[name], "--input", file, "--output", output, "--no-dropout", "--overwrite", *words]
        with pytest.raises(SystemExit) as stopped:
            cli.run("translate", [*map(str, command), *([] if "--pairs" in words else ["--pairs", "no"])])
        assert not stopped.value.code
        (fake,) = output.glob("*_fake.*")
        return read_image(fake)

    return run


@pytest.mark.parametrize("name", ["run", "symbol", "net"])
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, []),
        ({"size": "own"}, ["--keep-size"]),
        ({"size": "own", "tile": 64}, ["--keep-size", "--tile", 64]),
    ],
)
def test_as_translate_does(service, by_command, draw, tmp_path, name, query, words):
    picture = draw(90, 130) if "tile" in query else draw()
    write_image(tmp_path / "a.png", picture)
    answer = service.post(name, png(picture), **query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    np.testing.assert_array_equal(pixels(answer.content), by_command(name, tmp_path / "a.png", *words))


def test_running_statistics(service, by_command, draw, tmp_path):
    write_image(tmp_path / "a.png", draw())
    answer = service.post("run", png(draw()), statistics="running")
    np.testing.assert_array_equal(
        pixels(answer.content), by_command("run", tmp_path / "a.png", "--statistics", "running")
    )


@pytest.mark.parametrize("kind", ["gray", "colour"])
def test_colouring_at_any_size(service, by_command, draw, tmp_path, kind):
    picture = draw(33, 47, 3 if kind == "colour" else 1)
    write_image(tmp_path / "a.png", picture)
    answer = pixels(service.post("colours", png(picture)).content)
    assert answer.shape == (33, 47, 3)
    pairs = "yes" if kind == "colour" else "no"  # the command takes a photo's colours from it first
    np.testing.assert_array_equal(answer, by_command("colours", tmp_path / "a.png", "--pairs", pairs))


@pytest.mark.parametrize("size", ["own", "trained"])
def test_transparent_pixels_are_painted(service, by_command, draw, tmp_path, size):
    photo = draw(40, 56, 4)
    photo[:, :, 3] = 255
    photo[5:20, 30:50, 3] = 0
    write_image(tmp_path / "a.png", photo[:, :, :3])
    write_image(tmp_path / "mask.png", 255 - photo[:, :, 3:])
    answer = pixels(service.post("holes", png(photo), size=size).content)
    words = ["--mask-file", tmp_path / "mask.png", *(["--keep-size"] if size == "own" else [])]
    np.testing.assert_array_equal(answer, by_command("holes", tmp_path / "a.png", *words))
    known = photo[:, :, 3] == 255
    np.testing.assert_array_equal(answer[known], photo[known][:, :3])
    assert (answer[~known] != photo[~known][:, :3]).any()


def test_label_maps(service, by_command, draw, tmp_path):
    labels = draw(40, 40, 1, below=4)
    write_image(tmp_path / "a.png", labels)
    answer = service.post("labels", png(labels), size="own")
    np.testing.assert_array_equal(pixels(answer.content), by_command("labels", tmp_path / "a.png", "--keep-size"))
    refused = service.post("labels", png(labels + 1))
    assert (refused.status_code, refused.json()["detail"]) == (415, "it holds label 4, and 4 labels count from 0")


def test_sixteen_bits_in_and_out(service, by_command, draw, tmp_path):
    picture = draw(dtype=np.uint16)
    write_image(tmp_path / "a.png", picture)
    answer = service.post("run", (tmp_path / "a.png").read_bytes())
    found = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)[:, :, ::-1]
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, by_command("run", tmp_path / "a.png"))
    refused = service.post("run", (tmp_path / "a.png").read_bytes(), format="jpg")
    assert refused.status_code == 422
    assert "would cut 16 bits to 8" in refused.json()["detail"]


def test_channels_beyond_colours(service, by_command, draw, tmp_path):
    stream = io.BytesIO()
    np.save(stream, draw(channels=5))
    (tmp_path / "a.npy").write_bytes(stream.getvalue())
    answer = service.post("bands", stream.getvalue())
    np.testing.assert_array_equal(pixels(answer.content), by_command("bands", tmp_path / "a.npy"))
    refused = service.post("bands", png(draw()))
    assert (refused.status_code, "5" in refused.json()["detail"]) == (415, True)


def test_formats(service, draw):
    whole = pixels(service.post("run", png(draw())).content)
    tiff = service.post("run", png(draw()), format="tiff")
    assert tiff.headers["content-type"] == "image/tiff"
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(tiff.content)), whole)
    fine, coarse = (service.post("run", png(draw()), format="jpg", quality=quality) for quality in (95, 5))
    assert fine.headers["content-type"] == "image/jpeg"
    assert len(coarse.content) < len(fine.content)
    assert np.abs(pixels(fine.content).astype(int) - whole).mean() < 8


def test_a_form(service, draw):
    url, picture = f"{service.url}/v1/models/run/translate", png(draw())
    answer = httpx.post(url, files={"picture": picture}, data={"size": "own"}, timeout=60)
    assert answer.content == service.post("run", picture, size="own").content
    assert httpx.post(url, files={"a": picture, "b": picture}, timeout=60).status_code in (400, 422)
    twice = httpx.post(url, files={"picture": picture}, data={"size": "own"}, params={"size": "own"}, timeout=60)
    assert (twice.status_code, twice.json()["detail"]) == (422, "size is in the query and in the form")
    broken = httpx.post(url, content=b"no form", headers={"content-type": "multipart/form-data"}, timeout=60)
    assert (broken.status_code, broken.json()["detail"][:24]) == (400, "the form does not parse:")


def test_dropout_is_seeded_by_the_picture(service, draw):
    one, other = png(draw(seed=1)), png(draw(seed=2))
    plain, first, again = (service.post("run", one, **query).content for query in ({}, *2 * [{"dropout": True}]))
    assert first == again != plain
    service.post("run", other, dropout=True)
    assert service.post("run", one, dropout=True).content == first
    assert service.post("run", one, dropout=True, seed=1).content != first
    refused = service.post("symbol", one, dropout=True)
    assert (refused.status_code, "no dropout" in refused.json()["detail"]) == (422, True)


def test_sixteen_threads_with_mixed_models_and_sizes(service, draw):
    """Every answer has the bits that it has when it is asked for alone."""
    asked = [
        (
            name,
            png(
                draw(
                    20 + 7 * seed,
                    30 + 5 * seed,
                    1 if name == "labels" else 3,
                    seed,
                    below=4 if name == "labels" else None,
                )
            ),
            query,
        )
        for name in ("run", "symbol", "net", "labels", "colours", "houses")
        for seed, query in enumerate(
            ({}, {"size": "own"}, {"size": "37x64"}, {"dropout": True} if name == "run" else {})
        )
    ]
    alone = [service.post(name, body, **query).content for name, body, query in asked]
    with ThreadPoolExecutor(16) as pool:
        jobs = [(asked[i], alone[i]) for i in np.random.default_rng(0).permutation(3 * len(asked)) % len(asked)]
        answers = pool.map(lambda job: service.post(job[0][0], job[0][1], **job[0][2]), jobs)
        for (_, expected), answer in zip(jobs, answers):
            assert answer.status_code == 200
            assert answer.content == expected


def test_a_photo_where_labels_are_expected(service, draw):
    answer = service.post("houses", png(draw() // 8 + 90))
    assert answer.status_code == 200
    assert "label pictures of 12 colours, and most of the picture is in none of them" in answer.headers["X-Note"]
    assert "X-Note" not in service.post("houses", png(np.full((40, 56, 3), (0, 48, 255), np.uint8))).headers
    assert "X-Note" not in service.post("run", png(draw())).headers
