"""The page of two models' translations of the same pictures: A, B and the target, to be wiped over each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dominate import tags

from gluon_pix2pix.evaluation.pairing import Translated
from gluon_pix2pix.reports.gallery import Shown, add_gallery, add_head, add_noscript, write_gallery
from gluon_pix2pix.reports.page import printable
from gluon_pix2pix.reports.translations_page import about_translation
from gluon_pix2pix.wording import count


def write_comparison_page(
    folder: Path,
    pairs_a: Sequence[Translated],
    pairs_b: Sequence[Translated],
    *,
    folders: Sequence[Path],
    metrics: Sequence[dict],
    scores: Sequence[Sequence[float]],
    table: str,
    workers: int = 2,
) -> Path:
    """Write index.html and its thumbs/ into a folder; return the page's path.

    Parameters
    ----------
    pairs_a, pairs_b
        The translated pictures of both, in one order.
    folders
        A and B.
    metrics
        What the scores are: key, title, unit, decimals, and whether a low one is the better.
    scores
        Each picture's B - A, for each of `metrics`.
    table
        What `compare` has printed.

    Raises
    ------
    OSError, ValueError
        If a picture cannot be read, or the page not be written.
    """
    shown = []
    for a, b, differences in zip(pairs_a, pairs_b, scores):
        source = {"source": a.source} if a.source else {}
        shown.append(Shown(a.label, {**source, "A": a.fake, "B": b.fake, "target": a.target}, differences))
    title = f"{folders[0].name} and {folders[1].name}"

    def add_body() -> None:
        lines = [f"{count(len(shown), 'picture')}  ·  scores are B - A"]
        for letter, path in zip("AB", folders):
            lines.append("  ·  ".join(word for word in (f"{letter}: {path}", about_translation(path)) if word))
        add_head(title, *lines)
        add_gallery()
        with tags.section(cls="about"), tags.details(open=True):
            tags.summary("A and B in numbers")
            tags.div(tags.pre(printable(table)), cls="scroll")
        add_noscript()

    return write_gallery(folder, f"{title}: compared", shown, add_body, main="A", metrics=metrics, workers=workers)
