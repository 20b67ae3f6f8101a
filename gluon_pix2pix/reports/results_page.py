"""The page of a scored folder, index.html: every picture with its scores, sortable, to be compared with its target."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from hashlib import sha1
from pathlib import Path
from typing import Any, Optional

import numpy as np
from dominate import tags

from gluon_pix2pix.pictures.arithmetic import resize
from gluon_pix2pix.pictures.collage import collage, for_screen
from gluon_pix2pix.pictures.files import PathLike, read_image, write_image
from gluon_pix2pix.reading import read_json
from gluon_pix2pix.reports.charts import is_number
from gluon_pix2pix.reports.page import as_url, printable, write_page
from gluon_pix2pix.threads import in_threads

THUMB = 128  # pixels that a picture in the overview is high
GAP = 2
ROLES = ("source", "fake", "target")
_SHOWN_BY_BROWSERS = (".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".webp", ".bmp", ".gif")
_NO_METRICS = ("width", "height", "channels", "bits")
_LOWER_IS_BETTER = {"mse", "mae", "rmse", "checkerboard"}
# What the page relies on in scores.json; every other number of a picture counts as a score.
_PICTURE = {"name": str, "fake": str, "target": str, "source?": (str, None), "folder?": str}
_SCORES = {"pictures": [_PICTURE], "folder?": (str, None), "targets?": (str, None), "left_out?": [str]}
_SCORES |= {"folders?": (None, {str: dict}), "protocol?": dict, "versions?": dict}
# matplotlib's inferno at 17 places, as the three tables that an SVG filter takes, for red, green and blue.
HEAT = (
    ".001 .042 .129 .238 .342 .441 .541 .640 .736 .822 .894 .947 .978 .988 .975 .948 .988",
    ".000 .028 .047 .037 .062 .099 .135 .171 .216 .275 .353 .449 .558 .675 .798 .917 .998",
    ".014 .141 .291 .396 .429 .432 .415 .381 .330 .266 .194 .115 .035 .065 .206 .411 .645",
)
_ACRONYMS = {"psnr", "ssim", "ms", "mse", "mae", "rmse", "iou", "y"}


def write_results_page(folder: PathLike, *, workers: int = 2) -> Path:
    """Write index.html and its thumbs/ beside the scores.json of `folder`; return the page's path.

    Parameters
    ----------
    folder
        Where `evaluation.score.write_scores` has written. Every number of its rows counts as a score.
    workers
        How many pictures to shrink at a time.

    Raises
    ------
    FileNotFoundError
        If there is no scores.json, or a picture that it names is gone.
    ValueError
        If scores.json is not what `write_scores` writes, or a picture does not decode.
    """
    folder = Path(folder)
    report = _read_scores(folder / "scores.json")
    rows = report["pictures"]
    (folder / "thumbs").mkdir(exist_ok=True)
    shown = list(in_threads(lambda files: _write_thumb(files, folder), _files_of_rows(report, folder), workers=workers))
    metrics = _describe_scores(rows)
    pictures = [
        {"name": _label(row), "scores": [_for_page(row.get(metric["key"])) for metric in metrics], **files}
        for row, files in zip(rows, shown)
    ]
    name = folder.resolve().name
    data = {"metrics": metrics, "pictures": pictures, "heat": HEAT}
    scripts = ("page.js", "overview.js", "viewer.js", "results.js")
    write_page(
        folder / "index.html",
        f"{name}: results",
        data,
        partial(_add_body, name, report),
        styles=("page.css", "results.css"),
        scripts=scripts,
    )
    return folder / "index.html"


def _read_scores(path: Path) -> dict:
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there: `evaluate` writes it")
    return read_json(path, _SCORES, what="a file of scores as `evaluate` writes it")


def _files_of_rows(report: dict, folder: Path) -> list[dict[str, Path]]:
    """Return the files of each row by role. In scores.json they are relative to the folders that were scored."""
    rows = report["pictures"]
    here = not rows or (folder / rows[0]["fake"]).exists()  # moved with its pictures, perhaps
    scored = folder if here else Path(report.get("folder") or ".")
    bases = {"target": Path(report["targets"])} if report.get("targets") else {}
    return [{role: bases.get(role, scored) / row[role] for role in ROLES if row.get(role)} for row in rows]


def _write_thumb(files: dict[str, Path], folder: Path) -> dict[str, Any]:
    """Write one small picture of all that belongs to a row; return what the page needs to show it and its files.

    Names begin with a dot: whoever looks for results in this folder shall not find these.
    """
    key = sha1(os.fsencode(os.path.relpath(files["fake"], folder))).hexdigest()[:16]
    images = {role: for_screen(read_image(path)) for role, path in files.items()}
    urls = {role: as_url(os.path.relpath(path, folder)) for role, path in files.items()}
    for role, path in files.items():
        if path.suffix.lower() not in _SHOWN_BY_BROWSERS:
            urls[role] = f"thumbs/.{key}_{role}.png"
            write_image(folder / urls[role], images[role])
    strip = collage([[_small(image) for image in images.values()]], gap=GAP, ground=0)
    write_image(folder / "thumbs" / f".{key}.jpg", strip)
    height, width = images["target"].shape[:2]
    return {"thumb": f"thumbs/.{key}.jpg", "strip": strip.shape[1::-1], "size": (width, height), "files": urls}


def _small(image: np.ndarray) -> np.ndarray:
    """Return a picture as the overview has it: (THUMB, W, 3) uint8."""
    height, width = image.shape[:2]
    return resize(image, THUMB, max(1, round(width * THUMB / height)))


def _describe_scores(rows: Sequence[dict]) -> list[dict]:
    """List the scores that any row has: key, title, unit, decimals, and whether a low one is the better."""
    keys: dict[str, None] = {}
    for row in rows:
        keys |= {key: None for key, value in row.items() if _is_score(key, value)}
    metrics = []
    for key in keys:
        words = [word.upper() if word in _ACRONYMS else word for word in key.split("_")]
        title = " ".join([words[0][:1].upper() + words[0][1:], *words[1:]]).replace("MS SSIM", "MS-SSIM")
        low = not _LOWER_IS_BETTER.isdisjoint(key.split("_"))
        size = np.median([abs(float(row[key])) for row in rows if is_number(row.get(key))] or [1])
        decimals = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 4
        unit = "dB" if "PSNR" in words or key == "checkerboard" else ""
        metrics.append({"key": key, "title": title, "unit": unit, "low": low, "decimals": decimals})
    return metrics


def _is_score(key: str, value: Any) -> bool:
    return key not in _NO_METRICS and (is_number(value) or value == "inf")


def _for_page(score: Any) -> Any:
    """Return a score as the page holds it: a number of six digits, "inf", or None if there is none."""
    if is_number(score):
        return float(f"{score:.6g}") if isinstance(score, float) else score
    return "inf" if score == "inf" else None


def _label(row: dict) -> str:
    folder = row.get("folder", ".")
    return printable(row["name"] if folder == "." else f"{folder}/{row['name']}")


def _add_body(name: str, report: dict) -> None:
    pictures = report["pictures"]
    sizes = {(row.get("width"), row.get("height")) for row in pictures} - {(None, None)}
    with tags.header():
        tags.h1(printable(name))
        words = [f"{len(pictures)} picture{'s' * (len(pictures) != 1)}"]
        words += [f"{width} x {height} pixels" for width, height in sizes] if len(sizes) == 1 else []
        words += [f"targets in {report['targets']}"] if report.get("targets") else []
        tags.p(printable("  ·  ".join(words)), cls="quiet")
    tags.section(id="tiles", aria_label="Scores")
    tags.div(id="tools", role="search")
    tags.main(id="pictures")
    with tags.section(cls="about"):
        _left_out(report.get("left_out", []))
        _folders(report.get("folders") or {})
        with tags.details(open=True):
            tags.summary("How the scores are computed")
            with tags.dl():
                for key, text in report.get("protocol", {}).items():
                    tags.dt(key.replace("_", " "))
                    tags.dd(str(text))
    with tags.footer():
        for file in ("scores.json", "scores.csv"):
            tags.a(file, href=file)
        versions = report.get("versions", {})
        tags.span("  ·  ".join(f"{key} {value}" for key, value in versions.items()), cls="quiet")
    tags.noscript("The pictures are listed by this page's own script, which the browser has switched off.")


def _left_out(lines: Sequence[str]) -> None:
    if lines:
        with tags.details(open=True, cls="left-out"):
            tags.summary(f"Left out: {len(lines)}")
            with tags.ul():
                for line in lines:
                    tags.li(printable(line))


def _folders(folders: dict[str, dict]) -> None:
    """Show the means of each folder, where there are several."""
    if len(folders) < 2:
        return
    keys = [key for key, value in next(iter(folders.values())).items() if isinstance(value, dict) and "mean" in value]
    with tags.details(open=True):
        tags.summary("Means of the folders")
        with tags.div(cls="scroll"), tags.table(cls="means"):
            with tags.tr():
                for title in ("", "pictures", *keys):
                    tags.th(title.replace("_", " "))
            for folder, summary in folders.items():
                with tags.tr():
                    tags.th(printable(folder), scope="row")
                    tags.td(str(summary.get("pictures", "")))
                    for key in keys:
                        tags.td(_four_digits((summary.get(key) or {}).get("mean")))


def _four_digits(value: Optional[Any]) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else str("-" if value is None else value)
