"""The files of a split looked at before hours are spent: one verdict, which training and `data check` both give.

Of pictures the headers and ends are looked at; label maps, whose values matter, are decoded.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable, NamedTuple, Optional, Union

import numpy as np

from gluon_pix2pix.errors import one_line
from gluon_pix2pix.pairs.coding import Coding, OneHot, make_coding
from gluon_pix2pix.pairs.file_memory import FileMemory
from gluon_pix2pix.pairs.label_colours import Contradiction, LabelColours, colours_of
from gluon_pix2pix.pairs.layouts import PairPaths
from gluon_pix2pix.pairs.lost_values import lost_values, without_colours
from gluon_pix2pix.pairs.preprocess import Preprocess
from gluon_pix2pix.pictures.arithmetic import odd_width
from gluon_pix2pix.pictures.files import read_label_palette, read_labels
from gluon_pix2pix.pictures.headers import file_header
from gluon_pix2pix.threads import in_threads
from gluon_pix2pix.wording import command, count

_THREADS = 8  # they wait for the disk, or for the network that it is on
_CHUNK = 32  # files that a thread looks at at a time: to hand over one alone takes as long as its header

Progress = Callable[[int, int], None]  # called with how many are done, and of how many


class Facts(NamedTuple):
    """What one file says of itself, as people see it.

    Of a label map also the labels that it holds, and their colours in its palette, if it has one.
    """

    height: int
    width: int
    channels: int
    alpha: bool
    dtype: str
    labels: Sequence[int] = ()
    colours: Sequence[str] = ()


class Checked(NamedTuple):
    """What is known of a pair: the pixels in its files, the (height, width) it is brought to, the pixels' type.

    `problem` is a line that says what is wrong with it, and empty if nothing is; `facts` are those of its files.
    """

    pixels: int = 0
    size: tuple[int, int] = (0, 0)
    dtype: str = ""
    problem: str = ""
    facts: Sequence[Facts] = ()


class Verdict(NamedTuple):
    """What was found: of each pair, in their order; lines on what may be wrong, and stops nobody; the labels' colours.

    `label_colours` has those of "source" and "target", as `LabelColours.known` returns them, where there are any.
    """

    checked: list[Checked]
    notes: list[str]
    label_colours: dict[str, dict[str, str]]


def check_pairs(
    pairs: Sequence[PairPaths],
    coding: Optional[Coding] = None,
    *,
    direction: str = "AtoB",
    preprocess: Optional[Preprocess] = None,
    memory: Optional[FileMemory] = None,
    progress: Optional[Progress] = None,
) -> Verdict:
    """Look at every pair's files, in threads.

    Wrong is a file that cannot be read, or has not the channels or labels of the task; a pair whose halves differ in
    size, or are too small; a file of another depth than most; and a label map whose palette contradicts an earlier one.

    Parameters
    ----------
    pairs
        The files.
    coding
        The task's; pictures that it gives 0 channels may have any number. None for pairs of any channels.
    direction
        "AtoB" if A is the source.
    preprocess
        What the pictures have to be large enough for; None for any size.
    memory
        What was found at an earlier time.
    progress
        Called with the files looked at and their number.

    """
    coding = coding or make_coding(input_nc=0, output_nc=0)
    roles = _roles(pairs, coding, direction)
    found = _look_at_all([role for some in roles for role in some], memory or FileMemory(None), progress)
    colours = LabelColours(), LabelColours()  # of A and of B
    checked = []
    for pair, some in zip(pairs, roles):
        facts = [next(found) for _ in some]
        try:
            checked.append(_judge(pair, some, facts, coding, preprocess, colours))
        except ValueError as error:
            checked.append(Checked(problem=one_line(error, *pair.files)))
    usual = Counter(one.dtype for one in checked if one.dtype).most_common(1)
    for number, one in enumerate(checked):
        if one.dtype and one.dtype != usual[0][0]:
            checked[number] = Checked(problem=other_depth(pairs[number].a, one.dtype))
    files = [(path, facts) for pair, one in zip(pairs, checked) for path, facts in zip(pair.files, one.facts)]
    notes = lost_values(files) + (without_colours(files) if coding.task == "colorization" else [])
    notes += [] if coding.from_photos else _maybe_photos(pairs, checked)
    known = [seen.known() for seen in colours]
    if pairs and pairs[0].b is None:
        known = [known[0], known[0]]  # both halves have the file's palette
    by_role = dict(zip(("source", "target"), known if direction == "AtoB" else known[::-1]))
    return Verdict(checked, notes, {role: labels for role, labels in by_role.items() if labels})


def _maybe_photos(pairs: Sequence[PairPaths], checked: Sequence[Checked]) -> list[str]:
    """Say that files which are all less than twice as wide as high are cut in two: they may be whole photos."""
    facts = [one.facts[0] for pair, one in zip(pairs, checked) if pair.b is None and one.facts]
    if not facts or any(one.width >= 2 * one.height for one in facts):
        return []
    return [
        f"{pairs[0].a}, {facts[0].width} x {facts[0].height} pixels, is taken for a pair like all of its folder: the "
        "left half is A, the right half B; whole photos are for --task colorization or inpainting"
    ]


class _Role(NamedTuple):
    """A file, and what it has to be: a picture of so many channels (0: any), or a label map of so many labels."""

    path: Path
    channels: int = 0
    labels: int = 0


def _roles(pairs: Sequence[PairPaths], coding: Coding, direction: str) -> list[list[_Role]]:
    """Return the files of each pair, A first."""
    coders = (coding.source, coding.target) if direction == "AtoB" else (coding.target, coding.source)
    photo, both, a, b = {"channels": 3}, _wanted(coders), _wanted(coders[:1]), _wanted(coders[1:])
    if coding.from_photos:
        return [[_Role(pair.a, **photo)] for pair in pairs]
    return [[_Role(pair.a, **both)] if pair.b is None else [_Role(pair.a, **a), _Role(pair.b, **b)] for pair in pairs]


def _wanted(coders: Sequence) -> dict[str, int]:
    """Return what a file has to be of which the halves are coded so."""
    if any(isinstance(coder, OneHot) for coder in coders):
        return {"labels": min(coder.channels for coder in coders)}
    return {"channels": max(coder.channels for coder in coders)}


def _look_at_all(
    roles: Sequence[_Role], memory: FileMemory, progress: Optional[Progress]
) -> Iterator[Union[Facts, Exception]]:
    """Yield what each file says of itself, or why it cannot be read."""
    found = in_threads(lambda role: _look(role, memory), roles, workers=_THREADS, chunk=_CHUNK)
    for done, facts in enumerate(found, 1):
        if progress and (done % _CHUNK == 0 or done == len(roles)):
            progress(done, len(roles))
        yield facts


def _look(role: _Role, memory: FileMemory) -> Union[Facts, Exception]:
    try:
        status = os.stat(role.path)
        if known := memory.recall(role.path, status):
            facts = Facts(*known)
            if not role.labels or facts.labels:
                return facts
        facts = _facts_of(role)
        memory.learn(role.path, status, facts)
        return facts
    except (ValueError, OSError) as error:
        return error


def _facts_of(role: _Role) -> Facts:
    header = file_header(role.path)
    facts = Facts(*header.shown, header.channels, header.alpha, header.dtype)
    if not role.labels:
        return facts
    try:
        labels = [int(label) for label in np.flatnonzero(np.bincount(read_labels(role.path).ravel()))]
    except ValueError as error:
        raise ValueError(f"{error}{_remedy(role.path)}") from error
    palette = read_label_palette(role.path)
    if palette is None:
        return facts._replace(labels=labels)
    return facts._replace(labels=labels, colours=colours_of(labels, palette))


def _judge(
    pair: PairPaths,
    roles: Sequence[_Role],
    facts: Sequence[Union[Facts, Exception]],
    coding: Coding,
    preprocess: Optional[Preprocess],
    colours: Sequence[LabelColours],
) -> Checked:
    """Say what is known of a pair from what its files say; ValueError if something is wrong with it."""
    for role, one, seen in zip(roles, facts, colours):
        if isinstance(one, Exception):
            raise ValueError(one_line(one, role.path))
        if role.labels:
            _check_labels(role, one)
            _check_colours(role, one, seen)
        else:
            _check_channels(role, one)
    height, width = half_size(pair, [one[:2] for one in facts], photos=coding.from_photos)
    size = result_size(pair, preprocess, height, width) if preprocess else (height, width)
    depths = [one.dtype for role, one in zip(roles, facts) if not role.labels]  # labels are indices, whatever it is
    if len(set(depths)) > 1:
        raise ValueError(other_depth(roles[-1].path, facts[-1].dtype))
    return Checked(sum(one.height * one.width for one in facts), size, (depths or [facts[0].dtype])[0], facts=facts)


def _check_channels(role: _Role, facts: Facts) -> None:
    usual = role.channels in (1, 3)
    has = facts.channels if usual else facts.channels + facts.alpha
    if role.channels and has != role.channels and not (usual and has in (1, 3)):
        asked = f"{role.channels} are asked for (--input-nc for the source, --output-nc for the target)"
        raise ValueError(f"{role.path} has {count(has, 'channel')}, and {asked}")


def _check_labels(role: _Role, facts: Facts) -> None:
    if facts.labels[-1] >= role.labels:
        kind = ", a mask of 0 and 255" if list(facts.labels) == [0, 255] else ""
        words = f"it holds label {facts.labels[-1]}, and {role.labels} labels count from 0"
        raise ValueError(f"{role.path}{kind}: {words}{_remedy(role.path)}")


def _check_colours(role: _Role, facts: Facts, seen: LabelColours) -> None:
    try:
        seen.add(role.path, facts.labels, facts.colours)
    except Contradiction as error:
        raise ValueError(f"{error}{_remedy(role.path)}") from None


def _remedy(path: Path) -> str:
    """Name the command that makes label maps, with one palette, of label pictures of other kinds."""
    return f"; {command('data', 'labels', path.parent, 'OUTPUT')} makes such label maps"


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
