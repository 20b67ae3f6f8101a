"""A trained generator at work: which statistics, what dropout depends on, sizes, depths and channels."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from gluon_pix2pix.data.coding import make_coding
from gluon_pix2pix.data.pairs import PairedImages
from gluon_pix2pix.images import to_image, to_signed
from gluon_pix2pix.models import get_model
from gluon_pix2pix.models.layers import init_weights
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.translator import (
    Translator,
    _with_statistics,
    build_generator,
    copy_generator,
    read_run,
)


@pytest.fixture(scope="module")
def sources(tiny_pairs):
    """Four sources of the training pairs, 32 x 32 colour."""
    pairs = PairedImages(tiny_pairs / "train", direction="BtoA", load_size=36, crop_size=32)
    return [pairs.images(index)[0] for index in range(len(pairs))]


@pytest.fixture
def run_copy(tiny_run, tmp_path):
    """A copy of the run, to be changed."""
    return shutil.copytree(tiny_run, tmp_path / "run")


def describe(run_dir, **changes):
    """Change a run's description of its generator."""
    run = json.loads((run_dir / "options.json").read_text())
    run["generator"] |= changes
    (run_dir / "options.json").write_text(json.dumps(run))


def as_trained(run_dir):
    """Load the newest weights into the very network that was trained, without its dropout."""
    net = get_model(**{**read_run(run_dir)["generator"], "dropout": False})
    net.load_parameters(str(run_dir / "checkpoints" / "epoch_0002" / "generator.params"))
    return net


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def largest(a, b):
    return np.abs(a.astype(np.float64) - b.astype(np.float64)).max()


def test_statistics_of_the_picture_are_those_of_a_batch_of_one(tiny_run, sources):
    trained = as_trained(tiny_run)
    generator, state = build_generator(tiny_run)
    translate = Translator.load(tiny_run, dropout=False)
    assert (state["epoch"], state["step"]) == (2, 0)
    for source in sources:
        batch = mx.nd.array(to_signed(source[None]))
        with mx.autograd.train_mode():
            expected = trained(batch).asnumpy()
        assert largest(generator(batch).asnumpy(), expected) < 1e-5
        fake = translate(source)
        assert (fake.shape, fake.dtype) == ((32, 32, 3), np.uint8)
        assert largest(fake, to_image(expected)[0]) <= 1
        assert fake.std() > 20  # not a plain gray


def test_running_statistics(tiny_run, sources):
    trained = as_trained(tiny_run)
    running = Translator.load(tiny_run, statistics="running", dropout=False)
    of_the_picture = Translator.load(tiny_run, dropout=False)
    for source in sources:
        expected = trained(mx.nd.array(to_signed(source[None]))).asnumpy()  # predict mode
        assert largest(running(source), to_image(expected)[0]) <= 1
        assert largest(running(source), of_the_picture(source)) > 10


def test_a_copy_of_the_network_in_training(tiny_run, sources):
    trained = as_trained(tiny_run)
    trained.hybridize(static_alloc=True, static_shape=True)
    batch = mx.nd.array(to_signed(sources[0][None]))
    twin = copy_generator(trained, read_run(tiny_run)["generator"], mx.cpu())
    assert largest(twin(batch).asnumpy(), build_generator(tiny_run)[0](batch).asnumpy()) < 1e-6
    before = trained.up[0].norm.running_mean.data().asnumpy()
    with mx.autograd.train_mode():
        twin(batch).wait_to_read()
    np.testing.assert_array_equal(trained.up[0].norm.running_mean.data().asnumpy(), before)


def test_dropout_depends_on_seed_and_name_alone(tiny_run, sources):
    names = ["1", "2", "deep/1"]
    translate = Translator.load(tiny_run, seed=5)
    fakes = {name: translate(sources[0], name=name) for name in names}
    for one, other in (("1", "2"), ("1", "deep/1")):
        assert largest(fakes[one], fakes[other]) > 10

    again = Translator.load(tiny_run, seed=5)
    mx.random.seed(77)
    for source in sources[1:]:
        again(source, name="before")
    for name in reversed(names):
        np.testing.assert_array_equal(again(sources[0], name=name), fakes[name])
    assert largest(Translator.load(tiny_run, seed=6)(sources[0], name="1"), fakes["1"]) > 10


def test_dropout_leaves_the_running_statistics_to_themselves(tiny_run, sources):
    translate = Translator.load(tiny_run, statistics="running", seed=5)
    first = translate(sources[0], name="1")
    for source in sources:
        translate(source, name="2")
    np.testing.assert_array_equal(translate(sources[0], name="1"), first)


def test_without_dropout_the_name_is_nothing(tiny_run, run_copy, sources):
    plain = Translator.load(tiny_run, dropout=False)(sources[0], name="1")
    np.testing.assert_array_equal(Translator.load(tiny_run, dropout=False, seed=6)(sources[0], name="2"), plain)
    describe(run_copy, dropout=False)  # as if trained without
    np.testing.assert_array_equal(Translator.load(run_copy, dropout=True)(sources[0], name="3"), plain)


def test_epochs(tiny_run, sources):
    fakes = {epoch: Translator.load(tiny_run, epoch=epoch, dropout=False)(sources[0]) for epoch in ("1", "2", "latest")}
    np.testing.assert_array_equal(fakes["2"], fakes["latest"])
    assert largest(fakes["1"], fakes["2"]) > 0


@pytest.mark.parametrize("shape", [(45, 70), (32, 64), (1, 50), (33, 1), (1, 1)])
def test_own_size(tiny_run, shape):
    image = noise(*shape, 3)
    fake = Translator.load(tiny_run, keep_size=True, dropout=False)(image)
    assert fake.shape == image.shape
    # What the network sees is the picture and its own reflection, up to the next multiple of 32.
    height, width = (-(-side // 32) * 32 for side in shape)
    mirrored = image
    while mirrored.shape[0] < height:
        mirrored = np.concatenate([mirrored, mirrored[-2::-1] if shape[0] > 1 else mirrored])
    while mirrored.shape[1] < width:
        mirrored = np.concatenate([mirrored, mirrored[:, -2::-1] if shape[1] > 1 else mirrored], axis=1)
    generator, _ = build_generator(tiny_run)
    expected = to_image(generator(mx.nd.array(to_signed(mirrored[None, :height, :width]))).asnumpy())[0]
    assert largest(fake, expected[: shape[0], : shape[1]]) <= 1


def test_size_of_training(tiny_run):
    translate = Translator.load(tiny_run, dropout=False)
    image = noise(45, 70, 3)
    assert translate(image).shape == translate.prepare(image).shape == (32, 32, 3)
    np.testing.assert_array_equal(translate(image), translate(translate.prepare(image)))
    assert Translator.load(tiny_run, keep_size=True).prepare(image) is image


def test_sixteen_bits(tiny_run):
    image = noise(32, 32, 3)
    translate = Translator.load(tiny_run, dropout=False)
    fine = translate(image.astype(np.uint16) * 257)  # the same brightness: 255 * 257 = 65535
    assert (fine.shape, fine.dtype) == ((32, 32, 3), np.uint16)
    assert largest(fine / 257, translate(image)) < 0.51
    assert len(np.unique(fine)) > 1000


def test_gray_pictures(tiny_run):
    gray = noise(32, 32, 1)
    translate = Translator.load(tiny_run, dropout=False)
    np.testing.assert_array_equal(translate(gray), translate(np.repeat(gray, 3, axis=2)))


def test_networks_of_one_channel():
    generator = get_model("unet", num_downs=2, ngf=4, input_nc=1, output_nc=1, norm="picture", dropout=False)
    init_weights(generator, seed=0, ctx=[mx.cpu()], init_gain=0.5)
    translate = Translator(generator, coding=make_coding(input_nc=1), size=None)
    colour = noise(8, 12, 3)
    fake = translate(colour)
    assert (fake.shape, fake.dtype) == ((8, 12, 1), np.uint8)
    weights = np.array([0.299, 0.587, 0.114])  # of ITU-R BT.601
    gray = np.rint(colour @ weights).astype(np.uint8)[:, :, None]
    assert largest(fake, translate(gray)) <= 6  # a gray level more or less here and there, amplified
    assert fake.std() > 20


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, r"is not the folder of a run: it has no options\.json"),
        ("{", r"options\.json is not the options of a run: Expecting"),
        ("{}", r"options\.json is not the options of a run: it has no generator"),
        ("[]", r"options\.json is not the options of a run: it has no generator"),
    ],
)
def test_folders_that_are_no_runs(tmp_path, text, error):
    if text is not None:
        (tmp_path / "options.json").write_text(text)
    with pytest.raises(FileNotFoundError if text is None else ValueError, match=f"^{tmp_path}.*{error}"):
        read_run(tmp_path)


def test_errors(tiny_run, run_copy):
    with pytest.raises(ValueError, match="statistics is one of picture, running, not 'batch'"):
        build_generator(tiny_run, statistics="batch")
    with pytest.raises(FileNotFoundError, match="has no checkpoint 7; there: epoch_0001, epoch_0002"):
        build_generator(tiny_run, epoch="7")
    with pytest.raises(ValueError, match="an epoch is a number, 'latest' or 'best', not 'newest'"):
        build_generator(tiny_run, epoch="newest")
    describe(run_copy, ngf=8)
    with pytest.raises(ValueError, match=r"generator\.params does not fit the generator that the options describe"):
        build_generator(run_copy)
    weights = run_copy / "checkpoints" / "epoch_0002" / "generator.params"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(ValueError, match=r"generator\.params is missing or damaged: remove .*epoch_0002 to fall back"):
        build_generator(run_copy)


def test_running_statistics_that_there_are_not():
    described = {"name": "unet_128", "norm": "instance", "dropout": False}
    with pytest.raises(ValueError, match="statistics running: a generator trained with norm instance has none"):
        _with_statistics(described, "running", dropout=False)


def test_options_that_lack_what_translating_needs(tiny_run, tmp_path):
    run = json.loads((tiny_run / "options.json").read_text())
    del run["options"]["direction"]
    (tmp_path / "options.json").write_text(json.dumps(run))
    with pytest.raises(ValueError, match="is not the options of a run: options lacks direction"):
        read_run(tmp_path)
