"""Every line that begins with "next: " is run as it is printed, by a shell, from where it was printed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gluon_pix2pix
from gluon_pix2pix.pictures.files import write_image

ROOT = Path(gluon_pix2pix.__file__).parents[1]
TRAIN = (
    "train --gpu -1 --num-workers 0 --load-size 36 --crop-size 32 --n-epochs 1 --n-epochs-decay 0 --generator unet "
    "--num-downs 5 --ngf 4 --discriminator n_layers --n-layers-D 1 --ndf 4"
)
PRINTING = {  # the modules that print such lines: each is run below
    "commands/convert.py",
    "commands/models.py",
    "commands/translate.py",
    "commands/web.py",  # an own test, where its files are: tests/serving/test_page_files.py
    "training/session.py",
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    """Run a line by a shell in a folder whose name has a space; return what it printed."""
    folder = tmp_path_factory.mktemp("my work")
    bin_dir = Path(sys.executable).parent
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}"}
    environment["BROWSER"] = "true"  # what --open opens: nothing

    def run(line: str, **more) -> str:
        ended = subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, **more)
        assert ended.returncode == 0, f"{line}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    run.folder, run.environment = folder, environment
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        (folder / "my pairs" / split).mkdir(parents=True)
        for number in range(2):
            write_image(folder / "my pairs" / split / f"{number}.png", rng.integers(0, 256, (36, 72, 3), np.uint8))
    return run


def next_of(out: str) -> list[str]:
    return re.findall(r"^next: (.+)$", out, re.MULTILINE)


@pytest.fixture(scope="module")
def trained(shell) -> str:
    return shell(f"python -m gluon_pix2pix {TRAIN} --dataset 'my pairs' --run-dir 'my run'")


def test_from_training_to_scores(shell, trained):
    (translate,) = next_of(trained)
    assert translate.endswith("translate --model 'my run' --input 'my pairs/val' --pairs yes")
    (evaluate,) = next_of(shell(translate))
    assert "2 pictures" in shell(evaluate)


def test_from_pytorch(shell, trained):
    shell("python -m gluon_pix2pix convert 'my run' --to-torch --output 'for torch'")
    for kind, filled in (
        ("G", lambda line: line.replace("PICTURES", "'my pairs/val' --pairs yes")),
        ("D", lambda line: line.replace("NAME", "'my pairs' --run-dir begun") + TRAIN.removeprefix("train")),
    ):
        path = f"'for torch/latest_net_{kind}.pth'"
        words = f"--crop-size 32 --output 'my {kind}'"
        (line,) = next_of(shell(f"python -m gluon_pix2pix convert {path} {words}"))
        shell(filled(line))


def test_models_in_the_box(shell):
    translate, serve = next_of(shell("python -m gluon_pix2pix models"))
    out = shell(translate.replace("PICTURES", "'my pairs/val' --pairs yes --output boxed"))
    assert "pictures: boxed" in out
    with subprocess.Popen(
        f"exec {serve} --port 0",
        shell=True,
        cwd=shell.folder,
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        said = []
        for line in process.stdout:
            said.append(line)
            if "http://127.0.0.1:" in line:
                process.send_signal(signal.SIGTERM)
    assert "http://127.0.0.1:" in "".join(said)
    assert process.returncode in (0, 128 + signal.SIGTERM)


def test_no_other_module_prints_one():
    package = ROOT / "gluon_pix2pix"
    found = {str(path.relative_to(package)) for path in package.rglob("*.py") if '"next: ' in path.read_text()}
    assert found == PRINTING
