"""Upstream's command lines, word by word."""

from __future__ import annotations

import pytest

from gluon_pix2pix.commands import other_programs, train, translate
from gluon_pix2pix.commands.other_programs import ANSWERS, read_words
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.training.options import TrainOptions

# Of options/*.py and the models of junyanz/pytorch-CycleGAN-and-pix2pix, before and after its update of 2025.
UPSTREAM = ["aspect_ratio", "batch_size", "beta1", "checkpoints_dir", "continue_train", "crop_size", "dataroot"]
UPSTREAM += ["dataset_mode", "direction", "display_env", "display_freq", "display_id", "display_ncols", "display_port"]
UPSTREAM += ["display_server", "display_winsize", "epoch", "epoch_count", "gan_mode", "gpu_ids", "init_gain"]
UPSTREAM += ["init_type", "input_nc", "lambda_L1", "load_iter", "load_size", "lr", "lr_decay_iters", "lr_policy"]
UPSTREAM += ["max_dataset_size", "model", "n_epochs", "n_epochs_decay", "n_layers_D", "name", "ndf", "netD"]
UPSTREAM += ["netG", "ngf", "no_dropout", "no_flip", "no_html", "norm", "num_threads", "output_nc", "phase"]
UPSTREAM += ["pool_size", "preprocess", "print_freq", "save_by_iter", "save_epoch_freq", "save_latest_freq"]
UPSTREAM += [
    "serial_batches",
    "suffix",
    "update_html_freq",
    "use_wandb",
    "verbose",
    "wandb_project_name",
    "results_dir",
]
UPSTREAM += ["num_test", "eval"]


def test_the_aliases():
    words = ["--dataroot", "facades", "--gpu_ids", "-1", "--netG=resnet_9blocks", "--lambda_L1", "10", "--batch_size=4"]
    ours = ["--dataset", "./facades", "--gpu", "-1", "--generator", "resnet_9blocks", "--lambda-l1", "10"]
    assert read_words("train", words) == [*ours, "--batch_size=4"]
    assert read_words("train", ["--dataroot=a/b"]) == ["--dataset", "a/b"]
    assert read_words("train", ["--dataroot=own"]) == ["--dataset", "./own"]
    assert read_words("translate", ["--gpu_ids=0", "--input", "own"]) == ["--gpu", "0", "--input", "own"]


@pytest.mark.parametrize("word", UPSTREAM)
def test_every_word_of_upstreams_is_an_option_an_alias_or_answered(word):
    options = {name.replace("_", "-").lower() for name in TrainOptions().flat()}
    name = word.replace("_", "-")
    alias = other_programs.TRAIN_ALIASES.get(f"--{name}")
    if alias or name.lower().removeprefix("no-") in options:
        assert read_words("train", [f"--{word}", "x"])[0] == (alias or f"--{word}")
        return
    with pytest.raises(UsageError, match=f"^--{word}: "):
        read_words("train", [f"--{word}", "x"])


def test_no_option_of_ours_is_answered(call):
    for command in ANSWERS:
        spelt = {other_programs._key(word) for word in ANSWERS[command]}
        ours = {"train": TrainOptions().flat(), "translate": {}}[command]
        assert not spelt & {other_programs._key(name) for name in ours}
    _, out, _ = call("translate", "--help")
    shown = {other_programs._key(word.strip(",│")) for word in out.split() if word.startswith("--")}
    assert not shown & {other_programs._key(word) for word in ANSWERS["translate"]}


@pytest.mark.parametrize(
    ("command", "words", "answer"),
    [
        (train, ["--name", "x"], r"^--name: the run's folder is one word here: --run-dir runs/NAME$"),
        (train, ["--continue_train"], r"^--continue_train: leave it out: the same command goes on where it was"),
        (train, ["--loadSize=286", "--fineSize=256"], r"^--fineSize: it is --crop-size here$"),
        (translate, ["--results_dir", "x"], r"^--results_dir: it is --output here$"),
        (translate, ["--eval"], r"^--eval: it is --statistics running --no-dropout here$"),
        (translate, ["--dataroot", "x"], r"^--dataroot: the pictures are --input here"),
    ],
)
def test_answers(command, words, answer):
    with pytest.raises(UsageError, match=answer):
        command.read_words(words)
