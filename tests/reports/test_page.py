"""What writing a page leaves behind."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, gc, sys
from pathlib import Path
from gluon_pix2pix.reports.run_page import write_run_page

async def nothing():
    pass

write_run_page(Path(sys.argv[1]))
asyncio.run(nothing())  # it puts another event loop in the place of one that is there
gc.collect()
"""


def test_no_event_loop_is_left_open(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, tmp_path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "index.html").exists()
