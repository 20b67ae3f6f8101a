"""``train`` on every layout, with every task and way of preprocessing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.commands import cli
from gluon_pix2pix.datasets.demo.pairs import draw_facade
from gluon_pix2pix.pairs.coding import to_lab
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.runtime import mx


def draw(count: int, size: int = 32) -> list[tuple[np.ndarray, np.ndarray]]:
    return [draw_facade((9, number), size) for number in range(count)]


def write_side_by_side(folder: Path, pairs: list) -> Path:
    for number, (a, b) in enumerate(pairs):
        (folder / "train").mkdir(parents=True, exist_ok=True)
        write_image(folder / "train" / f"{number}.png", np.hstack([a, b]))
    return folder


def write_halves(folder: Path, pairs: list, *, ends: tuple[str, str] = (".png", ".png"), split: str = "train") -> Path:
    for number, pair in enumerate(pairs):
        for half, end, picture in zip("AB", ends, pair):
            (folder / split / half).mkdir(parents=True, exist_ok=True)
            write_image(folder / split / half / f"{number}{end}", picture)
    return folder


def write_photos(folder: Path, pairs: list) -> Path:
    for number, (photo, _) in enumerate(pairs):
        folder.mkdir(parents=True, exist_ok=True)
        write_image(folder / f"{number}.png", photo)
    return folder


def run_of(folder: Path) -> dict:
    return json.loads((folder / "options.json").read_text())


def test_every_layout_trains_to_the_same_bits(train, look, tmp_path):
    pairs = draw(11)  # 10.png comes after 9.png
    whole = write_side_by_side(tmp_path / "whole", pairs)
    halves = write_halves(tmp_path / "halves", pairs, ends=(".png", ".bmp"))
    lines = [f"halves/train/A/{number}.png,halves/train/B/{number}.bmp\n" for number in range(11)]
    (tmp_path / "list.csv").write_text("A,B\n" + "".join(lines))
    sums = []
    for dataset in (whole, halves, tmp_path / "list.csv"):
        run_dir = tmp_path / "runs" / dataset.name
        code, _, err = train("--dataset", dataset, "--run-dir", run_dir, "--direction", "BtoA", epochs=1)
        assert (code, err) == (0, "")
        sums.append(look(run_dir).state("epoch_0001")["sha256"])
    assert len(sums[0]) == 4
    assert sums[0] == sums[1] == sums[2]


def test_colorization_from_a_folder_of_photos(train, look, tmp_path):
    photos = write_photos(tmp_path / "photos", draw(4))
    code, out, err = train("--dataset", photos, "--run-dir", tmp_path / "run", "--task", "colorization", epochs=2)
    assert (code, err) == (0, "")
    assert f"data: {photos}, colorization\n" in out
    run = run_of(tmp_path / "run")
    assert (run["generator"]["input_nc"], run["generator"]["output_nc"]) == (1, 2)
    assert run["coding"]["task"] == "colorization"
    sheet = read_image(tmp_path / "run/samples/epoch_0002.png")
    assert sheet.shape == (4 * 16 + 3 * 4, 3 * 16 + 2 * 4, 3)
    gray, fake, true = (sheet[:16, left : left + 16].astype(int) for left in (0, 20, 40))
    assert (np.ptp(gray, axis=2) == 0).all()
    photo = cv2.resize(read_image(photos / "0.png"), (16, 16), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(true, photo)
    lightness = [to_lab(picture.astype(np.uint8))[:, :, 0] for picture in (true, fake)]
    assert np.abs(lightness[0] - lightness[1]).max() <= 2.5  # its lightness is the given one; some colours are clipped
    code, out, _ = train("--dataset", photos, "--run-dir", tmp_path / "run", "--task", "colorization", epochs=3)
    assert "resumed from" in out


def test_colorization_is_scored_on_ab(train, look, tmp_path):
    photos = tmp_path / "photos"
    for split in ("train", "val"):
        write_photos(photos / split, draw(2))
    code, out, _ = train("--dataset", photos, "--run-dir", tmp_path / "run", "--task", "colorization", epochs=1)
    assert code == 0
    psnr = look(tmp_path / "run").state("epoch_0001")["val_psnr_ab"]
    assert f"validation PSNR ab {psnr:.2f} dB\n" in out
    assert 10 < psnr < 60


def test_pairs_taken_for_photos_are_remarked(train, tmp_path):
    pairs = write_side_by_side(tmp_path / "pairs", draw(2))
    _, out, _ = train("--dataset", pairs, "--run-dir", tmp_path / "run", "--task", "inpainting", epochs=1)
    assert "note: --task inpainting takes each file for one photo, and these look like pairs side by side\n" in out


@pytest.mark.parametrize("mask", ["center", "random"])
def test_inpainting(train, look, tmp_path, mask):
    photos = write_photos(tmp_path / "photos" / "train", draw(3)).parent
    words = ["--dataset", photos, "--run-dir", tmp_path / "run", "--task", "inpainting", "--mask", mask]
    assert train(*words, epochs=1)[0] == 0
    assert run_of(tmp_path / "run")["coding"]["mask"] == mask
    sheet = read_image(tmp_path / "run/samples/epoch_0001.png")
    holed, whole = sheet[:16, :16], sheet[:16, 40:]
    hole = (holed != whole).any(axis=2)
    assert 4 * 4 / 2 <= hole.sum() <= 8 * 8
    assert (holed[hole] == 255).all()


def save_labels(path: Path, indices: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(indices)
    image.putpalette(np.random.default_rng(1).integers(0, 256, 36, np.uint8).tobytes())
    image.save(path)


def label_maps(folder: Path, half: str, count: int = 4) -> Path:
    """Write pairs whose label half is a palette PNG of 5 labels: from what is dark in the photo to what is light."""
    other = "B" if half == "A" else "A"
    for split in ("train", "val"):
        for number, (photo, _) in enumerate(draw(count)):
            (folder / split / other).mkdir(parents=True, exist_ok=True)
            write_image(folder / split / other / f"{number}.jpg", photo)
            save_labels(folder / split / half / f"{number}.png", (photo.mean(axis=2) // 52).astype(np.uint8))
    return folder


def test_labels_to_photos(train, look, tmp_path):
    folder = label_maps(tmp_path / "set", "A")
    code, out, err = train("--dataset", folder, "--run-dir", tmp_path / "run", "--labels", 5, epochs=1)
    assert (code, err) == (0, "")
    assert run_of(tmp_path / "run")["generator"]["input_nc"] == 5
    assert run_of(tmp_path / "run")["coding"]["labels"] == 5
    sheet = read_image(tmp_path / "run/samples/epoch_0001.png")
    assert len(np.unique(sheet[:16, :16].reshape(-1, 3), axis=0)) <= 5
    assert "validation PSNR " in out

    # A label map whose palette is in another order is translated as the same labels.
    labels = folder / "val" / "A" / "0.png"
    palette = np.array(Image.open(labels).getpalette()[:15]).reshape(5, 3).astype(np.uint8)
    turned = Image.fromarray(4 - np.array(Image.open(labels)))
    turned.putpalette(palette[::-1].tobytes())
    (tmp_path / "turned").mkdir()
    turned.save(tmp_path / "turned" / "0.png")
    fakes = []
    for given in (labels, tmp_path / "turned" / "0.png"):
        words = ["--model", tmp_path / "run", "--input", given, "--output", tmp_path / f"out{len(fakes)}", "--gpu", -1]
        with pytest.raises(SystemExit) as caught:
            cli.run("translate", [str(word) for word in words])
        assert not caught.value.code
        fakes.append(read_image(tmp_path / f"out{len(fakes)}" / "0_fake.png"))
    np.testing.assert_array_equal(*fakes)


def test_photos_to_labels_are_scored_by_accuracy(train, look, tmp_path):
    folder = label_maps(tmp_path / "set", "B", count=8)
    words = ["--dataset", folder, "--run-dir", tmp_path / "run", "--output-labels", 5, "--lr", "0.002"]
    code, out, err = train(*words, epochs=6)
    assert (code, err) == (0, "")
    run = look(tmp_path / "run")
    accuracy = run.state("epoch_0006")["val_accuracy"]
    assert f", {accuracy:.1%} of the validation pixels right\n" in out
    assert 0.3 < accuracy <= 1  # a fifth is chance
    assert [score for _, score in run.events("epoch", "epoch", "val_accuracy")][-1] == accuracy
    sheet = read_image(tmp_path / "run/samples/epoch_0006.png")
    assert len(np.unique(sheet[:16, 20:36].reshape(-1, 3), axis=0)) <= 5


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_many_channels(train, look, tmp_path, dtype):
    rng = np.random.default_rng(0)
    pairs = [rng.integers(0, np.iinfo(dtype).max, (2, 16, 16, 4), dtype) for _ in range(3)]
    folder = write_halves(tmp_path / "set", pairs, ends=(".npy", ".tif"))
    words = ["--dataset", folder, "--run-dir", tmp_path / "run", "--input-nc", 4, "--output-nc", 4]
    code, _, err = train(*words, "--load-size", 16, "--batch-size", 2, epochs=1)
    assert (code, err) == (0, "")
    sheet = read_image(tmp_path / "run/samples/epoch_0001.png")
    np.testing.assert_array_equal(sheet[:16, :16], pairs[0][0][:, :, :3] >> (0 if dtype == np.uint8 else 8))


def sized_pairs(folder: Path) -> Path:
    """Write pairs of three sizes: 32 x 32, 24 x 40 and 64 x 36 pixels a half."""
    sizes = [(32, 32), (24, 40), (64, 36)]
    pairs = [
        [cv2.resize(half, (width, height), interpolation=cv2.INTER_AREA) for half in pair]
        for (height, width), pair in zip(sizes, draw(3, 64))
    ]
    return write_side_by_side(folder, pairs)


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        ("--preprocess crop", (16, 16)),
        ("--preprocess scale_width", (32, 16)),
        ("--preprocess scale_width_and_crop", (16, 16)),
        ("--preprocess none --workers 0", (64, 40)),
        ("--aspect-ratio 2", (16, 32)),
    ],
)
def test_every_way_of_preprocessing(train, look, tmp_path, words, shape):
    folder = sized_pairs(tmp_path / "set")
    words = words.replace("--workers", "--num-workers").split()
    runs = [tmp_path / "whole", tmp_path / "parts"]
    for run_dir, epochs in zip((*runs, runs[1]), (2, 1, 2)):
        code, _, err = train("--dataset", folder, "--run-dir", run_dir, *words, epochs=epochs)
        assert (code, err) == (0, "")
    assert look(runs[0]).state("epoch_0002") == look(runs[1]).state("epoch_0002")
    height, width = shape
    assert read_image(runs[0] / "samples/epoch_0002.png").shape == (3 * height + 8, 3 * width + 8, 3)


def test_sizes_that_vary_train_as_well_as_with_one_size(train, look, tmp_path):
    """Pictures of one size come to the same weights, whether MXNet's memory is planned for that size or not."""
    folder = write_side_by_side(tmp_path / "set", draw(3, 32))
    more = ["--dataset", folder, "--load-size", 32, "--crop-size", 32, "--no-flip"]
    losses = []
    for name, words in (("fixed", []), ("free", ["--preprocess", "none"])):
        assert train(*more, *words, "--run-dir", tmp_path / name, epochs=2)[0] == 0
        losses.append(look(tmp_path / name).losses())
    np.testing.assert_allclose(np.array(losses[0]), np.array(losses[1]), rtol=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--preprocess none --batch-size 2",
            "0.png becomes 32 x 32 pixels and .*1.png 40 x 24: that makes no batch of 2",
        ),
        ("--preprocess crop --crop-size 32", "1.png has pictures of 40 x 24 pixels, smaller than the crop of 32 x 32"),
    ],
)
def test_sizes_that_cannot_be(train, tmp_path, words, message):
    code, _, err = train("--dataset", sized_pairs(tmp_path / "set"), "--run-dir", tmp_path / "run", *words.split())
    assert code == 1
    assert re.match(f"error: .*{message}", err)
    assert not (tmp_path / "run").exists()


def test_pictures_too_small_for_the_discriminator(train, tmp_path):
    write_side_by_side(tmp_path / "set", draw(2))
    write_image(tmp_path / "set/train/1.png", np.zeros((16, 40, 3), np.uint8))
    words = ["--preprocess", "none", "--netD", "basic"]
    code, _, err = train("--dataset", tmp_path / "set", *words, "--run-dir", tmp_path / "run")
    assert (code, err) == (2, "error: a picture's side of 16 is too small for --discriminator basic\n")


def test_serial_batches_come_in_their_order(train, look, tmp_path, monkeypatch):
    from gluon_pix2pix.training import session as command

    seen, real = [], command.load_batches

    def watch(pairs, keys, **rest):
        seen.append([index for index, _ in keys])
        return real(pairs, keys, **rest)

    monkeypatch.setattr(command, "load_batches", watch)
    assert train("--run-dir", tmp_path / "run", "--serial-batches", epochs=2)[0] == 0
    assert seen == [list(range(8))] * 2


def test_a_cache_changes_nothing(train, look, unbroken, tmp_path):
    assert train("--run-dir", tmp_path / "run", "--cache", "--num-workers", 1)[0] == 0
    assert look(tmp_path / "run").state("epoch_0004") == unbroken.state("epoch_0004")


def test_a_run_of_an_older_version_had_the_defaults_of_today(train, look, tmp_path):
    assert train("--run-dir", tmp_path / "run", epochs=1)[0] == 0
    run = run_of(tmp_path / "run")
    for name in ("task", "mask", "preprocess", "aspect_ratio", "serial_batches", "skip_bad", "cache", "labels"):
        del run["options"][name]
    (tmp_path / "run/options.json").write_text(json.dumps(run))
    code, _, err = train("--run-dir", tmp_path / "run", "--task", "inpainting", epochs=2)
    assert code == 2
    assert "was trained with --task pairs (now inpainting): pass the same" in err
    assert train("--run-dir", tmp_path / "run", epochs=2)[0] == 0


def test_memory_does_not_grow_over_epochs(train, tmp_path):
    from gluon_pix2pix.pairs.loader import epoch_keys, load_batches
    from gluon_pix2pix.pairs.paired_images import PairedImages

    def resident() -> int:
        mx.nd.waitall()
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    folder = write_side_by_side(tmp_path / "set", draw(10, 128))
    pairs = PairedImages(folder / "train", load_size=143, crop_size=128)
    sizes = []
    for epoch in range(14):
        for _ in load_batches(pairs, epoch_keys(10, seed=0, epoch=epoch), batch_size=2, workers=2):
            pass
        sizes.append(resident())
    # An epoch reads 1 MB of pixels; after the first ones, ten epochs leave less than three of them behind.
    assert sizes[-1] - sizes[3] < 3_000_000
