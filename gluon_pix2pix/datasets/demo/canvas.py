"""A picture to paint buildings on: flat fills, ramps, relief, cast shadows and wall textures, in whole numbers only.

Whole numbers, because floating point rounds differently from machine to machine and a drawn picture must not.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

from gluon_pix2pix.datasets.demo.styles import Colour

Box = tuple[int, int, int, int]  # left, top, right, bottom


@lru_cache(maxsize=4096)
def tone(colour: Colour, percent: int) -> Colour:
    """Lighten (over 100) or darken (under 100) a colour."""
    return tuple(min(255, channel * percent // 100) for channel in colour)


def inset(box: Box, by: int) -> Box:
    """Return the box inside `box`, `by` away from its edges."""
    left, top, right, bottom = box
    return left + by, top + by, right - by, bottom - by


class Canvas:
    """An RGB picture at twice its final size, lit by a sun from the upper left or right.

    Parameters
    ----------
    size
        Side of the finished picture in pixels.
    sun
        1 when the light comes from the left (shadows fall to the right), -1 from the right.
    dark
        What a cast shadow leaves of the light, in 256ths.
    """

    def __init__(self, size: int, sun: int, dark: int) -> None:
        self.size, self.sun, self.dark = size, sun, dark
        self.side, self._scale = 2 * size, max(size, 160)
        self.pixels = np.zeros((self.side, self.side, 3), np.uint8)

    def unit(self, length: int) -> int:
        """Convert quarters of a pixel of a 256-pixel picture to pixels of this canvas, never less than one.

        Below 160 pixels lines get no thinner: a frame of a third of a pixel would not be seen.
        """
        return (length * self._scale + 256) // 512 or 1

    def view(self, box: Box) -> np.ndarray:
        """Return the pixels inside `box`, (h, w, 3) uint8, a window on the canvas that may be empty."""
        left, top, right, bottom = box
        return self.pixels[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]

    def fill(self, box: Box, colour: Colour) -> None:
        """Paint `box` flat."""
        left, top, right, bottom = box
        if left < right and top < bottom:
            cv2.rectangle(self.pixels, (left, top), (right - 1, bottom - 1), colour, cv2.FILLED)

    def ramp(self, box: Box, upper: Colour, lower: Colour) -> None:
        """Paint `box` from `upper` at its top to `lower` at its bottom, also where the picture's border cuts it."""
        _, top, _, bottom = box
        pixels = self.view(box)
        if pixels.size:
            start = max(0, -top)
            rows = _gradient(upper, lower, bottom - top)[start : start + len(pixels)]
            pixels[:] = cv2.resize(rows, pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST)  # the quickest repeat

    def dim(self, box: Box, light: int) -> None:
        """Multiply `box` by light / 256; over 256 brightens."""
        pixels = self.view(box)
        if pixels.size:
            pixels[:] = cv2.LUT(pixels, _dimmed(light))

    def shadow(self, box: Box, depth: int) -> None:
        """Cast the shadow of something that fills `box` and stands `depth` pixels out of the wall."""
        left, top, right, bottom = box
        aside = self.sun * max(1, depth * 2 // 3)
        self.dim((left + aside, top + depth // 2, right + aside, bottom + depth), self.dark)

    def slab(self, box: Box, colour: Colour, edge: int = 1, depth: int = 0) -> None:
        """Paint a block that stands out of the wall: lit edges above and to the sun, dark ones below and away."""
        left, top, right, bottom = box
        if depth:
            self.shadow(box, depth)
        self.fill(box, colour)
        lit, unlit = ((left, left + edge), (right - edge, right))[:: self.sun]
        self.fill((lit[0], top, lit[1], bottom), tone(colour, 112))
        self.fill((unlit[0], top, unlit[1], bottom), tone(colour, 76))
        self.fill((left, top, right, top + edge), tone(colour, 118))
        self.fill((left, bottom - edge, right, bottom), tone(colour, 66))

    def recess(self, box: Box, colour: Colour, edge: int = 1) -> None:
        """Paint a panel that lies behind its frame: dark edges above and to the sun, lit ones below and away."""
        left, top, right, bottom = box
        self.fill(box, tone(colour, 112))
        dark = (left, top, right - edge, bottom - edge) if self.sun > 0 else (left + edge, top, right, bottom - edge)
        self.fill(dark, tone(colour, 62))
        self.fill(inset(box, edge), colour)

    def polygon(self, corners: Sequence[tuple[int, int]], colour: Colour) -> None:
        """Fill a polygon; corners are (x, y)."""
        cv2.fillPoly(self.pixels, [np.array(corners, np.int32)], colour)

    def disc(self, box: Box, colour: Colour) -> None:
        """Fill the ellipse that touches all four edges of `box`."""
        left, top, right, bottom = box
        middle, radii = ((left + right) // 2, (top + bottom) // 2), ((right - left) // 2, (bottom - top) // 2)
        if min(radii) > 0:
            cv2.ellipse(self.pixels, middle, radii, 0, 0, 360, colour, cv2.FILLED)

    def texture(self, box: Box, change: np.ndarray) -> None:
        """Add `change`, (2 size, 2 size) of signed numbers over the whole canvas, to the pixels of `box`."""
        left, top, right, bottom = (max(0, edge) for edge in box)
        pixels = self.view(box)
        if pixels.size:
            grey = cv2.merge([change[top:bottom, left:right]] * 3)
            pixels[:] = cv2.add(pixels, grey, dtype=cv2.CV_8U)  # saturates

    def finish(self, rng: np.random.Generator, tint: Colour, grain: int) -> np.ndarray:
        """Average 2 x 2 pixels, tint the light and add a camera's noise.

        Parameters
        ----------
        rng
            Source of the noise.
        tint
            Factor on red, green and blue, in 256ths.
        grain
            Half of the largest deviation that the noise makes, of 255; its distribution is a triangle.

        Returns
        -------
        numpy.ndarray
            (size, size, 3) uint8 RGB.
        """
        noise = rng.integers(-grain, grain + 1, (2, self.size, self.size), np.int16).sum(axis=0, dtype=np.int16)
        channels = []
        for channel, factor in zip(cv2.split(self.pixels), tint):
            rows = channel[0::2].astype(np.uint16) + channel[1::2]
            light = (rows[:, 0::2] + rows[:, 1::2]).astype(np.int32) * factor >> 10
            channels.append(np.clip(light + noise, 0, 255).astype(np.uint8))
        return cv2.merge(channels)


@lru_cache(maxsize=512)
def _gradient(upper: Colour, lower: Colour, height: int) -> np.ndarray:
    """(height, 1, 3) uint8 from `upper` to `lower`; kept, because the panes of a facade are many and alike."""
    share = np.arange(height)[:, None, None] * 256 // height
    return ((np.array(upper) * (256 - share) + np.array(lower) * share) >> 8).astype(np.uint8)


@lru_cache(maxsize=64)
def _dimmed(light: int) -> np.ndarray:
    return np.minimum(np.arange(256) * light >> 8, 255).astype(np.uint8)


def cloudy(rng: np.random.Generator, side: int, cells: int) -> np.ndarray:
    """Return soft blotches, (side, side) int16 in [-128, 127]: a coarse random lattice, enlarged."""
    lattice = rng.integers(0, 256, (cells, cells), np.uint8)
    # INTER_LINEAR_EXACT is OpenCV's fixed-point form, the same bits on every processor.
    return cv2.resize(lattice, (side, side), interpolation=cv2.INTER_LINEAR_EXACT).astype(np.int16) - 128


def masonry(rng: np.random.Generator, side: int, course: int, length: int, joint: int, spread: int) -> np.ndarray:
    """Return courses of bricks or stones, (side, side) int16: each a little lighter or darker, with dark joints.

    Parameters
    ----------
    rng
        Source of each stone's own shade.
    side
        Side of the canvas in pixels.
    course, length, joint
        Height and length of a stone and width of a joint, in pixels.
    spread
        Largest deviation of a stone's brightness; a joint is three times as dark.
    """
    courses = side // course + 1
    shades = rng.integers(-spread, spread + 1, (courses, side // length + 2), np.int16)
    shifted = np.arange(side) + np.arange(courses)[:, None] % 2 * (length // 2)  # every other course by half a stone
    stones = np.take_along_axis(shades, shifted // length, axis=1)
    stones[shifted % length < joint] = -3 * spread
    wall = np.repeat(stones, course, axis=0)[:side]
    wall[np.arange(side) % course < joint] = -3 * spread
    return wall
