"""Pairs of pictures: halves, order, depth, channels, tasks, and what is done with bad files."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import psutil
import pytest
from PIL import Image

from gluon_pix2pix.pairs.coding import make_coding
from gluon_pix2pix.pairs.layouts import Split, find_splits, side_by_side, two_folders
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.pairs.preprocess import Preprocess
from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.pictures.folders import find_images


def noise(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype)


@pytest.fixture
def folder(tmp_path):
    """Three pairs of 8 x 8 pictures: 1.png, 2.png, 10.png."""
    for name in (1, 2, 10):
        write_image(tmp_path / f"{name}.png", noise(8, 16, 3, seed=name))
    return tmp_path


def test_direction_says_which_half_is_the_source(folder):
    whole = np.asarray(Image.open(folder / "2.png"))
    source, target = PairedImages(folder, load_size=8, crop_size=8)[1]
    np.testing.assert_array_equal(source, whole[:, :8])
    np.testing.assert_array_equal(target, whole[:, 8:])
    turned = PairedImages(folder, direction="BtoA", load_size=8, crop_size=8)[1]
    np.testing.assert_array_equal(turned[0], target)
    np.testing.assert_array_equal(turned[1], source)
    assert source.dtype == np.uint8


def test_files_are_in_the_order_in_which_people_count(folder):
    assert [pair.a.name for pair in PairedImages(folder).pairs] == ["1.png", "2.png", "10.png"]
    first = PairedImages(folder, max_dataset_size=2)
    assert [pair.a.name for pair in first.pairs] == ["1.png", "2.png"]
    assert len(first) == 2


def test_without_a_seed_the_pair_is_resized_and_with_one_jittered(folder):
    pairs = PairedImages(folder, load_size=12, crop_size=10)
    half = np.asarray(Image.open(folder / "1.png"))[:, :8]
    np.testing.assert_array_equal(pairs[0][0], resize(half, 10, 10))
    seed = (3, 1, 0)
    place = Preprocess(load_size=12, crop_size=10).choose_placement(8, 8, seed)
    np.testing.assert_array_equal(pairs[0, seed][0], place(half))


def test_jitter_treats_both_halves_alike(tmp_path):
    """Of a pair whose halves are one picture, source and target stay one picture."""
    half = noise(16, 16, 3)
    write_image(tmp_path / "1.png", np.hstack([half, half]))
    pairs = PairedImages(tmp_path, load_size=18, crop_size=16)
    different = set()
    for epoch in range(200):
        source, target = pairs[0, (0, epoch, 0)]
        np.testing.assert_array_equal(source, target)
        different.add(source.tobytes())
    assert len(different) == 18  # 3 x 3 places and their mirror images


def test_16_bits_travel_as_int32_with_their_peak(tmp_path):
    whole = noise(8, 16, 3, dtype=np.uint16)
    write_image(tmp_path / "1.png", whole)
    pairs = PairedImages(tmp_path, load_size=8, crop_size=8)
    assert pairs.peak == 65535
    source, target = pairs[0]
    assert source.dtype == target.dtype == np.int32
    np.testing.assert_array_equal(source, whole[:, :8])
    assert pairs.images(0)[1].dtype == np.uint16


def test_channels_of_source_and_target(folder):
    source, target = PairedImages(folder, load_size=8, crop_size=8, coding=make_coding(input_nc=1))[0]
    whole = np.asarray(Image.open(folder / "1.png"))
    assert source.shape == (8, 8, 1)
    assert np.abs(source[:, :, 0] - whole[:, :8] @ [0.299, 0.587, 0.114]).max() <= 1  # ITU-R BT.601
    np.testing.assert_array_equal(target, whole[:, 8:])


def test_gray_files_are_repeated_for_rgb(tmp_path):
    gray = noise(8, 16, 1)
    write_image(tmp_path / "1.png", gray)
    source, target = PairedImages(tmp_path, load_size=8, crop_size=8, coding=make_coding(output_nc=1))[0]
    np.testing.assert_array_equal(source, np.repeat(gray[:, :8], 3, axis=2))
    np.testing.assert_array_equal(target, gray[:, 8:])


def test_the_real_facades(facades):
    assert [len(PairedImages(facades / split)) for split in ("train", "val")] == [400, 100]
    source, target = PairedImages(facades / "train", direction="BtoA")[0]
    assert source.shape == target.shape == (256, 256, 3)
    vividness = [np.ptp(half, axis=2).mean() for half in (source, target)]
    assert vividness[0] > 150 > 75 > vividness[1]  # label maps are in pure colours, house walls are not


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"direction": "BtoC"}, "direction is one of AtoB, BtoA, not 'BtoC'"),
        ({"load_size": 200}, "crop_size 256 does not fit into load_size 200"),
        ({"crop_size": 0}, "crop_size 0 does not fit"),
        ({"preprocess": "squash"}, "preprocess is one of resize_and_crop, crop"),
        (
            {"coding": make_coding(labels=3)},
            "has pairs side by side, which cannot be label map and picture at once: put A and B into folders of their",
        ),
    ],
)
def test_argument_errors(folder, argument, message):
    with pytest.raises(ValueError, match=message):
        PairedImages(folder, **argument)


def test_what_is_damaged_within_is_named_with_the_remedy_or_left_out(tmp_path):
    """Headers do not show it: it is found when the picture is read."""
    for number in range(3):
        write_image(tmp_path / f"{number}.jpg", cv2.resize(noise(8, 16, 3, seed=number), (256, 128)))
    data = bytearray((tmp_path / "1.jpg").read_bytes())
    data[len(data) // 2 : -500] = bytes(len(data) - 500 - len(data) // 2)
    (tmp_path / "1.jpg").write_bytes(data)
    pairs = PairedImages(tmp_path, load_size=8, crop_size=8)
    assert pairs.check_files() == []
    with pytest.raises(ValueError, match=r"1\.jpg is damaged: Corrupt JPEG data.*; --skip-bad goes on without such"):
        pairs[1]
    pairs = PairedImages(tmp_path, load_size=8, crop_size=8, skip_bad=True)
    np.testing.assert_array_equal(pairs[1][0], pairs[2][0])
    assert [line.partition(" is ")[0] for line in pairs.newly_bad_pairs()] == [str(tmp_path / "1.jpg")]


def test_file_errors(folder):
    with pytest.raises(FileNotFoundError, match=r"there is no file or folder .*nowhere"):
        PairedImages(folder / "nowhere")
    pairs = PairedImages(folder)
    assert pairs.peak == 255
    write_image(folder / "2.png", noise(8, 16, 3, dtype=np.uint16))
    with pytest.raises(ValueError, match=r"2\.png is uint16 and others are not: all files of a set have one depth"):
        pairs[1]
    write_image(folder / "2.png", noise(8, 15, 3))
    with pytest.raises(ValueError, match=r"2\.png is 15 pixels wide"):
        pairs[1]
    (folder / "2.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"2\.png"):
        pairs[1]
    write_image(folder / "1.png", noise(8, 16, 3))
    with pytest.raises(ValueError, match=r"1\.png has pictures of 8 x 8 pixels, smaller than the crop of 256 x 256"):
        PairedImages(folder, preprocess="crop")[0]
    with pytest.raises(ValueError, match=r"1\.png: it has 3 channels, and 2 are asked for"):
        PairedImages(folder, coding=make_coding(output_nc=2))[0]


@pytest.fixture
def halves(folder, tmp_path):
    """The same three pairs as `folder`, in A/ and B/."""
    for path in sorted(folder.glob("*.png")):
        whole = read_image(path)
        for half, picture in (("A", whole[:, :8]), ("B", whole[:, 8:])):
            (tmp_path / half).mkdir(exist_ok=True)
            write_image(tmp_path / half / path.name, picture)
    return tmp_path / "A", tmp_path / "B"


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_every_layout_gives_the_same_pairs(folder, halves, direction):
    kind = {"direction": direction, "load_size": 12, "crop_size": 10, "coding": make_coding(input_nc=1)}
    one, two = PairedImages(folder, **kind), PairedImages(two_folders(*halves), **kind)
    for index in range(3):
        for key in (index, (index, (5, 1, index))):
            for ours, theirs in zip(one[key], two[key]):
                np.testing.assert_array_equal(ours, theirs)
    assert one.fingerprint() != two.fingerprint()


def test_halves_of_different_sizes(halves):
    write_image(halves[1] / "2.png", noise(8, 10, 3))
    pairs = PairedImages(two_folders(*halves))
    message = r"A/2\.png is 8 x 8 pixels and .*B/2\.png is 10 x 8 pixels: the halves of a pair have one size"
    with pytest.raises(ValueError, match=message):
        pairs.check_files()
    with pytest.raises(ValueError, match=message):
        pairs[1]


def test_labels_become_one_hot(halves):
    for number, name in enumerate(("1.png", "2.png", "10.png")):
        write_image(halves[0] / name, noise(8, 8, 1, seed=number) % 5)
    pairs = PairedImages(two_folders(*halves), coding=make_coding(labels=5), load_size=11, crop_size=9)
    source, target = pairs[1, (0, 0, 1)]
    assert (source.shape, target.shape) == ((9, 9, 5), (9, 9, 3))
    assert set(np.unique(source)) == {0, 255}
    np.testing.assert_array_equal(source.sum(axis=2), np.full((9, 9), 255))
    given, _ = pairs.images(1, (0, 0, 1))
    assert (given.shape, given.dtype) == ((9, 9, 1), np.uint8)
    np.testing.assert_array_equal(source.argmax(axis=2), given[:, :, 0])
    assert (pairs.source_range, pairs.target_range) == ((0, 255), (0, 255))
    write_image(halves[0] / "2.png", np.full((8, 8, 1), 5, np.uint8))
    with pytest.raises(ValueError, match=r"A/2\.png: it holds label 5, and 5 labels count from 0"):
        pairs[1]


def test_colorization_takes_photos(tmp_path):
    write_image(tmp_path / "1.png", noise(12, 17, 3))
    pairs = PairedImages(tmp_path, coding=make_coding("colorization"), load_size=10, crop_size=8)
    lightness, colours = pairs[0, (1, 2, 0)]
    assert (lightness.shape, colours.shape) == ((8, 8, 1), (8, 8, 2))
    assert lightness.dtype == colours.dtype == np.float32
    assert (pairs.source_range, pairs.target_range) == ((0, 100), (-110, 110))
    given, true = pairs.images(0, (1, 2, 0))
    place = Preprocess(load_size=10, crop_size=8).choose_placement(12, 17, (1, 2, 0))
    np.testing.assert_array_equal(true, place(read_image(tmp_path / "1.png")))
    assert given.shape == (8, 8, 1)


def test_inpainting_makes_holes(tmp_path):
    write_image(tmp_path / "1.png", noise(16, 16, 3) // 2)
    pairs = PairedImages(tmp_path, coding=make_coding("inpainting", mask="random"), load_size=16, crop_size=16)
    holed, whole = pairs[0, (1, 2, 0)]
    hole = (holed == 255).all(axis=2)
    assert 4 * 4 <= hole.sum() <= 8 * 8
    np.testing.assert_array_equal(holed[~hole], whole[~hole])
    others = [pairs[0, (1, epoch, 0)][0].tobytes() for epoch in range(5)]
    assert len(set(others)) == 5
    np.testing.assert_array_equal(pairs[0][0], pairs[0][0])  # without a seed there is no chance


def test_many_channels_and_16_bits_travel(tmp_path):
    arrays = {half: noise(8, 8, 4, dtype=np.uint16, seed=number) for number, half in enumerate("AB")}
    for half, name in (("A", "1.npy"), ("B", "1.tif")):
        (tmp_path / half).mkdir()
        write_image(tmp_path / half / name, arrays[half])
    split = two_folders(tmp_path / "A", tmp_path / "B")
    pairs = PairedImages(split, coding=make_coding(input_nc=4, output_nc=4), load_size=8, crop_size=8)
    assert pairs.check_files() == []
    source, target = pairs[0]
    assert source.dtype == np.int32
    np.testing.assert_array_equal(source, arrays["A"])
    np.testing.assert_array_equal(target, arrays["B"])


def test_sizes_that_stay_different(folder):
    write_image(folder / "2.png", noise(20, 48, 3))
    pairs = PairedImages(folder, preprocess="none", multiple=8)
    assert pairs.check_files() == []
    assert pairs.smallest_side == 8
    assert [pairs[index, (0, 0, index)][0].shape for index in range(3)] == [(8, 8, 3), (16, 24, 3), (8, 8, 3)]
    with pytest.raises(ValueError, match=r"1\.png becomes 8 x 8 pixels and .*2\.png 24 x 16: that makes no batch of 2"):
        pairs.check_files(batch_size=2)


BAD = {
    "text.jpg": (b"not a picture", r"text\.jpg is not a picture in a known format \(13 bytes\)"),
    "empty.png": (b"", r"empty\.png is empty \(0 bytes\)"),
    "odd.png": (noise(8, 15, 3), r"odd\.png is 15 pixels wide: a side-by-side pair needs two halves of the same width"),
    "thin.png": (noise(8, 1, 3), r"thin\.png is 1 pixel wide: a side-by-side pair needs two halves"),
    "two.png": (noise(8, 2, 3), r"two\.png gives pictures of 1 x 8 pixels: nothing can be learnt from those"),
    "cut.jpg": (noise(64, 128, 3), r"cut\.jpg is cut off: the end of the picture is missing"),
    "tiny.png": (noise(4, 16, 3), r"tiny\.png has pictures of 8 x 4 pixels, smaller than the crop of 8 x 8"),
}


@pytest.fixture
def add_bad(folder):
    """Put a bad file into the folder of three good pairs, by its name."""

    def add(name):
        content, message = BAD[name]
        if isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            write_image(folder / name, content)
        if name == "cut.jpg":
            (folder / name).write_bytes((folder / name).read_bytes()[:-40])
        return message

    return add


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_named_or_left_out(folder, add_bad, name):
    message = add_bad(name)
    kind = {"preprocess": "crop", "crop_size": 8}
    with pytest.raises(ValueError, match=rf"^{folder}/{message}.*; --skip-bad goes on without such files$"):
        PairedImages(folder, **kind).check_files()
    pairs = PairedImages(folder, **kind, skip_bad=True)
    (line,) = pairs.check_files()
    assert line.startswith(f"{folder}/{name}")
    assert [pair.name for pair in pairs.pairs] == ["1.png", "2.png", "10.png"]
    assert pairs.fingerprint() != PairedImages(folder, **kind).fingerprint()


def test_the_number_of_bad_files_is_said(folder, add_bad):
    for name in ("text.jpg", "empty.png"):
        add_bad(name)
    with pytest.raises(ValueError, match=r"empty\.png is empty \(0 bytes\) \(and 1 more\); --skip-bad"):
        PairedImages(folder).check_files()


def test_unpaired_files_are_bad_files(halves):
    write_image(halves[0] / "7.png", noise(8, 8, 3))
    with pytest.raises(ValueError, match=r"A/7\.png has no partner in .*B; --skip-bad goes on"):
        PairedImages(two_folders(*halves)).check_files()
    pairs = PairedImages(two_folders(*halves), skip_bad=True)
    assert pairs.check_files() == [f"{halves[0]}/7.png has no partner in {halves[1]}"]
    assert len(pairs) == 3


def test_files_that_may_not_be_read(folder, monkeypatch):
    """As tests may run as root, who may read everything, Python's open says it."""
    import builtins

    real = builtins.open

    def refuse(path, *args, **kwargs):
        if str(path).endswith("2.png"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", refuse)
    with pytest.raises(ValueError, match=rf"^{folder}/2\.png: Permission denied; --skip-bad"):
        PairedImages(folder).check_files()


def test_all_files_are_bad(tmp_path):
    (tmp_path / "1.png").touch()
    with pytest.raises(ValueError, match=r"no file of .* is good: .*1\.png is empty"):
        PairedImages(tmp_path, skip_bad=True).check_files()


def test_a_pair_that_turns_out_bad_is_replaced_by_the_next(folder):
    kind = {"load_size": 12, "crop_size": 10}
    good, pairs = PairedImages(folder, **kind), PairedImages(folder, **kind, skip_bad=True)
    assert pairs.check_files() == []
    expected = {key: good[key] for key in ((0, (4, 0, 2)), (1, (4, 0, 1)))}
    (folder / "10.png").write_bytes(b"no picture any more")  # index 2; the next is 0
    np.testing.assert_array_equal(pairs[2, (4, 0, 2)][1], expected[0, (4, 0, 2)][1])
    np.testing.assert_array_equal(pairs[1, (4, 0, 1)][1], expected[1, (4, 0, 1)][1])
    (line,) = pairs.newly_bad_pairs()
    assert line.startswith(f"{folder}/10.png is not a picture")
    np.testing.assert_array_equal(pairs.images(2)[0], good.images(0)[0])
    assert pairs.newly_bad_pairs() == []  # said once
    for name in ("1.png", "2.png"):
        (folder / name).unlink()
    with pytest.raises(
        ValueError, match=rf"no pair of {folder} can be read any more: {folder}/10\.png is not a picture"
    ):
        pairs[1, (4, 0, 1)]


def test_thousands_of_headers_are_read_and_no_picture_is_decoded(tmp_path, monkeypatch):
    write_image(tmp_path / "1.png", noise(4, 8, 3))
    write_image(tmp_path / "2.jpg", noise(4, 8, 3))
    pairs = [*side_by_side(tmp_path).pairs] * 2500
    monkeypatch.setattr(cv2, "imdecode", None)
    monkeypatch.setattr(Image.Image, "load", None)
    assert PairedImages(Split(pairs, (tmp_path,)), load_size=4, crop_size=4).check_files() == []


def test_a_file_of_another_depth_is_found_by_its_header(folder):
    write_image(folder / "0.png", noise(8, 16, 3, dtype=np.uint16))
    message = r"0\.png is uint16 and others are not: all files of a set have one depth; --skip-bad"
    with pytest.raises(ValueError, match=message):
        PairedImages(folder).check_files()
    pairs = PairedImages(folder, load_size=8, crop_size=8, skip_bad=True)  # the first in order, and not the measure
    assert len(pairs.check_files()) == 1
    assert [pair.name for pair in pairs.pairs] == ["1.png", "2.png", "10.png"]
    assert pairs.peak == 255


def test_halves_of_two_depths_are_found_by_their_headers(halves):
    path = halves[1] / f"{find_images(halves[0])[0].stem}.png"
    write_image(path, noise(*read_image(path).shape, dtype=np.uint16))
    with pytest.raises(ValueError, match=rf"^{path} is uint16 and others are not"):
        PairedImages(two_folders(*halves)).check_files()


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_label_maps_go_with_photos_of_16_bits(tmp_path, direction):
    labels, photo = noise(8, 8, 1) % 5, noise(8, 8, 3, dtype=np.uint16)
    for side, picture in (("A", labels), ("B", photo)):
        (tmp_path / side).mkdir()
        write_image(tmp_path / side / "1.png", picture)
    count = {"labels" if direction == "AtoB" else "output_labels": 5}
    pairs = PairedImages(
        two_folders(tmp_path / "A", tmp_path / "B"), coding=make_coding(**count), direction=direction, preprocess="none"
    )
    assert pairs.check_files() == []
    assert pairs.peak == 65535
    source, target = pairs[0] if direction == "AtoB" else pairs[0][::-1]
    np.testing.assert_array_equal(source, np.where(labels == np.arange(5), 255, 0))
    np.testing.assert_array_equal(target, photo)
    ranges = pairs.source_range, pairs.target_range
    assert ranges == (((0, 255), (0, 65535)) if direction == "AtoB" else ((0, 65535), (0, 255)))


def test_many_channels_are_shrunk_and_mirrored(tmp_path):
    arrays = {side: noise(20, 20, channels, seed=channels) for side, channels in (("A", 6), ("B", 3))}
    for side, array in arrays.items():
        (tmp_path / side).mkdir()
        write_image(tmp_path / side / "1.tif", array)
    pairs = PairedImages(
        two_folders(tmp_path / "A", tmp_path / "B"), coding=make_coding(input_nc=6), load_size=9, crop_size=9
    )
    seed = next(n for n in range(99) if pairs.preprocess.choose_placement(20, 20, (n,)).mirror)
    source = pairs[0, (seed,)][0]
    each = [resize(arrays["A"][:, :, [channel]], 9, 9) for channel in range(6)]
    np.testing.assert_array_equal(source, np.concatenate(each, axis=2)[:, ::-1])


def test_odd_names(tmp_path):
    for name in ("ä ö.png", "日本.png", "a b (1).jpg"):
        (tmp_path / "train").mkdir(exist_ok=True)
        write_image(tmp_path / "train" / name, noise(8, 16, 3))
    pairs = PairedImages(find_splits(tmp_path)["train"], load_size=8, crop_size=8)
    assert pairs.check_files() == []
    assert [pairs[index][0].shape for index in range(3)] == [(8, 8, 3)] * 3


def test_pairs_that_are_left_out_change_no_other(folder):
    """What was read or found bad before the check belongs to pairs, not to places that the check moves."""
    good = PairedImages(folder, load_size=8, crop_size=8)
    (folder / "0.png").write_bytes(b"text")
    for cache in (False, True):
        pairs = PairedImages(folder, load_size=8, crop_size=8, skip_bad=True, cache=cache)
        for index in range(4):
            pairs.images(index)  # 0.png is bad, and the next stands in for it
        assert len(pairs.newly_bad_pairs()) == 1
        assert len(pairs.check_files()) == 1
        assert pairs.newly_bad_pairs() == []
        for index in range(3):
            for ours, theirs in zip(pairs.images(index), good.images(index)):
                np.testing.assert_array_equal(ours, theirs)


def test_a_cache_changes_no_bit_and_reads_once(folder, monkeypatch):
    kind = {"load_size": 12, "crop_size": 10}
    plain, cached = PairedImages(folder, **kind), PairedImages(folder, **kind, cache=True)
    assert cached.check_files() == []
    first = [cached[index, (1, 0, index)] for index in range(3)]
    for path in folder.glob("*.png"):
        path.rename(path.with_suffix(".away"))
    again = [cached[index, (1, 0, index)] for index in range(3)]
    for path in folder.glob("*.away"):
        path.rename(path.with_suffix(".png"))
    for index in range(3):
        for ours, theirs, whole in zip(first[index], again[index], plain[index, (1, 0, index)]):
            np.testing.assert_array_equal(ours, theirs)
            np.testing.assert_array_equal(ours, whole)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=3 * 8 * 16 * 3 * 2 - 1))
    with pytest.raises(ValueError, match="--cache would take"):
        PairedImages(folder, **kind, cache=True).check_files()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=3 * 8 * 16 * 3 * 2))
    assert PairedImages(folder, **kind, cache=True).check_files() == []
