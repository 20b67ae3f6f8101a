"""The scripts beside a program that answers as PyTorch's process does."""

from __future__ import annotations

import json
import sys

import pytest


def test_training(measured, rows_of, fake_torch, upstream):
    words = f"--settings 2x32x4 --rounds 2 --repeats 1 --warm-up 1 --torch-python {fake_torch.python}"
    found, printed = measured("training", f"{words} --upstream {upstream}")
    ours = found["milliseconds"]["2x32x4"]["MXNet, float32"]
    assert found["milliseconds"]["2x32x4"]["PyTorch, eager"] == [100, 100]
    assert found["peak_mb"]["2x32x4"]["PyTorch, eager"] == 2000
    row = next(row for row in rows_of(printed) if row[0] == "MXNet, float32")
    assert row[3] == f"{100 / (sum(ours) / 2):.2f}"
    setting = {"levels": 5, "batch": 2, "size": 32, "width": 4, "warm_up": 1, "repeats": 1}
    assert {"do": "train", "mode": "eager", **setting} in fake_torch.asked
    assert all(words[-1] == str(upstream) for words in fake_torch.started)


def test_translating(measured, rows_of, fake_torch, upstream):
    words = f"--ngf 2 --batches 2 --rounds 2 --repeats 3 --torch-python {fake_torch.python} --upstream {upstream}"
    found, printed = measured("translate", words)
    times = found["milliseconds"]["2"]
    assert times["PyTorch, eval"] == times["PyTorch, train"] == [100, 100]
    assert [row[3:] for row in rows_of(printed) if row[0].startswith("PyTorch")] == [["1.00", "1.00"]] * 2
    net = {"levels": 8, "width": 2, "batch": 2, "size": 256}
    asked = {"do": "translate", **net, "warm_up": 1, "repeats": 3, "clock": "wall"}
    assert [asked | {"mode": mode} for mode in ("eval", "train")] == fake_torch.asked[:2]
    assert len(fake_torch.started) == 2  # a process for each mode


def test_memory(measured, rows_of, fake_torch):
    found, printed = measured("memory", f"--width 4 --steps 20 --torch-python {fake_torch.python}")
    peaks = found["peak_mb"]
    assert peaks["translating"]["ONNX Runtime"] < peaks["translating"]["MXNet"]  # MXNet is not loaded there
    assert len(found["resident_mb"]) == 20
    ours = peaks["training"]["MXNet"]
    rows = {row[0]: row[1:] for row in rows_of(printed)}
    assert rows["training, MXNet"] == [f"{ours:,.0f} MB", f"{ours / 2000:.2f}"]
    assert rows["translating, PyTorch"] == ["2,000 MB", "1.00"]
    assert [asked.get("mode") for asked in fake_torch.asked] == ["eager", None, "eval", None]


def test_adam(measured, fake_torch):
    found, _ = measured("adam", f"--size 1000 --rounds 1 --repeats 2 --torch-python {fake_torch.python}")
    assert found["machine"]["torch"] == "fake"
    asked = {"do": "adam", "size": 1000, "warm_up": 1, "repeats": 2}
    assert fake_torch.asked == [{**asked, "mode": "eager"}, {**asked, "mode": "fused"}]


def test_all_passes_words_on(benchmark_script, fake_torch, upstream):
    script = benchmark_script("all")
    options = script["Options"](torch_python=fake_torch.python, upstream=upstream, rounds=3, quick=True)
    words = {name: script["command_of"](name, options) for name in script["QUICK"]}
    given = ["--torch-python", str(fake_torch.python), "--upstream", str(upstream)]
    assert words["training"][2:] == [*given, *script["QUICK"]["training"].split(), "--rounds", "3"]
    assert words["memory"][2:] == [*given, *script["QUICK"]["memory"].split()]
    assert words["loader"] is words["low_precision"] is None
    without = script["Options"](torch_python=None)
    assert script["command_of"]("adam", without)[2:] == ["--torch-python", "None"]


def test_what_is_wrong_with_pytorch_is_said(benchmark_script, tmp_path):
    torch_peer = benchmark_script("measuring")["torch_peer"]
    with pytest.raises(SystemExit, match=r"^error: .*absent cannot be started: No such file or directory$"):
        torch_peer(tmp_path / "absent", 1, None)
    with pytest.raises(SystemExit, match=r"^error: --upstream .*absent has no models/networks.py$"):
        torch_peer(sys.executable, 1, tmp_path / "absent")
    (tmp_path / "torch.py").write_text("raise OSError('a broken installation')")
    with pytest.raises(SystemExit, match=r"^error: .*torch_peer.py 1 ended with exit code 1$"):
        torch_peer(sys.executable, 1, None, PYTHONPATH=str(tmp_path))


def test_low_precision(measured, rows_of, tiny_run, tiny_pairs):
    words = f"--model {tiny_run} --pictures {tiny_pairs / 'train'} --calibrate 2 --count 2 --batch 2 --rounds 2"
    found, printed = measured("low_precision", words, hide=False)  # ONNX Runtime's tools import what they find
    forms = found["forms"]
    assert {name.split(", ")[0] for name in forms} == {"running", "picture"}
    for name, (times, score, _) in forms.items():
        assert len(times) == 2
        assert (score is None) == name.endswith("float32"), name
    json.dumps(found, allow_nan=False)
    assert [row[0] for row in rows_of(printed)] == list(forms)


def test_low_precision_takes_runs_alone(benchmark_script, tmp_path):
    script = benchmark_script("low_precision")
    with pytest.raises(SystemExit, match=r"^error: .* is not the folder of a run: it has no options.json$"):
        script["main"](script["Options"](model=tmp_path, pictures=tmp_path))
