"""What `translate` does with videos, and with one picture through standard input and output."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.files import save_picture
from gluon_pix2pix.translation.given import Given, read_given
from gluon_pix2pix.translation.results import Results
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.translation.video import CODECS, VideoReader, write_video
from gluon_pix2pix.writing import whole_folder


def translate_stdin(translator: Translator, output: str, *, quality: int) -> None:
    """Translate the picture on standard input, to standard output as PNG (``-``) or to a file."""
    network = translator.network
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "standard input"
        path.write_bytes(sys.stdin.buffer.read())
        try:
            given = read_given(path, network.coding, kind="single", direction=network.direction).picture
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), "standard input")) from error
        fake = translator(given, name="stdin")
        if output != "-":
            save_picture(Path(output), fake, quality=quality)
            return
        save_picture(Path(folder) / "fake.png", fake)
        sys.stdout.buffer.write((Path(folder) / "fake.png").read_bytes())


def video_path(results: Results, path: Path, name: str, format: str) -> Path:
    """Return where a video's translation goes: a file, or a folder for format "frames"."""
    if format == "frames":
        return results.folder / f"{name}_fake"
    suffix = path.suffix.lower() if format == "same" else f".{format}"
    return results.folder / f"{name}_fake{suffix if suffix in CODECS else '.mp4'}"


def translate_videos(
    translator: Translator, videos: Sequence[tuple[Path, str]], results: Results, format: str
) -> list[str]:
    """Translate videos to NAME_fake in the same size and at the same rate; return a line for each that failed.

    All frames have the video's name, so that dropout drops the same in each: it does not flicker.
    """
    troubles = []
    for path, name in videos:
        target = video_path(results, path, name, format)
        if target.exists():
            print(f"{target} is there already and stays (--overwrite to translate it anew)")
            continue
        try:
            video = VideoReader(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            with tqdm(total=len(video) or None, desc=name, unit="frame", disable=None) as bar:
                frames = _translated(translator, video, name, results, bar)
                if format == "frames":
                    _write_frames(target, frames)
                else:
                    write_video(target, frames, rate=video.rate)
        except (OSError, ValueError) as error:
            text = str(error)
            troubles.append(text if str(path) in text else f"{path}: {text}")
    return troubles


def _write_frames(folder: Path, frames: Iterable[np.ndarray]) -> None:
    """Write numbered pictures; the folder gets its name when all are there."""
    with whole_folder(folder) as beside:
        for number, frame in enumerate(frames, 1):
            save_picture(beside / f"{number:06d}.png", frame)


def _translated(
    translator: Translator, video: VideoReader, name: str, results: Results, bar: tqdm
) -> Iterator[np.ndarray]:
    sources: list[np.ndarray] = []

    def named() -> Iterator[tuple[str, np.ndarray]]:
        for frame in video:
            sources.append(frame)
            yield name, frame

    for _, fake in translator.stream(named()):
        source = sources.pop(0)
        # At the network's own size the answer is another's; the frame's comes back.
        answer = resize(results.coding.target.show(fake), *source.shape[:2])
        if results.side_by_side:
            answer = results.beside({"source": Given(source).picture, "fake": answer})
        bar.update()
        yield answer
