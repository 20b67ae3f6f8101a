"""Label pictures of every kind into maps of one palette."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.datasets.prepare.jobs import run_jobs
from gluon_pix2pix.datasets.prepare.labels import palette_text, plan_labels, write_labels
from gluon_pix2pix.evaluation.palettes import Palette, read_palette
from gluon_pix2pix.pictures.files import read_image, read_labels, write_image

COLOURS = np.array([[9, 9, 9], [200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)


def convert(folder, output, **options):
    """Plan and write; return the plan and what went wrong."""
    plan = plan_labels(folder, output, **options)
    return plan, run_jobs(
        plan.jobs, save=lambda path, labels: write_labels(path, labels, colours=plan.colours)
    ).problems


@pytest.fixture
def truth():
    return np.random.default_rng(0).integers(0, 4, (3, 6, 5))


def test_palettes_in_any_order_show_the_same_colours(tmp_path, truth):
    for number, (labels, order) in enumerate(zip(truth, ([0, 1, 2, 3], [2, 0, 3, 1], [3, 2, 1, 0]))):
        indices = np.argsort(order)[labels].astype(np.uint8)
        picture = Image.fromarray(indices, "P")
        picture.putpalette(COLOURS[order].tobytes())
        (tmp_path / "in" / "sub").mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / "in" / "sub" / f"{number}.png")
        np.testing.assert_array_equal(read_image(tmp_path / "in" / "sub" / f"{number}.png"), COLOURS[labels])
    plan, problems = convert(tmp_path / "in", tmp_path / "out", workers=2)
    assert problems == []
    np.testing.assert_array_equal(plan.colours, COLOURS)
    for number, labels in enumerate(truth):
        made = tmp_path / "out" / "sub" / f"{number}.png"
        np.testing.assert_array_equal(read_labels(made)[:, :, 0], labels)
        np.testing.assert_array_equal(read_image(made), COLOURS[labels])


def test_masks_become_0_and_1(tmp_path, truth):
    (tmp_path / "in").mkdir()
    masks = np.where(truth > 1, 255, 0).astype(np.uint8)
    for number, mask in enumerate(masks):
        write_image(tmp_path / "in" / f"{number}.png", mask[:, :, None])
    Image.fromarray(masks[0]).convert("1").save(tmp_path / "in" / "bits.png")
    plan, _ = convert(tmp_path / "in", tmp_path / "out")
    assert plan.colours.tolist() == [[0, 0, 0], [255, 255, 255]]
    for number, mask in enumerate(masks):
        np.testing.assert_array_equal(read_labels(tmp_path / "out" / f"{number}.png")[:, :, 0], mask // 255)
    np.testing.assert_array_equal(read_labels(tmp_path / "out" / "bits.png")[:, :, 0], masks[0] // 255)


def test_colours_and_16_bits(tmp_path, truth):
    (tmp_path / "rgb").mkdir()
    write_image(tmp_path / "rgb" / "1.png", COLOURS[truth[0]])
    plan, _ = convert(tmp_path / "rgb", tmp_path / "rgb_out")
    assert plan.colours.tolist() == sorted(COLOURS.tolist())
    np.testing.assert_array_equal(plan.colours[read_labels(tmp_path / "rgb_out" / "1.png")[:, :, 0]], COLOURS[truth[0]])
    (tmp_path / "deep").mkdir()
    values = np.array([0, 300, 301, 60000], np.uint16)
    write_image(tmp_path / "deep" / "1.png", values[truth[0]][:, :, None])
    convert(tmp_path / "deep", tmp_path / "deep_out")
    np.testing.assert_array_equal(read_labels(tmp_path / "deep_out" / "1.png")[:, :, 0], truth[0])


def test_a_palette_says_which_colour_is_which_label(tmp_path, truth):
    (tmp_path / "in").mkdir()
    for number, labels in enumerate(truth):
        write_image(tmp_path / "in" / f"{number}.png", COLOURS[labels])
    some = Palette(("b", "a"), (tuple(COLOURS[3].tolist()), tuple(COLOURS[1].tolist())), ((9, 9, 9), (0, 200, 0)))
    plan, problems = convert(tmp_path / "in", tmp_path / "out", palette=some)
    assert (problems, len(plan.colours)) == ([], 3)  # what belongs to none is the last
    np.testing.assert_array_equal(read_labels(tmp_path / "out" / "0.png")[:, :, 0], np.array([2, 1, 2, 0])[truth[0]])
    lacking = some._replace(void=())
    _, problems = convert(tmp_path / "in", tmp_path / "none", palette=lacking)
    assert len(problems) == 3
    assert problems[0].startswith(f"{tmp_path}/in/0.png: it has the colour [")
    noisy = np.clip(COLOURS[truth[0]].astype(int) + np.random.default_rng(1).integers(-9, 9, (6, 5, 3)), 0, 255)
    write_image(tmp_path / "in" / "0.png", noisy.astype(np.uint8))
    convert(tmp_path / "in", tmp_path / "near", palette=some, nearest=True)
    np.testing.assert_array_equal(read_labels(tmp_path / "near" / "0.png")[:, :, 0], np.array([2, 1, 2, 0])[truth[0]])


def test_the_palette_that_is_written_is_one_to_name(tmp_path, truth):
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "1.png", COLOURS[truth[0]])
    plan, _ = convert(tmp_path / "in", tmp_path / "out")
    (tmp_path / "palette.txt").write_text(palette_text(plan.colours))
    again, _ = convert(tmp_path / "in", tmp_path / "again", palette=read_palette(tmp_path / "palette.txt"))
    np.testing.assert_array_equal(again.colours, plan.colours)
    np.testing.assert_array_equal(read_labels(tmp_path / "again" / "1.png"), read_labels(tmp_path / "out" / "1.png"))


def test_what_is_no_label_picture(tmp_path, draw):
    draw(tmp_path / "in" / "1.png", size=(40, 40))
    with pytest.raises(ValueError, match=r"up to .*/in/1\.png have more than 256 colours, .* take --palette and"):
        plan_labels(tmp_path / "in", tmp_path / "out")
    with pytest.raises(ValueError, match="is or lies in the input"):
        plan_labels(tmp_path / "in", tmp_path / "in" / "out")
