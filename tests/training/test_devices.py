"""What devices cannot compute is refused."""

from __future__ import annotations

import pytest

from gluon_pix2pix.core.networks import get_model
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training import devices
from gluon_pix2pix.training.devices import check_precision, synchronise


def test_what_a_device_does_not_have_is_refused(monkeypatch, tmp_path):
    check_precision("float32", "cpu")
    check_precision("float16", "gpu")
    with pytest.raises(ValueError, match="float16 is for GPUs"):
        check_precision("float16", "cpu")
    with pytest.raises(ValueError, match="bfloat16 is for CPUs"):
        check_precision("bfloat16", "gpu")
    monkeypatch.setattr(devices, "_CPUINFO", tmp_path / "absent")
    with pytest.raises(ValueError, match="needs a processor with AVX512-BF16"):
        check_precision("bfloat16", "cpu")
    monkeypatch.setattr(devices, "_CPUINFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text("processor : 0\nflags\t\t: avx512f avx512_bf16 sse\n")
    check_precision("bfloat16", "cpu")


def test_synchronised_batch_norm_needs_gpus():
    net = get_model("pixel", ndf=4, norm="syncbatch")
    with pytest.raises(ValueError, match=r"norm syncbatch runs on GPUs alone.*choose batch, or pass --gpu 0,1"):
        synchronise(net, [mx.current_context()])
    synchronise(net, [mx.gpu(0), mx.gpu(1), mx.gpu(2)])
    assert net.net[3]._kwargs["ndev"] == 3
    synchronise(get_model("pixel", ndf=4), [mx.current_context()])
