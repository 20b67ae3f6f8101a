"""`gluon-pix2pix selftest` through its command."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from gluon_pix2pix.commands import selftest
from gluon_pix2pix.diagnosis import bits
from gluon_pix2pix.diagnosis.comparison import Row
from gluon_pix2pix.diagnosis.selftest import Outcome
from gluon_pix2pix.errors import UsageError


def test_a_part_on_cpu_devices(tmp_path, capsys):
    options = selftest.Options(gpu="-1", parts=("dropout",), report=tmp_path / "report.json")
    assert selftest.main(options) == 0
    out = capsys.readouterr().out
    assert "two CPU devices in the place of GPUs" in out
    assert "dropout  5 of 5" in out
    assert out.splitlines()[-1].startswith("selftest passed in ")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["passed"] is True
    assert {check["name"] for check in report["doctor"]} >= {"Python", "MXNet", "GPU"}


def test_a_failure_is_exit_code_1(monkeypatch, capsys):
    rows = [Row("dropout", "a", 1.0, 0.1)]
    monkeypatch.setattr(selftest, "run_parts", lambda ctx, parts, say: Outcome(["cpu(1)"], rows, [], 1.0))
    assert selftest.main(selftest.Options(gpu="-1", report=None)) == 1
    out = capsys.readouterr().out
    assert "FAILED dropout, a: 1.00e+00 and 1e-01 is allowed" in out
    assert out.splitlines()[-1] == "selftest FAILED in 1 s"


def test_a_gpu_that_is_not_there_is_a_usage_error():
    with pytest.raises(UsageError, match="there is no GPU 0 here"):
        selftest.main(selftest.Options(gpu="0"))


def test_two_pythons_are_compared_bit_by_bit(capsys):
    assert selftest.main(selftest.Options(python=sys.executable)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "7 of 7 stages have the same bits"


def test_other_bits_are_reported_and_no_failure(monkeypatch, capsys):
    monkeypatch.setattr(selftest, "fingerprints", lambda: {"scores": "aa", "weights": "bb"})
    monkeypatch.setattr(selftest, "fingerprints_of", lambda python: {"scores": "aa", "weights": "cc"})
    assert selftest.main(selftest.Options(python="other")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[-3:] == ["the", "same", "bits"]
    assert lines[2].split() == ["weights", "bb", "cc"]
    assert lines[-1] == "1 of 2 stages have the same bits"


@pytest.mark.parametrize(
    ("out", "err", "message"),
    [
        ("", "No module named gluon_pix2pix\n", "other computes no fingerprints: No module named gluon_pix2pix"),
        ("garbage\n", "", "other computes no fingerprints: no message"),
    ],
)
def test_a_python_without_this_program_is_named(monkeypatch, out, err, message):
    monkeypatch.setattr(bits.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=out, stderr=err))
    with pytest.raises(OSError, match=message):
        bits.fingerprints_of("other")


def test_a_python_that_is_not_there_is_an_error():
    with pytest.raises(OSError, match="/not/there"):
        bits.fingerprints_of("/not/there")
