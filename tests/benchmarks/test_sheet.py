import subprocess
import sys
from pathlib import Path

import numpy as np

from gluon_pix2pix.pictures.files import read_image, write_image

SHEET = Path(__file__).resolve().parents[2] / "benchmarks/sheet.py"


def lay_out(*words: object) -> str:
    done = subprocess.run([sys.executable, SHEET, *map(str, words)], capture_output=True, text=True, check=True)
    return done.stdout


def test_sheets(tmp_path):
    for folder, base in (("a", 0), ("b", 100)):
        (tmp_path / folder).mkdir()
        for number in (1, 2, 10):
            for place, kind in enumerate(("source", "fake", "target")):
                value = base + 10 * place + number
                write_image(tmp_path / folder / f"{number}_{kind}.png", np.full((8, 8, 3), value, np.uint8))
    said = lay_out(tmp_path / "a", tmp_path / "b", "--count", 2, "--side", 4, "--output", tmp_path / "s.png")
    assert said.strip().endswith("s.png: 1 2")
    sheet = read_image(tmp_path / "s.png")
    assert sheet.shape == (4 + 4 + 4, 4 * 4 + 3 * 4, 3)
    assert sheet[0, ::8, 0].tolist() == [1, 11, 111, 21]
    assert sheet[8, ::8, 0].tolist() == [2, 12, 112, 22]
    words = ["--kinds", "source", "fake", "--across", 2, "--side", 4, "--count", 2, "--titles", "left", "right"]
    lay_out(tmp_path / "a", *words, "--output", tmp_path / "u.png")
    sheet = read_image(tmp_path / "u.png")
    assert sheet.shape == (28 + 4 + 4, 4 * 4 + 2 * 4 + 4 + 16 + 4, 3)
    assert [int(sheet[-1, left, 0]) for left in (0, 8, 36, 44)] == [1, 11, 2, 12]
    words = ["--kinds", "source", "fake", "--across", 3, "--side", 4, "--stacked", "--count", 3]
    lay_out(tmp_path / "a", *words, "--output", tmp_path / "t.png")
    sheet = read_image(tmp_path / "t.png")
    assert sheet[::8, ::8, 0].tolist() == [[1, 2, 10], [11, 12, 20]]
