"""Windows, blinds, doors and shops, each painted into the box that its label fills."""

from __future__ import annotations

from gluon_pix2pix.datasets.demo.canvas import Box, inset, tone
from gluon_pix2pix.datasets.demo.scene import Scene


def surround(scene: Scene, box: Box, name: str) -> None:
    """Paint the plaster or stone band around a window or door, where the style has one."""
    if not scene.look.surround:
        return
    left, top, right, bottom = box
    width = scene.unit(scene.look.surround)
    if scene.style == "riviera" and name == "window":
        scene.canvas.fill((left - width, top - width, right + width, bottom + width), scene.look.trim)
    else:
        scene.canvas.slab((left - width, top - width, right + width, bottom), scene.look.trim, 1, scene.unit(4))


def window(scene: Scene, box: Box) -> None:
    """Paint frame, bars and panes; their number follows the window's proportions."""
    canvas, unit = scene.canvas, scene.unit
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    canvas.fill(box, tone(scene.frame, 55))
    canvas.fill(inset(box, unit(2)), scene.frame)
    columns = max(1, min(4, (2 * width + unit(30)) // unit(60)))
    if scene.style == "brick":
        rows = (top, top + height // 2, bottom)
    elif height * 5 > width * 6 and height > unit(70):
        rows = (top, top + height * 3 // 10, bottom)
    else:
        rows = (top, bottom)
    mood = int(scene.rng.integers(100))
    for upper, lower in zip(rows[:-1], rows[1:]):
        for column in range(columns):
            pane = (left + width * column // columns, upper, left + width * (column + 1) // columns, lower)
            _glass(scene, inset(pane, unit(5)), curtain=mood < 30 and column in (0, columns - 1), bright=mood >= 80)
    canvas.dim((left, top, right, top + unit(9)), canvas.dark)
    aside = (left, left + unit(6)) if canvas.sun > 0 else (right - unit(6), right)
    canvas.dim((aside[0], top, aside[1], bottom), canvas.dark)


def _glass(scene: Scene, pane: Box, curtain: bool, bright: bool) -> None:
    """One pane: the sky's reflection above, a dark room below, a slanting glint, sometimes a curtain."""
    canvas = scene.canvas
    left, top, right, bottom = pane
    if right <= left or bottom <= top:
        return
    upper, lower = ((176, 198, 218), (92, 108, 126)) if bright else ((112, 134, 158), (36, 42, 52))
    canvas.ramp(pane, upper, lower)
    if curtain:
        hem = (right - left) * 2 // 5
        canvas.ramp((left, top, left + hem, bottom), (222, 216, 204), (176, 170, 160))
    reach = (bottom - top) // 3
    canvas.polygon([(left, top + reach), (left + min(reach, right - left) - 1, top), (left, top)], tone(upper, 122))


def blind(scene: Scene, box: Box) -> None:
    """Paint louvred wooden shutters on a riviera house, a roller blind in front of the glass elsewhere."""
    canvas, unit = scene.canvas, scene.unit
    left, top, right, bottom = box
    if scene.style != "riviera":
        left, right = left + unit(4), right - unit(4)
        canvas.fill((left, top + unit(4), right, bottom), (206, 200, 186))
        for y in range(top + unit(4), bottom, unit(7)):
            canvas.fill((left, y, right, min(bottom, y + unit(3))), (150, 144, 132))
        canvas.fill((left, bottom - unit(4), right, bottom), (112, 108, 100))
        canvas.dim((left, top, right, top + unit(9)), canvas.dark)
        return
    leaves = 2 if (right - left) * 3 > bottom - top else 1
    for leaf in range(leaves):
        edges = left + (right - left) * leaf // leaves, left + (right - left) * (leaf + 1) // leaves
        canvas.slab((edges[0], top, edges[1], bottom), scene.wood, unit(3), unit(5))
        for y in range(top + unit(6), bottom - unit(6), unit(8)):
            canvas.fill((edges[0] + unit(6), y, edges[1] - unit(6), y + unit(4)), tone(scene.wood, 66))


def door(scene: Scene, box: Box) -> None:
    """Paint a panelled door, one leaf or two, with a light above and a step below."""
    canvas, unit = scene.canvas, scene.unit
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    canvas.fill(box, tone(scene.wood, 60))
    light = top + height * 24 // 100
    canvas.recess((left + unit(6), top + unit(6), right - unit(6), light), (86, 98, 114), unit(2))
    for x in range(left + unit(6), right - unit(6), max(2, width // 4)):
        canvas.fill((x, top + unit(6), x + unit(3), light), scene.wood)
    leaves = 2 if width > unit(60) else 1
    inner, start = width - unit(10), left + unit(5)
    for leaf in range(leaves):
        edges = start + inner * leaf // leaves, start + inner * (leaf + 1) // leaves
        canvas.slab((edges[0], light + unit(5), edges[1], bottom), scene.wood, unit(2))
        step = (bottom - light - unit(5)) // 3
        for panel in range(3):
            upper = light + unit(5) + step * panel
            canvas.recess(inset((edges[0], upper, edges[1], upper + step), unit(9)), tone(scene.wood, 84), unit(3))
    knob = (left + right) // 2 - unit(6)
    canvas.fill((knob, top + height * 64 // 100, knob + unit(4), top + height * 69 // 100), (212, 184, 104))
    canvas.dim((left, top, right, top + unit(10)), canvas.dark)
    canvas.fill((left - unit(8), bottom - unit(8), right + unit(8), bottom), (172, 168, 160))


def shop(scene: Scene, box: Box) -> None:
    """Paint a shop front: a board with its name, lit windows with goods, and an awning on older houses."""
    canvas, unit = scene.canvas, scene.unit
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    colour = scene.pick(((34, 82, 66), (140, 36, 38), (40, 58, 108), (52, 50, 50)))
    board = top + height * 20 // 100
    canvas.slab(box, tone(colour, 90), unit(3), unit(6))
    panes = max(1, width // unit(110))
    for number in range(panes):
        edges = left + width * number // panes, left + width * (number + 1) // panes
        _display(scene, inset((edges[0], board, edges[1], bottom - unit(18)), unit(6)))
    if scene.style in ("tenement", "riviera"):
        _awning(scene, (left, board, right, board + height * 24 // 100), colour)
    canvas.slab((left - unit(4), top, right + unit(4), board), colour, unit(3), unit(8))
    for number, x in enumerate(range(left + width // 5, right - width // 5, unit(13))):
        if number % 5 != 3:  # letters, and gaps between words
            canvas.fill((x, top + (board - top) // 3, x + unit(8), board - (board - top) // 3), (240, 224, 172))


def _display(scene: Scene, pane: Box) -> None:
    """A shop window: warm light from above, a shelf with goods, the sky's slanting reflection."""
    canvas, unit = scene.canvas, scene.unit
    left, top, right, bottom = pane
    if right <= left or bottom <= top:
        return
    canvas.ramp(pane, (226, 190, 124), (70, 62, 58))
    goods = scene.pick(((150, 62, 52), (70, 96, 120), (96, 112, 64)))
    for shelf in (top + (bottom - top) * 6 // 10, bottom - unit(5)):
        for number, x in enumerate(range(left + unit(5), right - unit(12), unit(19))):
            canvas.fill((x, shelf - unit(20 if number % 3 else 13), x + unit(12), shelf), goods)
        canvas.fill((left, shelf, right, shelf + unit(4)), (188, 160, 120))
    canvas.polygon([(left, bottom - 1), (left, top), (left + (right - left) // 4, top)], (176, 186, 190))


def _awning(scene: Scene, box: Box, colour: tuple[int, int, int]) -> None:
    """Striped cloth, darker towards its scalloped hem."""
    canvas, unit = scene.canvas, scene.unit
    left, top, right, bottom = box
    canvas.shadow((left, top, right, bottom), unit(24))
    for number, x in enumerate(range(left, right, unit(18))):
        stripe = tone(colour, 130) if number % 2 else (244, 238, 226)
        end = min(right, x + unit(18))
        canvas.ramp((x, top, end, bottom), stripe, tone(stripe, 78))
        canvas.disc((x, bottom - unit(8), end, bottom + unit(8)), tone(stripe, 88))
