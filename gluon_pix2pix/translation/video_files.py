"""Videos frame by frame: read as RGB arrays, written in the same size and at the same rate. OpenCV, without sound."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Optional

import cv2
import numpy as np

from gluon_pix2pix.writing import whole_file

# File name's extension -> codec that OpenCV's own FFmpeg writes everywhere. FFV1 is lossless.
CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "FFV1"}
FASTEST = 65535  # frames a second, and ticks: MPEG-4 counts them in 16 bits


class VideoReader:
    """The frames of a video, upright, (H, W, 3) uint8 RGB each; it can be gone through several times.

    Attributes
    ----------
    rate : float
        Frames a second; 25 where the file says none.
    size : tuple of int
        (height, width) in pixels.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If OpenCV cannot read a frame of it.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        capture = self._open()
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= FASTEST else 25.0
        self._announced = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
        read, frame = capture.read()
        capture.release()
        if not read:
            raise ValueError(f"{path} holds no frame that OpenCV can decode")
        self.size = frame.shape[:2]

    def __len__(self) -> int:
        """Return the number of frames that the file announces; 0 if it does not."""
        return self._announced

    def __iter__(self) -> Iterator[np.ndarray]:
        capture = self._open()
        try:
            while True:
                read, frame = capture.read()
                if not read:
                    return
                yield np.ascontiguousarray(frame[:, :, ::-1])
        finally:
            capture.release()

    def lacks(self, count: int) -> Optional[str]:
        """Say that a file holds fewer frames than it should, if it does; `count` is how many could be read.

        An AVI file counts its frames. Others tell their length, from which OpenCV reckons: one in fifty may be missing.
        """
        slack = 0 if self.path.suffix.lower() == ".avi" else max(1, self._announced // 50)
        if count >= self._announced - slack:
            return None
        return f"{self.path} is cut off or damaged: {count} of {self._announced} frames could be read"

    def _open(self) -> cv2.VideoCapture:
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path} is not there")
        capture = cv2.VideoCapture(str(self.path))
        if not capture.isOpened():
            raise ValueError(f"{self.path} is not a video that OpenCV can decode")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # phones film upright in frames that lie, and say so
        return capture


def written_size(path: str | Path, height: int, width: int) -> tuple[int, int]:
    """Return the size that `write_video` gives frames of a size: even, but for AVI; others have no odd sides here."""
    if Path(path).suffix.lower() == ".avi":
        return height, width
    return height + height % 2, width + width % 2


def write_video(path: str | Path, frames: Iterable[np.ndarray], *, rate: float) -> int:
    """Write (H, W, 1 or 3) uint8 RGB frames of one size as a video, whole or not at all; return how many there were.

    The last row and column are repeated where `written_size` asks for another.

    Raises
    ------
    ValueError
        If there is no frame, or the frames are not of one size or not uint8, or OpenCV cannot write such a file.
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in CODECS:
        raise ValueError(f"cannot write {path}: videos are written as {', '.join(CODECS)}")
    writer, shape, count = None, None, 0
    with whole_file(path) as beside:
        try:
            for frame in frames:
                if writer is None:
                    shape = frame.shape
                    writer = _open_writer(beside, path, *written_size(path, *shape[:2]), rate)
                if frame.shape != shape or frame.dtype != np.uint8 or shape[2] not in (1, 3):
                    raise ValueError(
                        f"cannot write {path}: frame {count} is {frame.shape} {frame.dtype}, not {shape} uint8"
                    )
                writer.write(_as_written(path, frame))
                count += 1
        finally:
            if writer is not None:
                writer.release()
        if writer is None:
            raise ValueError(f"cannot write {path}: there are no frames")
        if _is_odd_avi(path, *shape[:2]):
            _set_rate(beside, rate)
    return count


def _as_written(path: Path, frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    tall, wide = written_size(path, height, width)
    colour = np.broadcast_to(frame, (height, width, 3))[:, :, ::-1]
    return np.ascontiguousarray(np.pad(colour, [(0, tall - height), (0, wide - width), (0, 0)], mode="edge"))


def _open_writer(beside: Path, path: Path, height: int, width: int, rate: float) -> cv2.VideoWriter:
    # OpenCV cuts odd sides when it writes by FFmpeg; its own writer of AVI does not, and knows whole rates only.
    odd = _is_odd_avi(path, height, width)
    backend, rate = (cv2.CAP_OPENCV_MJPEG, max(1, round(rate))) if odd else (cv2.CAP_FFMPEG, fitting_rate(rate))
    codec = cv2.VideoWriter_fourcc(*CODECS[path.suffix.lower()])
    writer = cv2.VideoWriter(str(beside), backend, codec, rate, (width, height))
    if not writer.isOpened():
        raise ValueError(f"cannot write {path}: OpenCV has no encoder for {width} x {height} pixels in such a file")
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, 95)  # of JPEG; what has no such property passes over it
    return writer


def _is_odd_avi(path: Path, height: int, width: int) -> bool:
    return path.suffix.lower() == ".avi" and bool(height % 2 or width % 2)


def fitting_rate(rate: float) -> float:
    """Return the nearest rate that MPEG-4 holds, which has at most 65,535 ticks a second.

    OpenCV makes a decimal fraction of a rate: 211.222 would be 105611 / 500, and is written as 211.22.
    """
    for decimals in (3, 2, 1):
        if Fraction(round(rate * 10**decimals), 10**decimals).numerator <= FASTEST:
            return max(round(rate, decimals), 0.001)
    return float(min(round(rate), FASTEST))


def _set_rate(path: Path, rate: float) -> None:
    """Write the rate into the header of an AVI file (Microsoft's AVIMAINHEADER and AVISTREAMHEADER)."""
    exact = Fraction(rate).limit_denominator(10_000)
    with open(path, "r+b") as stream:
        head = stream.read(1 << 12)
        for offset, form, values in (
            (head.index(b"avih") + 8, "<I", [round(1e6 / rate)]),  # microseconds a frame
            (head.index(b"strh") + 28, "<II", [exact.denominator, exact.numerator]),
        ):
            stream.seek(offset)
            stream.write(struct.pack(form, *values))
        os.fsync(stream.fileno())
