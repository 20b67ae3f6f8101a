"""Checkpoints: exact, whole or absent, and never believed unchecked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gluon_pix2pix.runs import checkpoint
from gluon_pix2pix.runs.checkpoint import (
    generator_in,
    load_checkpoint,
    load_network_weights,
    read_state,
    save_checkpoint,
)
from gluon_pix2pix.runs.checkpoint_list import (
    best_checkpoint,
    check_resumable,
    checkpoint_name,
    find_checkpoint,
    is_best,
    list_checkpoints,
    progress_of,
    prune_checkpoints,
    remove_partial,
)
from gluon_pix2pix.runtime import mx, threads

pytestmark = pytest.mark.device

FILES = ["discriminator.params", "discriminator_adam.params", "generator.params", "generator_adam.params", "state.json"]


@pytest.fixture
def saved(tmp_path, make_trainer) -> Path:
    """A checkpoint after two steps."""
    trainer = make_trainer()
    trainer.run(2)
    return save_checkpoint(tmp_path, trainer, epoch=1, val_psnr=12.5)


def put(folder: Path, *names: str, **scores: float) -> None:
    """Make folders that look like checkpoints, scored by name."""
    for name in (*names, *scores):
        (folder / name).mkdir()
        put_state(folder / name, val_psnr=scores.get(name), best_by="val_psnr")


def put_state(path: Path, **facts: object) -> None:
    epoch, step = progress_of(path)
    (path / "state.json").write_text(json.dumps({"epoch": epoch, "step": step, "sha256": {}, **facts}))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_names_say_how_far_a_run_is():
    for progress, name in {(7, 0): "epoch_0007", (12345, 0): "epoch_12345", (0, 31): "step_0000_000031"}.items():
        assert checkpoint_name(*progress) == name
        assert progress_of(Path(name)) == progress


def test_going_on_from_a_checkpoint_is_going_on(tmp_path, make_trainer, same_bits):
    """Saved and loaded into networks of another beginning, with dropout: the same bits, losses and all."""
    unbroken = make_trainer(dropout=True)
    unbroken.run(2, size=2)
    path = save_checkpoint(tmp_path, unbroken, epoch=0, step=2)
    resumed = make_trainer(dropout=True, seed=9)
    resumed.run(1)  # moments of its own, which are to go
    state = load_checkpoint(path, resumed)
    assert (state["epoch"], state["step"], state["threads"], resumed.steps) == (0, 2, threads(), 2)
    assert same_bits(resumed.parameters(), unbroken.parameters())
    assert resumed.run(2, size=2) == unbroken.run(2, size=2)
    assert same_bits(resumed.parameters(), unbroken.parameters())


@pytest.mark.parametrize(("devices", "first"), [(1, 1), (2, 1)])
def test_on_devices_that_do_not_begin_with_the_first(tmp_path, make_trainer, same_bits, devices, first):
    where = {"devices": devices, "first": first, "norm": "none"}
    unbroken, resumed = (make_trainer(**where, seed=seed) for seed in (0, 9))
    unbroken.run(2, size=devices)
    load_checkpoint(save_checkpoint(tmp_path, unbroken, epoch=1), resumed)
    assert unbroken.run(2, size=devices) == resumed.run(2, size=devices)
    assert same_bits(unbroken.parameters(), resumed.parameters())


@pytest.mark.parametrize("devices", [1, 2])
def test_the_average_goes_on_and_is_what_translates(tmp_path, make_trainer, devices):
    unbroken = make_trainer(ema=0.9, devices=devices)
    unbroken.run(3, size=2)
    path = save_checkpoint(tmp_path, unbroken, epoch=0, step=3)
    sums = read_state(path)["sha256"]
    assert (generator_in(sums), generator_in({"generator.params": ""})) == ("generator_ema", "generator")
    saved, averages = mx.nd.load(str(path / "generator_ema.params")), unbroken.G.averages()
    assert saved.keys() == unbroken.generator._collect_params_with_prefix().keys() > averages.keys()
    weights = mx.nd.load(str(path / "generator.params"))
    for name, average in averages.items():
        np.testing.assert_array_equal(saved[name].asnumpy(), average.asnumpy())
        assert not np.array_equal(saved[name].asnumpy(), weights[name].asnumpy())

    resumed = make_trainer(ema=0.9, devices=devices, seed=9)
    load_checkpoint(path, resumed)
    for trainer in (unbroken, resumed):
        trainer.run(2, size=2)
    for name, average in unbroken.G.averages().items():
        np.testing.assert_array_equal(resumed.G.averages()[name].asnumpy(), average.asnumpy())


def test_a_run_with_averages_does_not_go_on_without_them(tmp_path, make_trainer, saved):
    with pytest.raises(ValueError, match=r"cannot be resumed: it has no generator_ema.params"):
        load_checkpoint(saved, make_trainer(ema=0.9))
    before_the_first_step = save_checkpoint(tmp_path / "other", make_trainer(ema=0.9), epoch=0)
    assert load_checkpoint(before_the_first_step, make_trainer(ema=0.9))["steps"] == 0


def test_on_two_devices_too(tmp_path, make_trainer, same_bits):
    """Except for the running statistics: each device has its own, and their mean is what is saved."""

    def weights(trainer, device):
        return {name: values for name, values in trainer.parameters(device).items() if "running" not in name}

    unbroken, resumed = (make_trainer(devices=2, seed=seed) for seed in (0, 9))
    unbroken.run(2, size=2)
    load_checkpoint(save_checkpoint(tmp_path, unbroken, epoch=0, step=2), resumed)
    name = "G up.1.norm.running_var"
    own = [unbroken.parameters(device)[name] for device in (0, 1)]
    np.testing.assert_allclose(resumed.parameters()[name], (own[0] + own[1]) / 2, rtol=1e-6)
    assert resumed.run(2, size=2) == unbroken.run(2, size=2)
    for device in (0, 1):
        assert same_bits(weights(resumed, device), weights(unbroken, device))


@pytest.mark.parametrize("options", [{"pool_size": 2}, {"lambda_gan": 0}, {"lambda_l1": 0}, {"scale_losses": True}])
def test_with_other_losses_too(tmp_path, make_trainer, same_bits, options):
    unbroken, resumed = (make_trainer(seed=seed, **options) for seed in (0, 9))
    unbroken.run(4)
    load_checkpoint(save_checkpoint(tmp_path, unbroken, epoch=1), resumed)
    assert resumed.run(6) == unbroken.run(6)
    assert same_bits(resumed.parameters(), unbroken.parameters())


def test_a_state_without_all_of_a_loss_scale_is_one_line(tmp_path, make_trainer):
    path = save_checkpoint(tmp_path, make_trainer(scale_losses=True), epoch=1)
    state = json.loads((path / "state.json").read_text())
    del state["loss_scales"]["generator"]["unskipped"]
    (path / "state.json").write_text(json.dumps(state))
    with pytest.raises(
        ValueError, match=r"epoch_0001/state\.json is not the state of a checkpoint: .* has no unskipped"
    ):
        load_checkpoint(path, make_trainer(scale_losses=True))


def test_steps_that_were_left_out_stay_out_of_adams_count(tmp_path, make_trainer, same_bits):
    unbroken, resumed = (make_trainer(seed=seed, scale_losses=True) for seed in (0, 9))
    unbroken.run(2)
    unbroken.G.loss_scale.load({"loss_scale": 3e38, "next_loss_scale": 3e38, "unskipped": 7})
    unbroken.run(1)
    load_checkpoint(save_checkpoint(tmp_path, unbroken, epoch=1), resumed)
    assert resumed.G.loss_scale.state == unbroken.G.loss_scale.state
    assert (resumed.G.trainer.optimizer.num_update, resumed.steps) == (2, 3)
    for trainer in (unbroken, resumed):
        trainer.G.loss_scale.load({"loss_scale": 8.0, "next_loss_scale": 8.0, "unskipped": 0})
    assert resumed.run(2) == unbroken.run(2)
    assert same_bits(resumed.parameters(), unbroken.parameters())


def test_moments_are_saved_by_structural_name(saved):
    arrays = mx.nd.load(str(saved / "generator_adam.params"))
    assert arrays["steps"].asscalar() == 2
    assert arrays["last.weight:mean"].shape == arrays["last.weight:variance"].shape == (16, 3, 4, 4)
    assert np.abs(arrays["last.weight:mean"].asnumpy()).max() > 0
    assert arrays["last.weight:variance"].asnumpy().min() >= 0


def test_an_untrained_network_is_saved_and_loaded_too(tmp_path, make_trainer, same_bits):
    first, second = make_trainer(), make_trainer(seed=1)
    load_checkpoint(save_checkpoint(tmp_path, first, epoch=0), second)
    assert second.steps == 0
    assert same_bits(first.parameters(), second.parameters())
    assert first.run(2) == second.run(2)


def test_what_is_in_a_checkpoint(saved):
    assert saved.name == "epoch_0001"
    assert names_in(saved) == FILES
    state = read_state(saved)
    assert {key: state[key] for key in ("epoch", "step", "steps", "val_psnr")} == {
        "epoch": 1,
        "step": 0,
        "steps": 2,
        "val_psnr": 12.5,
    }
    assert sorted(state["sha256"]) == FILES[:-1]
    assert names_in(saved.parent) == ["epoch_0001"]  # nothing is left beside it


def test_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert checkpoint.sha256(tmp_path / "abc") == expected


def test_what_a_killed_run_left_half_written_is_passed_over_and_goes(tmp_path, make_trainer):
    half = tmp_path / ".epoch_0002.abcdefgh.part"
    half.mkdir()
    (half / "generator.params").write_bytes(b"half")
    (half / "rubbish").touch()
    put(tmp_path, "epoch_0001")
    assert find_checkpoint(tmp_path).name == "epoch_0001"
    path = save_checkpoint(tmp_path, make_trainer(), epoch=2)
    assert names_in(tmp_path) == ["epoch_0001", "epoch_0002"]
    assert names_in(path) == FILES


def test_a_save_that_fails_leaves_what_was_there(saved, make_trainer, monkeypatch):
    def fail(path):
        raise OSError("input/output error")

    monkeypatch.setattr("gluon_pix2pix.writing.sync", fail)
    with pytest.raises(OSError, match="input/output error"):
        save_checkpoint(saved.parent, make_trainer(), epoch=1)
    assert names_in(saved.parent) == ["epoch_0001"]
    assert read_state(saved)["steps"] == 2


def test_saving_again_replaces(saved, make_trainer):
    save_checkpoint(saved.parent, make_trainer(), epoch=1)
    assert read_state(saved)["steps"] == 0


def test_too_little_room_is_said_before_anything_is_written(tmp_path, make_trainer, monkeypatch):
    trainer = make_trainer(ngf=64)
    size = 3 * 4 * sum(values.size for values in trainer.parameters().values())
    assert size > 3 << 20
    free = size  # just the arrays, and nothing for the rest
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    message = rf"a checkpoint takes {(size >> 20) + 1} MiB and {tmp_path} has {size >> 20} MiB left: make room"
    with pytest.raises(OSError, match=message):
        save_checkpoint(tmp_path, trainer, epoch=1)
    assert names_in(tmp_path) == []
    free = size + (1 << 20)
    path = save_checkpoint(tmp_path, trainer, epoch=1)
    assert sum((path / name).stat().st_size for name in FILES) < free


def test_the_room_that_a_pool_takes_counts(tmp_path, make_trainer, monkeypatch):
    trainer = make_trainer(pool_size=2)
    trainer.pools[0].pictures = [mx.nd.zeros((1, 6, 256, 512))] * 2
    pictures = 2 * 4 * 6 * 256 * 512
    free = pictures + (1 << 20)  # and nothing for the networks
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    with pytest.raises(OSError, match="a checkpoint takes"):
        save_checkpoint(tmp_path, trainer, epoch=1)
    free = pictures + (2 << 20)
    path = save_checkpoint(tmp_path, trainer, epoch=1)
    assert pictures < sum(file.stat().st_size for file in path.iterdir()) < free


@pytest.mark.parametrize("name", FILES[:-1])
def test_a_damaged_file_is_named(saved, make_trainer, name):
    data = bytearray((saved / name).read_bytes())
    data[len(data) // 2] ^= 1
    (saved / name).write_bytes(data)
    message = rf"epoch_0001/{name} is missing or damaged: remove .*epoch_0001 to fall back on the checkpoint before"
    with pytest.raises(ValueError, match=message):
        load_checkpoint(saved, make_trainer())


def test_a_missing_file_is_named(saved, make_trainer):
    (saved / "generator_adam.params").unlink()
    with pytest.raises(ValueError, match=r"generator_adam\.params is missing or damaged"):
        load_checkpoint(saved, make_trainer())


@pytest.mark.parametrize(
    "text",
    [
        *(None, "{", "[]", '"text"', "{}", '{"sha256": 3}', "[" * 100_000),
        '{"epoch": 1, "step": 0, "sha256": {"../options.json": "0"}}',
        '{"epoch": -1, "step": 0, "sha256": {}}',
    ],
)
def test_a_state_that_is_none_is_named(saved, text):
    (saved / "state.json").unlink() if text is None else (saved / "state.json").write_text(text)
    with pytest.raises(ValueError, match=r"epoch_0001/state\.json is not the state of a checkpoint: "):
        read_state(saved)


def test_other_networks_do_not_fit(saved, make_trainer):
    with pytest.raises(ValueError, match=r"generator\.params does not fit the generator that the options describe: "):
        load_checkpoint(saved, make_trainer(ngf=16))
    trainer = make_trainer()
    with pytest.raises(ValueError, match=r"generator\.params does not fit the generator that the options describe"):
        load_network_weights(saved, "generator", trainer.discriminator, trainer.ctx)


def test_find(tmp_path):
    put(tmp_path, "epoch_0010", "step_0010_000007", epoch_0002=21.5, epoch_0009=20.0)
    (tmp_path / "notes").mkdir()
    order = ["epoch_0002", "epoch_0009", "epoch_0010", "step_0010_000007"]
    assert [path.name for path in list_checkpoints(tmp_path)] == order
    found = {word: find_checkpoint(tmp_path, word).name for word in ("latest", "best", "2", "0010")}
    expected = {"latest": "step_0010_000007", "best": "epoch_0002", "2": "epoch_0002", "0010": "epoch_0010"}
    assert found == expected


def test_find_errors(tmp_path):
    put(tmp_path, "epoch_0001", "epoch_0002")
    with pytest.raises(FileNotFoundError, match="has no checkpoint 3; there: epoch_0001, epoch_0002"):
        find_checkpoint(tmp_path, "3")
    with pytest.raises(FileNotFoundError, match="has no checkpoint best"):
        find_checkpoint(tmp_path, "best")
    with pytest.raises(FileNotFoundError, match="has no checkpoint latest; there: none yet"):
        find_checkpoint(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="an epoch is a number, 'latest' or 'best', not '-1'"):
        find_checkpoint(tmp_path, "-1")


def test_the_best_is_sought_among_those_that_can_be_read(tmp_path):
    put(tmp_path, epoch_0001=20.0, epoch_0002=22.0)
    (tmp_path / "epoch_0002" / "state.json").write_text("{")
    (tmp_path / "epoch_0003").mkdir()
    assert best_checkpoint(tmp_path).name == "epoch_0001"


def test_prune_keeps_the_newest_and_the_best(tmp_path):
    put(tmp_path, epoch_0001=19.0, epoch_0002=23.0, epoch_0003=22.0, epoch_0004=21.0, epoch_0005=20.0)
    put(tmp_path, "step_0002_000003")
    prune_checkpoints(tmp_path, keep=2)
    assert names_in(tmp_path) == ["epoch_0002", "epoch_0004", "epoch_0005"]


def test_prune_keeps_the_newest_even_if_it_is_an_interrupted_one(tmp_path):
    put(tmp_path, "epoch_0001", "epoch_0002", "step_0002_000003")
    prune_checkpoints(tmp_path, keep=1)
    assert names_in(tmp_path) == ["epoch_0002", "step_0002_000003"]


def test_the_best_by_other_scores(tmp_path):
    for epoch, values in enumerate(({"val_mae": 9.0}, {"val_mae": 7.0}, {"val_mae": 8.0}, {"val_psnr": 20.0}), 1):
        (tmp_path / f"epoch_{epoch:04d}").mkdir()
        put_state(tmp_path / f"epoch_{epoch:04d}", **values, best_by=next(iter(values)))
    assert best_checkpoint(tmp_path).name == "epoch_0004"  # another metric has been chosen since
    shutil.rmtree(tmp_path / "epoch_0004")
    assert best_checkpoint(tmp_path).name == "epoch_0002"  # less is better
    assert is_best(tmp_path, {"val_mae": 6.0}, "val_mae")
    assert not is_best(tmp_path, {"val_mae": 7.5}, "val_mae")
    assert not is_best(tmp_path, {"val_mae": None}, "val_mae")
    assert is_best(tmp_path, {"val_ssim": 0.1}, "val_ssim")  # the first of its kind
    assert not is_best(tmp_path / "none", {"val_ssim": None}, "val_ssim")


def test_a_score_that_cannot_be_beaten_does_not_count(tmp_path):
    """Earlier versions wrote Infinity for a validation set with one identical picture."""
    put(tmp_path, epoch_0001=20.0, epoch_0002=float("inf"), epoch_0003=float("nan"))
    assert best_checkpoint(tmp_path).name == "epoch_0001"
    assert is_best(tmp_path, {"val_psnr": 20.5}, "val_psnr")
    assert not is_best(tmp_path, {"val_psnr": float("inf")}, "val_psnr")
    put(tmp_path, epoch_0004="22", epoch_0005=10**400)
    assert best_checkpoint(tmp_path).name == "epoch_0001"


def test_a_state_of_another_checkpoint_is_refused(saved):
    saved = saved.rename(saved.parent / "epoch_0002")
    with pytest.raises(ValueError, match=r"epoch_0002/state\.json is of another checkpoint: epoch 1, step 0"):
        read_state(saved)


@pytest.mark.parametrize("lacks", ["steps", "threads", "history", "losses", "data"])
def test_a_state_that_a_run_cannot_go_on_from_is_named(tmp_path, lacks):
    state = {"steps": 1, "threads": 1, "history": [0.5], "losses": [], "data": "4 files"}
    check_resumable(tmp_path, state)
    del state[lacks]
    with pytest.raises(ValueError, match=rf"state\.json is not the state of a run that can go on: it has no {lacks}"):
        check_resumable(tmp_path, state)


def test_what_a_killed_prune_left_is_no_checkpoint(saved, make_trainer):
    """An earlier version removed file by file under the final name; now a folder loses its name first."""
    folder = saved.parent
    for epoch in (2, 3):
        save_checkpoint(folder, make_trainer(), epoch=epoch)
    (folder / "epoch_0002/generator_adam.params").unlink()
    prune_checkpoints(folder, keep=2)
    assert names_in(folder) == ["epoch_0001", "epoch_0003"]
    (folder / "epoch_0001/state.json").unlink()
    prune_checkpoints(folder, keep=2)
    assert names_in(folder) == ["epoch_0003"]


def test_a_prune_that_is_killed_leaves_no_half(saved, make_trainer, monkeypatch):
    save_checkpoint(saved.parent, make_trainer(), epoch=2)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        prune_checkpoints(saved.parent, keep=1)
    monkeypatch.undo()
    assert [path.name for path in list_checkpoints(saved.parent)] == ["epoch_0002"]
    (saved.parent / "checkpoints").mkdir()
    assert len(names_in(saved.parent)) == 3
    remove_partial(saved.parent)
    assert names_in(saved.parent) == ["checkpoints", "epoch_0002"]
