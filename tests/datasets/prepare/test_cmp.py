"""The CMP Facade Database as its authors publish it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.datasets.prepare.cmp import cmp_jobs
from gluon_pix2pix.datasets.prepare.jobs import run_jobs
from gluon_pix2pix.evaluation.palettes import CMP_COLOURS
from gluon_pix2pix.pictures.files import read_image


def facade(folder, name, draw, indices, size=(20, 30)):
    draw(folder / f"{name}.jpg", size=size)
    labels = np.resize(np.array(indices, np.uint8), size)
    image = Image.fromarray(labels)
    image.putpalette([value for index in range(256) for value in (index, 255 - index, 7)])  # any colours
    image.save(folder / f"{name}.png")
    (folder / f"{name}.xml").write_text("<object/>")
    return labels


def test_cmp_pairs_have_the_colours_of_facades(tmp_path, draw):
    labels = facade(tmp_path / "base", "cmp_b0001", draw, range(1, 13))
    jobs, problems = cmp_jobs([tmp_path / "base"], tmp_path / "out", size=20)
    assert (problems, run_jobs(jobs).made) == ([], 1)
    pair = read_image(tmp_path / "out" / "train" / "cmp_b0001.png")
    colours = np.array(list(CMP_COLOURS.values()))
    np.testing.assert_array_equal(pair[:, 20:], colours[labels[:, 5:25] - 1])
    np.testing.assert_array_equal(pair[:, :20], read_image(tmp_path / "base" / "cmp_b0001.jpg")[:, 5:25])


def test_cmp_pads(tmp_path, draw):
    facade(tmp_path / "base", "cmp_b0001", draw, [12])
    run_jobs(cmp_jobs([tmp_path / "base"], tmp_path / "out", size=30, how="pad")[0])
    pair = read_image(tmp_path / "out" / "train" / "cmp_b0001.png")
    assert pair[0, 0].tolist() == [0, 0, 0]
    assert pair[0, 30].tolist() == list(CMP_COLOURS["background"])
    assert pair[15, 30].tolist() == list(CMP_COLOURS["shop"])


def test_cmp_is_dealt_out_as_the_authors_count(tmp_path):
    for folder, letter, count in (("base", "b", 378), ("extended", "x", 228)):
        (tmp_path / folder / "deeper").mkdir(parents=True)
        for number in range(1, count + 1):
            for ending in ("jpg", "png"):
                (tmp_path / folder / "deeper" / f"cmp_{letter}{number:04d}.{ending}").touch()
    folders = [tmp_path / "base", tmp_path / "extended"]
    jobs, problems = cmp_jobs(folders, tmp_path / "out")
    splits = [job.output.parent.name for job in jobs]
    assert [splits.count(split) for split in ("train", "val", "test")] == [400, 100, 106]
    assert problems == []
    names = {job.output for job in jobs}
    assert len({path.name for path in names}) == 606
    assert names == {job.output for job in cmp_jobs(folders[::-1], tmp_path / "out")[0]}
    assert names != {job.output for job in cmp_jobs(folders, tmp_path / "out", seed=1)[0]}


def test_what_is_wrong_with_cmp_is_told(tmp_path, draw):
    for number, indices in enumerate(([1], [13], [0], [2], [3]), 1):
        facade(tmp_path / "base", f"cmp_b000{number}", draw, indices)
    draw(tmp_path / "base" / "cmp_b0004.png", size=(20, 30))  # colours
    draw(tmp_path / "base" / "cmp_b0005.jpg", size=(21, 30))
    draw(tmp_path / "base" / "cmp_b0006.jpg")
    draw(tmp_path / "base" / "cmp_b0007.png")
    jobs, problems = cmp_jobs([tmp_path / "base"], tmp_path / "out")
    assert [problem.split("/")[-1] for problem in problems] == [
        "cmp_b0006.jpg has no label map cmp_b0006.png",
        "cmp_b0007.png has no photo cmp_b0007.jpg",
    ]
    outcome = run_jobs(jobs)
    assert outcome.made == 2
    assert "cmp_b0002.png holds the label 13; the classes are 1 to 12" in outcome.problems[0]
    assert "cmp_b0004.png is no label map" in outcome.problems[1]
    assert "cmp_b0005.png differ in size" in outcome.problems[2]
    with pytest.raises(FileNotFoundError, match=r"nowhere: no cmp_\*\.jpg with its cmp_\*\.png"):
        cmp_jobs([tmp_path / "nowhere"], tmp_path / "out")
    with pytest.raises(ValueError, match="lies in the input"):
        cmp_jobs([tmp_path / "base"], tmp_path / "base" / "out")
