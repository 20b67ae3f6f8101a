"""The page of a scored folder, index.html: every picture with its scores, sortable, to be compared with its target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Optional

import numpy as np
from dominate import tags

from gluon_pix2pix.pictures.files import PathLike
from gluon_pix2pix.reading import read_json
from gluon_pix2pix.reports.charts import is_number
from gluon_pix2pix.reports.gallery import Shown, add_gallery, add_head, add_noscript, write_gallery
from gluon_pix2pix.reports.page import printable
from gluon_pix2pix.reports.translations_page import about_translation
from gluon_pix2pix.wording import count

ROLES = ("source", "fake", "target")
_NO_METRICS = ("width", "height", "channels", "bits")
_LOWER_IS_BETTER = {"mse", "mae", "rmse", "checkerboard"}
# What the page relies on in scores.json; every other number of a picture counts as a score.
_PICTURE = {"name": str, "fake": str, "target": str, "source?": (str, None), "folder?": str}
_SCORES = {"pictures": [_PICTURE], "folder?": (str, None), "targets?": (str, None), "left_out?": [str]}
_SCORES |= {"folders?": (None, {str: dict}), "protocol?": dict, "versions?": dict}
LONGEST_HEAD = 4  # lines about translations above the pictures
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
    metrics = _describe_scores(rows)
    pictures = [
        Shown(_label(row), files, [_for_page(row.get(metric["key"])) for metric in metrics])
        for row, files in zip(rows, _files_of_rows(report, folder))
    ]
    name = folder.resolve().name
    add_body = partial(_add_body, name, report, _translations(pictures, folder))
    return write_gallery(folder, f"{name}: results", pictures, add_body, main="fake", metrics=metrics, workers=workers)


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


def _translations(pictures: Sequence[Shown], folder: Path) -> list[str]:
    """Say by what the pictures were translated, a line for each folder that records it, of which a few are enough."""
    found = {}
    for one in pictures:
        for above in (one.files["fake"].parent, *one.files["fake"].parents):
            if above not in found and (line := about_translation(above)):
                found[above] = line
            if above in found or above == folder:
                break
    lines = [line if len(found) == 1 else f"{path.name}: {line}" for path, line in found.items()]
    return lines if len(lines) <= LONGEST_HEAD else [*lines[:LONGEST_HEAD], f"and {len(lines) - LONGEST_HEAD} more"]


def _add_body(name: str, report: dict, translated: Sequence[str]) -> None:
    pictures = report["pictures"]
    sizes = {(row.get("width"), row.get("height")) for row in pictures} - {(None, None)}
    words = [count(len(pictures), "picture")]
    words += [f"{width} x {height} pixels" for width, height in sizes] if len(sizes) == 1 else []
    words += [f"targets in {report['targets']}"] if report.get("targets") else []
    add_head(name, "  ·  ".join(words), *translated)
    add_gallery()
    with tags.section(cls="about"):
        _left_out(report.get("left_out", []))
        _folders(report.get("folders") or {})
        with tags.details(open=True):
            tags.summary("How the scores are computed")
            with tags.dl():
                for key, text in protocol_of(report).items():
                    tags.dt(key.replace("_", " "))
                    tags.dd(str(text))
    with tags.footer():
        for file in ("scores.json", "scores.csv"):
            tags.a(file, href=file)
        versions = report.get("versions", {})
        tags.span("  ·  ".join(f"{key} {value}" for key, value in versions.items()), cls="quiet")
    add_noscript()


def protocol_of(report: Mapping) -> dict[str, str]:
    """Return how those scores were computed that the report's pictures have, and what its inf and null mean."""
    rows = report["pictures"]
    there = {key for row in rows for key, value in row.items() if _is_score(key, value)}
    values = [row[key] for row in rows for key in row if key in there]
    told = {"mse_mae": there & {"mse", "mae"}, "psnr_rgb": there & {"psnr_r", "psnr_g", "psnr_b"}}
    told |= {"inf": "inf" in values, "null": None in values, "psnr_of_mean_mse": False, "psnr_mean_of_finite": False}
    return {key: str(text) for key, text in report.get("protocol", {}).items() if told.get(key, key in there)}


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
