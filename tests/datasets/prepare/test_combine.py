from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.datasets.prepare.combine import combine_jobs
from gluon_pix2pix.datasets.prepare.jobs import run_jobs
from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.files import read_image


def test_pairs_by_place_and_name(draw, tmp_path):
    drawn = {
        (side, name): draw(tmp_path / side / f"{name}.{ending}", seed)
        for seed, (side, name, ending) in enumerate(
            [("A", "train/1", "png"), ("B", "train/1", "bmp"), ("A", "val/1", "png"), ("B", "val/1", "png")]
        )
    }
    jobs, found = combine_jobs(tmp_path / "A", tmp_path / "B", tmp_path / "AB")
    assert found.problems == []
    assert run_jobs(jobs).made == 2
    for name in ("train/1", "val/1"):
        pair = read_image(tmp_path / "AB" / f"{name}.png")
        np.testing.assert_array_equal(pair, np.hstack([drawn["A", name], drawn["B", name]]))


def test_every_lone_file_is_named(draw, tmp_path):
    for name in ("A/1.png", "A/2.png", "B/1.png", "B/3.png", "A/1.bmp", "A/4.png", "B/4.jpg", "A/5_A.png", "B/5_B.png"):
        draw(tmp_path / name)
    jobs, found = combine_jobs(tmp_path / "A", tmp_path / "B", tmp_path / "AB")
    assert [job.output.name for job in jobs] == ["4.png", "5.png"]
    assert found.problems == [
        f"{tmp_path}/A/1.bmp and {tmp_path}/A/1.png have one name for their partner: rename one",
        f"{tmp_path}/A/2.png has no partner in {tmp_path}/B",
        f"{tmp_path}/B/3.png has no partner in {tmp_path}/A",
    ]


def test_nothing_belongs_together(draw, tmp_path):
    draw(tmp_path / "A" / "1.png")
    draw(tmp_path / "B" / "2.png")
    with pytest.raises(ValueError, match=r"no file in .*/A has the name of one in .*/B: .*/1\.png has no partner"):
        combine_jobs(tmp_path / "A", tmp_path / "B", tmp_path / "AB")
    with pytest.raises(FileNotFoundError, match=r"there is no file or folder .*C"):
        combine_jobs(tmp_path / "A", tmp_path / "C", tmp_path / "AB")
    with pytest.raises(ValueError, match=r"lies in the input .*/B"):
        combine_jobs(tmp_path / "A", tmp_path / "B", tmp_path / "B" / "AB")


@pytest.mark.parametrize("way", ["smooth", "nearest"])
def test_other_sizes(draw, tmp_path, way):
    a = draw(tmp_path / "A" / "1.png", size=(8, 10))
    b = draw(tmp_path / "B" / "1.png", size=(16, 20))
    jobs, _ = combine_jobs(tmp_path / "A", tmp_path / "B", tmp_path / "AB")
    outcome = run_jobs(jobs)
    assert outcome.made == 0
    assert outcome.problems == [
        f"{tmp_path}/A/1.png and {tmp_path}/B/1.png: A and B differ in size: 10 x 8 and 20 x 16 pixels"
    ]
    jobs, _ = combine_jobs(tmp_path / "A", tmp_path / "B", tmp_path / "AB", resize_b=way)
    assert run_jobs(jobs).made == 1
    pair = read_image(tmp_path / "AB" / "1.png")
    np.testing.assert_array_equal(pair, np.hstack([a, resize(b, 8, 10, nearest=way == "nearest")]))


def test_trouble_with_b_names_b(draw, tmp_path):
    draw(tmp_path / "A" / "1.png")
    (tmp_path / "B").mkdir()
    (tmp_path / "B" / "1.png").touch()
    jobs, _ = combine_jobs(tmp_path / "A", tmp_path / "B", tmp_path / "AB")
    (problem,) = run_jobs(jobs).problems
    assert problem.startswith(f"{tmp_path}/B/1.png ")
