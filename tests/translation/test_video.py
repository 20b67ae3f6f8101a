"""Videos: lossless there and back, the same size and rate, and what is no video."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_pix2pix.translation.video import VideoReader, write_video


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
