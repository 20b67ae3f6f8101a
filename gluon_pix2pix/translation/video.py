"""Videos frame by frame: read as RGB arrays, written in the same size and at the same rate. OpenCV, without sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from gluon_pix2pix.writing import whole_file

# File name's extension -> codec that OpenCV's own FFmpeg writes everywhere. FFV1 is lossless.
CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "FFV1"}


class VideoReader:
    """The frames of a video, (H, W, 3) uint8 RGB each; it can be gone through several times.

    Attributes
    ----------
    rate : float
        Frames a second.
    size : tuple of int
        (height, width) in pixels.

    Raises
    ------
    ValueError
        If OpenCV cannot read a frame of the file.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        capture = self._open()
        self.rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
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

    def _open(self) -> cv2.VideoCapture:
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path} is not there")
        capture = cv2.VideoCapture(str(self.path))
        if not capture.isOpened():
            raise ValueError(f"{self.path} is not a video that OpenCV can decode")
        return capture


def write_video(path: str | Path, frames: Iterable[np.ndarray], *, rate: float) -> int:
    """Write (H, W, 1 or 3) uint8 RGB frames of one size as a video, whole or not at all; return how many there were.

    Raises
    ------
    ValueError
        If there is no frame, or the frames are not of one size or not uint8, or OpenCV cannot write such a file.
    """
    path = Path(path)
    if path.suffix.lower() not in CODECS:
        raise ValueError(f"cannot write {path}: videos are written as {', '.join(CODECS)}")
    with whole_file(path) as beside:
        return _write_frames(path, beside, frames, rate)


def _write_frames(path: Path, beside: Path, frames: Iterable[np.ndarray], rate: float) -> int:
    writer, shape, count = None, None, 0
    try:
        for frame in frames:
            if writer is None:
                shape = frame.shape
                codec = cv2.VideoWriter_fourcc(*CODECS[path.suffix.lower()])
                writer = cv2.VideoWriter(str(beside), codec, rate, (shape[1], shape[0]))
                if not writer.isOpened():
                    raise ValueError(
                        f"cannot write {path}: OpenCV has no encoder for it, or the folder is not writable"
                    )
            if frame.shape != shape or frame.dtype != np.uint8 or shape[2] not in (1, 3):
                raise ValueError(
                    f"cannot write {path}: frame {count} is {frame.shape} {frame.dtype}, not {shape} uint8"
                )
            writer.write(np.ascontiguousarray(np.broadcast_to(frame, (*shape[:2], 3))[:, :, ::-1]))
            count += 1
        if writer is None:
            raise ValueError(f"cannot write {path}: there are no frames")
        return count
    finally:
        if writer is not None:
            writer.release()
