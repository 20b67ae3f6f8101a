import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gluon_pix2pix.pictures.files import read_image, write_image

WORDS = Path(__file__).resolve().parents[2] / "benchmarks/words.py"


def test_the_picture_of_words_shows_both_halves_where_they_belong(tmp_path):
    pair = np.zeros((64, 128, 3), np.uint8)
    pair[:, :64], pair[:, 64:] = (200, 0, 0), (0, 0, 200)
    write_image(tmp_path / "pair.png", pair)
    write_image(tmp_path / "fake.png", np.full((64, 64, 3), (0, 200, 0), np.uint8))
    words = [tmp_path / "pair.png", tmp_path / "fake.png", "--output", tmp_path / "words.png"]
    done = subprocess.run([sys.executable, WORDS, *words], capture_output=True, text=True, check=True)
    assert "words.png: the words, on " in done.stdout
    drawn = read_image(tmp_path / "words.png")
    assert drawn.shape[1] == pytest.approx(1200, abs=20)
    row = drawn[drawn.shape[0] * 44 // 100]  # through the middle of all five
    colours = [tuple(row[x].tolist()) for x in (105, 303, 663, 897, 1095)]
    assert colours == [(200, 0, 0), (0, 0, 200), (0, 0, 200), (0, 200, 0), (200, 0, 0)]
