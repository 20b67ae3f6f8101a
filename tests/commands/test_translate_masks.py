"""``translate --mask-file``, and transparent pixels: what is known stays, and what is marked is painted."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.pictures.files import read_image, write_image

HEIGHT, WIDTH = 40, 56


@pytest.fixture(scope="module")
def holes(write_model_folder, tmp_path_factory):
    """A model of inpainting with random holes, as training leaves it."""
    described = {"name": "unet", "num_downs": 2, "ngf": 8}
    coding = {"task": "inpainting", "mask": "random"}
    return write_model_folder(tmp_path_factory.mktemp("models") / "holes", described, coding, crop_size=32)


@pytest.fixture
def translate(call, holes):
    return functools.partial(call, "translate", "--model", holes, "--gpu", "-1", "--no-dropout", "--keep-size")


@pytest.fixture
def photo(tmp_path):
    """A photo, and a mask of a hole in it."""
    rng = np.random.default_rng(0)
    write_image(tmp_path / "in/a.png", rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[10:22, 30:50] = True
    write_image(tmp_path / "holes/a.png", np.where(hole, 255, 0).astype(np.uint8)[:, :, None])
    return tmp_path / "in/a.png", tmp_path / "holes/a.png", hole


@pytest.fixture(autouse=True)
def _folders(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "holes").mkdir()


def test_known_pixels_stay_and_the_hole_is_painted(translate, photo, tmp_path):
    path, mask, hole = photo
    code, _, err = translate("--input", path, "--mask-file", mask, "--output", tmp_path / "filled.png")
    assert (code, err) == (0, "")
    before, after = read_image(path), read_image(tmp_path / "filled.png")
    np.testing.assert_array_equal(after[~hole], before[~hole])
    assert (after[hole] != before[hole]).mean() > 0.9


def test_what_is_under_the_hole_does_not_matter(translate, photo, tmp_path):
    path, mask, hole = photo
    translate("--input", path, "--mask-file", mask, "--output", tmp_path / "first.png")
    changed = read_image(path)
    changed[hole] = 7
    write_image(path, changed)
    translate("--input", path, "--mask-file", mask, "--output", tmp_path / "second.png")
    np.testing.assert_array_equal(read_image(tmp_path / "first.png"), read_image(tmp_path / "second.png"))


def test_transparent_pixels_are_a_hole_too(translate, photo, tmp_path):
    path, mask, hole = photo
    translate("--input", path, "--mask-file", mask, "--output", tmp_path / "masked.png")
    alpha = np.where(hole, 0, 255).astype(np.uint8)
    Image.fromarray(np.dstack([read_image(path), alpha])).save(tmp_path / "in/b.png")
    assert translate("--input", tmp_path / "in/b.png", "--output", tmp_path / "clear.png")[0] == 0
    np.testing.assert_array_equal(read_image(tmp_path / "clear.png"), read_image(tmp_path / "masked.png"))


def test_a_folder_of_masks_by_name(translate, photo, tmp_path):
    path, mask, hole = photo
    write_image(path.with_name("b.png"), read_image(path)[::-1])
    words = ("--input", tmp_path / "in", "--mask-file", tmp_path / "holes", "--output", tmp_path / "out")
    code, _, err = translate(*words)
    assert (code, err.count("\n")) == (1, 1)
    assert "b" in err
    assert "mask" in err
    write_image(mask.with_name("b.png"), read_image(mask)[::-1])
    assert translate(*words)[0] == 0
    for name, where in (("a", hole), ("b", hole[::-1])):
        before, after = read_image(path.with_name(f"{name}.png")), read_image(tmp_path / f"out/{name}_fake.png")
        np.testing.assert_array_equal(after[~where], before[~where])


def test_one_mask_is_for_one_photo(translate, photo, tmp_path):
    path, mask, _ = photo
    write_image(path.with_name("b.png"), read_image(path))
    code, _, err = translate("--input", tmp_path / "in", "--mask-file", mask, "--output", tmp_path / "out")
    assert code == 2
    assert "is one mask, and" in err
    assert "2 photos: name a folder of masks with the photos' names" in err


def test_a_mask_of_another_size_is_named(translate, photo, tmp_path):
    path, mask, _ = photo
    write_image(mask, np.zeros((8, 8, 1), np.uint8))
    code, _, err = translate("--input", path, "--mask-file", mask, "--output", tmp_path / "out")
    assert (code, err.count("\n")) == (1, 1)
    assert str(mask) in err
    assert "8 x 8" in err or "8x8" in err
    assert not (tmp_path / "out/a_fake.png").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--targets", "."), "is for photos whose true pixels nobody knows: leave out --targets"),
        (("--pairs", "yes"), "is for photos whose true pixels nobody knows: leave out --pairs yes"),
        (("--input", "-"), "from standard input, transparent pixels count"),
    ],
)
def test_what_does_not_go_together(translate, photo, more, message):
    path, mask, _ = photo
    code, _, err = translate("--input", path, "--mask-file", mask, *more)
    assert code == 2
    assert message in " ".join(err.replace("│", " ").split())


def test_another_task_has_no_holes(call, tiny_run, photo, tmp_path):
    path, mask, _ = photo
    words = ("--input", path, "--mask-file", mask, "--output", tmp_path / "out")
    code, _, err = call("translate", "--model", tiny_run, "--gpu", "-1", *words)
    assert code == 2
    assert "--mask-file is for models of --task inpainting, and this one is of pairs" in err


def test_a_photo_without_a_hole_is_said(translate, photo, tmp_path):
    code, out, _ = translate("--input", photo[0], "--pairs", "no", "--output", tmp_path / "out")
    assert (code, "has no hole marked, so that all of it is painted anew" in out) == (0, True)
