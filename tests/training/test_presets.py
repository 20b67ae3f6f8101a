"""Sets of options by one name, from the words of the command line to what is trained."""

from __future__ import annotations

import pytest
import tyro

from gluon_pix2pix.commands.train import read_words
from gluon_pix2pix.core_options import ScheduleOptions
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.presets import PRESETS, describe_preset, few_steps, naming_preset
from gluon_pix2pix.training.run import Own
from gluon_pix2pix.training.setup import build_networks, build_trainer


def parse(words: str) -> TrainOptions:
    return tyro.cli(TrainOptions, args=read_words(words.split()), config=(tyro.conf.OmitArgPrefixes,))


@pytest.mark.parametrize("name", PRESETS)
def test_from_the_command_line_and_from_python(name):
    options = parse(f"--preset {name}")
    assert options == TrainOptions.of(preset=name) == parse(f"--preset={name}")
    flat, plain = options.flat(), TrainOptions().flat()
    assert {option for option in flat if flat[option] != plain[option]} == {"preset", *PRESETS[name]}
    assert {option: flat[option] for option in PRESETS[name]} == PRESETS[name]


@pytest.mark.parametrize("words", ["--preset best --ema 0.5 --no-flip", "--ema=0.5 --no-flip --preset best"])
def test_an_option_overrides_wherever_it_stands(words):
    options = parse(words)
    assert (options.adam.ema, options.data.flip) == (0.5, False)
    assert options == TrainOptions.of(preset="best", ema=0.5, flip=False)


def test_without_one_all_is_upstreams():
    options = parse("")
    assert (options.adam.ema, options.networks.upsample, options.networks.dropout_blocks) == (
        0,
        "deconv",
        "upstream",
    )
    assert "upstream's defaults" in describe_preset(None, options.flat())


def test_what_is_said_of_one():
    assert (
        describe_preset("best", TrainOptions.of(preset="best").flat()) == "preset best: --ema 0.999 --upsample resize"
    )
    chosen = TrainOptions.of(preset="best", ema=0.0).flat()
    assert describe_preset("best", chosen).endswith("--ema 0.999 --upsample resize; but, as asked for, --ema 0.0")


def test_two_of_them():
    with pytest.raises(UsageError, match="--preset quick and --preset best contradict each other"):
        parse("--preset quick --preset best")


def test_an_option_that_contradicts_it():
    with pytest.raises(UsageError, match=r"both 0: there is nothing to train \(--preset paper stands for"):
        parse("--preset paper --n-epochs 0")


def test_other_errors_of_a_run_with_one_name_it_once():
    once = r"^--ema is too small \(--preset best stands for [^(]*\)$"
    with pytest.raises(UsageError, match=once), naming_preset("best"), naming_preset("best"):
        raise UsageError("--ema is too small")
    for preset, text in ((None, "--ema is too small"), ("best", "remain: it is too small")):  # of nothing that it chose
        with pytest.raises(UsageError, match=rf"^{text}$"), naming_preset(preset):
            raise UsageError(text)


def test_a_generator_of_ones_own_has_no_average(tiny_options):
    options = tiny_options(ema=0.9)
    networks = build_networks(options, [mx.cpu()])
    with pytest.raises(UsageError, match="ema needs a generator of this package"):
        build_trainer(options, networks, [mx.cpu()], own=Own(generator=networks.generator))


def test_few_pairs_are_told_that_quick_is_short_for_them():
    schedule = ScheduleOptions(n_epochs=8, n_epochs_decay=8)
    assert few_steps("quick", schedule, 24).endswith("makes 2016")
    line = few_steps("quick", schedule, 24, lambda: "facades")
    assert line == (
        "384 steps in 16 epochs of so few pictures will leave a blur: --n-epochs 42 --n-epochs-decay 42 makes 2016, "
        "--init-from facades begins from a trained generator"
    )
    assert few_steps("quick", ScheduleOptions(n_epochs=42, n_epochs_decay=42), 24) is None
    assert few_steps("quick", schedule, 400) is None
    assert few_steps("best", schedule, 24) is None
    assert few_steps(None, schedule, 24) is None
