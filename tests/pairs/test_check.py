"""The check of files before a run: what is wrong with them, what may be, and that nothing is looked at twice."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.pairs import check
from gluon_pix2pix.pairs.check import check_pairs
from gluon_pix2pix.pairs.coding import make_coding
from gluon_pix2pix.pairs.file_memory import FileMemory
from gluon_pix2pix.pairs.layouts import side_by_side, two_folders
from gluon_pix2pix.pictures.files import write_image

RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)


OPTIONS = " (--input-nc for the source, --output-nc for the target)"


def noise(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype)


def write_labels(path, labels, palette=None, bits=8):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.array(labels, np.uint8), "P" if palette else "L")
    if palette:
        picture.putpalette([value for colour in palette for value in colour])
    picture.save(path, bits=bits)


@pytest.fixture
def label_pairs(tmp_path):
    """Make pairs of A, label maps of 4 x 4 pixels, (labels, palette) each, and B, pictures; return the split."""

    def make(*maps):
        for number, (labels, palette) in enumerate(maps):
            write_labels(tmp_path / "A" / f"{number}.png", np.resize(labels, (4, 4)), palette)
            (tmp_path / "B").mkdir(exist_ok=True)
            write_image(tmp_path / "B" / f"{number}.png", noise(4, 4, 3, seed=number))
        return two_folders(tmp_path / "A", tmp_path / "B")

    return make


def problems(split, coding=None, **options):
    return [one.problem for one in check_pairs(split.pairs, coding, **options)[0] if one.problem]


def test_labels_that_the_task_does_not_have(label_pairs, tmp_path):
    split = label_pairs(([0, 1, 2], None), ([0, 3], None), ([0, 255], None))
    assert problems(split, make_coding(labels=256)) == []
    remedy = f"; python -m gluon_pix2pix data labels {tmp_path}/A OUTPUT makes such label maps"
    assert problems(split, make_coding(labels=3)) == [
        f"{tmp_path}/A/1.png: it holds label 3, and 3 labels count from 0{remedy}",
        f"{tmp_path}/A/2.png, a mask of 0 and 255: it holds label 255, and 3 labels count from 0{remedy}",
    ]
    (tmp_path / "A").rename(tmp_path / "C")
    (tmp_path / "B").rename(tmp_path / "A")
    (tmp_path / "C").rename(tmp_path / "B")
    split = two_folders(tmp_path / "A", tmp_path / "B")
    assert len(problems(split, make_coding(labels=3), direction="BtoA")) == 2
    assert len(problems(split, make_coding(output_labels=3))) == 2
    assert len(problems(split, make_coding(labels=3))) == 3  # the pictures are no label maps


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_labels_as_they_are_stored(tmp_path, bits):
    split = tmp_path / "A", tmp_path / "B"
    for side in split:
        write_labels(side / "1.png", np.resize(range(1 << bits), (4, 4)), [(v, v, 0) for v in range(1 << bits)], bits)
    pairs = two_folders(*split)
    assert problems(pairs, make_coding(labels=1 << bits, output_labels=1 << bits)) == []
    if bits > 1:
        assert "holds label" in problems(pairs, make_coding(labels=(1 << bits) - 1))[0]


@pytest.mark.parametrize(
    ("first", "second", "contradiction"),
    [
        (([0, 1], (RED, GREEN)), ([0, 1], (GREEN, RED)), "label 0 is #ff0000 in the first and #00ff00 in the second"),
        (([0], (RED, GREEN)), ([1], (GREEN, RED)), "#ff0000 is label 0 in the first and label 1 in the second"),
        (([0, 1], (RED, GREEN)), ([0, 1, 2], (RED, GREEN, BLUE)), ""),  # one more
        (([0, 1], (RED, GREEN)), ([0, 1], (RED, GREEN, BLUE)), ""),  # what is not used may differ
        (([0, 1, 2], (BLACK, BLACK, RED)), ([1, 2], (BLUE, BLACK, RED)), ""),  # two labels may share a colour
        (([0, 1], (RED, GREEN)), ([0, 1], None), ""),  # gray: nothing is known of colours
    ],
)
def test_palettes_that_contradict_each_other(label_pairs, tmp_path, first, second, contradiction):
    split = label_pairs(first, second, first)
    a = tmp_path / "A"
    expected = [
        f"{a}/0.png and {a}/1.png have palettes that contradict each other: {contradiction}; python -m gluon_pix2pix "
        f"data labels {a} OUTPUT makes such label maps"
    ]
    assert problems(split, make_coding(labels=6)) == (expected if contradiction else [])


def test_what_is_no_label_map(tmp_path):
    for side in "AB":
        (tmp_path / side).mkdir()
        write_image(tmp_path / side / "1.png", noise(4, 4, 3))
    (line,) = problems(two_folders(tmp_path / "A", tmp_path / "B"), make_coding(labels=3))
    assert line.startswith(f"{tmp_path}/A/1.png is no label map: it has colours")
    assert line.endswith("makes such label maps")


def test_channels_that_the_task_does_not_have(tmp_path):
    for name, channels in (("A/1", 5), ("B/1", 1), ("A/2", 3), ("B/2", 3)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_image(tmp_path / f"{name}.tif", noise(4, 4, channels))
    split = two_folders(tmp_path / "A", tmp_path / "B")
    assert problems(split, make_coding()) == [f"{tmp_path}/A/1.tif has 5 channels, and 3 are asked for{OPTIONS}"]
    assert problems(split, make_coding(input_nc=5)) == [
        f"{tmp_path}/A/2.tif has 3 channels, and 5 are asked for{OPTIONS}"
    ]
    assert problems(split) == []
    assert problems(side_by_side(tmp_path / "A"), make_coding("inpainting")) == [
        f"{tmp_path}/A/1.tif has 5 channels, and 3 are asked for{OPTIONS}"
    ]


def test_alpha_is_a_channel_where_it_is_asked_for(tmp_path):
    (tmp_path / "A").mkdir()
    Image.fromarray(noise(4, 8, 4), "RGBA").save(tmp_path / "A" / "1.png")
    split = side_by_side(tmp_path / "A")
    assert problems(split, make_coding(input_nc=4, output_nc=4)) == []
    assert problems(split, make_coding()) == []
    assert problems(split, make_coding(input_nc=2, output_nc=2))[0].endswith(
        f"4 channels, and 2 are asked for{OPTIONS}"
    )


def test_a_remark_on_pictures_whose_alpha_is_all_they_show(tmp_path):
    for number in range(3):
        lines = np.zeros((8, 16, 4), np.uint8)
        lines[number::4, :, 3] = 255
        Image.fromarray(lines, "RGBA").save(tmp_path / f"{number}.png")
    checked, (note,), _ = check_pairs(side_by_side(tmp_path).pairs)
    assert not any(one.problem for one in checked)
    assert note.startswith(
        f"3 files have an alpha channel, which is left off, and 3 of 3 that were looked at, such as {tmp_path}/0.png, "
        "are all one colour without it"
    )
    for number in range(3):
        Image.fromarray(noise(8, 16, 4), "RGBA").save(tmp_path / f"{number}.png")
    assert check_pairs(side_by_side(tmp_path).pairs)[1] == []


def test_a_remark_on_photos_without_colours(tmp_path):
    def remarks(task: str = "colorization") -> list[str]:
        return check_pairs(side_by_side(tmp_path).pairs, make_coding(task)).notes

    for number in range(3):
        write_image(tmp_path / f"{number}.png", noise(8, 16, 3))
    assert remarks() == []
    write_image(tmp_path / "3.png", noise(8, 16, 1))
    assert remarks() == [
        f"black and white: 1 of 4 photos and 0 of 3 others that were looked at, such as {tmp_path}/3.png; colours are "
        "learnt from photos in colour, and scored by them: these say gray"
    ]
    write_image(tmp_path / "2.png", noise(8, 16, 1).repeat(3, 2))
    assert remarks()[0].startswith("black and white: 1 of 4 photos and 1 of 3 others that were looked at, such")
    assert remarks("inpainting") == []
    for number in range(3):
        (tmp_path / f"{number}.png").unlink()
    assert remarks()[0].startswith(f"black and white: 1 of 1 photo, such as {tmp_path}/3.png; ")


@pytest.mark.parametrize(("largest", "dim"), [(255, True), (4095, True), (4080, True), (16383, False), (65535, False)])
def test_a_remark_on_16_bits_of_which_few_are_used(tmp_path, largest, dim):
    picture = (noise(8, 16, 3, dtype=np.uint16).astype(int) % (largest + 1)).astype(np.uint16)
    picture[0, 0] = largest
    for number in range(20):
        write_image(tmp_path / f"{number}.png", picture)
    notes = check_pairs(side_by_side(tmp_path).pairs)[1]
    assert [f"is {largest} of 65535: they are seen nearly black" in note for note in notes] == [True] * dim
    assert [note.endswith(f"by multiplying them by {65535 // largest}") for note in notes] == [True] * dim


def age(folder, seconds=3600):
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - seconds,) * 2)


def test_files_that_have_not_changed_are_not_looked_at_again(label_pairs, tmp_path, monkeypatch):
    split = label_pairs(([0, 1], (RED, GREEN)), ([0, 1, 2], (RED, GREEN, BLUE)))
    age(tmp_path)
    looked_at = []
    facts_of = check._facts_of
    monkeypatch.setattr(check, "_facts_of", lambda role: looked_at.append(role.path.name) or facts_of(role))

    def again(coding):
        memory = FileMemory(tmp_path / "memory.gz")
        looked_at.clear()
        answer = check_pairs(split.pairs, coding, memory=memory)
        memory.save()
        return answer, len(looked_at)

    first, count = again(make_coding(labels=3))
    assert count == 4
    second, count = again(make_coding(labels=3))
    assert count == 0
    assert [one._replace(facts=()) for one in second[0]] == [one._replace(facts=()) for one in first[0]]
    assert again(make_coding())[1] == 0
    assert again(make_coding(output_labels=3))[1] == 2  # of B the labels have not been looked at

    write_labels(tmp_path / "A" / "0.png", np.full((4, 4), 9))
    (answer, _, _), count = again(make_coding(labels=3))
    assert count == 1
    assert "holds label 9" in answer[0].problem
    assert again(make_coding(labels=3))[1] == 1  # a file that has just been written may be written again


def test_files_that_are_bad_are_looked_at_again(tmp_path):
    (tmp_path / "1.png").write_text("text")
    age(tmp_path)
    for _ in range(2):
        memory = FileMemory(tmp_path / "memory.gz")
        assert "is not a picture" in problems(side_by_side(tmp_path), memory=memory)[0]
        memory.save()
    assert not (tmp_path / "memory.gz").exists()


def test_progress_is_told(label_pairs):
    seen = []
    check_pairs(label_pairs(([0], None), ([0], None)).pairs, progress=lambda *now: seen.append(now))
    assert seen == [(4, 4)]
