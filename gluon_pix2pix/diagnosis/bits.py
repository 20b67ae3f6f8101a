"""Fingerprints of what a small job computes, so that two Pythons of one machine can be compared bit by bit."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from gluon_pix2pix.datasets.demo.pairs import draw_facade
from gluon_pix2pix.diagnosis.training import train
from gluon_pix2pix.diagnosis.translating import SIDE, write_small_run
from gluon_pix2pix.evaluation.named_metrics import score_pair
from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.files import read_image, write_image
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.translator import Translator


def fingerprints() -> dict[str, str]:
    """Return the beginning of a SHA-256 for each stage of a job on the CPU: pictures, training, translating, scores."""
    facade, labels = draw_facade(0)
    small = resize(facade, 100, 90)
    with tempfile.TemporaryDirectory() as folder:
        read = []
        for name in ("a.png", "a.jpg", "a.tiff"):
            write_image(Path(folder) / name, facade)
            read.append(read_image(Path(folder) / name))
        write_small_run(Path(folder) / "run", mx.cpu())
        translate = Translator.load(Path(folder) / "run", dropout=True)
        fakes = translate([facade[:SIDE, :SIDE], labels[:SIDE, :SIDE]], name=["a", "b"])
    trained = train({"dropout": True, "dropout_blocks": "paper"}, [mx.cpu()])
    scores = score_pair(facade[:SIDE, :SIDE], fakes[0], dict.fromkeys(("psnr", "ssim", "mae")))
    stages = {
        "drawn pictures": [facade, labels],
        "a resized picture": [small],
        "png, jpg and tiff, written and read": read,
        "losses of three steps": list(trained.losses.values()),
        "weights after them": [way for ways in trained.ways.values() for way in ways.values()],
        "translated pictures": fakes,
        "scores": [np.array(list(scores.values()), np.float64)],
    }
    return {stage: _digest(arrays) for stage, arrays in stages.items()}


def _digest(arrays: list[np.ndarray]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def fingerprints_of(python: str) -> dict[str, str]:
    """Return the fingerprints that another Python computes on this machine.

    Raises
    ------
    OSError
        If it cannot be run, or has no gluon-pix2pix that computes them.
    """
    command = [python, "-m", "gluon_pix2pix", "selftest", "--fingerprints"]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace")
    try:
        return dict(json.loads(ran.stdout.splitlines()[-1]))
    except (IndexError, ValueError, TypeError):
        last = (ran.stderr.strip() or "no message").splitlines()[-1]
        raise OSError(f"{python} computes no fingerprints: {last}") from None
