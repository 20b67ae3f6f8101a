"""TensorBoard's event files, read back by TensorBoard's own reader."""

from __future__ import annotations

import io
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from gluon_pix2pix.reports.sinks import WatchOptions, open_sinks
from gluon_pix2pix.reports.tensorboard import TensorBoardSink, tag


def read_back(folder):
    """Load what a folder's event files say, as TensorBoard does."""
    pytest.importorskip("tensorboard", reason="no tensorboard: pip install -e '.[live]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports use what other packages have deprecated
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        return EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0}).Reload()


@pytest.fixture
def sink(tmp_path):
    pytest.importorskip("tensorboardX", reason="no tensorboardX: pip install -e '.[live]'")
    return lambda step=0: TensorBoardSink(tmp_path / "tensorboard", step=step)


def test_scalars(tmp_path, sink):
    writer = sink()
    for step in (10, 20):
        writer.scalars(step, {"G_L1": step / 4, "lr": 2e-4, "val_psnr": 20.0})
    writer.close()
    events = read_back(tmp_path / "tensorboard")
    assert set(events.Tags()["scalars"]) == {"loss/G_L1", "rate/lr", "validation/psnr"}
    assert [(event.step, event.value) for event in events.Scalars("loss/G_L1")] == [(10, 2.5), (20, 5.0)]
    assert events.Scalars("rate/lr")[0].value == pytest.approx(2e-4)


def test_images(tmp_path, sink):
    image = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)
    writer = sink()
    writer.images(7, "samples", image)
    writer.close()
    (event,) = read_back(tmp_path / "tensorboard").Images("samples")
    assert event.step == 7
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(event.encoded_image_string))), image)


def test_what_a_killed_process_wrote_beyond_the_checkpoint_is_void(tmp_path, sink):
    killed = sink()
    for step in (10, 20, 30):
        killed.scalars(step, {"G_L1": 1.0})
    killed.close()
    resumed = sink(20)
    for step in (30, 40):
        resumed.scalars(step, {"G_L1": 2.0})
    resumed.close()
    events = read_back(tmp_path / "tensorboard").Scalars("loss/G_L1")
    assert [(event.step, event.value) for event in events] == [(10, 1), (20, 1), (30, 2), (40, 2)]


@pytest.mark.parametrize(("name", "package"), [("tensorboard", "tensorboardX"), ("visdom", "httpx")])
def test_a_missing_package_is_named(tmp_path, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, f"gluon_pix2pix.reports.{name}", raising=False)
    with pytest.raises(ValueError, match=rf"--log {name} needs {package}, which is not installed: pip .*\[.*live\]'"):
        open_sinks(WatchOptions(log=name), tmp_path, say=print)


def test_sinks_are_opened_by_name(tmp_path, sink):
    assert open_sinks(WatchOptions(), tmp_path, say=print) == []
    visdom, tensorboard = open_sinks(WatchOptions("visdom,tensorboard", visdom_port=9), tmp_path, say=print)
    tensorboard.close()
    visdom.close()
    assert list(tmp_path.glob("tensorboard/events.out.tfevents.*"))
    assert visdom.address == "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("words", "names"), [(None, []), ("", []), ("visdom, tensorboard,visdom", ["visdom", "tensorboard"])]
)
def test_names_are_split(words, names):
    assert WatchOptions(words).sinks == names


def test_other_names_are_refused():
    with pytest.raises(ValueError, match="--log wandb: choose from tensorboard, visdom"):
        WatchOptions("tensorboard,wandb").check()


def test_tags_are_grouped():
    assert [tag(name) for name in ("D_accuracy", "val_psnr_y", "new")] == [
        "health/D_accuracy",
        "validation/psnr_y",
        "other/new",
    ]
