"""Some damaged weights and graphs, each loaded or refused; `python tests/fuzz/fuzz_models.py` does more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "fuzz_models.py"


def test_damaged_models_are_loaded_or_refused(tiny_run, tmp_path):
    from gluon_pix2pix.handover.export import export_generator

    export_generator(tiny_run, tmp_path / "export")
    command = [sys.executable, str(SCRIPT), str(tmp_path / "export"), "--trials", "40", "--seed", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=SCRIPT.parents[2], check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 failed" in ended.stdout
