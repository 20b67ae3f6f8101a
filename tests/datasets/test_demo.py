"""The drawn demo set: repeatable, clean labels, learnable structure, and folders that are whole or refused."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from gluon_pix2pix.datasets.demo import pairs as demo
from gluon_pix2pix.datasets.demo.layout import plan_facade
from gluon_pix2pix.datasets.demo.painter import paint_facade
from gluon_pix2pix.datasets.demo.pairs import draw_facade, write_demo
from gluon_pix2pix.evaluation.palettes import CMP_COLOURS
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.pictures.folders import find_images

PALETTE = np.array(list(CMP_COLOURS.values()))


def classes(labels: np.ndarray) -> np.ndarray:
    """(H, W) index into the palette; fails on a colour that is not in it."""
    same = (labels[:, :, None] == PALETTE).all(axis=-1)
    assert same.any(axis=-1).all()
    return same.argmax(axis=-1)


@pytest.mark.parametrize("size", [32, 33, 100, 128, 256, 300])
def test_any_size_gives_pictures_of_it_with_palette_colours_only(size):
    photo, labels = draw_facade(5, size)
    assert photo.shape == labels.shape == (size, size, 3)
    assert photo.dtype == labels.dtype == np.uint8
    assert {"background", "facade", "window", "molding", "door"} <= {list(CMP_COLOURS)[i] for i in classes(labels).flat}


def test_one_seed_is_one_picture_and_two_are_two():
    for first, again, other in zip(draw_facade(3, 64), draw_facade(3, 64), draw_facade(4, 64)):
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


def test_drawing_leaves_global_random_state_alone():
    before = np.random.get_state()[1].copy()
    draw_facade(0, 32)
    assert np.array_equal(before, np.random.get_state()[1])


def test_one_seed_is_one_building_at_every_size():
    large, small = (classes(draw_facade(11, size)[1]) for size in (256, 128))
    assert (large[::2, ::2] == small).mean() > 0.9


def test_every_class_is_drawn_and_windows_repeat():
    drawn = [classes(draw_facade(seed, 128)[1]) for seed in range(40)]
    assert set(np.unique(drawn)) == set(range(12))
    window = list(CMP_COLOURS).index("window")
    pieces = [cv2.connectedComponents((labels == window).astype(np.uint8))[0] - 1 for labels in drawn]
    assert min(pieces) >= 5


def test_class_shares_are_near_those_of_real_facades():
    """Shares of 400 real label maps: facade .36, background .21, window .13, molding .09; all others below .05."""
    drawn = np.stack([classes(draw_facade(seed, 64)[1]) for seed in range(60)])
    share = dict(zip(CMP_COLOURS, np.bincount(drawn.ravel(), minlength=12) / drawn.size))
    assert 0.25 < share["facade"] < 0.55
    assert 0.08 < share["background"] < 0.30
    assert 0.08 < share["window"] < 0.25
    assert all(0.002 < share[name] < 0.12 for name in CMP_COLOURS if name not in ("facade", "background", "window"))


def test_palette_is_that_of_the_real_label_maps(facades):
    pixels = [read_image(path)[:, 256:] for path in find_images(facades / "train")[:60]]
    flat = np.concatenate([labels[cv2.Laplacian(labels, cv2.CV_16S).any(axis=-1) == 0] for labels in pixels])
    distance = np.stack([np.abs(flat - colour.astype(np.int16)).max(axis=-1) for colour in PALETTE])
    nearest, near = distance.argmin(axis=0), distance.min(axis=0) < 12
    assert near.mean() > 0.98
    for number, colour in enumerate(PALETTE):
        assert np.abs(np.median(flat[near & (nearest == number)], axis=0) - colour).max() <= 2


def test_photo_has_edges_where_its_label_map_has():
    for seed in range(6):
        photo, labels = draw_facade(seed)
        slope = np.abs(np.diff(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(float), axis=1))
        border = np.diff(classes(labels), axis=1) != 0
        assert slope[border].mean() > 2 * slope[~border].mean()


def test_labels_tell_more_of_the_photo_than_one_colour_for_each_class():
    """The mean of other photos of the same labels is nearer to a photo than the mean colours of its own classes are."""
    gains = []
    for seed in range(4):
        plan = plan_facade(np.random.default_rng(seed))
        photos = [paint_facade(plan, 128, np.random.default_rng([seed, light])).astype(float) for light in range(13)]
        number, photo = classes(draw_facade(seed, 128)[1]), photos.pop()
        flat = np.zeros_like(photo)
        for present in np.unique(number):
            flat[number == present] = photo[number == present].mean(axis=0)
        known = np.mean(photos, axis=0)
        gains.append(10 * np.log10(((flat - photo) ** 2).mean() / ((known - photo) ** 2).mean()))
    assert np.mean(gains) > 3  # dB


COUNTS = {"train": 3, "val": 2}


def test_a_set_has_its_pairs_its_description_and_no_picture_twice(tmp_path):
    seen = []
    folder = write_demo(tmp_path / "data" / "demo", COUNTS, size=32, seed=7, progress=lambda *done: seen.append(done))
    assert seen == [(done, 5) for done in range(1, 6)]
    assert [path.name for path in tmp_path.glob("data/*")] == ["demo"]
    assert sorted(path.name for path in folder.iterdir()) == ["demo.json", "train", "val"]
    assert [path.name for path in find_images(folder / "train")] == ["1.png", "2.png", "3.png"]
    pairs = [read_image(path) for path in find_images(folder)]
    assert len(pairs) == len({pair.tobytes() for pair in pairs}) == 5
    assert all(pair.shape == (32, 64, 3) for pair in pairs)
    assert np.array_equal(pairs[0], np.hstack(draw_facade((7, 0, 1), 32)))
    assert json.loads((folder / "demo.json").read_text())["counts"] == COUNTS


def test_the_set_that_is_there_is_used_again(tmp_path, monkeypatch):
    (tmp_path / "demo").mkdir()  # empty: as good as none
    folder = write_demo(tmp_path / "demo", COUNTS, size=32)
    monkeypatch.setattr(demo, "draw_facade", lambda *_: pytest.fail("drawn again"))
    assert write_demo(folder, dict(reversed(list(COUNTS.items()))), size=32) == folder


@pytest.mark.parametrize("change", [{"size": 40}, {"seed": 1}, {"counts": {"train": 3}}])
def test_another_set_that_is_there_is_refused(tmp_path, change):
    folder = write_demo(tmp_path / "demo", COUNTS, size=32)
    with pytest.raises(ValueError, match=r"holds a demo set of .* delete .*demo or choose another data root"):
        write_demo(folder, **{"counts": COUNTS, "size": 32, **change})


def test_a_set_of_an_older_drawing_is_refused(tmp_path, monkeypatch):
    folder = write_demo(tmp_path / "demo", COUNTS, size=32)
    monkeypatch.setattr(demo, "DRAWING", demo.DRAWING + 1)
    with pytest.raises(ValueError, match="holds a demo set of drawing: 1"):
        write_demo(folder, COUNTS, size=32)


@pytest.mark.parametrize("description", [None, "{"])
def test_a_folder_of_something_else_is_refused(tmp_path, description):
    (tmp_path / "mine.txt").write_text("")
    if description:
        (tmp_path / "demo.json").write_text(description)
    with pytest.raises(ValueError, match="is there and is no finished demo set: choose another data root"):
        write_demo(tmp_path, COUNTS, size=32)


def test_an_interrupted_drawing_leaves_nothing(tmp_path):
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo(tmp_path / "demo", COUNTS, size=32, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("late", [False, True])
def test_the_quicker_of_two_processes_wins(tmp_path, late):
    """Somebody else finishes the same set (or puts another folder there) while this one is being drawn."""

    def overtake(done: int, total: int) -> None:
        if done == 1:
            write_demo(tmp_path / "demo", COUNTS, size=40 if late else 32)

    if late:
        with pytest.raises(ValueError, match="holds a demo set of"):
            write_demo(tmp_path / "demo", COUNTS, size=32, progress=overtake)
    else:
        assert write_demo(tmp_path / "demo", COUNTS, size=32, progress=overtake) == tmp_path / "demo"
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 31}, "32 pixels wide or more, not 31"),
        ({"seed": -1}, "seed is 0 or more, not -1"),
        ({"counts": {}}, "at least one split of train, val, test"),
        ({"counts": {"train": 0}}, "split train of a demo set needs 1 picture or more, not 0"),
        ({"counts": {"trian": 4}}, "no split 'trian'; its splits are train, val, test"),
    ],
)
def test_bad_arguments_are_named(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        write_demo(tmp_path / "demo", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_size_too_small_to_draw_is_named():
    with pytest.raises(ValueError, match="32 pixels wide or more, not 8"):
        draw_facade(0, 8)
