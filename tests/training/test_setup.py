"""What is looked at before the first step: who else is there, the pictures, and what a killed run has left."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from gluon_pix2pix.commands import train
from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.runs.log import read_log
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.options import TrainOptions


@pytest.fixture
def options(tiny_options, tiny_pairs, tmp_path):
    """A run of one epoch on four pairs of its own."""
    shutil.copytree(tiny_pairs, tmp_path / "houses")
    return tiny_options(dataset=str(tmp_path / "houses"), run_dir=tmp_path / "run")


def test_pictures_that_changed_are_noticed(options, tmp_path, capsys):
    train.main(options)
    (tmp_path / "houses/train/1.png").rename(tmp_path / "houses/train/9.png")
    train.main(options.replace(n_epochs=2))
    note = f"the files in {tmp_path / 'houses/train'} are not those that the run has seen so far"
    note += "; another --run-dir begins anew"
    assert note in capsys.readouterr().out
    starts = [event for event in read_log(options.run.run_dir) if event["event"] == "start"]
    assert [start["epochs"] for start in starts] == [0, 1]
    assert note in starts[1]["notes"]


@pytest.mark.parametrize("way", ["slash", "moved", "cwd"])
def test_the_same_pictures_in_another_place_go_on(options, tmp_path, capsys, monkeypatch, way):
    train.main(options)
    dataset = {"slash": f"{tmp_path}/houses/", "moved": str(tmp_path / "moved"), "cwd": "houses"}[way]
    if way == "moved":
        (tmp_path / "houses").rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    train.main(options.replace(n_epochs=2, dataset=dataset))
    out = capsys.readouterr().out
    assert "resumed from" in out
    assert "are not those that the run has seen" not in out
    assert (f"--dataset {tmp_path / 'houses'} before, {dataset} now: the same files" in out) == (way == "moved")


def test_other_pictures_of_the_same_names_are_noticed(options, tmp_path, capsys):
    train.main(options)
    shutil.copytree(tmp_path / "houses", tmp_path / "others")
    (tmp_path / "others/train/1.png").write_bytes((tmp_path / "others/train/2.png").read_bytes())
    with pytest.raises(UsageError, match=r"was trained with --dataset .*houses \(now .*others\): pass the same"):
        train.main(options.replace(n_epochs=2, dataset=str(tmp_path / "others")))
    shutil.copy(tmp_path / "others/train/1.png", tmp_path / "houses/train/1.png")
    train.main(options.replace(n_epochs=2))
    assert "are not those that the run has seen so far" in capsys.readouterr().out


def test_a_run_of_an_earlier_version_goes_on_by_its_names(options, tmp_path, capsys):
    """Its fingerprint is of the number and the names of the files."""
    train.main(options)
    path = options.run.run_dir / "checkpoints/epoch_0001/state.json"
    names = hashlib.sha256(b"1.png\n2.png\n3.png\n4.png").hexdigest()[:16]
    path.write_text(json.dumps({**json.loads(path.read_text()), "data": f"4 files {names}"}))
    shutil.copytree(tmp_path / "houses", tmp_path / "others")
    with pytest.raises(UsageError, match="was trained with --dataset"):  # names alone do not make them the same
        train.main(options.replace(n_epochs=2, dataset=str(tmp_path / "others")))
    train.main(options.replace(n_epochs=2))
    assert "are not those that the run has seen" not in capsys.readouterr().out
    assert json.loads((path.parents[1] / "epoch_0002/state.json").read_text())["data"].startswith("4 pairs ")


def test_pictures_that_changed_in_mid_epoch_are_refused(options, tmp_path):
    train.main(options)
    saved = options.run.run_dir / "checkpoints"
    state = json.loads((saved / "epoch_0001/state.json").read_text())
    state.update(epoch=1, step=2)
    (saved / "epoch_0001/state.json").write_text(json.dumps(state))
    (saved / "epoch_0001").rename(saved / "step_0001_000002")
    (tmp_path / "houses/train/1.png").unlink()
    with pytest.raises(
        UsageError, match=r"have changed in the middle of the epoch that .*step_0001_000002 goes on with"
    ):
        train.main(options.replace(n_epochs=2))


def test_what_a_killed_run_has_left_is_removed(options):
    left = options.run.run_dir / "checkpoints/.step_0000_000003.part"
    left.mkdir(parents=True)
    train.main(options)
    assert not left.exists()


def test_unreadable_and_odd_pictures_are_named_before_training(options, tmp_path):
    bad = tmp_path / "houses/train/3.png"
    bad.write_bytes(b"no picture")
    with pytest.raises(ValueError, match=f"{bad} is not a picture"):
        train.main(options)
    assert not (options.run.run_dir / "options.json").exists()


def test_a_checkpoint_that_lacks_a_file_is_not_resumed(options):
    train.main(options)
    path = options.run.run_dir / "checkpoints/epoch_0001"
    state = json.loads((path / "state.json").read_text())
    del state["sha256"]["discriminator_adam.params"]
    (path / "state.json").write_text(json.dumps(state))
    with pytest.raises(ValueError, match=r"epoch_0001 cannot be resumed: it has no discriminator_adam\.params"):
        train.main(options.replace(n_epochs=2))


def test_a_run_begins_with_the_weights_of_another(options, tmp_path, capsys):
    train.main(options)
    train.main(options.replace(run_dir=tmp_path / "second", init_from=options.run.run_dir, lr=0.0))
    assert f"began with the generator and discriminator of {options.run.run_dir}" in capsys.readouterr().out
    runs = (options.run.run_dir, tmp_path / "second")
    weights = [mx.nd.load(str(run / "checkpoints/epoch_0001/generator.params")) for run in runs]
    name = "down.0.conv.weight"
    assert (weights[0][name].asnumpy() == weights[1][name].asnumpy()).all()  # with a rate of 0 they stay


def test_a_run_begins_only_with_kernels_that_its_way_to_enlarge_has(options, tmp_path, capsys):
    """Those of a resize-convolution are a transposed convolution's; the other way round the first step changed them."""
    train.main(options.replace(upsample="resize"))
    second = options.replace(run_dir=tmp_path / "second", init_from=options.run.run_dir)
    train.main(second)
    assert "began with the generator and discriminator" in capsys.readouterr().out
    third = options.replace(run_dir=tmp_path / "third", init_from=tmp_path / "second", upsample="resize")
    with pytest.raises(UsageError, match=r"second was trained with --upsample deconv \(now resize\): pass the same"):
        train.main(third)


def test_only_unets_enlarge_in_several_ways():
    with pytest.raises(UsageError, match="--upsample resize is for U-Nets, not for --generator resnet_9blocks"):
        TrainOptions.of(generator="resnet_9blocks", upsample="resize")
