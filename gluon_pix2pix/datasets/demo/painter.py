"""The photo of a drawn facade: sky, street, roof and walls, and then every labelled part over them.

What a photo shows beyond its labels follows from them as far as it can (a style has its own walls, windows and doors,
panes follow a window's proportions, pediments a cornice's), so that there is something to learn. Left open are the
shade of the wall and the wood, the side of the sun, the weather, curtains, shop signs and flowers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gluon_pix2pix.datasets.demo import openings, ornaments
from gluon_pix2pix.datasets.demo.canvas import Box, Canvas, cloudy, masonry, tone
from gluon_pix2pix.datasets.demo.layout import Part, Plan, edges
from gluon_pix2pix.datasets.demo.scene import Scene


class Weather(NamedTuple):
    """The light of a day: sky from top to horizon, clouds, what shadows leave and the tint of all, in 256ths."""

    zenith: tuple[int, int, int]
    horizon: tuple[int, int, int]
    clouds: int
    dark: int
    tint: tuple[int, int, int]


CLEAR = Weather((84, 138, 206), (200, 220, 234), 96, 140, (266, 256, 242))
OVERCAST = Weather((176, 184, 194), (216, 220, 222), 48, 194, (246, 248, 250))

PAINTERS = {
    "molding": ornaments.molding,
    "pillar": ornaments.pillar,
    "window": openings.window,
    "door": openings.door,
    "cornice": ornaments.cornice,
    "sill": ornaments.sill,
    "blind": openings.blind,
    "deco": ornaments.deco,
    "balcony": ornaments.balcony,
    "shop": openings.shop,
}


def paint_facade(plan: Plan, size: int, rng: np.random.Generator) -> np.ndarray:
    """Paint a planned facade as a photo, (size, size, 3) uint8 RGB."""
    weather = CLEAR if int(rng.integers(100)) < 70 else OVERCAST
    sun = 1 if int(rng.integers(100)) < 80 else -1
    scene = Scene(plan.style, Canvas(size, sun, weather.dark), rng)
    outline = _on_canvas(plan.outline, size)
    stones = masonry(rng, 2 * size, *(scene.unit(length) for length in (40, 90, 4)), 7)
    _sky(scene, weather, outline[3])
    _neighbours(scene, outline, stones)
    _street(scene, outline[3], stones)
    _roof(scene, outline)
    for part in plan.parts:
        box = _on_canvas(part, size)
        if part.name == "facade":
            _wall(scene, box)
            if part is plan.outline:
                _masonry_details(scene, plan, box, stones)
            continue
        if part.name in ("window", "door") and part.left >= plan.outline.left and part.right <= plan.outline.right:
            openings.surround(scene, box, part.name)
        PAINTERS[part.name](scene, box)
    return scene.canvas.finish(rng, weather.tint, grain=4)


def _on_canvas(part: Part, size: int) -> Box:
    """A part's edges on the canvas, which is twice as fine: even numbers, where the label map has its edges."""
    return tuple(2 * edge for edge in edges(part, size))


def _sky(scene: Scene, weather: Weather, bottom: int) -> None:
    canvas = scene.canvas
    low = bottom * 3 // 5
    canvas.ramp((0, 0, canvas.side, low), weather.zenith, weather.horizon)
    canvas.fill((0, low, canvas.side, bottom), weather.horizon)
    clouds = np.maximum(cloudy(scene.rng, canvas.side, 9)[:low], 0) * weather.clouds >> 8
    canvas.texture((0, 0, canvas.side, low), clouds)


def _neighbours(scene: Scene, outline: Box, stones: np.ndarray) -> None:
    """The houses to both sides, a little lower than this one."""
    canvas, unit = scene.canvas, scene.unit
    left, top, right, bottom = outline
    colour = scene.pick(((178, 164, 146), (168, 162, 156), (186, 170, 140)))
    for start, end in ((0, left), (right, canvas.side)):
        house = (start, top + unit(120), end, bottom)
        canvas.ramp(house, colour, tone(colour, 88))
        canvas.texture(house, stones >> 1)
        if start < end:
            canvas.slab((start, house[1], end, house[1] + unit(24)), tone(colour, 108), unit(3), unit(10))


def _street(scene: Scene, top: int, stones: np.ndarray) -> None:
    """Paved walk, kerb and road."""
    canvas, unit = scene.canvas, scene.unit
    canvas.ramp((0, top, canvas.side, canvas.side), (150, 148, 144), (96, 96, 98))
    canvas.fill((0, top + unit(28), canvas.side, top + unit(34)), (186, 184, 178))
    canvas.texture((0, top, canvas.side, canvas.side), stones >> 1)


def _roof(scene: Scene, outline: Box) -> None:
    """A tiled hip roof with two chimneys, as high as the sky allows; a set-back storey on a modern house."""
    canvas, unit = scene.canvas, scene.unit
    left, top, right, _ = outline
    if scene.style == "modern":
        canvas.slab((left + unit(60), top - unit(40), right - unit(60), top), scene.look.roof, unit(3))
        return
    height = min(top * 6 // 10, unit(200))
    for x in (left + (right - left) // 5, right - (right - left) // 4):
        canvas.slab((x, top - height - unit(40), x + unit(36), top), (150, 92, 74), unit(3))
    hips = (height // 2 if left > 0 else 0, height // 2 if right < canvas.side else 0)
    ridge = [(left + hips[0], top - height), (right - hips[1], top - height)]
    canvas.polygon([(left, top), *ridge, (right, top)], scene.look.roof)
    for y in range(top - height, top, unit(10)):
        rise = (top - y) * 256 // height
        canvas.dim((left + (hips[0] * rise >> 8), y, right - (hips[1] * rise >> 8), y + unit(4)), 204)


def _wall(scene: Scene, box: Box) -> None:
    scene.canvas.ramp(box, tone(scene.wall, 103), tone(scene.wall, 90))
    scene.canvas.texture(box, scene.texture)


def _masonry_details(scene: Scene, plan: Plan, box: Box, stones: np.ndarray) -> None:
    """The stone base of the house, blocks on its ground floor and at its corners."""
    canvas, unit = scene.canvas, scene.unit
    left, top, right, bottom = box
    base = bottom - unit(48)
    if scene.style in ("palace", "tenement"):
        moldings = [part for part in plan.parts if part.name == "molding"]
        ground = _on_canvas(max(moldings, key=lambda part: part.bottom), canvas.size)[3]
        canvas.texture((left, ground, right, base), stones * 3 // 2)
    if scene.style in ("tenement", "brick"):
        for number, y in enumerate(range(top, base, unit(22))):
            wide = unit(30 if number % 2 else 18)
            for start, end, shown in ((left, left + wide, left > 0), (right - wide, right, right < canvas.side)):
                if shown:
                    canvas.slab((start, y, end, y + unit(20)), tone(scene.look.trim, 92))
    canvas.fill((left, base, right, bottom), tone(scene.look.trim, 72))
    canvas.texture((left, base, right, bottom), stones)
    canvas.fill((left, base, right, base + unit(4)), tone(scene.look.trim, 90))
