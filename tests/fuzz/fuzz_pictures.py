"""Damage picture files of every format at random, and read them: python tests/fuzz/fuzz_pictures.py --trials 10000

A damaged file may be read or refused. Refused is by a ValueError in one line that names the file, at once, in little
memory. Anything else counts: another error, a header that says other than decoding, a crash of a native library, a
word of one on the terminal, a trial of more than 10 seconds of computing or 2 GiB. The files are read in a process of
their own, so that a crash ends no more than a trial. Trial N of seed S is always the same file; --keep DIR saves those
that failed.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from gluon_pix2pix.pictures.files import read_image, read_label_palette, read_labels
from gluon_pix2pix.pictures.headers import file_header
from gluon_pix2pix.pictures.quiet import quiet_libraries

SECONDS, MIB = 10, 2048
NUMBERS = (0, 1, 2, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def whole_files() -> dict[str, bytes]:
    """Return small files of every format and kind, by names whose extensions are the formats'."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:48, :64]
    colours = np.stack([rows * 5, columns * 3, rows * 2 + columns], axis=2).astype(np.uint8)
    colours[::7] = rng.integers(0, 256, (7, 64, 3))
    gray, deep = colours[:, :, 0], rng.integers(0, 65536, (48, 64, 3), np.uint16)
    rgba, cmyk = np.dstack([colours, 255 - gray]), np.dstack([colours, gray])
    palette = Image.fromarray(colours).quantize(16)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {}

    def pillow(name: str, image, **options) -> None:
        stream = io.BytesIO()
        image = image if isinstance(image, Image.Image) else Image.fromarray(image)
        image.save(stream, {"jpg": "JPEG", "jp2": "JPEG2000"}.get(name.split(".")[1], name.split(".")[1]), **options)
        files[name] = stream.getvalue()

    def tiff(name: str, image, **options) -> None:
        stream = io.BytesIO()
        tifffile.imwrite(stream, image, **options)
        files[name] = stream.getvalue()

    frames = [Image.fromarray(np.roll(colours, step, axis=1)) for step in (0, 9)]
    animated = {"save_all": True, "append_images": frames[1:]}
    pillow("plain.jpg", colours, quality=90)
    pillow("444.jpg", colours, subsampling=0, exif=exif)
    pillow("progressive.jpg", colours, progressive=True, restart_marker_blocks=3)
    pillow("gray.jpg", gray)
    pillow("cmyk.jpg", Image.frombytes("CMYK", cmyk.shape[1::-1], cmyk.tobytes()))
    pillow("plain.png", colours)
    pillow("alpha.png", rgba, exif=exif)
    pillow("deep.png", deep[:, :, 0])
    pillow("palette.png", palette, transparency=3)
    pillow("bits.png", gray > 99)
    pillow("frames.png", frames[0], **animated)
    pillow("lossy.webp", colours)
    pillow("lossless.webp", rgba, lossless=True, exif=exif)
    pillow("frames.webp", frames[0], **animated)
    pillow("palette.gif", palette)
    pillow("frames.gif", frames[0], **animated)
    pillow("plain.bmp", colours)
    pillow("palette.bmp", palette)
    pillow("alpha.bmp", rgba)
    pillow("plain.jp2", colours)
    pillow("gray.jp2", deep[:, :, 0])
    pillow("plain.ppm", colours)
    tiff("plain.tif", colours, photometric="rgb")
    tiff("lzw.tif", deep, photometric="rgb", compression="lzw", predictor=True, rowsperstrip=9)
    tiff("tiles.tif", rgba, photometric="rgb", compression="zlib", tile=(16, 16), bigtiff=True)
    tiff("planes.tif", deep.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", byteorder=">")
    tiff("jpeg.tif", colours, photometric="ycbcr", compression="jpeg")
    tiff("palette.tif", gray % 16, photometric="palette", colormap=deep[:16, :16, :].reshape(3, 256))
    tiff("bits.tif", gray > 99, photometric="minisblack")
    tiff("bands.tif", np.dstack([rgba, rgba]), photometric="minisblack", planarconfig="contig", compression="packbits")
    tiff("channels.tif", deep.transpose(2, 0, 1), imagej=True, metadata={"axes": "CYX"})
    tiff("pages.tif", np.stack([gray, gray]), photometric="minisblack")
    for name, array in (("colours.npy", colours), ("deep.npy", deep)):
        stream = io.BytesIO()
        np.save(stream, array)
        files[name] = stream.getvalue()
    return files


def damage(data: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Return the bytes with one to four of their places changed, each in one of eight ways."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        if not data:
            break
        # Headers are short and matter most.
        at = int(rng.integers(len(data)) if rng.random() < 0.5 else rng.integers(min(len(data), 300)))
        length = int(rng.integers(1, 64))
        number = int(NUMBERS[rng.integers(len(NUMBERS))])
        way = rng.integers(8)
        if way == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif way == 1:
            data[at] = int(rng.integers(256))
        elif way == 2:
            data[at : at + 4] = struct.pack("<>"[rng.integers(2)] + "I", number)
        elif way == 3:
            data[at : at + 2] = struct.pack("<>"[rng.integers(2)] + "H", number & 0xFFFF)
        elif way == 4:
            del data[at : at + length]
        elif way == 5:
            data[at:at] = data[at : at + length]
        elif way == 6:
            data[at : at + length * 8] = bytes(len(data[at : at + length * 8]))
        else:
            other = others[rng.integers(len(others))]
            start = int(rng.integers(len(other)))
            data[at : at + length] = other[start : start + length]
    if rng.random() < 0.1:
        del data[int(rng.integers(len(data) + 1)) :]
    return with_checksums(bytes(data)) if rng.random() < 0.7 else bytes(data)


def with_checksums(data: bytes) -> bytes:
    """Put the checksums of a PNG right, so that what is damaged reaches the decoder; other files stay as they are."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    parts, at = [data[:8]], 8
    while at + 12 <= len(data):
        after = min(at + 12 + int.from_bytes(data[at : at + 4], "big"), len(data))
        parts.append(data[at : after - 4] + zlib.crc32(data[at + 4 : after - 4]).to_bytes(4, "big"))
        at = after
    return b"".join(parts) + data[at:]


def trial(number: int, seed: int, files: dict[str, bytes]) -> tuple[str, bytes]:
    """Return the name and the bytes of a trial's file."""
    rng = np.random.default_rng((seed, number))
    names = list(files)
    name = names[number % len(names)]
    return name, damage(files[name], list(files.values()), rng)


def read(path: Path) -> str:
    """Read a file in all the ways that there are, and return "read" or "refused".

    Raises
    ------
    AssertionError
        If something else than a picture or a plain refusal comes of it.
    """

    def ask(function):
        try:
            return function(path)
        except ValueError as error:
            text = str(error)
        assert path.name in text, f"{function.__name__} does not name the file: {text[:300]}"
        assert "\n" not in text, f"{function.__name__} says more than a line: {text[:300]}"
        return None

    header, image, labels = ask(file_header), ask(read_image), ask(read_labels)
    ask(read_label_palette)
    assert image is None or header is not None, "it is read, and its header is refused"
    if image is not None:
        told = (*header.shown, header.channels)
        assert (image.shape, image.dtype) == (told, header.dtype), f"{image.shape} {image.dtype}, and {header}"
    assert labels is None or labels.shape == (*header.shown, 1), f"labels {labels.shape}, and {header}"
    return "read" if image is not None else "refused"


def read_trials(first: int, last: int, seed: int) -> None:
    """Do trials in this process, and print a line for each: its number, how it went, seconds and MiB."""
    files, folder = whole_files(), Path(tempfile.mkdtemp())
    quiet_libraries()  # as every command does
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in range(first, last):
        name, data = trial(number, seed, files)
        path = folder / name
        path.write_bytes(data)
        print(f"begin {number} 0 0", flush=True)
        signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)  # ends the process, within a library too
        start = time.process_time()
        try:
            outcome = read(path)
        except Exception as error:  # whatever it is, it is not what was promised
            outcome = f"failed:{' '.join(f'{type(error).__name__}: {error}'.split())[:300].replace(' ', '_')}"
        mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        print(f"{outcome} {number} {time.process_time() - start:.3f} {mib}", flush=True)
        path.unlink()
    folder.rmdir()


class Tally:
    """What the trials of a format came to."""

    def __init__(self):
        self.read = self.refused = 0
        self.slowest = 0.0


def run(trials: int, seed: int, seconds: float, keep: Path | None) -> int:
    """Do trials until their number or the time is used up, print what they came to, and return how many failed."""
    files, tallies, failures, peak, number = whole_files(), {}, [], 0, 0
    start = time.monotonic()

    def failed(at: int, why: str) -> None:
        name, data = trial(at, seed, files)
        failures.append(f"trial {at} ({name}): {why}")
        if keep:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{at}_{name}").write_bytes(data)

    while number < trials and time.monotonic() - start < seconds:
        command = [sys.executable, __file__, "--child", str(number), str(trials), "--seed", str(seed)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        words = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed below; a pipe would be full when much is said
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=words, text=True, env=environment)
        outcome = "begin"
        for line in child.stdout:
            outcome, at, took, mib = line.split()
            number = int(at) + 1
            if outcome == "begin":
                continue
            tally = tallies.setdefault(trial(int(at), seed, files)[0].split(".")[1], Tally())
            tally.slowest, peak = max(tally.slowest, float(took)), max(peak, int(mib))
            tally.read += outcome == "read"
            tally.refused += outcome == "refused"
            if outcome.startswith("failed:"):
                failed(int(at), outcome[7:].replace("_", " "))
            if float(took) > SECONDS or int(mib) > MIB:
                failed(int(at), f"{took} seconds, {mib} MiB")
                child.kill()  # memory is counted from the beginning of a process
                break
            if time.monotonic() - start > seconds:
                child.kill()
                break
        child.communicate()
        with words:
            words.seek(0)
            said = words.read()
        if outcome == "begin":
            failed(number - 1, f"the process died with {child.returncode}: {said[-300:]}")
            number = max(number, 1)
        elif said.strip():
            failed(number - 1, f"a library printed: {said.strip()[-300:]}")
    print(f"{'format':8}{'trials':>8}{'read':>8}{'refused':>9}{'slowest':>10}")
    for kind, tally in sorted(tallies.items()):
        count = tally.read + tally.refused
        print(f"{kind:8}{count:8,}{tally.read:8,}{tally.refused:9,}{tally.slowest:8.2f} s")
    print(f"{number:,} trials of seed {seed} in {time.monotonic() - start:.0f} s, at most {peak:,} MiB: ", end="")
    print(f"{len(failures):,} failed", *failures, sep="\n")
    return len(failures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many, too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a folder for the files that failed")
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        read_trials(*options.child, options.seed)
        return 0
    return 1 if run(options.trials, options.seed, options.seconds, options.keep) else 0


if __name__ == "__main__":
    sys.exit(main())
