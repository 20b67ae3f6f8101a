"""The five kinds of building: what stands on them, and what they are made of."""

from __future__ import annotations

from typing import NamedTuple

Colour = tuple[int, int, int]


class Style(NamedTuple):
    """What a kind of building has: (low, high) for numbers, percent for odds."""

    floors: tuple[int, int]
    bays: tuple[int, int]
    glass: tuple[int, int]  # width of the windows, percent of their bay
    cornice: int
    pediment: int  # a tall cornice, given a cornice
    sill: int
    panel: int  # a tall sill, given a sill
    balcony: int
    blind: int
    deco: int
    pillar: int
    band: int  # a molding between two upper floors
    shop: int


class Look(NamedTuple):
    """The materials of a style; where there are several colours, each building picks one."""

    walls: tuple[Colour, ...]
    trim: Colour  # moldings, cornices, sills and whatever else is of stone
    frames: tuple[Colour, ...]
    woods: tuple[Colour, ...]  # doors and shutters
    roof: Colour
    surround: int  # width of the band around windows, quarters of a pixel at 256; 0 for none


STYLES = {
    "tenement": Style((3, 5), (3, 6), (46, 60), 75, 45, 90, 35, 15, 0, 60, 0, 35, 45),
    "brick": Style((4, 6), (4, 7), (44, 60), 35, 0, 95, 0, 12, 10, 8, 0, 25, 55),
    "palace": Style((3, 4), (4, 7), (40, 52), 90, 75, 80, 60, 25, 0, 45, 100, 30, 15),
    "riviera": Style((3, 5), (3, 6), (36, 46), 45, 15, 65, 0, 70, 90, 20, 12, 30, 60),
    "modern": Style((4, 6), (3, 5), (62, 80), 0, 0, 70, 0, 60, 55, 0, 0, 25, 70),
}

LOOKS = {
    "tenement": Look(
        walls=((218, 182, 118), (190, 194, 148), (224, 190, 158)),
        trim=(234, 224, 202),
        frames=((240, 238, 232),),
        woods=((104, 62, 36), (70, 80, 62)),
        roof=(156, 82, 60),
        surround=8,
    ),
    "brick": Look(
        walls=((156, 80, 60), (172, 98, 72), (138, 74, 60)),
        trim=(208, 194, 168),
        frames=((236, 234, 228),),
        woods=((62, 72, 60), (92, 44, 36)),
        roof=(88, 90, 100),
        surround=0,
    ),
    "palace": Look(
        walls=((196, 190, 178), (206, 198, 180)),
        trim=(228, 222, 208),
        frames=((92, 84, 74), (226, 222, 212)),
        woods=((84, 56, 38),),
        roof=(104, 126, 116),
        surround=10,
    ),
    "riviera": Look(
        walls=((240, 212, 164), (236, 186, 132), (230, 168, 138)),
        trim=(248, 242, 230),
        frames=((236, 232, 222),),
        woods=((60, 104, 78), (70, 102, 130)),
        roof=(190, 104, 70),
        surround=5,
    ),
    "modern": Look(
        walls=((206, 208, 208), (228, 224, 212)),
        trim=(150, 152, 154),
        frames=((58, 62, 66),),
        woods=((70, 74, 80), (110, 84, 62)),
        roof=(168, 170, 172),
        surround=0,
    ),
}
