"""The files of a data set looked at before hours are spent: headers, ends and sizes; no picture is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from gluon_pix2pix.errors import one_line
from gluon_pix2pix.pairs.layouts import PairPaths
from gluon_pix2pix.pairs.preprocess import Preprocess
from gluon_pix2pix.pictures.arithmetic import odd_width
from gluon_pix2pix.pictures.headers import file_header
from gluon_pix2pix.threads import in_threads

_THREADS = 8  # they wait for the disk, or for the network that it is on


class Checked(NamedTuple):
    """What a pair's headers say: the pixels in its files, the (height, width) it is brought to, the pixels' type.

    `problem` is a line that says what is wrong with it, and empty if nothing is.
    """

    pixels: int = 0
    size: tuple[int, int] = (0, 0)
    dtype: str = ""
    problem: str = ""


def check_files(pairs: Sequence[PairPaths], preprocess: Preprocess, *, photos: bool = False) -> list[Checked]:
    """Look at every file's header and end, in threads; a file of another depth than most is bad, too.

    Parameters
    ----------
    pairs
        The files.
    preprocess
        What the pictures have to be large enough for.
    photos
        Whether a single file is one picture and not two halves.
    """

    def check(pair: PairPaths) -> Checked:
        try:
            headers = [file_header(path) for path in (pair.a, pair.b) if path]
            height, width = half_size(pair, [header.shown for header in headers], photos=photos)
            size = result_size(pair, preprocess, height, width)
            if headers[0].dtype != headers[-1].dtype:
                raise ValueError(other_depth(pair.b, headers[-1].dtype))
            return Checked(sum(header.height * header.width for header in headers), size, headers[0].dtype)
        except (ValueError, OSError) as error:
            return Checked(problem=one_line(error, *pair.files))

    checked = list(in_threads(check, pairs, workers=_THREADS))
    usual = Counter(found.dtype for found in checked if found.dtype).most_common(1)
    return [
        found if found.problem or found.dtype == usual[0][0] else Checked(problem=other_depth(pair.a, found.dtype))
        for pair, found in zip(pairs, checked)
    ]


def half_size(pair: PairPaths, sizes: Sequence[tuple[int, int]], *, photos: bool = False) -> tuple[int, int]:
    """Return (height, width) of each picture of a pair, from the sizes of its file or files.

    Raises
    ------
    ValueError
        If the halves differ in size, or are too small for a picture.
    """
    height, width = sizes[0]
    if pair.b is None and not photos:
        if width % 2:
            raise ValueError(odd_width(pair.a, width))
        width //= 2
    elif pair.b is not None and sizes[1] != sizes[0]:
        one, other = (f"{wide} x {high} pixels" for high, wide in sizes)
        raise ValueError(f"{pair.a} is {one} and {pair.b} is {other}: the halves of a pair have one size")
    if min(height, width) < 2:
        raise ValueError(f"{pair.a} gives pictures of {width} x {height} pixels: nothing can be learnt from those")
    return height, width


def result_size(pair: PairPaths, preprocess: Preprocess, height: int, width: int) -> tuple[int, int]:
    """Return `preprocess.result_size`, with the file named in the error."""
    try:
        return preprocess.result_size(height, width)
    except ValueError as error:
        raise ValueError(f"{pair.a} has pictures of {error}") from error


def other_depth(path: object, dtype: object) -> str:
    """Say that a file cannot be used with the others, or with its partner."""
    return f"{path} is {dtype} and others are not: all files of a set have one depth"
