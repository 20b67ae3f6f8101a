import subprocess
import sys
from pathlib import Path

import numpy as np

from gluon_pix2pix.pictures.collage import collage
from gluon_pix2pix.pictures.files import read_image, write_image

EPOCHS = Path(__file__).resolve().parents[2] / "benchmarks/epochs.py"


def test_a_sample_through_the_epochs(tmp_path):
    (tmp_path / "samples").mkdir()
    for epoch in (1, 5):
        rows = [
            [np.full((16, 16, 3), 40 * row + 10 * column + epoch, np.uint8) for column in range(3)] for row in (1, 2)
        ]
        write_image(tmp_path / f"samples/epoch_{epoch:04}.png", collage(rows))
    words = ["--epochs", "1", "5", "--row", "2", "--side", "16", "--across", "3", "--output", tmp_path / "e.png"]
    done = subprocess.run([sys.executable, EPOCHS, tmp_path, *words], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("row 2: source, epochs 1 5, target")
    drawn = read_image(tmp_path / "e.png")
    row = 28 + 4 + 16  # its words, and the pictures
    assert drawn.shape == (2 * row + 4, 3 * 16 + 2 * 4, 3)
    assert [drawn[28 + 4 + 8, left, 0] for left in (8, 28, 48)] == [81, 91, 95]
    assert drawn[row + 4 + 28 + 4 + 8, 8, 0] == 105
    assert drawn[:28].min() < 60  # words
