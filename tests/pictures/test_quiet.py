"""What libraries print of a file that is wrong, and that commands do not let them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

READ = """
import sys
from gluon_pix2pix.pictures.quiet import quiet_libraries
if sys.argv[1] == "quiet":
    quiet_libraries()
from gluon_pix2pix.pictures.files import image_size, read_image
print(image_size("large.gif"))
try:
    read_image("short.tif")
except ValueError as error:
    print(error)
import cv2
cv2.imread("absent.png")
"""


@pytest.mark.parametrize("quiet", [False, True])
def test_nothing_but_the_error_is_said(tmp_path, quiet):
    tifffile.imwrite(tmp_path / "short.tif", np.zeros((24, 40), np.uint8), photometric="minisblack", rowsperstrip=8)
    with tifffile.TiffFile(tmp_path / "short.tif", mode="r+b") as file:
        file.pages[0].tags[278].overwrite(1)  # then there are 24 strips, of which 3 are there
    Image.new("1", (10_000, 9000)).save(tmp_path / "large.gif")  # more than Pillow takes without a warning
    environment = {name: value for name, value in os.environ.items() if name != "OPENCV_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", READ, "quiet" if quiet else "loud"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout == "(9000, 10000)\nshort.tif is damaged: 3 of the 24 parts of its picture are there\n"
    said = [word for word in ("DecompressionBombWarning", "tifffile", "absent.png") if word in done.stderr]
    assert said == ([] if quiet else ["DecompressionBombWarning", "tifffile", "absent.png"])
    assert not quiet or done.stderr == ""
