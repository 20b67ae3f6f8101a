"""Whatever was split in two, stopped or killed ends, by the same command, where an unbroken run ends: to the bit.

The unbroken run is the script's, with two workers; the others are of none or two.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gluon_pix2pix.errors import UsageError
from gluon_pix2pix.runtime import threads
from gluon_pix2pix.training.compare import as_written, compare_with_run, place_of_model, same_everywhere
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.wording import count


def check_equal_runs(run, unbroken) -> None:
    """Compare weights, Adam's moments and scores by the sums in state.json, and the log line by line."""
    last = run.checkpoints()[-1]
    assert last >= "epoch_0003"
    assert run.state(last) == unbroken.state(last)
    losses = run.losses()
    assert len(losses) == run.state(last)["steps"]
    assert losses == unbroken.losses()[: len(losses)]
    scores, expected = (folder.events("epoch", "epoch", "val_psnr") for folder in (run, unbroken))
    assert len(scores) == run.state(last)["epoch"]
    # An epoch at whose end a signal waited goes without a score.
    assert all(score in (whole, (whole[0], None)) for score, whole in zip(scores, expected))
    assert scores[-1] == expected[len(scores) - 1]


@pytest.fixture(scope="module")
def split(train, look, tmp_path_factory):
    """Two epochs, then two more, without workers."""
    run = look(tmp_path_factory.mktemp("split") / "run")
    more = ["--num-workers", 0, "--run-dir", run.folder]
    assert train(*more, epochs=2)[0] == 0
    assert run.checkpoints() == ["epoch_0001", "epoch_0002"]
    code, run.out, err = train(*more, epochs=4)
    assert (code, err) == (0, "")
    return run


def test_two_epochs_and_two_more_are_four(split, unbroken):
    assert f"--n-epochs 2 before, 4 now\nresumed from {split.folder}/checkpoints/epoch_0002: 2 epochs" in split.out
    assert "threads and goes on" not in split.out
    check_equal_runs(split, unbroken)


def test_a_run_that_is_complete_says_so(split, train):
    code, out, _ = train("--run-dir", split.folder)
    assert code == 0
    *_, finished, following = out.splitlines()
    assert finished == f"{split.folder} has all its 4 epochs; a larger --n-epochs goes on"
    assert f" translate --model {split.folder} --input " in following
    assert following.startswith("next: ")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--lr", 0.001], r"was trained with --lr 0\.0002 \(now 0\.001\): pass the same, or another --run-dir"),
        (["--no-flip", "--seed", 4], r"was trained with --flip True \(now False\), --seed 0 \(now 4\): pass"),
        (["--n-epochs", 3], "has 4 epochs and may grow, not shrink to --n-epochs 3 --n-epochs-decay 0"),
    ],
)
def test_other_options_are_refused_by_name(split, train, more, message):
    before = (split.folder / "options.json").read_text()
    code, _, err = train("--run-dir", split.folder, *more)
    assert code == 2
    assert re.search(message, err)
    assert (split.folder / "options.json").read_text() == before


def test_another_number_of_threads_is_no_secret(split, train, tmp_path):
    run_dir = shutil.copytree(split.folder, tmp_path / "run")
    changed = {**split.state("epoch_0004"), "threads": 99}
    (run_dir / "checkpoints" / "epoch_0004" / "state.json").write_text(json.dumps(changed))
    code, out, _ = train("--run-dir", run_dir)
    assert code == 0
    assert f"it ran with 99 threads and goes on with {threads()}: not bit for bit the same" in out


def test_a_damaged_checkpoint_is_named(split, train, tmp_path):
    run_dir = shutil.copytree(split.folder, tmp_path / "run")
    (run_dir / "checkpoints" / "epoch_0004" / "generator.params").write_bytes(b"damaged")
    code, _, err = train("--run-dir", run_dir)
    assert code == 1
    assert "epoch_0004/generator.params is missing or damaged: remove" in err


def test_ctrl_c_from_outside(train, look, unbroken, tmp_path):
    run = look(tmp_path / "run")
    script = [sys.executable, train.script, *train.words("--run-dir", run.folder, epochs=3)]
    with subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.startswith("epoch 1/3"):
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate()
    assert (process.returncode, err) == (130, "")
    stopped = re.search(r"stopped after (\d) epochs? and (\d) steps?; saved (.*); the same command goes on .*\n$", out)
    epochs, steps = int(stopped[1]), int(stopped[2])
    saved = Path(stopped[3]).name
    assert saved == (f"step_{epochs:04d}_{steps:06d}" if steps else f"epoch_{epochs:04d}")
    assert run.state(saved)["steps"] == epochs * train.steps + steps < 3 * train.steps

    code, out, _ = train("--run-dir", run.folder, epochs=3)
    assert code == 0
    assert f"resumed from {stopped[3]}: {count(epochs, 'epoch')} and {count(steps, 'step')} are done" in out
    check_equal_runs(run, unbroken)
    assert run.checkpoints() == ["epoch_0001", "epoch_0002", "epoch_0003"]  # the interrupted one is gone


@pytest.mark.parametrize(
    ("step", "workers", "saved"),
    [(8 + 3, 2, "step_0001_000003"), (8 + 8, 0, "epoch_0002")],
    ids=["mid-epoch", "last-of-epoch"],
)
def test_sigterm(train, look, unbroken, tmp_path, sigterm_after_step, step, workers, saved):
    more = ["--run-dir", tmp_path, "--num-workers", workers]
    sigterm_after_step(step)
    code, out, _ = train(*more, epochs=3)
    assert code == 143
    assert out.endswith(f"saved {tmp_path}/checkpoints/{saved}; the same command goes on from there\n")
    run = look(tmp_path)
    assert run.checkpoints()[-1] == saved
    assert train(*more, epochs=3)[0] == 0
    check_equal_runs(run, unbroken)


def test_a_signal_in_the_last_step_lets_the_run_end(train, look, tmp_path, sigterm_after_step):
    sigterm_after_step(train.steps)
    code, out, _ = train("--run-dir", tmp_path, epochs=1)
    assert code == 0
    assert "next: " in out
    assert look(tmp_path).checkpoints() == ["epoch_0001"]


# Kills itself after 13 steps, in the middle of the second epoch: at once, as nothing else does.
KILLED = """
import os, signal
from gluon_pix2pix.commands import cli
from gluon_pix2pix.core.step import Pix2PixTrainer
original = Pix2PixTrainer.step
def step(trainer, *args, **kwargs):
    if trainer.steps == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(trainer, *args, **kwargs)
Pix2PixTrainer.step = step
cli.run("train")
"""


def test_kill_9(train, look, unbroken, tmp_path):
    more = ["--run-dir", tmp_path, "--num-workers", 2]
    ran = subprocess.run([sys.executable, "-c", KILLED, *train.words(*more, epochs=3)], capture_output=True, text=True)
    assert ran.returncode == -signal.SIGKILL
    run = look(tmp_path)
    assert run.checkpoints() == ["epoch_0001"]
    before = run.losses()
    assert len(before) == 12  # the thirteenth had not been read
    with open(tmp_path / "log.jsonl", "a") as log:
        log.write('{"event": "train", "epo')  # as if it had been writing
    (tmp_path / "checkpoints" / ".epoch_0002.part").mkdir()  # ... and saving

    code, out, _ = train(*more, epochs=3)
    assert code == 0
    assert "epoch_0001: 1 epoch and 0 steps are done" in out
    check_equal_runs(run, unbroken)
    assert run.losses()[:12] == before
    assert run.checkpoints() == ["epoch_0001", "epoch_0002", "epoch_0003"]


def test_a_kill_between_saving_and_logging(split, train, look, unbroken, tmp_path):
    """The checkpoint has the epoch's scores, and the log, the curves and the page have not."""
    run = look(shutil.copytree(split.folder, tmp_path / "run"))
    log = run.folder / "log.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(line for line in lines if '"epoch", "epoch": 4' not in line))
    for name in ("losses.png", "index.html"):
        (run.folder / name).unlink(missing_ok=True)
    assert len(run.events("epoch", "epoch")) == 3
    assert train("--run-dir", run.folder)[0] == 0
    assert run.events("epoch", "epoch", "val_psnr") == unbroken.events("epoch", "epoch", "val_psnr")
    assert (run.folder / "losses.png").exists()
    assert "finished" in (run.folder / "index.html").read_text()


def test_a_longer_run_with_decay_follows_the_new_schedule():
    old = {"options": as_written(TrainOptions.of(n_epochs=2, n_epochs_decay=2))}
    options = TrainOptions.of(n_epochs=3, n_epochs_decay=2, num_workers=0, run_dir=Path("runs/a"))
    notes = ["--n-epochs 2 before, 3 now", "the learning rate follows the new schedule from here on"]
    assert compare_with_run(options, old, completed=1) == notes
    assert compare_with_run(TrainOptions.of(n_epochs=2, n_epochs_decay=2), old, completed=1) == []
    shorter = TrainOptions.of(n_epochs=1, n_epochs_decay=1, run_dir=Path("runs/a"))
    assert "--n-epochs 2 before, 1 now" in compare_with_run(shorter, old, completed=2)
    with pytest.raises(UsageError, match="runs/a has 3 epochs and may grow, not shrink to --n-epochs 1 --n-epochs-dec"):
        compare_with_run(shorter, old, completed=3)
    stepwise = TrainOptions.of(n_epochs=3, n_epochs_decay=2, lr_policy="step")
    old["options"]["lr_policy"] = "step"
    assert compare_with_run(stepwise, old, completed=1) == notes[:1]  # whose rates do not depend on the length


def test_an_option_that_is_a_path_is_the_same_when_it_is_the_same():
    old = {"options": json.loads(json.dumps(as_written(TrainOptions.of(init_from=Path("runs/a")))))}
    assert compare_with_run(TrainOptions.of(init_from=Path("runs/a")), old, completed=1) == []
    with pytest.raises(UsageError, match=r"trained with --init-from runs/a \(now runs/b\)"):
        compare_with_run(TrainOptions.of(init_from=Path("runs/b")), old, completed=1)


def test_the_model_that_it_began_with_is_known_from_every_folder(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    old = {"options": as_written(TrainOptions.of(init_from="runs/a")), "began_from": place_of_model("runs/a")}
    monkeypatch.chdir(tmp_path / "elsewhere")
    for same in ("runs/a", "../runs/a", f"{tmp_path}/runs/a"):
        assert compare_with_run(TrainOptions.of(init_from=same), old, completed=1) == []
    for other in ("../runs/b", None):
        with pytest.raises(UsageError, match=r"trained with --init-from runs/a \(now "):
            compare_with_run(TrainOptions.of(init_from=other), old, completed=1)


def test_a_run_goes_on_in_another_precision():
    """On a machine without bfloat16, for example: the weights are float32. Workers of one run have to agree on it."""
    old = {"options": as_written(TrainOptions.of(precision="bfloat16"))}
    notes = compare_with_run(TrainOptions.of(run_dir=Path("runs/a")), old, completed=1)
    assert notes == ["--precision bfloat16 before, float32 now"]
    assert same_everywhere(TrainOptions.of(precision="bfloat16"))["precision"] == "bfloat16"
