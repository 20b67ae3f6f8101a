"""What `evaluate` does with --palette and --segmenter: agreement of label maps, in words and in scores.json."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional, Union

import numpy as np
from tqdm import tqdm

from gluon_pix2pix.commands.evaluate_options import Options
from gluon_pix2pix.commands.find_data import find_data
from gluon_pix2pix.commands.tables import number, table_lines
from gluon_pix2pix.errors import UsageError, option_errors
from gluon_pix2pix.evaluation.label_score import (
    PROTOCOL,
    Confusions,
    columns_of,
    compare_labels,
    compare_photos,
    summarise_labels,
)
from gluon_pix2pix.evaluation.pairing import Translated
from gluon_pix2pix.evaluation.palettes import LABELS_ARE_B, PALETTES, Palette, check_colours, read_palette
from gluon_pix2pix.evaluation.score import map_pairs
from gluon_pix2pix.evaluation.segmentation import MEANS
from gluon_pix2pix.pairs.locate import Located
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.wording import count


class LabelTask(NamedTuple):
    """What is to be scored: label pictures, or photos by a segmenter trained on `dataset`."""

    palette_name: str
    palette: Palette
    dataset: Optional[Located] = None
    direction: str = ""


def label_task(options: Options) -> Optional[LabelTask]:
    """Read off the options what is asked for; None if nothing is.

    Raises
    ------
    UsageError
        If they do not fit together, or there is no such palette.
    """
    if not options.segmenter:
        given = {"--dataset": options.dataset, "--direction": options.direction, "--gpu": options.gpu}
        for word, value in {**given, "--segmenter-dir": options.segmenter_dir}.items():
            if value is not None:
                raise UsageError(f"{word} is for --segmenter")
        if options.palette is None:
            return None
        with option_errors():
            return LabelTask(options.palette, read_palette(options.palette))
    if options.dataset is None:
        raise UsageError("--segmenter needs --dataset: a segmenter is trained on the real pairs of the data set")
    if options.segmenter_epochs < 1 or options.seed < 0:
        raise UsageError("--segmenter-epochs is 1 or more, and --seed 0 or more")
    with option_errors():
        dataset = find_data(options.dataset, options.data_root)
        name = options.palette or LABELS_ARE_B.get(dataset.name)
        if name is None:
            raise UsageError(
                f"--segmenter on {dataset.name} needs --palette: {', '.join(PALETTES)}, or a file of names and colours"
            )
        return LabelTask(name, read_palette(name), dataset, options.direction or dataset.direction)


def without_source(task: Optional[LabelTask], pairs: Sequence[Translated]) -> list[str]:
    """Name the pairs that a segmenter cannot score, before it is trained."""
    if task is None or task.dataset is None:
        return []
    lacking = [pair for pair in pairs if pair.source is None]
    return [
        f"{pair.fake} has no source beside it, or several, and a segmenter looks for its labels" for pair in lacking
    ]


def check_label_colours(task: LabelTask, pairs: Sequence[Translated], folder: Path) -> None:
    """See that the first pictures that should show labels do: targets, or what a segmenter looks for, the sources.

    Raises
    ------
    ValueError
        If they are not of the palette.
    """
    what = "targets" if task.dataset is None else "sources"
    paths = (pair.target if task.dataset is None else pair.source for pair in pairs[:20])
    check_colours(_readable(paths), task.palette, what=f"the {what} in {folder}")


def score_labels(
    task: LabelTask, pairs: Sequence[Translated], segmenter: Optional[Callable] = None, *, workers: int = 1
) -> list[Union[Confusions, str]]:
    """Return each pair's confusion matrices, or a line that says why it has none; `segmenter` is for photos."""
    if segmenter is None:
        compare = partial(compare_labels, palette=task.palette)
    else:
        compare, workers = partial(compare_photos, palette=task.palette, segmenter=segmenter), 1
    results = map_pairs(compare, pairs, workers=workers)
    return list(tqdm(results, "labels", total=len(pairs), unit="picture", disable=None, leave=False))


def _readable(paths: Iterable[Path]) -> list[np.ndarray]:
    pictures = []
    for path in paths:
        with contextlib.suppress(ValueError, OSError):  # named when it is compared
            pictures.append(read_image(path))
    return pictures


def label_section(task: LabelTask, confusions: Sequence[Confusions], facts: dict[str, Any]) -> dict[str, Any]:
    """Return what scores.json says of labels."""
    section = {"palette": task.palette_name, "protocol": PROTOCOL}
    for kind in confusions[0]:
        section[kind] = summarise_labels([matrices[kind] for matrices in confusions], task.palette)
    if facts:
        section["segmenter"] = facts
    return {"labels": section}


def label_columns(confusions: Sequence[Confusions]) -> list[dict[str, Any]]:
    """Return the columns that each picture's row gets."""
    return [columns_of(matrices) for matrices in confusions]


def label_report(section: Optional[dict[str, Any]]) -> list[str]:
    """Return the lines that show `label_section`; none of None."""
    if section is None:
        return []
    labels = section["labels"]
    kinds = [kind for kind in ("fake", "real") if kind in labels]
    titles = {
        "fake": "translated photos" if "real" in labels else "label pictures",
        "real": "real photos (the ceiling)",
    }
    lines = ["", f"Labels ({labels['palette']}): {labels['protocol']}"]
    if "segmenter" in labels:
        facts = labels["segmenter"]
        lines.append(
            f"a network trained on {count(facts['pairs'], 'real pair')} reads the labels off each photo, and they are "
            f"compared with the source ({facts['path']})"
        )
    rows = [["", *(name.replace("_", " ").replace("iou", "IoU") for name in MEANS)]]
    rows += [[titles[kind], *(number(labels[kind][name], 4) for name in MEANS)] for kind in kinds]
    if "real" in labels:
        shares = [_part(labels["fake"][name], labels["real"][name]) for name in MEANS]
        rows.append(["of the ceiling", *shares])
    lines += ["", *table_lines(rows)]
    lines += ["", *_class_lines(labels, kinds)]
    for kind in kinds:
        if labels[kind]["absent"]:
            names = ", ".join(labels[kind]["absent"])
            lines.append(f"{titles[kind]}: in no mean, as neither they nor the truth have any: {names}")
    return lines


def _part(value: Optional[float], ceiling: Optional[float]) -> str:
    return f"{100 * value / ceiling:.0f} %" if value is not None and ceiling else "-"


def _class_lines(labels: dict[str, Any], kinds: Sequence[str]) -> list[str]:
    several = len(kinds) > 1
    rows = [["class", "of the pixels"]]
    for kind in kinds:
        rows[0] += [f"{kind} {name}" if several else name for name in ("accuracy", "IoU")]
    for classes in zip(*(labels[kind]["classes"] for kind in kinds)):
        share = classes[0]["share"]
        row = [classes[0]["name"], "-" if share is None else f"{100 * share:.2f} %"]
        for scores in classes:
            row += [number(scores["accuracy"], 4), number(scores["iou"], 4)]
        rows.append(row)
    return table_lines(rows)
