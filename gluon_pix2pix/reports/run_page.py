"""The page of a run, index.html: how far it is, its samples through time, its curves, warnings and options."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Optional

from dominate import tags

from gluon_pix2pix.pictures.folders import natural_key
from gluon_pix2pix.reports.charts import charts_of, epochs_at, steps_per_epoch
from gluon_pix2pix.reports.page import as_url, printable, write_page
from gluon_pix2pix.runs.checkpoint_list import best_checkpoint, read_state_file
from gluon_pix2pix.runs.log import read_log
from gluon_pix2pix.runs.options_file import read_options
from gluon_pix2pix.wording import command

WARNINGS_SHOWN = 6  # the newest; all are in log.jsonl
_STATES = {"start": "training", "stop": "stopped", "error": "failed"}
_FILES = ("log.jsonl", "losses.csv", "losses.png", "options.json")


def write_run_page(
    run_dir: Path, events: Optional[Sequence[dict]] = None, *, defaults: Optional[Mapping[str, Any]] = None
) -> None:
    """Write index.html into a run's folder, from its options.json, log.jsonl and samples.

    Parameters
    ----------
    run_dir
        The run.
    events
        Its log, if the caller has read it already.
    defaults
        What options are by default: those that differ come first. Without, all are shown alike.

    Raises
    ------
    OSError
        If the folder cannot be read or written.
    ValueError
        If options.json is not that of a run.
    """
    if events is None:
        events = read_log(run_dir)
    run = read_options(run_dir) if (run_dir / "options.json").exists() else {}
    options = run.get("options", {})
    facts = progress_of(events, total=(options.get("n_epochs") or 0) + (options.get("n_epochs_decay") or 0))
    charts = [
        {
            "title": chart.title,
            "good": chart.good,
            "noisy": chart.group in ("loss", "health"),
            "ceiling": chart.top,
            "from_zero": chart.group in ("speed", "rate"),
            "curves": [{"name": name, "x": _five_digits(x), "y": _five_digits(y)} for name, x, y in curves],
        }
        for chart, curves in charts_of(events)
    ]
    steps = steps_per_epoch(events)
    warned = [epochs_at(event, steps) for event in events if event["event"] == "warning" and "epoch" in event]
    facts |= {"seconds": seconds_of(events), "best": _best_epoch(run_dir), "megabytes": _megabytes(run_dir)}
    data = {**facts, "charts": charts, "warned": _five_digits(warned), "samples": _samples(run_dir)}
    name = run_dir.resolve().name
    files = [file for file in _FILES if (run_dir / file).exists()]
    write_page(
        run_dir / "index.html",
        f"{name}: run",
        data,
        partial(_add_body, run_dir, run, events, files, defaults),
        styles=("page.css", "run.css"),
        scripts=("page.js", "charts.js", "player.js", "run.js"),
    )


def progress_of(events: Sequence[dict], *, total: int) -> dict:
    """Say how far a run of `total` epochs is.

    Returns
    -------
    dict
        "state" (training, stopped, failed, finished), "epochs" done (with their fraction), "total", the last line's
        "images_per_second", "left" (seconds at the pace since the last start, samples and validation included),
        "updated" (Unix time) and "pace" (seconds from line to line); None where that is not known.
    """
    steps = steps_per_epoch(events)
    states = [_STATES[event["event"]] for event in events if event["event"] in _STATES]
    done = max((epochs_at(event, steps) for event in events if event["event"] in ("train", "epoch")), default=0)
    ended = max((event["epoch"] for event in events if event["event"] == "epoch"), default=0)
    starts = [number for number, event in enumerate(events) if event["event"] == "start"]
    lines = [event for event in events[starts[-1] if starts else 0 :] if event["event"] == "train"]
    timed = [(event["time"], epochs_at(event, steps)) for event in lines if event.get("time") is not None]
    left = pace = None
    if len(timed) > 1 and timed[-1][1] > timed[0][1]:
        (began, first), (now, last) = timed[0], timed[-1]
        left = round((now - began) / (last - first) * max(total - last, 0), 1)
        pace = round((now - began) / (len(timed) - 1), 1)
    state = "finished" if total and ended >= total else states[-1] if states else "training"
    rate = lines[-1].get("images_per_second") if lines else None
    facts = {"state": state, "epochs": done, "total": total, "images_per_second": rate, "left": left, "pace": pace}
    return {**facts, "updated": timed[-1][0] if timed else None}


def seconds_of(events: Sequence[dict]) -> float:
    """Return how long a run has trained, without the time between a stop and the next start; from the first line on."""
    total, before = 0.0, None
    for event in events:
        if event["event"] == "start":
            before = None
        elif event["event"] == "train" and event.get("time") is not None:
            total += max(event["time"] - before, 0) if before is not None else 0
            before = event["time"]
    return round(total, 1)


def _best_epoch(run_dir: Path) -> Optional[int]:
    try:
        best = best_checkpoint(run_dir / "checkpoints")
        return read_state_file(best)["epoch"] if best else None
    except (OSError, ValueError):  # no checkpoints yet, or one that whoever loads it will name
        return None


def _megabytes(run_dir: Path) -> float:
    sizes = []
    for path in run_dir.rglob("*"):
        with contextlib.suppress(OSError):  # it goes while it is looked at
            sizes.append(path.stat().st_size if path.is_file() else 0)
    return float(f"{sum(sizes) / 1e6:.3g}")


def _commands(run_dir: Path, changed: Mapping[str, Any]) -> None:
    """Show the commands that go with a run; the same one begins it and goes on with it."""
    words = [word for key, value in changed.items() for word in _typed(key, value)]
    if "run_dir" not in changed:
        words += ["--run-dir", run_dir]
    lines = [("train, go on", command("train", *words))] if changed else []
    lines.append(("translate", command("translate", "--model", run_dir, "--input", "PICTURES")))
    with tags.section(cls="commands", aria_label="Commands"):
        for what, line in lines:
            with tags.div(cls="command"):
                tags.span(what)
                tags.code(printable(line))
                tags.button("Copy", type="button", aria_label=f"Copy the command: {what}")


def _typed(key: str, value: Any) -> list[str]:
    """Return an option as one types it; nothing where it is not set."""
    name = key.replace("_", "-")
    if value is None:
        return []
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if str(value).startswith("-"):
        return [f"--{name}={value}"]
    return [f"--{name}", *map(str, value if isinstance(value, (list, tuple)) else [value])]


def _table(options: Mapping[str, Any]) -> None:
    with tags.table(cls="options"):
        for key, value in options.items():
            with tags.tr():
                tags.th(f"--{key.replace('_', '-')}", scope="row")
                tags.td("not set" if value is None else str(value), cls="unset" if value is None else "")


def _add_body(
    run_dir: Path,
    run: dict,
    events: Sequence[dict],
    files: Sequence[str],
    defaults: Optional[Mapping[str, Any]],
) -> None:
    name = run_dir.resolve().name
    options = run.get("options", {})
    device = next((event for event in reversed(events) if event["event"] == "device"), {})
    words = [options.get("generator"), *(device.get(key) for key in ("data", "direction", "device"))]
    with tags.header():
        with tags.div(cls="headline"):
            tags.h1(name)
            tags.span(cls="state", id="state")
        tags.p("  ·  ".join(str(word) for word in words if word), cls="quiet")
        with tags.div(cls="progress", role="progressbar", aria_label="epochs done"):
            tags.div(id="done")
        tags.div(cls="facts", id="facts")
    _warnings([event for event in events if event["event"] == "warning"], [e for e in events if e["event"] == "error"])
    with tags.main(cls="columns"):
        tags.section(id="samples", aria_label="Samples by epoch")
        tags.section(id="charts", aria_label="Curves")
    missing = object()
    changed = {k: v for k, v in options.items() if defaults is None or defaults.get(k, missing) != v}
    if options:
        _commands(run_dir, changed if defaults is not None else {})
    with tags.section(cls="about"):
        with tags.details(open=True):
            tags.summary("Options" if defaults is None else "Options that differ from the defaults")
            _table(changed)
        if defaults is not None:
            with tags.details():
                tags.summary("All other options")
                _table({key: value for key, value in options.items() if key not in changed})
    with tags.footer():
        for file in files:
            tags.a(file, href=as_url(file))
        versions = run.get("versions", {})
        tags.span("  ·  ".join(f"{key} {value}" for key, value in versions.items()), cls="quiet")
    tags.noscript("Curves and samples are drawn by this page's own script, which the browser has switched off.")


def _warnings(warnings: Sequence[dict], errors: Sequence[dict]) -> None:
    told = [("error", "Stopped", event.get("text", "")) for event in errors[-1:]]
    told += [("warning", _when(event), event["text"]) for event in reversed(warnings[-WARNINGS_SHOWN:])]
    if told:
        with tags.section(cls="warnings", aria_label="Warnings"):
            for kind, when, text in told:
                with tags.div(cls=f"note {kind}"):
                    tags.b(when)
                    tags.span(text)


def _when(event: dict) -> str:
    return f"Epoch {event['epoch']}" if "epoch" in event else "Warning"


def _samples(run_dir: Path) -> list[dict]:
    samples = []
    for path in sorted(run_dir.glob("samples/*.png"), key=lambda path: natural_key(path.name)):
        number, early = re.search(r"(\d+)$", path.stem), re.fullmatch(r"epoch_0000_(\d+)_steps", path.stem)
        when = f"{int(early[1])} steps" if early else int(number[1]) if number else path.stem
        samples.append({"src": as_url(f"samples/{path.name}"), "epoch": when})
    return samples


def _five_digits(numbers: Sequence[float]) -> list[float]:
    """Round to five digits, which are more than a screen shows; the largest floats would become infinite."""
    rounded = [(number, float(f"{number:.5g}")) for number in numbers]
    return [short if math.isfinite(short) else number for number, short in rounded]
