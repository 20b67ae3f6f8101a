"""The public names: training, scoring and comparing by a call; the example of docs/python.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gluon_pix2pix
from gluon_pix2pix import TrainedRun, Translator, compare, evaluate, get_model, read_image, train, write_image
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.runtime import mx

ROOT = Path(__file__).resolve().parents[1]
TINY = {"gpu": "-1", "load_size": 18, "crop_size": 16, "n_epochs": 1, "n_epochs_decay": 0}
TINY |= {"num_workers": 0, "say": lambda line: None}


def pair(index: int, size: int = 18) -> tuple[np.ndarray, np.ndarray]:
    source = np.random.default_rng(index).integers(0, 256, (size, size, 3), np.uint8)
    return source, 255 - source


PAIRS = [pair(index) for index in range(4)]


def networks() -> dict:
    generator = get_model("unet", num_downs=3, ngf=4, norm="batch", dropout=False)
    return {"generator": generator, "discriminator": get_model("n_layers", n_layers=1, ndf=4)}


def test_importing_the_package_costs_nothing():
    code = "import sys, gluon_pix2pix; print(sorted(m for m in sys.modules if m.split('.')[0] in ('mxnet', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
    assert {"train", "evaluate", "Translator", "__version__"} <= set(dir(gluon_pix2pix))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        gluon_pix2pix.nonsense  # noqa: B018
    assert (Path(gluon_pix2pix.__file__).parent / "py.typed").is_file()


def test_a_folder_trains_as_on_the_command_line(call, tiny, tiny_words, tiny_pairs, tmp_path):
    """The same weights to the bit, and what the call returns is what is on disk."""
    assert call("train", *tiny_words("--run-dir", tmp_path / "words"))[0] == 0
    run = train(tiny_pairs, run_dir=str(tmp_path / "call"), say=print, **tiny)
    assert isinstance(run, TrainedRun)
    assert (run.folder, run.epochs, run.stopped) == (tmp_path / "call", 1, False)
    ours, theirs = (
        mx.nd.load(str(tmp_path / place / "checkpoints/epoch_0001/generator.params")) for place in ("call", "words")
    )
    assert all((ours[name].asnumpy() == theirs[name].asnumpy()).all() for name in theirs)
    assert run.scores["val_psnr"] > 0
    assert run.history[-1]["epoch"] == 1
    assert "translator" not in repr(run)


def test_arrays_own_networks_and_an_own_loss(tmp_path):
    """G_extra has its gradient: with it alone, weighted highly, the generator goes where it says."""
    seen = []

    def darkness(source, fake, target):
        return 1000 * (fake + 1).mean(axis=0, exclude=True)

    own = {**TINY, **networks(), "lambda_l1": 0.0, "lambda_gan": 1e-6, "lr": 5e-3, "n_epochs": 8}
    run = train(PAIRS, validation=PAIRS[:1], extra_loss=darkness, on_epoch=seen.append, run_dir=tmp_path / "run", **own)
    assert [report.epoch for report in seen] == list(range(1, 9))
    losses = [report.losses["G_extra"] for report in seen]
    assert losses[-1] < 0.7 * losses[0]
    assert run.translator(PAIRS[0][0]).mean() < 100
    assert seen[-1].scores["val_psnr"] == run.scores["val_psnr"]
    assert run.history[0]["G_extra"] > 0


def test_stopping_and_going_on_is_exact(tmp_path):
    def stop(report):
        return report.epoch == 1

    calls = {**TINY, "n_epochs": 2}
    parts = train(PAIRS, run_dir=tmp_path / "parts", on_epoch=stop, **{**calls, **networks()})
    assert (parts.epochs, parts.stopped) == (1, True)
    parts = train(PAIRS, run_dir=tmp_path / "parts", **{**calls, **networks()})
    whole = train(PAIRS, run_dir=tmp_path / "whole", **{**calls, **networks()})
    assert (parts.epochs, parts.stopped) == (2, False)
    for name, parameter in whole.generator._collect_params_with_prefix().items():
        other = parts.generator._collect_params_with_prefix()[name]
        np.testing.assert_array_equal(parameter.data().asnumpy(), other.data().asnumpy())


def test_a_finished_run_of_arrays_is_returned_and_does_not_go_on_with_others(tmp_path):
    small = {**TINY, "ngf": 4, "ndf": 4, "generator": "unet", "num_downs": 3, "discriminator": "pixel"}
    small["run_dir"] = tmp_path / "run"
    first = train(PAIRS, validation=PAIRS[:1], **small)
    again = train(PAIRS, validation=PAIRS[:1], **small)
    assert again.scores == first.scores
    assert again.scores["val_psnr"] > 0
    with pytest.raises(UsageError, match=r"run was trained on other arrays: pass another run_dir .* init_from='.*run'"):
        train([pair(9), *PAIRS[1:]], **small)


def test_a_network_that_has_weights_keeps_them(tmp_path):
    nets = networks()
    nets["generator"].initialize(mx.init.Constant(0.01))
    run = train(PAIRS, run_dir=tmp_path, **{**TINY, **nets, "lr": 0.0})
    weight = run.generator._collect_params_with_prefix()["down.1.conv.weight"].data().asnumpy()
    np.testing.assert_array_equal(weight, np.float32(0.01))


def test_a_run_with_a_network_of_ones_own_says_so_where_it_cannot_be_built(tmp_path):
    run = train(PAIRS, run_dir=tmp_path, **{**TINY, **networks()})
    with pytest.raises(ValueError, match="was trained with a network of somebody's own, UNetGenerator"):
        Translator.load(run.folder)


@pytest.mark.parametrize(
    ("data", "options", "error", "message"),
    [
        ([], {}, UsageError, "there is no pair of arrays"),
        ([(PAIRS[0][0],)], {}, ValueError, r"pair 0 has 1 parts: it is \(source, target\)"),
        (
            [(PAIRS[0][0], PAIRS[0][1][:9])],
            {},
            ValueError,
            r"pair 0 has a source of \(18, 18\) and a target of \(9, 18\)",
        ),
        ([(PAIRS[0][0] / 255, PAIRS[0][1])], {}, ValueError, "source of pair 0 is float64 of shape .* uint8 or uint16"),
        (PAIRS, {"nonsense": 1}, TypeError, "train has no option nonsense"),
        (PAIRS, {"batch_size": 0}, UsageError, "--batch-size 0 is below 1"),
        (PAIRS, {"preprocess": "none", "batch_size": 2}, ValueError, "arrays may differ in size"),
        ("nowhere", {"validation": PAIRS}, UsageError, "validation goes with a sequence of pairs"),
    ],
)
def test_what_cannot_be(tmp_path, data, options, error, message):
    with pytest.raises(error, match=message):
        train(data, run_dir=tmp_path / "run", **{**TINY, **networks(), **options})


def test_a_network_without_shapes_is_named(tmp_path):
    net = mx.gluon.nn.HybridSequential()
    net.add(mx.gluon.nn.Conv2D(3, 3, padding=1))
    with pytest.raises(ValueError, match="has no shape yet: give each layer its in_channels"):
        train(PAIRS, run_dir=tmp_path, **{**TINY, **networks(), "generator": net})


@pytest.fixture
def results(tmp_path):
    """Two models' translations of the same two pictures; the second's are the true ones."""
    for index, (fake, true) in enumerate(PAIRS[:2]):
        for model, picture in (("a", fake), ("b", true)):
            (tmp_path / model).mkdir(exist_ok=True)
            write_image(tmp_path / model / f"{index}_fake.png", picture)
            write_image(tmp_path / model / f"{index}_target.png", true)
    return tmp_path


def test_scores_by_a_call(results):
    scores = evaluate(results / "a", metrics=("psnr", "mae"))
    expected = np.mean([np.abs(a.astype(float) - b).mean() for a, b in PAIRS[:2]])
    assert scores["mae"]["mean"] == pytest.approx(expected)
    assert scores["pictures"] == 2
    (mae,) = compare(results / "a", results / "b", metrics=("mae",))
    assert (mae.mean_b, mae.b_better) == (0, 2)
    (results / "a/0_target.png").unlink()
    with pytest.raises(ValueError, match="0_fake"):
        evaluate(results / "a")


def test_the_example_in_the_docs_works(tmp_path):
    text = (ROOT / "docs/python.md").read_text()
    (code,) = re.findall(r"<!-- tested -->\n```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "example.py").write_text(code + "\nassert sharper.shape == (32, 32, 3) and sharper.dtype == np.uint8\n")
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = ran.stdout.splitlines()
    assert any(re.fullmatch(r"2 [\d.]+ [\d.]+", line) for line in lines)
    assert read_image(tmp_path / "runs/sharpen/samples/epoch_0002.png").shape[2] == 3
