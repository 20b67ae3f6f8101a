"""Where the parts of a drawn facade stand: a style, then floors and bays, then a list of labelled rectangles.

All lengths are whole numbers, 1024 to the side of the picture, so that one seed is the same building at every size and
no machine's floating point has a say in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gluon_pix2pix.datasets.demo.styles import STYLES, Style

SIDE = 1024
STACKING = ("facade", "molding", "pillar", "window", "door", "cornice", "sill", "blind", "deco", "balcony", "shop")


class Part(NamedTuple):
    """One labelled rectangle: a class name of `CMP_COLOURS` and its edges in 1/1024 of the side of the picture."""

    name: str
    left: int
    top: int
    right: int
    bottom: int


class Plan(NamedTuple):
    """A facade before it is drawn: its style, its outline and its parts, in the order that they cover each other."""

    style: str
    outline: Part
    parts: tuple[Part, ...]


class _Row(NamedTuple):
    """What all windows of one floor share; heights of 0 mean that the part is absent."""

    top: int
    bottom: int
    glass: int
    cornice: int
    sill: int
    balcony: str  # "", "each", "middle" or "along"
    blind: bool
    deco: bool
    plates: int  # how many times as tall as wide the reliefs between the windows are


def plan_facade(rng: np.random.Generator) -> Plan:
    """Draw up one facade: style, outline, floors, bays and every labelled part.

    Parameters
    ----------
    rng
        Source of every decision; only its integers are used.

    Returns
    -------
    Plan
        Its parts begin with the facade itself and may reach a little over the border of the picture.
    """
    name = list(STYLES)[_between(rng, 0, len(STYLES) - 1)]
    style = STYLES[name]
    left = _between(rng, 40, 150) if _chance(rng, 40) else 0
    right = SIDE - (_between(rng, 40, 150) if _chance(rng, 40) else 0)
    top = 0 if _chance(rng, 20) else _between(rng, 70, 230)
    street = SIDE - _between(rng, 24, 90)
    outline = Part("facade", left, top, right, street)
    crown = _between(rng, 26, 44) if name in ("brick", "modern") else _between(rng, 36, 76)
    floors = _floors(rng, style, top + crown, street)
    bays = _bays(rng, style, left, right)
    parts = [outline, *_neighbours(rng, outline), *_dormers(rng, name, outline, bays)]
    parts.append(Part("molding", left - 8, top, right + 8, top + crown))
    pillars = _pillars(rng, floors, bays) if _chance(rng, style.pillar) else []
    for level, (upper, lower) in enumerate(floors[:-1]):
        noble = level == len(floors) - 2
        row = _row(rng, style, upper, lower, noble)
        parts += _upper_floor(rng, name, row, bays)
        if noble or _chance(rng, style.band):
            band = _between(rng, 14, 30)
            parts.append(Part("molding", left, lower - band // 2, right, lower + band // 2))
    parts += pillars + _ground_floor(rng, style, floors[-1], bays)
    return Plan(name, outline, tuple(sorted(parts, key=lambda part: STACKING.index(part.name))))


def edges(part: Part, size: int) -> tuple[int, int, int, int]:
    """Return a part's left, top, right and bottom in pixels of a picture of `size`; they may lie outside of it."""
    return tuple((edge * size + SIDE // 2) // SIDE for edge in part[1:])


def _chance(rng: np.random.Generator, percent: int) -> bool:
    return int(rng.integers(100)) < percent


def _between(rng: np.random.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(rng.integers(low, high + 1))


def _floors(rng: np.random.Generator, style: Style, top: int, street: int) -> list[tuple[int, int]]:
    """(top, bottom) of each floor, the ground floor last and tallest."""
    count = _between(rng, *style.floors)
    weights = [100] * (count - 1) + [_between(rng, 115, 150)]
    if count > 3 and _chance(rng, 40):
        weights[0] = _between(rng, 70, 85)
    steps = [top + (street - top) * sum(weights[:i]) // sum(weights) for i in range(count + 1)]
    return list(zip(steps[:-1], steps[1:]))


def _bays(rng: np.random.Generator, style: Style, left: int, right: int) -> list[tuple[int, int, int]]:
    """(left, right, windows side by side) of each bay, a mirror-symmetric rhythm."""
    count = _between(rng, *style.bays)
    rim = (right - left) * _between(rng, 1, 4) // 100
    middle, ends = _between(rng, 100, 150) if count % 2 else 100, _between(rng, 85, 125)
    weights = [100] * count
    weights[0] = weights[-1] = ends
    if count % 2:
        weights[count // 2] = middle
    usual = 2 if count <= 4 and _chance(rng, 45) else 1
    windows = [usual] * count
    if middle > 115:
        windows[count // 2] = usual + 1
    width = right - left - 2 * rim
    steps = [left + rim + width * sum(weights[:i]) // sum(weights) for i in range(count + 1)]
    return list(zip(steps[:-1], steps[1:], windows))


def _row(rng: np.random.Generator, style: Style, upper: int, lower: int, noble: bool) -> _Row:
    """Decide how one upper floor is dressed; the floor above the ground floor is the noble one."""
    height = lower - upper
    balcony = ""
    if _chance(rng, style.balcony + 15 * noble):
        balcony = ("each", "middle", "along")[_between(rng, 0, 2)]
    cornice = sill = 0
    if _chance(rng, style.cornice):
        cornice = height * _between(rng, 14, 19) // 100 if _chance(rng, style.pediment + 20 * noble) else 14
    if not balcony and _chance(rng, style.sill):
        sill = height * _between(rng, 11, 16) // 100 if _chance(rng, style.panel) else 11
    top = upper + height * (25 if cornice else 20) // 100
    bottom = lower - height * (7 if balcony else 23) // 100
    glass, blind, deco = _between(rng, *style.glass), _chance(rng, style.blind), _chance(rng, style.deco)
    return _Row(top, bottom, glass, cornice, sill, balcony, blind, deco, _between(rng, 1, 2))


def _upper_floor(rng: np.random.Generator, name: str, row: _Row, bays: list[tuple[int, int, int]]) -> list[Part]:
    """The windows of one floor with all that is around them."""
    parts = []
    middle = len(bays) // 2
    for index, (left, right, windows) in enumerate(bays):
        reach = (right - left) * min(row.glass + 12 * (windows - 1), 86) // 200
        centre = (left + right) // 2
        first, last = centre - reach, centre + reach
        parts += _openings(rng, name, row, first, last, windows)
        if row.cornice:
            parts.append(Part("cornice", first - 12, row.top - row.cornice, last + 12, row.top))
        if row.sill:
            parts.append(Part("sill", first - 8, row.bottom, last + 8, row.bottom + row.sill))
        if row.balcony == "each" or (row.balcony == "middle" and index in (middle, len(bays) - 1 - middle)):
            rail = (row.bottom - row.top) * 36 // 100
            parts.append(Part("balcony", first - 18, row.bottom - rail, last + 18, row.bottom + 10))
        if row.deco and not row.cornice and index % 2 == middle % 2:
            parts.append(Part("deco", centre - reach // 2, row.top - 40, centre + reach // 2, row.top - 12))
        if row.deco and not row.blind and index and bays[index - 1][2] == windows and left - 20 > bays[index - 1][0]:
            half = min(24, (right - left - 2 * reach) // 3)
            parts.append(Part("deco", left - half, row.top + 4, left + half, row.top + 4 + row.plates * 2 * half))
    if row.balcony == "along":
        rail = (row.bottom - row.top) * 34 // 100
        parts.append(Part("balcony", bays[0][0] + 4, row.bottom - rail, bays[-1][1] - 4, row.bottom + 10))
    return parts


def _openings(rng: np.random.Generator, name: str, row: _Row, first: int, last: int, windows: int) -> list[Part]:
    """The windows of one bay, and shutters beside them or roller blinds over them."""
    parts = []
    step = (last - first) // windows
    gap = 0 if windows == 1 else max(8, step // 7)
    for number in range(windows):
        left, right = first + number * step + gap // 2, first + (number + 1) * step - gap // 2
        parts.append(Part("window", left, row.top, right, row.bottom))
        if not row.blind:
            continue
        if name == "riviera" and windows == 1:
            leaf = (right - left) * 45 // 100
            if _chance(rng, 25):
                parts.append(Part("blind", left, row.top, right, row.bottom))
            else:
                parts.append(Part("blind", left - leaf, row.top, left, row.bottom))
                parts.append(Part("blind", right, row.top, right + leaf, row.bottom))
        elif _chance(rng, 60):
            drop = (row.bottom - row.top) * (100 if name == "riviera" else _between(rng, 25, 100)) // 100
            parts.append(Part("blind", left, row.top, right, row.top + drop))
    return parts


def _pillars(rng: np.random.Generator, floors: list, bays: list) -> list[Part]:
    """Pilasters between the bays through all upper floors, each with a capital and a foot."""
    half = _between(rng, 11, 17)
    top, bottom = floors[0][0], floors[-2][1] - 8
    parts = []
    for edge in [bays[0][0] + half, *(bay[0] for bay in bays[1:]), bays[-1][1] - half]:
        parts.append(Part("pillar", edge - half, top, edge + half, bottom))
        parts.append(Part("cornice", edge - half - 5, top, edge + half + 5, top + 22))
    return parts


def _ground_floor(rng: np.random.Generator, style: Style, floor: tuple[int, int], bays: list) -> list[Part]:
    """Shops or windows, and one door or two."""
    upper, lower = floor
    height = lower - upper
    doors = {len(bays) // 2} if _chance(rng, 60) else {_between(rng, 0, len(bays) - 1)}
    shops = _chance(rng, style.shop)
    sills, tall = _chance(rng, style.sill), _between(rng, 66, 78)
    parts = []
    for index, (left, right, _) in enumerate(bays):
        centre, width = (left + right) // 2, right - left
        if index in doors:
            half = min(width * 30 // 100, height * 30 // 100)
            top = lower - height * tall // 100
            parts.append(Part("door", centre - half, top, centre + half, lower))
            if _chance(rng, style.deco):
                parts.append(Part("deco", centre - half // 2, top - 38, centre + half // 2, top - 6))
        elif shops:
            half = width * 43 // 100
            parts.append(Part("shop", centre - half, lower - height * 80 // 100, centre + half, lower - 6))
        else:
            half = width * 26 // 100
            top, bottom = upper + height * 28 // 100, lower - height * 24 // 100
            parts.append(Part("window", centre - half, top, centre + half, bottom))
            if sills:
                parts.append(Part("sill", centre - half - 8, bottom, centre + half + 8, bottom + 11))
    return parts


def _neighbours(rng: np.random.Generator, outline: Part) -> list[Part]:
    """Windows of the houses to the left and right, where the picture shows enough of them."""
    parts = []
    for left, right in ((0, outline.left), (outline.right, SIDE)):
        if right - left < 80:
            continue
        step, top = _between(rng, 150, 210), outline.top + 110
        while top + step < outline.bottom:
            quarter = (right - left) // 4
            parts.append(Part("window", left + quarter, top, right - quarter, top + step * 55 // 100))
            top += step
    return parts


def _dormers(rng: np.random.Generator, name: str, outline: Part, bays: list) -> list[Part]:
    """Windows in the roof: a patch of facade with a window in it."""
    if name in ("modern", "palace") or outline.top < 130 or _chance(rng, 40):
        return []
    parts = []
    skip = _between(rng, 1, 2)
    for left, right, _ in bays[1:-1:skip]:
        centre, half = (left + right) // 2, min(30, (right - left) // 4)
        top = outline.top - 74
        parts.append(Part("facade", centre - half, top, centre + half, outline.top))
        parts.append(Part("window", centre - half // 2, top + 24, centre + half // 2, outline.top - 10))
        parts.append(Part("cornice", centre - half - 6, top - 8, centre + half + 6, top + 10))
    return parts
