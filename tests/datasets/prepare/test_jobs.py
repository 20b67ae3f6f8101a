from __future__ import annotations

import errno

import numpy as np
import pytest

from gluon_pix2pix.datasets.prepare.jobs import Job, picture_jobs, run_jobs
from gluon_pix2pix.pictures.files import read_image


def tree(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_each_picture_keeps_its_place_depth_and_channels(draw, tmp_path):
    drawn = {
        "a.png": draw(tmp_path / "in" / "a.png"),
        "train/b.tif": draw(tmp_path / "in" / "train" / "b.tif", 1, dtype=np.uint16),
        "train/sub/c ü.bmp": draw(tmp_path / "in" / "train" / "sub" / "c ü.bmp", 2, channels=1),
    }
    seen, names = [], []

    def flip(picture, name):
        names.append(name)
        return picture[::-1]

    (tmp_path / "in" / "notes.txt").touch()
    work, notes = picture_jobs(tmp_path / "in", tmp_path / "out", flip)
    assert notes == [f"left out of {tmp_path}/in: 1 .txt"]
    outcome = run_jobs(work, workers=2, progress=lambda *now: seen.append(now))
    assert (outcome.made, outcome.kept, outcome.problems) == (3, 0, [])
    assert tree(tmp_path / "out") == ["a.png", "train/b.png", "train/sub/c ü.png"]
    assert sorted(names) == sorted(drawn)
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    for name, picture in drawn.items():
        made = read_image((tmp_path / "out" / name).with_suffix(".png"))
        assert made.dtype == picture.dtype
        np.testing.assert_array_equal(made, picture[::-1])


def test_what_is_there_is_kept_unless_overwritten(draw, tmp_path):
    old = draw(tmp_path / "out" / "1.png", 5)
    new = draw(tmp_path / "in" / "1.png", 6)
    work, _ = picture_jobs(tmp_path / "in", tmp_path / "out", lambda picture, name: picture)
    outcome = run_jobs(work)
    assert (outcome.made, outcome.kept) == (0, 1)
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "1.png"), old)
    assert run_jobs(work, overwrite=True).made == 1
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "1.png"), new)


def test_bad_pictures_are_told_and_the_rest_is_made(draw, tmp_path):
    for number in (1, 10):
        draw(tmp_path / "in" / f"{number}.png", number)
    draw(tmp_path / "in" / "1.bmp")
    for name in ("2.png", "11.png"):
        (tmp_path / "in" / name).write_text("text")
    outcome = run_jobs(picture_jobs(tmp_path / "in", tmp_path / "out", lambda picture, name: picture)[0])
    assert outcome.made == 2
    assert len(outcome.problems) == 3
    assert f"{tmp_path}/in/1.bmp and {tmp_path}/in/1.png would both be {tmp_path}/out/1.png" in outcome.problems[0]
    assert [f"{tmp_path}/in/{name}" in line for name, line in zip(("2.png", "11.png"), outcome.problems[1:])] == [1, 1]
    assert tree(tmp_path / "out") == ["1.png", "10.png"]


def test_a_full_disk_ends_it_all(draw, tmp_path):
    draw(tmp_path / "in" / "1.png")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run_jobs(picture_jobs(tmp_path / "in", tmp_path / "out", lambda picture, name: picture)[0], save=full)


@pytest.mark.parametrize("output", ["in", "in/out", "in/../in/x/y"])
def test_the_output_may_not_be_read_again(draw, tmp_path, output):
    draw(tmp_path / "in" / "1.png")
    with pytest.raises(ValueError, match=r"is or lies in the input .*/in: name a folder outside of it"):
        picture_jobs(tmp_path / "in", tmp_path / output, lambda picture, name: picture)
    picture_jobs(tmp_path / "in", tmp_path / "in2", lambda picture, name: picture)


def test_an_interruption_drops_what_has_not_begun(tmp_path):
    made = []

    def make():
        made.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs([Job(tmp_path / f"{i}.png", (tmp_path,), make) for i in range(50)], workers=1)
    assert len(made) < 50
