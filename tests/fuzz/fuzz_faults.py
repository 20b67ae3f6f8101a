"""Kill, stop or starve tiny runs, and go on with them: python tests/fuzz/fuzz_faults.py kill --trials 30

kill     kill -9 at the N-th change that a run makes to its folder (a file opened to be written, a rename, a removal),
         another N in each trial, spread over all of them
moment   kill -9 after a random time
signal   SIGINT or SIGTERM after a random time
disk     train on a file system that is too small, or that somebody else fills (a tmpfs, so Linux and root are needed)
results  translate and export on one

After each, the same command is run again, to the end. What is promised, and counted where it is not kept: whatever is
in the folder under its final name is whole; no epoch that was said to be saved is lost; a stop is no error, and a full
disk is one line that names the place; the run that goes on ends with the same weights, moments and scores as one that
nothing happened to, to the bit, with the same lines in its log; and nothing is left lying about.

Each run is a process, forked from this one, which has the program loaded and has computed nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from gluon_pix2pix.commands import cli, export, train, translate  # noqa: F401, what the forked processes need
from gluon_pix2pix.datasets.demo.pairs import write_demo
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.reports import losses_png
from gluon_pix2pix.runs.checkpoint import read_state
from gluon_pix2pix.runs.checkpoint_list import list_checkpoints, progress_of
from gluon_pix2pix.training import session  # noqa: F401

EPOCHS, PAIRS = 3, 4
TINY = "--gpu -1 --generator unet --num-downs 5 --ngf 4 --discriminator n_layers --n-layers-D 1 --ndf 4 --load-size 36 "
TINY += f"--crop-size 32 --num-workers 0 --n-epochs {EPOCHS} --n-epochs-decay 0 --save-every 1 --log-every 1 --keep 2"
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate"}


class Run:
    """A command in a process of its own.

    Parameters
    ----------
    words
        Of the command line.
    folder
        Its changes are counted: the process kills itself at the `at`-th, and says at its end how many there were.
    """

    def __init__(self, words: Sequence[object], folder: Path, at: int = 0):
        self._files = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115, closed when it is waited for
        self.pid = os.fork()
        if not self.pid:
            self._be([str(word) for word in words], str(folder), at)

    def _be(self, words: list[str], folder: str, at: int) -> None:
        code = 70
        try:
            for number, file in enumerate(self._files, 1):
                os.dup2(file.fileno(), number)
            sys.stdout, sys.stderr = (open(number, "w", 1, closefd=False) for number in (1, 2))  # noqa: SIM115
            losses_png.draw_losses = lambda events: b"curves"  # drawing takes longer than all of the training
            count = count_changes(folder, at)
            try:
                cli.run(words[0], words[1:])
            except SystemExit as ended:
                code = ended.code or 0
            print(f"changes: {count[0]}", flush=True)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def wait(self) -> tuple[int, str, str]:
        """Wait for its end; return the exit code, or the negative signal that ended it, its output and errors."""
        _, status = os.waitpid(self.pid, 0)
        said = []
        for file in self._files:
            file.seek(0)
            said.append(file.read().decode(errors="replace"))
            file.close()
        return (-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), *said)


def count_changes(folder: str, at: int) -> list[int]:
    """Count, in the list's one number, what is changed below a folder; kill this process at the `at`-th change."""
    count = [0]

    def watch(event: str, args: tuple) -> None:
        if event != "open" and event not in CHANGES:
            return
        if event == "open" and not (isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)):
            return
        if isinstance(args[0], (str, os.PathLike)) and os.path.abspath(args[0]).startswith(folder):
            count[0] += 1
            if count[0] == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    return count


class Trials:
    """The data, an unbroken run, and what was not kept in a trial."""

    def __init__(self, place: Path, seed: int):
        self.place, self.rng, self.problems = place, random.Random(seed), []
        self.data = write_demo(place / "data", {"train": PAIRS, "val": 1}, size=64)
        self.train(place / "first").wait()  # what is compiled on the way is there from now on
        self.unbroken, started = place / "unbroken", time.monotonic()
        code, out, errors = self.train(self.unbroken).wait()
        self.duration = time.monotonic() - started
        assert code == 0, errors
        self.changes = int(re.search(r"changes: (\d+)", out)[1])

    def train(self, run_dir: Path, at: int = 0) -> Run:
        """Start a run, which kills itself at the `at`-th change of its folder."""
        return Run(["train", *TINY.split(), "--dataset", self.data, "--run-dir", run_dir], run_dir, at)

    def fail(self, text: str) -> None:
        """Keep a line about what is not as promised."""
        self.problems.append(text)

    def check_folder(self, run_dir: Path, out: str) -> None:
        """See that what is there is whole, and that what was said to be saved is there."""
        saved = [progress_of(Path(name)) for name in re.findall(r"saved \S*/((?:epoch|step)_\w+)", out)]
        there = list_checkpoints(run_dir / "checkpoints")
        if saved and (not there or progress_of(there[-1]) < max(saved)):
            self.fail(f"{max(saved)} was saved, and the newest is {there[-1:]}")
        for path in there:
            try:
                read_state(path)
            except ValueError as error:
                self.fail(f"half a checkpoint: {error}")
        if (run_dir / "options.json").exists():
            json.loads((run_dir / "options.json").read_text())
        for path in (run_dir / "samples").glob("[!.]*") if (run_dir / "samples").is_dir() else ():
            read_image(path)
        log = run_dir / "log.jsonl"
        for line in log.read_text().splitlines()[:-1] if log.exists() else ():
            json.loads(line)

    def go_on(self, run_dir: Path) -> None:
        """Run the same command to the end, and compare with the unbroken run."""
        code, out, errors = self.train(run_dir).wait()
        if code:
            self.fail(f"the same command does not go on: {code}, {errors[-500:]}")
            return
        self.check_folder(run_dir, out)
        last = f"checkpoints/epoch_{EPOCHS:04d}/state.json"
        ours, theirs = (json.loads((folder / last).read_text()) for folder in (run_dir, self.unbroken))
        if ours != theirs:
            self.fail(f"another end: {[name for name in theirs if ours.get(name) != theirs[name]]} differ")
        ours, theirs = (lines_of(folder) for folder in (run_dir, self.unbroken))
        if len(ours) != len(theirs) or any(a not in (b, without_score(b)) for a, b in zip(ours, theirs)):
            self.fail(f"another log: {sorted(set(ours) ^ set(theirs))[:3] or 'lines twice, or in another order'}")
        names = [{path.name for path in folder.iterdir()} for folder in (run_dir, run_dir / "checkpoints")]
        lacking = {path.name for path in self.unbroken.iterdir()} - names[0]
        left = {name for name in names[0] | names[1] if name.startswith(".")}
        if left or lacking:
            self.fail(f"left behind: {sorted(left)}, lacking: {sorted(lacking)}")

    def kill(self, number: int, trials: int) -> str:
        """Kill a run at one of its changes."""
        run_dir, span = self.place / f"run{number}", self.changes / trials
        at = 1 + int((number + self.rng.random()) * span)
        code, out, _ = self.train(run_dir, at).wait()
        if code != -signal.SIGKILL:
            self.fail(f"it ended with {code}")
        self.check_folder(run_dir, out)
        self.go_on(run_dir)
        return f"at change {at} of {self.changes}"

    def moment(self, number: int, trials: int) -> str:
        """Kill a run after a random time."""
        return self._after_a_time(number, signal.SIGKILL)

    def signal(self, number: int, trials: int) -> str:
        """Ask a run to stop after a random time."""
        return self._after_a_time(number, self.rng.choice([signal.SIGINT, signal.SIGTERM]))

    def _after_a_time(self, number: int, which: int) -> str:
        run_dir, wait = self.place / f"run{number}", self.rng.uniform(0, 1.1) * self.duration
        run = self.train(run_dir)
        time.sleep(wait)
        os.kill(run.pid, which)
        code, out, errors = run.wait()
        begun = (run_dir / "log.jsonl").exists()  # before that, a signal ends the process as it ends any
        expected = {0, -which} if which == signal.SIGKILL or not begun else {0}
        if code not in expected | {128 + which} or "error" in errors:
            self.fail(f"signal {which} after {wait:.1f} s ended it with {code}: {errors[-300:]}")
        self.check_folder(run_dir, out)
        self.go_on(run_dir)
        return f"{signal.Signals(which).name} after {wait:.1f} of {self.duration:.1f} s, {code}"

    def disk(self, number: int, trials: int) -> str:
        """Train on a file system that is too small, or that another fills meanwhile; then on a larger one."""
        size = self.rng.randrange(900, 3600) if number % 2 else 8000
        with small_disk(self.place / f"disk{number}", size) as disk:
            run_dir, filler = disk / "run", disk / "others"
            run = self.train(run_dir)
            if not number % 2:
                time.sleep(self.rng.uniform(0.05, 1.0) * self.duration)
                fill(filler)
            code, out, errors = run.wait()
            if code and not is_one_line(errors, str(disk)):
                self.fail(f"{size} KiB: {code}, {errors[-500:]}")
            self.check_folder(run_dir, out)
            filler.unlink(missing_ok=True)
            resize_disk(disk, 50_000)
            self.go_on(run_dir)
        return f"{size} KiB, {code}: {errors.strip().replace(str(disk), '')[-120:]}"

    def results(self, number: int, trials: int) -> str:
        """Translate, then export, on a file system of a random size, then on a larger one."""
        size, said = self.rng.randrange(8, 200), []
        with small_disk(self.place / f"disk{number}", size) as disk:
            for words in (
                ["translate", "--gpu", "-1", "--input", self.data / "train", "--output", disk / "results"],
                ["export", "--output", disk / "export"],
            ):
                words += ["--model", self.unbroken]
                code, _, errors = Run(words, disk).wait()
                if code and not is_one_line(errors, str(disk)):
                    self.fail(f"{size} KiB, {words[0]}: {code}, {errors[-500:]}")
                said.append(f"{words[0]} {code}")
                self._check_results(disk)
                resize_disk(disk, 50_000)
                code, _, errors = Run(words, disk).wait()
                if code:
                    self.fail(f"with room, {words[0]} ends with {errors[-500:]}")
                self._check_results(disk)
                if (disk / "results").is_dir() and len(list((disk / "results").glob("*_fake.png"))) != PAIRS:
                    self.fail("a picture lacks")
                shutil.rmtree(disk / "results", ignore_errors=True)
                resize_disk(disk, size if words[0] == "translate" else 50_000)
        return f"{size} KiB, {', '.join(said)}"

    def _check_results(self, disk: Path) -> None:
        for path in (disk / "results").glob("*.png") if (disk / "results").is_dir() else ():
            read_image(path)
        if (disk / "export").is_dir():
            with tempfile.TemporaryDirectory() as output:
                words = ["translate", "--gpu", "-1", "--input", self.data / "val", "--output", output]
                if Run([*words, "--model", disk / "export"], disk).wait()[0]:
                    self.fail("half an export")


def lines_of(run_dir: Path) -> list[str]:
    """Return what a run's log says of its training, without times and the machine; one line for each event."""
    keys = ("event", "epoch", "step", "D_real", "D_fake", "G_GAN", "G_L1", "lr", "val_psnr", "val_ssim")
    events = [json.loads(line) for line in (run_dir / "log.jsonl").read_text().splitlines()]
    kept = [event for event in events if event["event"] in ("train", "epoch")]
    return [json.dumps({key: event[key] for key in keys if key in event}) for event in kept]


def without_score(line: str) -> str:
    """Return the line of an epoch at whose end a signal waited: it is not scored."""
    event = json.loads(line)
    return (
        json.dumps({"event": "epoch", "epoch": event["epoch"], "val_psnr": None}) if event["event"] == "epoch" else line
    )


def is_one_line(errors: str, place: str) -> bool:
    """Tell whether a command said in a last line that there is no room, and where."""
    lines = errors.strip().splitlines()
    about = any(words in errors for words in ("No space left", "MiB left"))
    return bool(lines) and lines[-1].startswith(("error: ", "not translated: ")) and about and place in lines[-1]


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as stream:
        while stream.write(bytes(1 << 12)):
            pass


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Mount a file system of so many KiB for a while."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def resize_disk(folder: Path, size: int) -> None:
    """Give a file system of `small_disk` so many KiB."""
    subprocess.run(["mount", "-o", f"remount,size={size}k", str(folder)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=("kill", "moment", "signal", "disk", "results"))
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        trials, failed = Trials(Path(place).resolve(), options.seed), 0
        for number in range(options.trials):
            trials.problems.clear()
            said = getattr(trials, options.way)(number, options.trials)
            print(f"{number}: {said}", *(f"  FAILED: {problem}" for problem in trials.problems), sep="\n", flush=True)
            failed += bool(trials.problems)
            shutil.rmtree(Path(place, f"run{number}"), ignore_errors=True)
    print(f"{options.trials} trials of {options.way}, seed {options.seed}: {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
