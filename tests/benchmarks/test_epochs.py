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
    words = ["--epochs", "1", "5", "--row", "2", "--side", "16", "--output", tmp_path / "e.png"]
    done = subprocess.run([sys.executable, EPOCHS, tmp_path, *words], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("row 2: source, epochs 1 5, target")
    drawn = read_image(tmp_path / "e.png")
    assert drawn.shape == (16, 4 * 16 + 3 * 4, 3)
    assert drawn[8, 8::20, 0].tolist() == [81, 91, 95, 105]
