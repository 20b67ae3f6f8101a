"""Videos: lossless there and back, the same size and rate, and what is no video."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluon_pix2pix.translation.video_files import FASTEST, VideoReader, fitting_rate, write_video, written_size


def frames(count: int = 6, height: int = 48, width: int = 64, channels: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [
        np.kron(rng.integers(0, 256, (6, 8, channels)), np.ones((height // 6, width // 8, 1))).astype(np.uint8)
        for _ in range(count)
    ]


def test_there_and_back(tmp_path):
    assert write_video(tmp_path / "a.mkv", frames(), rate=12.5) == 6
    video = VideoReader(tmp_path / "a.mkv")
    assert (video.rate, video.size, len(video)) == (12.5, (48, 64), 6)
    for _ in range(2):
        np.testing.assert_array_equal(list(video), frames())
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


@pytest.mark.parametrize("name", ["a.mp4", "a.avi"])
def test_other_kinds_are_close(tmp_path, name):
    smooth = [np.full((48, 64, 3), (40 * i, 128, 255 - 40 * i), np.uint8) for i in range(5)]
    write_video(tmp_path / name, smooth, rate=30)
    video = VideoReader(tmp_path / name)
    assert video.rate == 30
    assert np.abs(np.asarray(list(video), int) - smooth).max() <= 12


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv"])
@pytest.mark.parametrize("rate", [0.5, 12, 23.976, 30000 / 1001, 59.94, 211.222, 999.99, 1000.0])
def test_every_rate_can_be_written(tmp_path, name, rate):
    write_video(tmp_path / name, frames(2), rate=rate)
    assert VideoReader(tmp_path / name).rate == pytest.approx(rate, rel=1e-3)


@given(st.floats(0.01, 1e6))
def test_a_rate_that_fits(rate):
    fitting = fitting_rate(rate)
    assert fitting == pytest.approx(min(rate, FASTEST), rel=1e-3, abs=0.001)
    assert Fraction(fitting).limit_denominator(1000).numerator <= FASTEST


@pytest.mark.parametrize(("name", "size"), [("a.avi", (47, 63)), ("a.mkv", (48, 64)), ("a.mp4", (48, 64))])
def test_odd_sizes(tmp_path, name, size):
    smooth = [np.ascontiguousarray(cv2.resize(frame[::8, ::8], (63, 47))) for frame in frames()]
    write_video(tmp_path / name, smooth, rate=211.222)
    video = VideoReader(tmp_path / name)
    assert (video.size, written_size(tmp_path / name, 47, 63), len(video)) == (size, size, 6)
    assert video.rate == pytest.approx(211.222, abs=0.01)
    difference = np.abs(np.asarray(list(video), int)[:, :47, :63] - smooth)
    assert np.mean(difference) < (1 if name == "a.mkv" else 12)
    if name == "a.mkv":  # what is repeated
        np.testing.assert_array_equal(next(iter(video))[-1, :63], smooth[0][-1])


def turn(path: Path) -> None:
    """Write into an MP4 file that its frames are to be turned by a quarter, as phones do."""
    data = bytearray(path.read_bytes())
    struct.pack_into(">9i", data, data.index(b"tkhd") + 44, 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def test_a_film_of_a_phone_is_upright(tmp_path):
    lying = np.zeros((48, 64, 3), np.uint8)
    lying[:, :16] = 255  # turned by a quarter to the right, the left is the top
    write_video(tmp_path / "a.mp4", [lying] * 3, rate=10)
    turn(tmp_path / "a.mp4")
    video = VideoReader(tmp_path / "a.mp4")
    assert video.size == (64, 48)
    for frame in video:
        assert frame[:12].min() > 200
        assert frame[20:].max() < 55


@pytest.mark.parametrize("name", ["a.avi", "a.mkv"])
def test_a_file_that_is_cut(tmp_path, name):
    write_video(tmp_path / name, frames(12), rate=10)
    whole = VideoReader(tmp_path / name)
    assert (len(list(whole)), whole.lacks(12)) == (12, None)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 6 // 10])
    video = VideoReader(tmp_path / name)
    count = len(list(video))
    assert 1 < count < 12
    if name == "a.avi":
        assert video.lacks(count) == f"{tmp_path / name} is cut off or damaged: {count} of 12 frames could be read"
    else:
        assert len(video) in (0, 12)


def test_gray_frames(tmp_path):
    gray = frames(channels=1)
    write_video(tmp_path / "a.mkv", gray, rate=10)
    np.testing.assert_array_equal(list(VideoReader(tmp_path / "a.mkv")), np.repeat(gray, 3, axis=3))


def test_reading_what_is_no_video(tmp_path, capfd):
    (tmp_path / "a.mp4").write_text("text")
    with pytest.raises(ValueError, match=r"a.mp4 is not a video that OpenCV can decode"):
        VideoReader(tmp_path / "a.mp4")
    with pytest.raises(FileNotFoundError, match="is not there"):
        VideoReader(tmp_path / "b.mp4")


def test_a_video_without_frames(tmp_path, monkeypatch):
    write_video(tmp_path / "a.avi", frames(), rate=10)
    monkeypatch.setattr("cv2.VideoCapture", lambda path: Blind())
    with pytest.raises(ValueError, match="holds no frame"):
        VideoReader(tmp_path / "a.avi")


class Blind:
    def isOpened(self) -> bool:  # noqa: N802, OpenCV's word
        return True

    def get(self, number: int) -> float:
        return 0.0

    def set(self, number: int, value: float) -> bool:
        return True

    def read(self) -> tuple[bool, None]:
        return False, None

    def release(self) -> None:
        pass


@pytest.mark.parametrize(
    ("name", "pictures", "error"),
    [
        ("a.mkv", [], "there are no frames"),
        ("a.gif", frames(1), "videos are written as .mp4, .avi, .mkv"),
        ("a.mkv", [frames(1)[0], frames(1, height=24)[0]], r"frame 1 is \(24, 64, 3\) uint8, not \(48, 64, 3\) uint8"),
        ("a.mkv", [frames(1)[0].astype(np.uint16)], "frame 0 is .* uint16"),
        ("none/a.mkv", frames(1), r"No such file or directory: '.*none/a\.mkv'"),
    ],
)
def test_what_cannot_be_written(tmp_path, name, pictures, error, capfd):
    with pytest.raises((ValueError, FileNotFoundError), match=error):
        write_video(tmp_path / name, pictures, rate=10)
    assert list(tmp_path.iterdir()) == []
