"""Damage the JSON files of a run, an export and results, and use them: python tests/fuzz/fuzz_json.py --trials 1500

Each trial changes one file (options.json, state.json, log.jsonl, model.json, translation.json, scores.json, demo.json):
values of another kind, size or name, keys that are missing or too many, bytes, a pipe in its place. Then a command that
reads it is run, as a user does: train to go on, translate, export, convert, evaluate's page. It may work or be refused;
refused is by one line that names the file or its folder. Anything else counts: an error of another kind (the commands
mark it with "--debug shows where"), a crash, more than five minutes or 6 GiB, and a number in a file that is written
which strict JSON has not. The commands run in a process of their own. Trial N of seed S is always the same; --keep
DIR saves those that failed.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gluon_pix2pix.commands import cli
from gluon_pix2pix.datasets.demo.pairs import write_demo
from gluon_pix2pix.reports.results_page import write_results_page

SECONDS, GIB = 300, 6  # by the clock: what waits for ever computes nothing, and a busy machine may be slow
TINY = "--gpu -1 --generator unet --num-downs 5 --ngf 4 --discriminator n_layers --n-layers-D 1 --ndf 4 --load-size 36 "
TINY += "--crop-size 32 --num-workers 0 --n-epochs-decay 0 --save-every 1 --direction BtoA"
COUNTS = {"train": 3, "val": 1}
JUNK = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    255,
    1 << 31,
    1 << 63,
    1 << 70,
    0.5,
    -0.0,
    1e308,
    float("nan"),
    float("inf"),
    "",
]
JUNK += ["x", "../..", "/", "\0", "\x1b[2J", "\udcff", "9" * 5000, [], {}, [[]], [{}], {"a": 1}, ["x"] * 50, [0] * 3]


def call(*words: object) -> tuple[int, str]:
    """Run a command in this process; return its exit code and what it wrote to standard error."""
    errors = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        try:
            cli.run(str(words[0]), [str(word) for word in words[1:]])
        except SystemExit as ended:
            return int(ended.code or 0), errors.getvalue()
    raise AssertionError("a command has to exit")


def train(folder: Path, epochs: int) -> tuple[int, str]:
    """Train, or go on with, the run in a folder."""
    where = ("--dataset", folder / "data", "--run-dir", folder / "run", "--n-epochs", epochs)
    return call("train", *TINY.split(), *where)


def make(folder: Path) -> None:
    """Make one of everything that has a JSON file."""
    write_demo(folder / "data", COUNTS, size=64)
    for words in (
        ("train", *TINY.split(), "--dataset", folder / "data", "--run-dir", folder / "run", "--n-epochs", 2),
        ("export", "--model", folder / "run"),
        ("convert", folder / "run", "--to-torch", "--output", folder / "torch"),
        ("convert", folder / "torch/latest_net_G.pth", "--output", folder / "converted", "--crop-size", 32),
        ("convert", folder / "torch/latest_net_D.pth", "--output", folder / "converted"),
        ("translate", "--model", folder / "run", "--input", folder / "data/val", "--output", folder / "results"),
        ("evaluate", folder / "results"),
    ):
        code, errors = call(*words)
        assert code == 0, errors


def ways_to_read(folder: Path) -> dict[str, list[Callable[[], tuple[int, str]]]]:
    """Return, for each file below a folder of `make`, what reads it."""
    run, converted = folder / "run", folder / "converted"
    from_run = [
        lambda: train(folder, 2),
        lambda: train(folder, 3),
        lambda: call("translate", "--model", run, "--input", folder / "data/val", "--output", folder / "new"),
        lambda: call(
            "translate", "--model", run, "--epoch", "best", "--input", folder / "data/val", "--output", folder / "n"
        ),
        lambda: call("export", "--model", run, "--output", folder / "new"),
        lambda: call("convert", run, "--to-torch", "--output", folder / "new"),
    ]
    from_converted = [
        lambda: call("translate", "--model", converted, "--input", folder / "data/val", "--output", folder / "new"),
        lambda: call("convert", folder / "torch/latest_net_D.pth", "--output", converted),
        lambda: call("train", *TINY.split(), "--dataset", folder / "data", "--run-dir", folder / "new", "--n-epochs", 1,
                     "--init-from", converted),
    ]  # fmt: skip
    from_export = [
        lambda: call(
            "translate", "--model", run / "export", "--input", folder / "data/val", "--output", folder / "new"
        ),
        lambda: call("export", "--model", run / "export", "--output", folder / "new"),
    ]
    again = ("translate", "--model", run, "--input", folder / "data/val", "--output", folder / "results")
    return {
        "run/options.json": from_run,
        "run/checkpoints/epoch_0002/state.json": from_run,
        "run/checkpoints/epoch_0001/state.json": [from_run[1], from_run[3]],
        "run/log.jsonl": [*from_run[:2], from_run[4]],
        "run/export/model.json": from_export,
        "converted/options.json": from_converted,
        "converted/checkpoints/epoch_0000/state.json": from_converted,
        "results/translation.json": [lambda: call(*again), lambda: call(*again, "--overwrite")],
        "results/scores.json": [lambda: outcome(lambda: write_results_page(folder / "results"))],
        "data/demo.json": [lambda: outcome(lambda: write_demo(folder / "data", COUNTS, size=64))],
    }


def outcome(function: Callable[[], object]) -> tuple[int, str]:
    """Call a function that has no command of its own as `call` runs a command."""
    try:
        function()
    except (ValueError, OSError) as error:
        return 1, f"error: {error}\n"
    return 0, ""


def damage(data: bytes, rng: random.Random, *, lines: bool) -> bytes:
    """Return a file's bytes with one to three changes: of values, mostly, and of bytes."""
    if rng.random() < 0.2:
        return damage_bytes(data, rng)
    texts = data.decode().splitlines() if lines else [data.decode()]
    at = rng.randrange(len(texts))
    value = json.loads(texts[at])
    for _ in range(rng.randint(1, 3)):
        value = damage_value(value, rng)
    texts[at] = json.dumps(value)
    return "\n".join([*texts, ""]).encode("utf-8", "surrogatepass")


def damage_value(value: Any, rng: random.Random) -> Any:
    """Return a value with one change at a random place of it."""
    places = [(value, None, None)]
    for holder, _, _ in places:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        places += [(holder[key], holder, key) for key in keys]
    here, holder, key = rng.choice(places)
    new = copy.deepcopy(rng.choice([*JUNK, [here], {"x": here}, rng.choice(places)[0]]))
    if isinstance(here, (int, float)) and rng.random() < 0.3:
        new = rng.choice([here + 1, -here, here * 1000, str(here)])
    if holder is None:
        return new
    way = rng.random()
    if way < 0.2:
        del holder[key]
    elif way < 0.3 and isinstance(holder, dict):
        holder[rng.choice(["x", key.upper(), "", "name", "epoch"])] = holder.pop(key)
    else:
        holder[key] = new
    return value


def damage_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return a file's bytes cut, flipped, or altogether others."""
    at = rng.randrange(len(data))
    return rng.choice(
        [
            b"",
            b"null",
            data[:at],
            data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :],
            data[:at] + b"\xff\xfe" + data[at:],
            data.decode().encode("utf-16"),
            b"\xef\xbb\xbf" + data,
            data + data,
            data.replace(b'"', b"'"),
            b"[" * 100_000,
            b'{"a":' * 100_000,
            bytes(rng.randrange(256) for _ in range(200)),
        ]
    )


def put(path: Path, data: bytes, rng: random.Random) -> None:
    """Put a file in its place, or, seldom, what is no file."""
    if rng.random() > 0.03:
        path.write_bytes(data)
        return
    path.unlink()
    rng.choice([path.mkdir, lambda: os.mkfifo(path), lambda: path.symlink_to("nowhere"), lambda: None])()


def check(code: int, errors: str, folder: Path, name: str) -> str:
    """Return "worked" or "refused".

    Raises
    ------
    AssertionError
        If it is neither, by what was promised.
    """
    assert code in (0, 1, 2), f"exit code {code}"
    assert "--debug shows where" not in errors, errors
    assert "Traceback" not in errors, errors
    if code:
        last = errors.splitlines()[-1]
        assert last.startswith(("error: ", "not translated: ")), f"no line: {errors}"
        named = (Path(name).name, *(str(folder / parent) for parent in list(Path(name).parents)[:-1]))
        assert any(word in last for word in named), f"does not name {name}: {last}"
        return "refused"
    for written in ("run/options.json", "run/log.jsonl", "results/translation.json", "new/model.json"):
        if written != name and (folder / written).is_file():
            for line in (
                (folder / written).read_text().splitlines() if "log" in written else [(folder / written).read_text()]
            ):
                json.loads(line, parse_constant=_refuse)
    return "worked"


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} was written, which strict JSON has not")


def trial(number: int, seed: int, made: Path, folder: Path) -> str:
    """Do a trial in a new folder; return the file, and how it went."""
    rng = random.Random(f"{seed} {number}")
    shutil.copytree(made, folder)
    ways = ways_to_read(folder)
    name = list(ways)[number % len(ways)]
    put(folder / name, damage((folder / name).read_bytes(), rng, lines=name.endswith("jsonl")), rng)
    return check(*rng.choice(ways[name])(), folder, name)


def do_trials(made: Path, numbers: range, seed: int) -> None:
    """Do trials in this process, and print how each went."""
    resource.setrlimit(resource.RLIMIT_AS, (GIB << 30, GIB << 30))
    with tempfile.TemporaryDirectory() as place:
        for number in numbers:
            print(f"begin {number}", flush=True)
            signal.alarm(SECONDS)  # ends the process
            folder = Path(place, "trial")
            try:
                print(f"{trial(number, seed, made, folder)} {number}", flush=True)
            except Exception as error:  # whatever it is, it is not what was promised
                print(f"failed {number} {' '.join(f'{type(error).__name__}: {error}'.split())[:600]}", flush=True)
            shutil.rmtree(folder, ignore_errors=True)


def run(trials: int, seed: int, seconds: float, keep: Path | None) -> int:
    """Do trials until their number or the time is used up, print what they came to, and return how many failed."""
    counts, failures, number = {"worked": 0, "refused": 0}, [], 0
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        made = Path(place, "made")
        made.mkdir()
        make(made)
        began = time.monotonic()
        while number < trials and time.monotonic() - start < seconds:
            command = [sys.executable, __file__, "--child", str(made), str(number), str(min(trials, number + 250))]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            command += ["--seed", str(seed)]
            words = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed below; a pipe would be full when much is said
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=words, text=True, env=environment)
            word = "begin"
            for line in child.stdout:
                word, at, *reason = line.split(maxsplit=2)
                number = int(at) + 1
                if word in counts:
                    counts[word] += 1
                elif word == "failed":
                    failures.append((int(at), reason[0].strip()))
                if time.monotonic() - start > seconds:
                    child.kill()
                    break
            child.communicate()
            with words:
                words.seek(0)
                said = words.read()
            if word == "begin" and time.monotonic() - start < seconds:
                failures.append((number - 1, f"the process died with {child.returncode}: {said[-300:]}"))
        for at, _ in failures if keep else ():
            with contextlib.suppress(Exception):
                trial(at, seed, made, keep / str(at))
    print(
        f"{number:,} trials of seed {seed} in {time.monotonic() - began:.0f} s, {counts['worked']:,} worked, ", end=""
    )
    print(
        f"{counts['refused']:,} refused: {len(failures):,} failed", *(f"trial {a}: {r}" for a, r in failures), sep="\n"
    )
    return len(failures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1500)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many, too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the trials that failed")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        do_trials(Path(options.child[0]), range(int(options.child[1]), int(options.child[2])), options.seed)
        return 0
    return 1 if run(options.trials, options.seed, options.seconds, options.keep) else 0


if __name__ == "__main__":
    sys.exit(main())
