"""Videos through a translator, to files of the same size and rate, or to folders of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from gluon_pix2pix.errors import one_line
from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.files import save_picture
from gluon_pix2pix.translation.inputs import Input
from gluon_pix2pix.translation.result_files import ResultFiles
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.translation.video_files import CODECS, VideoReader, write_video, written_size
from gluon_pix2pix.writing import UNWRITABLE, whole_folder


def video_path(files: ResultFiles, video: Input) -> Path:
    """Return where a video's translation goes: a file, or a folder for the format "frames"."""
    form = files.options.video_format
    if form == "frames":
        return files.folder / f"{video.name}_fake"
    suffix = video.path.suffix.lower() if form == "same" else f".{form}"
    return files.folder / f"{video.name}_fake{suffix if suffix in CODECS else '.mp4'}"


class VideoReport(NamedTuple):
    """What became of videos: a line for each that failed, one by its name for each that is not whole, and notes."""

    failed: list[str]
    cut: dict[str, str]
    notes: list[str]


def translate_videos(
    translator: Translator,
    videos: Sequence[Input],
    files: ResultFiles,
    *,
    look: Callable[[str, np.ndarray], None] = lambda name, frame: None,
) -> VideoReport:
    """Translate videos to NAME_fake in the same size and at the same rate, without sound.

    All frames have the video's name, so that dropout drops the same in each: it does not flicker. `look` is called with
    each video's name and its first frame.

    Raises
    ------
    OSError
        If the disk is full or read-only.
    """
    report = VideoReport([], {}, [])
    for video in videos:
        target = video_path(files, video)
        try:
            reader = VideoReader(video.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            with tqdm(total=len(reader) or None, desc=video.name, unit="frame", disable=None) as bar:
                frames = _first_seen(reader, partial(look, video.path.name))
                answers = _answers(translator, frames, video.name, files, bar)
                count, (height, width) = _write(target, answers, reader.rate)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in UNWRITABLE:
                raise
            report.failed.append(one_line(error, video.path))
            continue
        if lack := reader.lacks(count):
            report.cut[video.name] = f"{lack}, and {target} has these"
        if target.suffix and written_size(target, height, width) != (height, width):
            tall, wide = written_size(target, height, width)
            report.notes.append(
                f"{target} is {wide} x {tall} pixels, the last row or column of {width} x {height} repeated, as a "
                f"{target.suffix} file has no odd sides: --video-format avi or frames keeps the size"
            )
    return report


def _write(target: Path, answers: Iterable[np.ndarray], rate: float) -> tuple[int, tuple[int, int]]:
    """Write a video or numbered pictures, whole or not at all; return how many there are, and their size."""
    size = (0, 0)

    def watched() -> Iterator[np.ndarray]:
        nonlocal size
        for answer in answers:
            size = answer.shape[:2]
            yield answer

    if target.suffix in CODECS:
        return write_video(target, watched(), rate=rate), size
    count = 0
    with whole_folder(target) as beside:
        for count, answer in enumerate(watched(), 1):
            save_picture(beside / f"{count:06d}.png", answer)
    return count, size


def _first_seen(frames: Iterable[np.ndarray], look: Callable[[np.ndarray], None]) -> Iterator[np.ndarray]:
    for number, frame in enumerate(frames):
        if not number:
            look(frame)
        yield frame


def _answers(
    translator: Translator, frames: Iterable[np.ndarray], name: str, files: ResultFiles, bar: tqdm
) -> Iterator[np.ndarray]:
    sources: list[np.ndarray] = []

    def named() -> Iterator[tuple[str, np.ndarray]]:
        for frame in frames:
            sources.append(frame)
            yield name, frame

    for _, fake in translator.stream(named()):
        source = sources.pop(0)
        # At the network's own size the answer is another's; the frame's comes back.
        answer = resize(files.coding.target.show(fake), *source.shape[:2])
        bar.update()
        yield files.beside({"source": source, "fake": answer}) if files.options.side_by_side else answer
