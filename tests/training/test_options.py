"""The options of ``train``: what cannot be is said in a line, and what can be reaches its place."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gluon_pix2pix.core.loop import learning_rate
from gluon_pix2pix.core.networks import PixelDiscriminator
from gluon_pix2pix.core.resnet import ResnetGenerator
from gluon_pix2pix.core.step import Pix2PixTrainer
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.pairs.coding import make_coding
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training import setup as train_setup
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.setup import build_networks, build_trainer


@pytest.fixture
def refusal(call, tiny_words, tmp_path, monkeypatch):
    """Train with wrong words; return what was said of them, after looking that it was exit code 2 and no run."""
    monkeypatch.chdir(tmp_path)

    def run(words: str) -> str:
        code, out, err = call("train", *tiny_words(*words.split()))
        assert code == 2
        assert "epoch 1" not in out
        assert list(tmp_path.iterdir()) == []
        return err

    return run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--gan-mode wgangp",
            "gan_mode wgangp needs the gradient of a gradient, and MXNet 1.9.1's Convolution has none; "
            "choose from vanilla, lsgan, hinge",
        ),
        (
            "--norm syncbatch",
            "norm syncbatch runs on GPUs alone: MXNet's hangs on the CPU; choose batch, or pass --gpu 0,1",
        ),
        (
            "--precision float16",
            "precision float16 is for GPUs; on this CPU take float32, or bfloat16 if it has it",
        ),
        ("--n-layers-D 0", "a PatchGAN has 1 layer or more, not 0; the 1x1 discriminator is 'pixel'"),
        ("--n-layers-D -1", "a PatchGAN has 1 layer or more, not -1; the 1x1 discriminator is 'pixel'"),
        ("--num-downs 1", "a U-Net has 2 levels or more, not 1"),
        ("--lambda-gan -1", "--lambda-gan -1.0 is below 0"),
        ("--lambda-l1 -0.5", "--lambda-l1 -0.5 is below 0"),
        ("--lambda-L1 nan", "--lambda-l1 nan is below 0"),
        ("--lambda-gan 0 --lambda-l1 0", "--lambda-gan and --lambda-l1 are both 0: there is no loss"),
        ("--label-smoothing 0.7", "label_smoothing is at least 0 and below 0.5, not 0.7"),
        ("--label-smoothing -0.1", "label_smoothing is at least 0 and below 0.5, not -0.1"),
        ("--label-smoothing 0.1 --gan-mode hinge", "label_smoothing goes with vanilla and lsgan: hinge has no labels"),
        ("--beta1 1", "--beta1 1.0 and --beta2 0.999: both have to be below 1"),
        ("--beta2 1.5", "--beta1 0.5 and --beta2 1.5: both have to be below 1"),
        ("--beta1 -0.1", "--beta1 -0.1 is below 0"),
        ("--d-lr -1", "--d-lr -1.0 is below 0"),
        ("--d-lr 1e-4 --lr 0", "--d-lr follows --lr in proportion, and --lr is 0"),
        ("--lr-decay-iters 0", "--lr-decay-iters 0 is below 1"),
        ("--pool-size -1", "--pool-size -1 is below 0"),
        ("--init-gain -1", "--init-gain -1.0 is below 0"),
        ("--input-nc 0", "--input-nc 0 is below 1"),
        ("--output-nc 0", "--output-nc 0 is below 1"),
        ("--n-epochs 0 --n-epochs-decay 0", "--n-epochs and --n-epochs-decay are both 0: there is nothing to train"),
    ],
)
def test_values_that_cannot_be(refusal, words, message):
    assert refusal(words) == f"error: {message}\n"


@pytest.mark.parametrize(
    ("kvstore", "message"),
    [
        ("dist_async", "dist_async moves Adam into the servers, which get it as a pickle .* take dist_sync"),
        ("nccl", "kvstore 'nccl' is none of device, local, dist_sync, dist_device_sync"),
    ],
)
def test_kvstores_that_are_refused(kvstore, message):
    with pytest.raises(UsageError, match=message):
        TrainOptions.of(kvstore=kvstore)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("eval_metric", "sharpness", "--eval-metric 'sharpness' is none of psnr, ssim, "),
        ("lr_policy", "exponential", "--lr-policy 'exponential' is none of linear, step, plateau, cosine, constant"),
        ("generator", "unet_64", "--generator 'unet_64' is none of unet_256, "),
        ("upsample", 2, "--upsample 2 is none of deconv, resize"),
        ("preset", "fast", "--preset 'fast' is none of quick, paper, best$"),
        ("n_epochs", "many", "--n-epochs 'many' is not a whole number"),
        ("ngf", 16.0, "--ngf 16.0 is not a whole number"),
        ("batch_size", None, "--batch-size None is not a whole number"),
        ("lr", "fast", "--lr 'fast' is not a number"),
        ("lambda_l1", True, "--lambda-l1 True is not a number"),
    ],
)
def test_a_caller_in_python_is_told_of_a_value_that_cannot_be(option, value, message):
    with pytest.raises(UsageError, match=message):
        TrainOptions.of(**{option: value})


def test_an_option_that_there_is_not():
    with pytest.raises(TypeError, match=r"train has no option nonsense$"):
        TrainOptions.of(nonsense=1)
    with pytest.raises(TypeError, match="train has no option n_epoch; did you mean n_epochs"):
        TrainOptions.of(n_epoch=1)


@pytest.mark.parametrize(
    "words",
    [
        *("--gan-mode wgangp", "--label-smoothing 0.7", "--lambda-l1 -1", "--beta1 1", "--n-layers-D 0"),
        *("--norm syncbatch", "--crop-size 18", "--num-downs 1", "--labels 1", "--netD basic"),
        "--preprocess crop --aspect-ratio -1",
    ],
)
def test_it_is_said_before_a_data_set_is_looked_for(refusal, words):
    assert "nowhere" not in refusal(f"{words} --dataset nowhere")


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        ("--norm layer", "batch instance none syncbatch"),
        ("--init-type uniform", "normal xavier kaiming orthogonal"),
        ("--lr-policy warm", "linear step plateau cosine constant"),
        ("--gan-mode wgan", "vanilla lsgan hinge"),
        ("--generator unet_64", "unet_256 unet_128 unet_512 unet encoder_decoder resnet_9blocks resnet_6blocks"),
        ("--discriminator patch", "basic n_layers pixel"),
        ("--dropout-blocks all", "upstream paper"),
        ("--direction CtoD", "None AtoB BtoA"),
    ],
)
def test_words_that_there_are_not(refusal, words, choices):
    said = " ".join(refusal(words).replace("│", " ").replace("|", " ").split())  # tyro draws a box around it
    option, word = words.split()
    assert f"invalid choice '{word}' for argument" in said
    assert option in said
    listed = said.split("Expected one of (")[1].split(")")[0].split(", ")
    assert sorted(listed) == sorted(repr(choice) for choice in choices.split())
    assert "Traceback" not in said


@pytest.fixture
def trainer_of(tiny_options):
    """Build the trainer of a tiny run with changes."""

    def build(**changes) -> Pix2PixTrainer:
        options = tiny_options(**changes)
        return build_trainer(options, build_networks(options, [mx.cpu()]), [mx.cpu()])

    return build


def shapes(net: mx.gluon.Block) -> dict[str, tuple]:
    return {name: parameter.shape for name, parameter in net._collect_params_with_prefix().items()}


def test_networks_are_those_asked_for(trainer_of):
    trainer = trainer_of(generator="resnet_6blocks", discriminator="pixel", norm="instance", ngf=4, ndf=6)
    assert isinstance(trainer.generator, ResnetGenerator)
    assert isinstance(trainer.discriminator, PixelDiscriminator)
    assert shapes(trainer.generator)["model.1.weight"] == (4, 3, 7, 7)
    assert shapes(trainer.discriminator)["net.0.weight"] == (6, 6, 1, 1)
    for net in (trainer.generator, trainer.discriminator):
        assert not [name for name in shapes(net) if name.endswith(("gamma", "running_mean"))]

    trainer = trainer_of(norm="none", input_nc=2, output_nc=5, n_layers_D=2)
    assert shapes(trainer.generator)["down.0.conv.weight"] == (8, 2, 4, 4)
    assert shapes(trainer.generator)["last.weight"] == (16, 5, 4, 4)
    assert shapes(trainer.discriminator)["model.0.weight"] == (8, 7, 4, 4)
    assert not [name for name in shapes(trainer.generator) if name.endswith("gamma")]
    alone = trainer_of(norm="none", input_nc=2, output_nc=5, n_layers_D=2, conditional=False)
    assert shapes(alone.discriminator)["model.0.weight"] == (8, 5, 4, 4)

    decoder = trainer_of(generator="encoder_decoder", num_downs=4)
    assert shapes(decoder.generator)["last.weight"] == (8, 3, 4, 4)
    assert not [name for name in shapes(decoder.generator) if name.startswith("down.4")]


def dropout_rates(trainer) -> list[float]:
    return [float(rate) for rate in re.findall(r"Dropout\(p = ([\d.]+)", str(trainer.generator))]


@pytest.mark.parametrize(
    ("options", "rates"),
    [
        ({"num_downs": 7, "load_size": 128, "crop_size": 128, "dropout_blocks": "upstream"}, [0.5, 0.5]),
        ({"num_downs": 7, "load_size": 128, "crop_size": 128}, [0.5, 0.5, 0.5]),
        ({"num_downs": 7, "load_size": 128, "crop_size": 128, "dropout": False}, []),
        ({"generator": "resnet_6blocks"}, [0.5] * 6),
        ({"generator": "resnet_6blocks", "dropout": False}, [0] * 6),
    ],
)
def test_dropout(trainer_of, options, rates):
    assert dropout_rates(trainer_of(ngf=1, **options)) == rates


@pytest.mark.parametrize(
    ("options", "deviation"),
    # the discriminator's second layer is 8 to 16, 4x4: 128 into and 256 out of it
    [
        ({}, 0.02),
        ({"init_gain": 0.3}, 0.3),
        ({"init_type": "xavier", "init_gain": 2.0}, 2 * (2 / (128 + 256)) ** 0.5),
        ({"init_type": "kaiming", "init_gain": 2.0}, (2 / 128) ** 0.5),
        ({"init_type": "orthogonal", "init_gain": 2.0}, 2 / 128**0.5),  # rows of length 2
    ],
)
def test_initial_weights(trainer_of, options, deviation):
    weight = trainer_of(**options).discriminator.model[2].weight.data().asnumpy()
    assert weight.shape == (16, 8, 4, 4)
    assert weight.std() == pytest.approx(deviation, rel=0.05)


def test_precision(trainer_of, monkeypatch):
    asked = []
    monkeypatch.setattr(train_setup, "check_precision", lambda *words: None)
    monkeypatch.setattr(train_setup, "set_precision", lambda net, precision: asked.append(precision))
    assert not any(learner.loss_scale.state for learner in trainer_of().learners)
    trainer = trainer_of(precision="float16")
    assert asked == ["float32", "float32", "float16", "float16"]  # both networks
    assert trainer.D.loss_scale.factor == 65536


def test_losses_and_adam(trainer_of):
    plain = trainer_of()
    assert (plain.pools[0].size, plain.conditional, plain.loss_options.lambda_gan, plain.loss_options.lambda_l1) == (
        0,
        True,
        1,
        100,
    )
    options = {"pool_size": 50, "conditional": False, "lambda_gan": 2.0, "lambda_l1": 0.0}
    trainer = trainer_of(**options, lr=1e-3, d_lr=4e-3, beta1=0.9, beta2=0.99)
    assert (trainer.pools[0].size, trainer.conditional) == (50, False)
    assert (trainer.loss_options.lambda_gan, trainer.loss_options.lambda_l1) == (2, 0)
    assert tuple(learner.trainer.learning_rate for learner in trainer.learners) == (1e-3, 4e-3)
    for learner in trainer.learners:
        assert (learner.trainer.optimizer.beta1, learner.trainer.optimizer.beta2) == (0.9, 0.99)

    logits = mx.nd.array([[2.0]])
    judged = {
        mode: trainer_of(gan_mode=mode).gan_loss(logits, True).asscalar() for mode in ("vanilla", "lsgan", "hinge")
    }
    assert judged == pytest.approx({"vanilla": np.log1p(np.exp(-2)), "lsgan": 1, "hinge": 0})
    smooth = trainer_of(gan_mode="lsgan", label_smoothing=0.25).gan_loss(logits, True).asscalar()
    assert smooth == pytest.approx(1.25**2)


@pytest.mark.parametrize(
    ("policy", "rates"),
    # after 0, 3, 4, 6 and 7 of 4 + 4 epochs, with drops every 3
    [
        ("linear", [1, 1, 0.8, 0.4, 0.2]),
        ("step", [1, 0.1, 0.1, 0.01, 0.01]),
        ("cosine", [1, 0.5 - 0.125**0.5, 0, 0.5, 0.5 + 0.125**0.5]),
        ("plateau", [1, 1, 1, 1, 0.2]),
        ("constant", [1, 1, 1, 1, 1]),
    ],
)
def test_learning_rate(policy, rates):
    options = TrainOptions.of(lr=1e-3, lr_policy=policy, n_epochs=4, n_epochs_decay=4, lr_decay_iters=3)
    found = [
        learning_rate(options.schedule, epochs, lr=options.adam.lr, history=[5.0] * epochs)
        for epochs in (0, 3, 4, 6, 7)
    ]
    assert found == pytest.approx([1e-3 * rate for rate in rates])


def test_tasks_and_labels_decide_the_channels(tiny_options):
    def channels(**changes) -> tuple[int, int, int]:
        options = tiny_options(**changes)
        generator, discriminator = options.describe_generator(), options.describe_discriminator()
        return generator["input_nc"], generator["output_nc"], discriminator["input_nc"]

    assert channels() == (3, 3, 6)
    assert channels(task="colorization") == (1, 2, 3)
    assert channels(task="colorization", input_nc=1, output_nc=2) == (1, 2, 3)
    assert channels(task="inpainting", input_nc=1, conditional=False) == (1, 3, 3)
    assert channels(labels=12, output_nc=1) == (12, 1, 13)
    assert channels(output_labels=7, input_nc=4) == (4, 7, 11)
    described = tiny_options(labels=12).task.describe()
    assert make_coding(**described).source.channels == 12
