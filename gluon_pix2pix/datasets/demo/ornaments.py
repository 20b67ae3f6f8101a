"""Moldings, pillars, cornices, sills, reliefs and balconies, each painted into the box that its label fills."""

from __future__ import annotations

import numpy as np

from gluon_pix2pix.datasets.demo.canvas import Box, inset, tone
from gluon_pix2pix.datasets.demo.scene import Scene

IRON = (44, 44, 48)


def molding(scene: Scene, box: Box) -> None:
    """Paint a band across the house: a projecting ledge, and a row of dentils under a tall one."""
    canvas, unit, trim = scene.canvas, scene.unit, scene.look.trim
    left, top, right, bottom = box
    height = bottom - top
    ledge = top + height * 3 // 10
    canvas.shadow(box, unit(8) + height // 3)
    canvas.ramp(box, tone(trim, 102), tone(trim, 84))
    canvas.slab((left, top, right, ledge), trim, unit(2))
    canvas.fill((left, ledge, right, top + height * 4 // 10), tone(trim, 60))
    if height >= unit(36):
        upper, lower, wide = top + height * 4 // 10, top + height * 7 // 10, unit(10)
        canvas.dim((left, upper, right, lower + unit(3)), 196)
        for x in range(left, right, 2 * wide):
            canvas.fill((x, upper, x + wide, lower), tone(trim, 104))
            canvas.fill((x, lower - 1, x + wide, lower), tone(trim, 66))
    line = top + height * 8 // 10
    canvas.fill((left, line, right, line + unit(2)), tone(trim, 68))
    canvas.fill((left, bottom - unit(2), right, bottom), tone(trim, 64))


def pillar(scene: Scene, box: Box) -> None:
    """Paint a fluted pilaster, round in the light, with a block at its head and its foot."""
    canvas, unit, trim = scene.canvas, scene.unit, scene.look.trim
    left, top, right, bottom = box
    canvas.shadow(box, unit(12))
    pixels = canvas.view(box)
    across = np.arange(pixels.shape[1])[:: canvas.sun]
    light = 268 - 110 * across * across // max(1, pixels.shape[1] ** 2)
    light[across % unit(10) < unit(3)] -= 26
    pixels[:] = np.minimum((np.array(trim) * light[:, None]) >> 8, 255)[None]
    for edge in (top, bottom - unit(28)):
        canvas.slab((left - unit(4), edge, right + unit(4), edge + unit(28)), trim, unit(3), unit(4))


def cornice(scene: Scene, box: Box) -> None:
    """Paint the head of a window: a ledge, or a pediment where the box is tall enough for one."""
    canvas, unit, trim = scene.canvas, scene.unit, scene.look.trim
    left, top, right, bottom = box
    if bottom - top < unit(26) or (right - left) * 5 < (bottom - top) * 6:
        canvas.slab(box, trim, unit(3), unit(14))
        return
    base, middle = bottom - (bottom - top) // 4, (left + right) // 2
    lean = canvas.sun * unit(6)
    canvas.shadow((left, base, right, bottom), unit(16))
    shade = [(left + lean, bottom), (middle + lean, top + unit(8)), (right + lean, bottom)]
    canvas.polygon(shade, tone(scene.wall, 70))
    canvas.polygon([(left, base), (middle, top), (right, base)], tone(trim, 110))
    canvas.polygon([(left + unit(20), base), (middle, top + unit(11)), (right - unit(20), base)], tone(scene.wall, 80))
    canvas.slab((left, base, right, bottom), trim, unit(2))


def sill(scene: Scene, box: Box) -> None:
    """Paint a window sill: a ledge, with a sunk panel under it where the box is tall."""
    canvas, unit, trim = scene.canvas, scene.unit, scene.look.trim
    left, top, right, bottom = box
    if bottom - top < unit(24):
        canvas.slab(box, trim, unit(3), unit(12))
        return
    apron = (left + unit(8), top + unit(10), right - unit(8), bottom)
    canvas.slab(apron, tone(trim, 94), unit(2), unit(5))
    canvas.recess(inset(apron, unit(8)), tone(scene.wall, 88), unit(2))
    canvas.slab((left, top, right, top + unit(10)), trim, unit(2), unit(8))


def deco(scene: Scene, box: Box) -> None:
    """Paint a relief: a plate with as many round bosses as it has room for."""
    canvas, unit, trim = scene.canvas, scene.unit, scene.look.trim
    left, top, right, bottom = box
    canvas.slab(box, tone(trim, 90), unit(2), unit(6))
    short, long = sorted((max(1, right - left), max(1, bottom - top)))
    across = right - left >= bottom - top
    for number in range(long // short):
        start = number * short + long % short // 2
        x, y = (left + start, top) if across else (left, top + start)
        boss = inset((x, y, x + short, y + short), unit(4))
        aside = canvas.sun * unit(2)
        canvas.disc((boss[0] + aside, boss[1] + unit(2), boss[2] + aside, boss[3] + unit(2)), tone(trim, 50))
        canvas.disc(boss, tone(trim, 108))
        canvas.disc(inset(boss, max(1, short // 5)), tone(trim, 70))
        canvas.disc(inset(boss, max(2, short * 3 // 10)), tone(trim, 112))


def balcony(scene: Scene, box: Box) -> None:
    """Paint a slab and its railing: iron bars, stone balusters on a palace, a closed front on a modern house."""
    canvas, unit, trim = scene.canvas, scene.unit, scene.look.trim
    left, top, right, bottom = box
    floor = bottom - max(unit(12), (bottom - top) // 6)
    canvas.shadow((left, floor, right, bottom), unit(34))
    if scene.style == "modern":
        canvas.slab((left, top, right, floor), tone(scene.wall, 92), unit(3))
        for x in range(left, right, unit(70)):
            canvas.fill((x, top, x + unit(3), floor), tone(scene.wall, 62))
    elif scene.style == "palace":
        for x in range(left, right, unit(16)):
            canvas.slab((x, top, x + unit(9), floor), tone(trim, 92), unit(2), unit(3))
    else:
        for x in range(left, right, unit(11)):
            canvas.fill((x, top, x + unit(4), floor), IRON)
        canvas.fill((left, (top + floor) // 2, right, (top + floor) // 2 + unit(3)), IRON)
    canvas.slab((left, top, right, top + unit(7)), trim if scene.style == "palace" else IRON, unit(2))
    canvas.slab((left, floor, right, bottom), tone(trim, 90), unit(3))
    if scene.style == "riviera":
        _flowers(scene, (left, floor - unit(20), right, floor - unit(2)))


def _flowers(scene: Scene, box: Box) -> None:
    """A row of leaves and blossoms along the foot of a railing."""
    left, top, right, bottom = box
    blossom = scene.pick(((206, 52, 62), (222, 110, 150), (236, 190, 70)))
    step = scene.unit(12)
    for number, x in enumerate(range(left + step, right - step, step)):
        scene.canvas.disc((x, top + step // 3, x + step, bottom), (62, 104, 52))
        if number % 2:
            scene.canvas.disc((x, top, x + step * 2 // 3, top + step * 2 // 3), blossom)
