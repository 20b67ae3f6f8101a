"""Training, its operators, its memory and Adam, measured."""

from __future__ import annotations

import pytest


def test_training_from_the_command_line(measured):
    found, printed = measured("training", "--settings 1x32x4 2x32x4 --rounds 2 --repeats 1 --warm-up 1")
    assert list(found["milliseconds"]) == ["1x32x4", "2x32x4"]
    for times in found["milliseconds"].values():
        assert all(name.startswith("MXNet") and len(each) == 2 and min(each) > 0 for name, each in times.items())
    assert all(peak > 100 for peaks in found["peak_mb"].values() for peak in peaks.values())
    assert printed.count("| MXNet, float32 | ") == 2


def test_settings(benchmark_script):
    training = benchmark_script("training")
    parsed = {text: training["parse_setting"](text) for text in ("1x256x64", "4x128x8", "2x512x16")}
    assert [setting.levels for setting in parsed.values()] == [8, 7, 8]
    assert (parsed["4x128x8"].batch, parsed["4x128x8"].size, parsed["4x128x8"].width) == (4, 128, 8)
    for wrong in ("1x300x64", "0x256x64", "1x256", "axbxc", "1x16x4"):
        with pytest.raises(SystemExit, match=f"error: --settings {wrong}: it has to be like 1x256x64"):
            training["parse_setting"](wrong)


def test_operators_from_the_command_line(measured, rows_of):
    found, printed = measured("operators", "--width 8 --steps 1")
    limits = found["limits"]
    assert all(value > 0 for value in limits.values())
    names = [row[0] for row in rows_of(printed)]
    assert {"convolution, forward training", "deconvolution, backward data", "reorder"} <= set(names)
    assert names[-1] == "Adam, and all else outside of oneDNN"
    # The U-Net and three passes of the discriminator, at an eighth of the width; padded channels count as well.
    assert 87.5 / 64 < limits["gflop"] < 6


def test_a_line_of_onednn(benchmark_script):
    parse = benchmark_script("operators")["parse"]
    start = "dnnl_verbose,exec,cpu,{},jit:avx512_common,forward_training,src_f32::blocked:aBcd16b:f0,,alg:direct,"
    shape = "mb2_ic64oc128_ih128oh64kh4sh2dh0ph1_iw128ow32kw4sw2dw0pw1,5.5"
    convolution = parse(start.format("convolution") + shape)
    assert convolution[:2] == ("convolution", "forward_training")
    assert convolution.gflop == pytest.approx(2e-9 * 2 * 64 * 128 * 64 * 32 * 16)
    assert parse(start.format("deconvolution") + shape).gflop == pytest.approx(2e-9 * 2 * 64 * 128 * 128 * 128 * 16)
    assert parse(start.format("reorder") + "512x1024x4x4,7.25")[2:] == (0, 7.25)
    assert parse("dnnl_verbose,info,oneDNN v2.4.4") is None
    assert parse("[12.5]") is None


def test_memory_table(benchmark_script, rows_of):
    table = benchmark_script("memory")["table"]
    found = {"training": {"MXNet": 1500.0, "PyTorch": 1200.0}, "translating": {"MXNet": 500.0, "PyTorch": None}}
    rows = [["training, MXNet", "1,500 MB", "1.25"], ["training, PyTorch", "1,200 MB", "1.00"]]
    assert rows_of(table(found)) == [*rows, ["translating, MXNet", "500 MB"]]


def test_adam_from_the_command_line(measured, rows_of):
    found, printed = measured("adam", "--size 1000 --rounds 2 --repeats 1")
    assert {name: len(times) for name, times in found["milliseconds"].items()} == {"here": 2, "MXNet": 2}
    assert [row[0] for row in rows_of(printed)] == ["here", "MXNet"]


def test_scaling_table(benchmark_script, rows_of):
    table = benchmark_script("scaling")["table"]
    found = {"width 16, batches of 4": {"one process": [2.0, 4.0, 3.0], "two workers": [6.0, 1.0, 6.5]}}
    row = ["width 16, batches of 4", "3.00 (2.00 - 4.00)", "6.00 (1.00 - 6.50)", "2.00"]
    assert rows_of(table(found)) == [row]


def test_scaling_from_the_command_line(measured):
    found, _ = measured("scaling", "--widths 4 --batches 2 --pairs 8 --rounds 1")
    ((setting, rates),) = found["images_per_second"].items()
    assert setting == "width 4, batches of 2"
    assert {name: len(each) for name, each in rates.items()} == {"one process": 1, "two workers": 1}


def test_pytorchs_networks_are_the_papers(benchmark_script):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    peer = benchmark_script("torch_peer")
    counts = [sum(p.numel() for p in net.parameters()) for net in peer["networks"](8, 64, None, False)]
    assert counts == [54_413_955, 2_768_705]


def test_all_runs_them_and_says_which_failed(measured, tmp_path):
    found, printed = measured("all", "--quick --only adam loader")
    assert list(found) == ["adam"]
    assert "loader is left out: it needs --folder" in printed
    assert printed.count("| here | ") == 2  # as it came, and at the end
    found, _ = measured("all", f"--quick --only loader adam --folder {tmp_path / 'absent'}", code=1)
    assert list(found) == ["adam"]
