"""Training runs of seconds, through the command line: in this process, and one by the script."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import pytest

from gluon_pix2pix.datasets.demo.pairs import draw_facade, write_demo
from gluon_pix2pix.pictures.files import write_image

ROOT = Path(__file__).resolve().parents[2]


class Train:
    """The command line of a tiny run on `pairs`, with `steps` steps in an epoch; each is logged."""

    script = ROOT / "train_pix2pix.py"

    def __init__(self, pairs: Path, steps: int, tiny_words: Callable[..., list[str]]):
        self.pairs, self.steps, self._tiny_words = pairs, steps, tiny_words

    def words(self, *more: object, epochs: int = 4) -> list[str]:
        return self._tiny_words(
            *more, dataset=self.pairs, n_epochs=epochs, num_workers=2, save_every=1, keep=9, log_every=1
        )

    def __call__(self, *more: object, epochs: int = 4) -> tuple[int, str, str]:
        """Train in this process; return exit code, output, errors.

        Without drawing the curves, which takes longer than all of the training.
        """
        from gluon_pix2pix.commands import cli  # here: tests that need no MXNet shall not wait for it
        from gluon_pix2pix.reports import losses_png

        out, err = io.StringIO(), io.StringIO()
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(err))
            stack.enter_context(pytest.MonkeyPatch.context()).setattr(losses_png, "draw_losses", lambda events: b"-")
            caught = stack.enter_context(pytest.raises(SystemExit))
            cli.run("train", self.words(*more, epochs=epochs))
        return caught.value.code or 0, out.getvalue(), err.getvalue()


@dataclass
class RunFolder:
    """What a run has left on disk, and said."""

    folder: Path
    out: str = ""

    def checkpoints(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "checkpoints").iterdir())

    def state(self, name: str) -> dict:
        return json.loads((self.folder / "checkpoints" / name / "state.json").read_text())

    def events(self, kind: str, *keys: str) -> list[tuple]:
        """Return these values of the log's lines of one kind."""
        events = [json.loads(line) for line in (self.folder / "log.jsonl").read_text().splitlines()]
        return [tuple(event.get(key) for key in keys) for event in events if event["event"] == kind]

    def losses(self) -> list[tuple]:
        return self.events("train", "epoch", "step", "D_real", "D_fake", "G_GAN", "G_L1", "lr")


@pytest.fixture(scope="session")
def train(tiny_words, tmp_path_factory) -> Train:
    """Train on eight pairs, with two to validate on."""
    pairs = write_demo(tmp_path_factory.mktemp("data") / "houses", {"train": 8, "val": 2}, size=32)
    return Train(pairs, 8, tiny_words)


@pytest.fixture(scope="session")
def draw_set() -> Callable[[Path, int], Path]:
    """Draw pairs of 32 x 32 pixels, side by side, into the train split of a folder, 0.png, 1.png, ..."""

    def draw(folder: Path, count: int) -> Path:
        (folder / "train").mkdir(parents=True)
        for number in range(count):
            write_image(folder / "train" / f"{number}.png", np.hstack(draw_facade((9, number), 32)))
        return folder

    return draw


@pytest.fixture(scope="session")
def look() -> Callable[..., RunFolder]:
    return RunFolder


@pytest.fixture(scope="session")
def unbroken(train, tmp_path_factory) -> RunFolder:
    """Four epochs by the script with two workers."""
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, train.script, *train.words("--num-workers", 2)]
    ran = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    return RunFolder(home / "runs" / "houses", ran.stdout)


@pytest.fixture
def after_step(monkeypatch) -> Callable[[int, Callable], None]:
    """Do something with the trainer after a given step of the runs that follow, counted from 1."""
    from gluon_pix2pix.core.step import Pix2PixTrainer

    def arrange(number: int, action: Callable) -> None:
        original, count = Pix2PixTrainer.step, itertools.count(1)

        def step(trainer, *args, **kwargs):
            losses = original(trainer, *args, **kwargs)
            if next(count) == number:
                action(trainer)
            return losses

        monkeypatch.setattr(Pix2PixTrainer, "step", step)

    return arrange


@pytest.fixture
def sigterm_after_step(after_step) -> Iterator[Callable[[int], None]]:
    """Send this process SIGTERM after a given step, which ends no test if nobody handles it."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield lambda number: after_step(number, lambda trainer: signal.raise_signal(signal.SIGTERM))
    signal.signal(signal.SIGTERM, before)
