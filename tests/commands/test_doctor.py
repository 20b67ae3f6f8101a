"""`gluon-pix2pix doctor` on this machine."""

from __future__ import annotations

import json
import os
import platform

import pytest

from gluon_pix2pix.commands import doctor
from gluon_pix2pix.diagnosis.check import Check


def test_doctor_on_this_machine(capsys):
    assert doctor.main(doctor.Options()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("gluon-pix2pix ")
    assert lines[-1] == "All that is here works."
    assert len(lines) < 40  # one screen
    names = [line[7:20].strip() for line in lines if line.startswith(("ok ", "note "))]
    assert names[:5] == ["Python", "numpy", "MXNet", "OpenCV", "packages"]
    assert names[5:] == ["threads", "processor", "memory", "disk", "GPU", "CUDA", "ONNX Runtime"]


@pytest.fixture
def faulty(monkeypatch):
    """A machine on which something does not work."""
    monkeypatch.setattr(doctor, "probe_mxnet", dict)
    monkeypatch.setattr(doctor, "check_installation", lambda probe: [Check("Python", "3.11")])
    path = os.path.expanduser("~/secret")
    monkeypatch.setattr(doctor, "check_machine", lambda probe, folder: [Check("GPU", path, "fault", "mend it")])


def test_a_fault_is_exit_code_1(faulty, capsys):
    assert doctor.main(doctor.Options()) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 2 do not work"


def test_json_is_for_reports(faulty, capsys):
    assert doctor.main(doctor.Options(json=True)) == 1
    text = capsys.readouterr().out
    report = json.loads(text)
    assert report["works"] is False
    assert report["checks"][1] == {"name": "GPU", "found": "~/secret", "state": "fault", "remedy": "mend it"}
    assert os.path.expanduser("~") not in text
    assert platform.node() not in text
