"""What the benchmarks share."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

ECHO = """
import json, os, sys
print(json.dumps({"torch": os.environ.get("WORD")}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "fail":
        sys.exit(3)
    print(json.dumps(asked["value"] * 2), flush=True)
"""


def test_a_table_has_medians_spreads_and_ratios(benchmark_script, rows_of):
    table = benchmark_script("measuring")["table"]
    found = {"ours": [30.0, 10.0, 20.0], "theirs": [50.0, 40.0]}
    rows = rows_of(table(found, ["theirs", "not measured"]))
    assert rows == [["ours", "20 ms", "10 - 30 ms", "2.25"], ["theirs", "45 ms", "40 - 50 ms", "1.00"]]


def test_a_process_answers_line_by_line(benchmark_script):
    peer = benchmark_script("measuring")["Peer"](sys.executable, "-c", ECHO, WORD="here")
    assert peer.about == {"torch": "here"}
    assert [peer(do="double", value=value) for value in (1, 2.5)] == [2, 5.0]
    with pytest.raises(SystemExit, match=r"error: the process that was asked for .*'fail'.* ended with exit code 3"):
        peer(do="fail")
    peer.close()


def test_without_pytorch_there_is_no_peer(benchmark_script, tmp_path):
    torch_peer = benchmark_script("measuring")["torch_peer"]
    assert torch_peer(None, 1, None) is None
    (tmp_path / "torch.py").write_text("raise ImportError('as where there is no PyTorch')")
    assert torch_peer(sys.executable, 1, None, PYTHONPATH=str(tmp_path)) is None


def test_memory_is_this_processs(benchmark_script):
    measuring = benchmark_script("measuring")
    assert 1e6 < measuring["resident_bytes"]() <= measuring["peak_bytes"]()


@pytest.mark.parametrize(("value", "said"), [(0, 0), ((4, 0), 0)])
def test_options_below_their_least_are_refused(benchmark_script, value, said):
    with pytest.raises(SystemExit, match=f"^error: --warm-up {said} is below 1$"):
        benchmark_script("measuring")["refuse_below"](SimpleNamespace(warm_up=value), warm_up=1)
