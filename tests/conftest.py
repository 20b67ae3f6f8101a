"""Where tests find real data and the reference's own answers, when they are there."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os

# The networks here are tiny: a second thread gains nothing, and waits for each operator where others are at work too.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # as the commands have it, and before anything imports OpenCV

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest

from gluon_pix2pix import wording
from gluon_pix2pix.datasets.demo.pairs import write_demo

if TYPE_CHECKING:
    from gluon_pix2pix.core.step import Pix2PixTrainer
    from gluon_pix2pix.runtime import mx
    from gluon_pix2pix.training.options import TrainOptions

# A change is judged by what it changes, so the examples are the same every time. HYPOTHESIS=search draws new ones.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.register_profile("search")
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS", "same"))

SHARED = Path(__file__).resolve().parents[2] / "shared"
# A run of seconds: all tests that train begin with these options, flat as on the command line, and change some.
TINY = {"gpu": "-1", "num_workers": 0, "load_size": 18, "crop_size": 16, "n_epochs": 1, "n_epochs_decay": 0}
TINY |= {"generator": "unet", "num_downs": 3, "ngf": 8, "dropout_blocks": "paper"}
TINY |= {"discriminator": "n_layers", "n_layers_D": 1, "ndf": 8}


class Answers(type(Path())):
    """A path below the reference's answers."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays of an npz file."""
        with np.load(self) as file:
            return dict(file)


def _folder_or_skip(folder: Path) -> Path:
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder where this program keeps what it has found out about files: not the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("GLUON_PIX2PIX_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def _printed_program() -> Iterator[None]:
    """What this process prints as its own name does not depend on the shell that the tests were started from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wording, "_is_in", lambda name, folder: name == "python")
        yield


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of the PyTorch implementation's own answers (npz files), or a skip that names it."""
    return _folder_or_skip(Answers(SHARED / "reference"))


@pytest.fixture(scope="session")
def facades() -> Path:
    """The folder of the real facades pairs (train and val), or a skip that names it."""
    return _folder_or_skip(SHARED / "data" / "facades")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu0", help="where tests marked `device` compute: cpu1, gpu0, ... [cpu0]")


@pytest.fixture(scope="session")
def device(pytestconfig: pytest.Config) -> mx.Context:
    """The first device that tests marked `device` compute on; it has to be there."""
    from gluon_pix2pix.runtime import gpu_problem, mx

    kind, number = pytestconfig.getoption("device")[:3], pytestconfig.getoption("device")[3:]
    if kind not in ("cpu", "gpu") or not number.isdigit():
        pytest.exit(f"--device is cpu0, cpu1, gpu0, ..., not {kind}{number}", returncode=4)
    problem = gpu_problem(int(number)) if kind == "gpu" else None
    if problem is not None:
        pytest.exit(f"--device {kind}{number}: {problem}", returncode=4)
    return mx.Context(kind, int(number))


@pytest.fixture(autouse=True)
def _on_the_device(request: pytest.FixtureRequest) -> Iterator[None]:
    """Make that device MXNet's default while a test marked `device` runs."""
    if request.node.get_closest_marker("device") is None:
        yield
        return
    with request.getfixturevalue("device"):
        yield


@pytest.fixture(scope="session")
def tiny_pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn data set of 4 + 2 pairs, each 64 x 128 pixels, for reading only."""
    return write_demo(tmp_path_factory.mktemp("data") / "tiny", {"train": 4, "val": 2}, size=64)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command with words, in this process; return its exit code, standard output and standard error."""
    from gluon_pix2pix.commands import cli  # here: a test without commands shall not wait for them

    def run(command: str, *words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            cli.run(command, [str(word) for word in words])
        return (caught.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def tiny() -> dict[str, object]:
    """The flat options of a tiny run, without a data set."""
    return dict(TINY)


@pytest.fixture(scope="session")
def tiny_options(tiny_pairs: Path) -> Callable[..., TrainOptions]:
    """Build the options of a tiny run on `tiny_pairs`, with changes by name."""
    from gluon_pix2pix.training.options import TrainOptions

    return lambda **changes: TrainOptions.of(**{**TINY, "dataset": str(tiny_pairs), **changes})


@pytest.fixture(scope="session")
def tiny_words(tiny_pairs: Path) -> Callable[..., list[str]]:
    """Build the command line of a tiny run on `tiny_pairs`, with changes by name, and more words behind."""

    def build(*more: object, **changes: object) -> list[str]:
        words = []
        for name, value in {**TINY, "dataset": tiny_pairs, **changes}.items():
            option = name.replace("_", "-")
            words += [f"--{'' if value else 'no-'}{option}"] if isinstance(value, bool) else [f"--{option}", str(value)]
        return [*words, *map(str, more)]

    return build


@pytest.fixture(scope="session")
def tiny_run(tiny_options: Callable[..., TrainOptions], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run, for reading only: 2 epochs and 2 checkpoints, 5 levels and 32 x 32 pixels.

    Its weights began ten times larger than usual, so that its pictures are full of contrast.
    """
    from gluon_pix2pix.commands import train

    run_dir = tmp_path_factory.mktemp("runs") / "tiny"
    larger = {"direction": "BtoA", "load_size": 36, "crop_size": 32, "num_downs": 5, "ngf": 4, "init_gain": 0.2}
    assert train.main(tiny_options(run_dir=run_dir, n_epochs=2, save_every=1, ndf=4, **larger)) is None
    return run_dir


@pytest.fixture(scope="session")
def make_trainer(device: mx.Context) -> Callable[..., Pix2PixTrainer]:
    """A class of trainers of tiny networks that train in milliseconds, on as many devices as are asked for."""
    from gluon_pix2pix.core.networks import get_model, init_weights
    from gluon_pix2pix.core.step import Pix2PixTrainer
    from gluon_pix2pix.core_options import AdamOptions, LossOptions
    from gluon_pix2pix.runtime import mx

    class TinyTrainer(Pix2PixTrainer):
        """A trainer of a three-level U-Net and a PatchGAN of one layer, on noise of 16 x 16 pixels."""

        def __init__(
            self,
            *,
            devices=1,
            first=0,
            norm="batch",
            dropout=False,
            hybridize=True,
            seed=0,
            ngf=8,
            conditional=True,
            **kwargs,
        ):
            generator = get_model("unet", num_downs=3, ngf=ngf, norm=norm, dropout=dropout, dropout_blocks="paper")
            discriminator = get_model("n_layers", input_nc=6 if conditional else 3, n_layers=1, ndf=8, norm=norm)
            first += device.device_id
            ctx = [mx.Context(device.device_type, number) for number in range(first, first + devices)]
            if device.device_type == "gpu" and mx.context.num_gpus() < first + devices:
                pytest.skip(f"there is no GPU {first + devices - 1}")
            for number, net in enumerate((generator, discriminator)):
                init_weights(net, seed=(seed, number), ctx=ctx)
                if hybridize:
                    net.hybridize(static_alloc=True, static_shape=True)
            for word, options in (("losses", LossOptions), ("adam", AdamOptions)):
                names = [place.name for place in dataclasses.fields(options) if place.name in kwargs]
                kwargs[word] = options(**{name: kwargs.pop(name) for name in names})
            super().__init__(generator, discriminator, ctx=ctx, conditional=conditional, **kwargs)

        @staticmethod
        def batch(size: int = 1, seed: int = 0) -> tuple[mx.nd.NDArray, mx.nd.NDArray]:
            """Draw (source, target), each (size, 3, 16, 16) in [-1, 1]."""
            noise = np.random.default_rng(seed).uniform(-1, 1, (2, size, 3, 16, 16))
            return mx.nd.array(noise[0]), mx.nd.array(noise[1])

        def run(self, steps: int, *, size: int = 1, seed: int = 0) -> list[dict[str, float]]:
            """Train on a new batch in each step, numbered from those that are done; return the losses."""
            losses = []
            for step in range(self.steps, self.steps + steps):
                values = self.step(*self.batch(size, seed=step), seed=(seed, 0, step))
                losses.append({name: float(value.asscalar()) for name, value in values.items()})
            return losses

        def parameters(self, device: int = 0) -> dict[str, np.ndarray]:
            """Return both networks' parameters and running statistics by name."""
            mx.nd.waitall()
            nets = {"G": self.generator, "D": self.discriminator}
            return {
                f"{letter} {name}": parameter.data(self.ctx[device]).asnumpy()
                for letter, net in nets.items()
                for name, parameter in net._collect_params_with_prefix().items()
            }

    return TinyTrainer


@pytest.fixture(scope="session")
def same_bits() -> Callable[..., bool]:
    """Whether two dictionaries of arrays are equal to the last bit."""

    def same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> bool:
        assert ours.keys() == theirs.keys()
        return all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)

    return same


@pytest.fixture(scope="session")
def write_card() -> Callable[..., Path]:
    """Write a model's card into its folder; `changes` of its fields, of which None leaves one out."""
    fields = {
        "title": "noise to noise",
        "task": "Makes noise of noise.",
        "data": "4 drawn pairs",
        "licence": "CC0",
        "options": {"generator": "unet", "ngf": 4, "lr": 0.0002},
        "steps": 12345,
        "hours": 0.5,
        "scores": {"psnr": 12.3456},
        "command": "python train_pix2pix.py --dataset demo",
        "failures": ["Noise stays noise.", "It is small."],
    }

    def write(folder: Path, **changes: object) -> Path:
        told = {name: value for name, value in {**fields, **changes}.items() if value is not None}
        (folder / "card.json").write_text(json.dumps(told))
        return folder

    return write


@pytest.fixture(scope="session")
def write_model_folder() -> Callable[..., Path]:
    """Write a folder as `convert` does, of a generator with random weights and statistics; `changes` of its options."""
    from gluon_pix2pix.core.networks import get_model, init_weights  # here, as above
    from gluon_pix2pix.pairs.coding import make_coding
    from gluon_pix2pix.runtime import mx

    def write(folder: Path, described: dict, coding: dict, **changes: object) -> Path:
        made = make_coding(**coding)
        described = {"norm": "batch", "dropout": True, **described}
        described |= {"input_nc": made.source.channels, "output_nc": made.target.channels}
        net = get_model(**described)
        init_weights(net, seed=0, ctx=[mx.cpu()], init_gain=0.1)
        checkpoint = folder / "checkpoints" / "epoch_0000"
        checkpoint.mkdir(parents=True)
        net.save_parameters(str(checkpoint / "generator.params"))
        sha256 = {"generator.params": hashlib.sha256((checkpoint / "generator.params").read_bytes()).hexdigest()}
        (checkpoint / "state.json").write_text(json.dumps({"epoch": 0, "step": 0, "sha256": sha256}))
        options = {"crop_size": max(2 * net.multiple, 32), "direction": "AtoB", **changes}
        (folder / "options.json").write_text(json.dumps({"options": options, "generator": described, "coding": coding}))
        return folder

    return write
