"""Rows of words as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay rows out in columns: the first to the left, the others, numbers, to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for title, *cells in rows:
        numbers = [cell.rjust(width) for cell, width in zip(cells, widths[1:])]
        lines.append("  ".join([title.ljust(widths[0]), *numbers]))
    return lines


def number(value: Optional[float], decimals: int) -> str:
    """Write a number with so many decimals; a dash stands for none."""
    return "-" if value is None else f"{value:.{decimals}f}"
