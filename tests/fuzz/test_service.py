"""Three hundred hostile requests to a service; fuzz_service.py sends any number."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).with_name("fuzz_service.py")


def test_hostile_requests(write_model_folder, tmp_path):
    small = {"name": "unet", "num_downs": 2, "ngf": 8}
    models = [write_model_folder(tmp_path / name, small, coding) for name, coding in (("a", {}), ("b", {"labels": 4}))]
    command = [sys.executable, FUZZ, "--trials", "300", "--model", *models]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "300 requests" in done.stdout
    assert "200: " in done.stdout
    assert "415: " in done.stdout
