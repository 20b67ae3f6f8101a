"""A trained generator at work: which statistics, what dropout depends on, sizes, depths and channels."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import numpy as np
import pytest

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.pairs.coding import make_coding
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.pictures.arithmetic import to_image, to_signed
from gluon_pix2pix.runs.options_file import read_run
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.gluon_network import build_generator, copy_generator
from gluon_pix2pix.translation.network import Network
from gluon_pix2pix.translation.translator import Translator


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
    assert translate(sources[0], name=os.fsdecode(b"caf\xe9")).shape == fakes["1"].shape  # a name that is no UTF-8


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


def test_statistics_of_the_batch(tiny_run, sources):
    """What the reference does with batches in train mode; of one picture they are the picture's."""
    trained = as_trained(tiny_run)
    with mx.autograd.train_mode():
        pair, rest = (trained(mx.nd.array(to_signed(np.stack(part)))).asnumpy() for part in (sources[:3], sources[3:]))
    translate = Translator.load(tiny_run, statistics="batch", dropout=False, batch_size=3)
    fakes = translate(np.stack(sources))
    assert largest(fakes, to_image(np.concatenate([pair, rest]))) <= 1
    of_the_picture = Translator.load(tiny_run, dropout=False, batch_size=3)(np.stack(sources))
    assert largest(fakes[3], of_the_picture[3]) <= 1
    assert largest(fakes[:3], of_the_picture[:3]) > 10
    assert translate.settings["batch_size"] == 3


def test_statistics_of_the_batch_with_dropout(tiny_run, sources):
    """A batch drops out as one, by all of its names."""
    translate = Translator.load(tiny_run, statistics="batch", batch_size=2, seed=5)
    first = translate(sources[:2], name=["a", "b"])
    np.testing.assert_array_equal(translate(sources[:2], name=["a", "b"]), first)
    assert largest(translate(sources[:2], name=["a", "c"])[0], first[0]) > 10


@pytest.mark.parametrize("statistics", ["picture", "running"])
def test_an_answer_does_not_depend_on_which_pictures_share_its_batch(tiny_run, sources, statistics):
    kwargs = {"statistics": statistics, "dropout": False, "size": None}
    pictures = [*sources, noise(20, 30, 3), noise(25, 32, 3), noise(40, 40, 3), sources[0].astype(np.uint16) * 257]
    alone = [Translator.load(tiny_run, **kwargs)(picture) for picture in pictures]
    for batch_size in (2, 3, 16):
        together = Translator.load(tiny_run, **kwargs, batch_size=batch_size)(pictures)
        for one, other in zip(alone, together):
            np.testing.assert_array_equal(one, other)  # the very same bits
            assert one.dtype == other.dtype


def test_batches_are_of_neighbours_that_take_the_same_size():
    sizes = []
    network = Network(lambda batch, seed: sizes.append(batch.shape) or batch, make_coding(), 16)
    pictures = [noise(h, w, 3) for h, w in ((16, 16), (9, 16), (16, 16), (16, 17), (16, 16), (40, 8))]
    answers = Translator(network, batch_size=2, tile=32)(pictures)
    for picture, answer in zip(pictures, answers):
        np.testing.assert_array_equal(answer, picture)
    # The last is 40 x 8, in two tiles, which are translated before the one that still waits for company.
    assert [shape[0] for shape in sizes] == [2, 1, 1, 1, 1, 1]
    assert [shape[2:] for shape in sizes] == [(16, 16), (16, 16), (16, 32), (32, 16), (32, 16), (16, 16)]


def test_with_dropout_each_picture_goes_alone(tiny_run, sources):
    names = ["1", "2", "3", "deep/1"]
    translate = Translator.load(tiny_run, seed=5)
    expected = [translate(source, name=name) for source, name in zip(sources, names)]
    together = Translator.load(tiny_run, seed=5, batch_size=4)(np.stack(sources), name=names)
    np.testing.assert_array_equal(together, expected)
    tiles = [Translator.load(tiny_run, seed=5, size=None, tile=32)(noise(64, 64, 3), name=name) for name in "aab"]
    np.testing.assert_array_equal(tiles[0], tiles[1])
    assert largest(tiles[0], tiles[2]) > 10


def test_a_stream_goes_on_after_a_bad_picture():
    taken, bad = [], []
    network = Network(lambda batch, seed: batch, make_coding(), 8)

    def items():
        for index, channels in enumerate((3, 4, 3, 3, 3)):
            taken.append(index)
            yield f"{index}", noise(8, 8, channels)

    translate = Translator(network, batch_size=2)
    stream = translate.stream(items(), on_error=lambda name, error: bad.append((name, str(error))))
    assert next(stream)[0] == "0"
    assert taken == [0, 1, 2]  # no further ahead than a batch
    assert [name for name, _ in stream] == ["2", "3", "4"]
    assert bad == [("1", "it has 4 channels, and 3 are asked for")]
    with pytest.raises(ValueError, match="it has 4 channels, and 3 are asked for"):
        list(translate.stream(items()))


def test_one_or_several():
    translate = Translator(Network(lambda batch, seed: batch, make_coding(), 8), batch_size=4)
    batch = noise(3, 10, 9, 3)
    np.testing.assert_array_equal(translate(batch), batch)
    assert isinstance(translate(list(batch)), list)
    np.testing.assert_array_equal(translate(batch[0]), batch[0])
    with pytest.raises(ValueError, match="there are 2 names for 3 pictures"):
        translate(batch, name=["a", "b"])
    for wrong in (np.zeros((8, 8)), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.uint8)):
        with pytest.raises(ValueError, match=r"pictures are \(H, W, C\) uint8 or uint16, not \("):
            translate([wrong])


@pytest.mark.parametrize(
    ("kwargs", "error"),
    [
        ({"size": 0}, "a size is 1 or more, not 0"),
        ({"size": (8, -1)}, "a size is 1 or more, not -1"),
        ({"tile": -4}, "a tile is 1 or more, not -4"),
        ({"batch_size": 0}, "a batch size is 1 or more, not 0"),
    ],
)
def test_numbers_that_cannot_be(kwargs, error):
    with pytest.raises(ValueError, match=f"^{error}$"):
        Translator(Network(lambda batch, seed: batch, make_coding(), 8), **kwargs)


def test_other_sizes(tiny_run):
    image = noise(45, 70, 3)
    translate = Translator.load(tiny_run, dropout=False, size=(40, 72))
    assert translate(image).shape == translate.prepare(image).shape == (40, 72, 3)
    assert Translator.load(tiny_run, dropout=False, size=48)(image).shape == (48, 48, 3)
    assert translate.settings == {
        "checkpoint": "epoch_0002",
        "sha256": hashlib.sha256((tiny_run / "checkpoints/epoch_0002/generator.params").read_bytes()).hexdigest(),
        **{"statistics": "picture", "dropout": False, "seed": 0, "size": [40, 72], "tile": None},
    }


@pytest.mark.parametrize("name", ["unet", "resnet_6blocks"])
def test_pictures_of_a_few_pixels(name):
    kwargs = {"num_downs": 2} if name == "unet" else {}
    generator = get_model(name, ngf=16, norm="picture", dropout=False, **kwargs)
    init_weights(generator, seed=0, ctx=[mx.cpu()])
    translate = Translator(generator, coding=make_coding())
    for height, width in ((1, 1), (3, 9), (7, 5)):
        assert translate(noise(height, width, 3)).shape == (height, width, 3)


@pytest.mark.parametrize("shape", [(45, 70), (32, 64), (1, 50), (33, 1), (1, 1)])
def test_own_size(tiny_run, shape):
    image = noise(*shape, 3)
    fake = Translator.load(tiny_run, size=None, dropout=False)(image)
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
    assert Translator.load(tiny_run, size=None).prepare(image) is image


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
