"""Memory that runs out: what a step takes, and what would fit, in one line."""

from __future__ import annotations

import pytest

from gluon_pix2pix.errors import one_line
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training import memory
from gluon_pix2pix.training.memory import memory_errors, step_memory
from gluon_pix2pix.training.setup import build_networks, build_trainer

CUDA = "[01:02:03] src/storage/./pooled_storage_manager.h:161: cudaMalloc retry failed: out of memory"


@pytest.fixture
def built(tiny_options):
    """Return options and their trainer, with changes by name."""

    def build(**changes):
        options = tiny_options(**changes)
        return options, build_trainer(options, build_networks(options, [mx.cpu()]), [mx.cpu()])

    return build


@pytest.fixture
def gpu(monkeypatch):
    """Let the trainer be on a GPU of so many bytes."""

    def pretend(trainer, total, count=1):
        trainer.ctx = [mx.gpu(number) for number in range(count)]
        monkeypatch.setattr(mx.context, "gpu_memory_info", lambda number: (0, total))

    return pretend


def test_what_a_step_takes(built, monkeypatch):
    monkeypatch.setattr(memory, "_WORK_SPACES", 0)
    small, large = (step_memory(*built(crop_size=size, load_size=size)) for size in (32, 64))
    assert small[0] == large[0]  # weights do not depend on the pictures
    assert 3.5 < large[1] / small[1] < 4.5  # four times the pixels, and maps that have edges
    options, trainer = built()
    weights = sum(p.data().size for learner in trainer.learners for p in learner.net.collect_params().values())
    assert step_memory(options, trainer)[0] == 16 * weights
    conditional, alone = (step_memory(*built(conditional=value)) for value in (True, False))
    assert conditional[0] > alone[0]  # a first layer of 6 channels, and of 3


def fail(options, trainer, text=CUDA):
    with memory_errors(options, trainer):
        raise mx.MXNetError(text)


def test_a_smaller_batch_that_fits_is_named(built, gpu):
    options, trainer = built(batch_size=8)
    always, each = step_memory(options, trainer)
    gpu(trainer, always + 5 * each + 1)
    message = (
        r"gpu\(0\) is out of memory: --batch-size 8 takes about \S+ GB there, and it has \S+ GB for all programs; "
    )
    with pytest.raises(MemoryError, match=message + "--batch-size 5 should fit$") as caught:
        fail(options, trainer)
    assert one_line(caught.value) == str(caught.value)


def test_of_several_gpus_each_has_its_part(built, gpu):
    options, trainer = built(batch_size=8)
    always, each = step_memory(options, trainer)
    gpu(trainer, always + 3 * each + 1, count=2)
    with pytest.raises(MemoryError, match=r"--batch-size 6 should fit$"):
        fail(options, trainer)


def test_it_is_never_the_batch_that_did_not_fit(built, gpu):
    options, trainer = built(batch_size=8)
    gpu(trainer, 1 << 50)  # other programs have it
    with pytest.raises(MemoryError, match=r"--batch-size 7 should fit$"):
        fail(options, trainer)


def test_where_no_batch_fits_the_networks_have_to_be_smaller(built, gpu):
    options, trainer = built()
    gpu(trainer, 1 << 20)
    with pytest.raises(MemoryError, match=r"take smaller --ngf and --ndf, a smaller --crop-size, .* or pass --gpu -1"):
        fail(options, trainer)


def test_on_a_cpu_too(built):
    options, trainer = built(batch_size=4)
    with pytest.raises(MemoryError, match=r"cpu\(0\) is out of memory: .* there; --batch-size 3 should fit"):
        fail(options, trainer, "Failed to allocate CPU Memory")


def test_other_errors_stay_what_they_are(built):
    with pytest.raises(mx.MXNetError, match="something else"):
        fail(*built(), text="something else")


@pytest.mark.parametrize("text", [CUDA, "cuDNN: Check failed: CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED"])
def test_elsewhere_it_is_a_line_too(text):
    line = one_line(mx.MXNetError(f"Traceback (most recent call last):\n  {text}"))
    assert line.startswith("the device is out of memory: translating takes less with --batch-size 1")


def test_training_says_it(tiny_options, tmp_path, monkeypatch):
    from gluon_pix2pix.commands import train
    from gluon_pix2pix.core import loop

    def out_of_memory(*args, **kwargs):
        raise mx.MXNetError(CUDA)

    monkeypatch.setattr(loop, "train", out_of_memory)
    with pytest.raises(MemoryError, match=r"cpu\(0\) is out of memory: --batch-size 2 .*--batch-size 1 should fit"):
        train.main(tiny_options(run_dir=tmp_path / "run", batch_size=2))


def test_numpys_own_words_are_short():
    assert one_line(MemoryError("Unable to allocate 9 GiB for an array")) == "out of memory"
