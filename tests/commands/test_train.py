"""``train`` as its users run it: the run folder, what is said, what is refused."""

from __future__ import annotations

import csv
import itertools
import json
import re
import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tyro

from gluon_pix2pix.commands.train import read_words
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.runtime import mx, threads
from gluon_pix2pix.training.options import TrainOptions


def test_the_run_folder(unbroken):
    folder = unbroken.folder
    there = sorted(path.name for path in folder.iterdir())
    assert there == ["checkpoints", "index.html", "log.jsonl", "losses.csv", "losses.png", "options.json", "samples"]
    names = [f"epoch_000{epoch}" for epoch in (1, 2, 3, 4)]
    assert unbroken.checkpoints() == names
    assert sorted(path.name for path in (folder / "samples").iterdir()) == [f"{name}.png" for name in names]

    written = json.loads((folder / "options.json").read_text())
    assert written["options"]["direction"] == "AtoB"
    assert written["options"]["run_dir"] == "runs/houses"
    assert written["options"]["beta1"] == 0.5
    assert written["generator"]["num_downs"] == 3
    assert written["threads"] == threads()
    assert written["versions"]["mxnet"] == mx.__version__

    curves = cv2.imread(str(folder / "losses.png"))
    assert curves.shape[0] > 300
    assert curves.std() > 5


def test_samples_are_source_fake_target_of_the_validation_pairs(unbroken, train):
    sheet = read_image(unbroken.folder / "samples" / "epoch_0004.png")
    assert sheet.shape == (2 * 16 + 4, 3 * 16 + 2 * 4, 3)
    first = read_image(train.pairs / "val" / "1.png")
    halves = [cv2.resize(half, (16, 16), interpolation=cv2.INTER_AREA) for half in (first[:, :32], first[:, 32:])]
    np.testing.assert_array_equal(sheet[:16, :16], halves[0])
    np.testing.assert_array_equal(sheet[:16, 40:], halves[1])
    fakes = [read_image(unbroken.folder / "samples" / f"epoch_000{epoch}.png")[:16, 20:36] for epoch in (1, 4)]
    assert fakes[0].std() > 1
    assert (fakes[0] != fakes[1]).any()


def test_losses_are_sane_numbers(unbroken, train):
    with open(unbroken.folder / "losses.csv", newline="") as stream:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(stream)]
    assert [(row["epoch"], row["step"]) for row in rows] == list(
        itertools.product(range(1, 5), range(1, train.steps + 1))
    )
    for name in ("D_real", "D_fake", "G_GAN"):
        assert rows[0][name] == pytest.approx(np.log(2), abs=0.15)  # D knows nothing yet
    by_epoch = np.array([row["G_L1"] for row in rows]).reshape(4, train.steps).mean(axis=1)
    assert 30 < by_epoch[0] < 120
    assert by_epoch[3] < by_epoch[0]
    assert {row["lr"] for row in rows} == {2e-4}
    assert all(row["images_per_second"] > 0 for row in rows)


def test_what_a_run_says(unbroken, train):
    lines = unbroken.out.splitlines()
    device = f"device: CPU with {threads()} thread{'s' if threads() > 1 else ''}, as asked"
    assert lines[:2] == [f"data: {train.pairs}, AtoB", device]
    assert lines.pop(2).startswith("options: upstream's defaults where none is given; --preset quick, paper or best")
    assert lines.pop(2) == "page: runs/houses/index.html, from the first samples on"
    assert re.fullmatch(
        r"epoch 1/4  D_real 0\.\d{3}  D_fake 0\.\d{3}  G_GAN 0\.\d{3}  G_L1 \d+\.\d{3}  .*left", lines[2]
    )
    assert sum(line.startswith("epoch ") for line in lines) == 4 * train.steps
    psnr = unbroken.state("epoch_0004")["val_psnr"]
    assert lines[-2] == f"saved runs/houses/checkpoints/epoch_0004, validation PSNR {psnr:.2f} dB"
    program, _, words = lines[-1].partition(" translate ")
    assert re.fullmatch(r"next: (gluon-pix2pix|\S*python\S* -m gluon_pix2pix)", program)
    assert words == f"--model runs/houses --input {train.pairs / 'val'} --pairs yes"


def test_a_loss_that_is_not_finite_ends_the_run(train, tmp_path):
    code, _, err = train("--run-dir", tmp_path, "--lr", "1e30")
    assert code == 1
    assert re.match(r"error: (D_real|D_fake|G_GAN|G_L1) is (nan|inf) in epoch 1, step [12]: training stopped", err)
    assert not (tmp_path / "checkpoints").exists()


def poison(trainer) -> None:
    trainer.generator.last.weight.set_data(mx.nd.full(trainer.generator.last.weight.shape, np.nan))


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (8 + 3, r"G_GAN is nan in epoch 2, step 4|D_fake is nan in epoch 2, step 4"),
        (8 + 8, r"UNetGenerator last\.weight is no longer finite after step 16 of the run"),
    ],
    ids=["mid-epoch", "last-of-epoch"],
)
def test_the_earlier_checkpoint_stays(train, look, unbroken, tmp_path, after_step, step, message):
    after_step(step, poison)
    code, _, err = train("--run-dir", tmp_path)
    assert code == 1
    assert re.match(f"error: ({message})", err)
    assert look(tmp_path).checkpoints() == ["epoch_0001"]
    assert look(tmp_path).state("epoch_0001") == unbroken.state("epoch_0001")


def test_gray_16_bit_pairs_in_batches_without_validation_pairs(train, look, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "scans" / "train").mkdir(parents=True)
    for number in range(4):
        write_image(tmp_path / "scans" / "train" / f"{number}.png", rng.integers(0, 65536, (16, 32, 1), np.uint16))
    more = ["--dataset", tmp_path / "scans", "--input-nc", 1, "--output-nc", 1, "--batch-size", 3]
    code, out, _ = train(*more, "--run-dir", tmp_path / "run", epochs=2)
    assert code == 0
    assert "PSNR" not in out
    assert [line[:2] for line in look(tmp_path / "run").losses()] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert look(tmp_path / "run").state("epoch_0002")["val_psnr"] is None
    sheet = read_image(tmp_path / "run" / "samples" / "epoch_0002.png")
    assert sheet.shape == (4 * 16 + 3 * 4, 3 * 16 + 2 * 4, 3)
    source = read_image(tmp_path / "scans" / "train" / "0.png")[:, :16]
    np.testing.assert_array_equal(sheet[:16, :16, 1], source[:, :, 0] >> 8)


def test_a_named_set_has_its_direction_and_its_gaps_are_named(train, tmp_path):
    (tmp_path / "facades").symlink_to(train.pairs)
    code, out, _ = train("--dataset", "facades", "--data-root", tmp_path, "--run-dir", tmp_path / "run", epochs=1)
    assert code == 0
    assert f"data: {tmp_path}/facades, BtoA\n" in out
    assert f"note: {tmp_path}/facades/train holds 8 pictures, published are 400\n" in out
    assert json.loads((tmp_path / "run" / "options.json").read_text())["options"]["direction"] == "BtoA"
    sheet, pair = read_image(tmp_path / "run/samples/epoch_0001.png"), read_image(train.pairs / "val" / "1.png")
    np.testing.assert_array_equal(sheet[:16, :16], cv2.resize(pair[:, 32:], (16, 16), interpolation=cv2.INTER_AREA))


def test_too_little_room_is_said_at_once(train, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1 << 20))
    code, out, err = train("--run-dir", tmp_path)
    assert code == 1
    assert re.match(r"error: a checkpoint takes \d+ MiB and .* has 1 MiB left: make room", err)
    assert "epoch 1" not in out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ["--dataset", "nonsense"],
            "there is no data set and no folder 'nonsense', here or in data; ",
        ),
        (["--dataset", "."], ". has no pairs: a data set is a folder with train/ of"),
        (["--gpu", "x"], "--gpu takes numbers such as 0 or 0,1, or -1 for the CPU, and got 'x'"),
        (["--load-size", 12], "crop_size 16 does not fit into load_size 12"),
        (
            ["--crop-size", 18],
            "--generator unet halves pictures down to 1/8, and --crop-size 18 is no multiple of that: change it, or "
            "--num-downs",
        ),
        (
            ["--generator", "unet_128"],
            "--crop-size 16 is no multiple of that: change it, or take --generator unet, whose",
        ),
        (["--discriminator", "basic"], "--crop-size 16 is too small for --discriminator basic"),
        (
            ["--task", "colorization", "--input-nc", 3],
            "--input-nc 3 contradicts --task colorization, or the labels: .* 1",
        ),
        (["--labels", 12, "--input-nc", 3], "--input-nc 3 contradicts --task pairs, or the labels: these make 12"),
        (["--output-labels", 300], "labels are for pairs, and 2 to 256 of them: 300 labels for pairs cannot be"),
        (["--mask", "random"], "--mask random is for --task inpainting, not for pairs"),
        (["--labels", 3], "houses/train has pairs side by side, which cannot be label map and picture at once"),
        (
            ["--aspect-ratio", 2, "--preprocess", "none"],
            "aspect_ratio 2 shapes a crop, and preprocess none crops nothing",
        ),
        (["--batch-size", 0], "--batch-size 0 is below 1"),
        (["--lr", -1], "--lr -1.0 is below 0"),
        (["--lr", "nan"], "--lr nan is below 0"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(train, tmp_path, monkeypatch, more, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = train(*more)
    assert code == 2
    assert re.search(message, " ".join(err.replace("│", " ").split()))
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_where(train, tmp_path):
    code, _, err = train("--run-dir", tmp_path, "--crop-size", 18, "--debug")
    assert code == 2
    assert err.startswith("Traceback (most recent call last):\n")
    assert "in build_networks" in err


def test_a_run_dir_that_holds_something_else(train, tmp_path):
    (tmp_path / "options.json").write_text("[]")
    code, _, err = train("--run-dir", tmp_path)
    assert code == 1
    assert f"{tmp_path}/options.json is not the options of a run" in err


def test_defaults_are_the_references():
    """junyanz/pytorch-CycleGAN-and-pix2pix: options/*.py and models/pix2pix_model.py."""
    options = TrainOptions()
    expected = {"load_size": 286, "crop_size": 256, "batch_size": 1, "flip": True, "generator": "unet_256"}
    expected |= {"discriminator": "basic", "ngf": 64, "ndf": 64, "n_layers_D": 3}
    expected |= {"norm": "batch", "dropout": True, "init_type": "normal", "init_gain": 0.02, "pool_size": 0}
    expected |= {"gan_mode": "vanilla", "lambda_l1": 100, "n_epochs": 100, "n_epochs_decay": 100, "lr_policy": "linear"}
    expected |= {"lr": 2e-4, "beta1": 0.5, "lr_decay_iters": 50, "preprocess": "resize_and_crop"}
    expected |= {"serial_batches": False, "max_dataset_size": None}
    assert {name: options.flat()[name] for name in expected} == expected
    assert options.schedule.total_epochs == 200
    assert [options.describe_generator()[name] for name in ("input_nc", "output_nc")] == [3, 3]


def test_the_references_words():
    words = "--netG unet_128 --netD pixel --lambda-L1 10 --no-dropout --no-flip --batch_size 4"
    options = tyro.cli(TrainOptions, args=read_words(words.split()), config=(tyro.conf.OmitArgPrefixes,))
    expected = {"generator": "unet_128", "discriminator": "pixel", "lambda_l1": 10}
    expected |= {"dropout": False, "flip": False, "batch_size": 4}
    assert {name: options.flat()[name] for name in expected} == expected
    assert options.describe_generator()["dropout"] is False
