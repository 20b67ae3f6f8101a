"""Side-by-side files as pairs: halves, order, depth, channels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.data.jitter import draw_jitter
from gluon_pix2pix.data.pairs import PairedImages, split_pair
from gluon_pix2pix.image_files import write_image
from gluon_pix2pix.images import resize


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
    assert [path.name for path in PairedImages(folder).paths] == ["1.png", "2.png", "10.png"]
    first = PairedImages(folder, max_dataset_size=2)
    assert [path.name for path in first.paths] == ["1.png", "2.png"]
    assert len(first) == 2


def test_without_a_seed_the_pair_is_resized_and_with_one_jittered(folder):
    pairs = PairedImages(folder, load_size=12, crop_size=10)
    half = np.asarray(Image.open(folder / "1.png"))[:, :8]
    np.testing.assert_array_equal(pairs[0][0], resize(half, 10, 10))
    seed = (3, 1, 0)
    jitter = draw_jitter(seed, load_size=12, crop_size=10, flip=True)
    np.testing.assert_array_equal(pairs[0, seed][0], jitter(half))


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
    source, target = PairedImages(folder, load_size=8, crop_size=8, input_nc=1)[0]
    whole = np.asarray(Image.open(folder / "1.png"))
    assert source.shape == (8, 8, 1)
    assert np.abs(source[:, :, 0] - whole[:, :8] @ [0.299, 0.587, 0.114]).max() <= 1  # ITU-R BT.601
    np.testing.assert_array_equal(target, whole[:, 8:])


def test_gray_files_are_repeated_for_rgb(tmp_path):
    gray = noise(8, 16, 1)
    write_image(tmp_path / "1.png", gray)
    source, target = PairedImages(tmp_path, load_size=8, crop_size=8, output_nc=1)[0]
    np.testing.assert_array_equal(source, np.repeat(gray[:, :8], 3, axis=2))
    np.testing.assert_array_equal(target, gray[:, 8:])


def test_the_real_facades(facades):
    assert [len(PairedImages(facades / split)) for split in ("train", "val")] == [400, 100]
    source, target = PairedImages(facades / "train", direction="BtoA")[0]
    assert source.shape == target.shape == (256, 256, 3)
    vividness = [np.ptp(half, axis=2).mean() for half in (source, target)]
    assert vividness[0] > 150 > 75 > vividness[1]  # label maps are in pure colours, house walls are not


def test_split_pair_errors():
    with pytest.raises(ValueError, match=r"a/1\.png is 15 pixels wide: a side-by-side pair needs two halves"):
        split_pair(noise(8, 15, 3), "AtoB", path="a/1.png")
    with pytest.raises(ValueError, match="the picture is 0 pixels wide"):
        split_pair(noise(8, 0, 3), "AtoB")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"direction": "BtoC"}, "direction is one of AtoB, BtoA, not 'BtoC'"),
        ({"load_size": 200}, "crop_size 256 does not fit into load_size 200"),
        ({"crop_size": 0}, "crop_size 0 does not fit"),
        ({"input_nc": 2}, "picture files have 1 or 3 channels, not input_nc 2 and output_nc 3"),
    ],
)
def test_argument_errors(folder, argument, message):
    with pytest.raises(ValueError, match=message):
        PairedImages(folder, **argument)


def test_file_errors(folder):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        PairedImages(folder / "nowhere")
    pairs = PairedImages(folder)
    write_image(folder / "2.png", noise(8, 16, 3, dtype=np.uint16))
    with pytest.raises(ValueError, match=r"2\.png is uint16 and .*1\.png is not: all files of a set have one depth"):
        pairs[1]
    write_image(folder / "2.png", noise(8, 15, 3))
    with pytest.raises(ValueError, match=r"2\.png is 15 pixels wide"):
        pairs[1]
