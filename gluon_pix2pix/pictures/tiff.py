"""TIFF files by tifffile: one picture, whichever way its samples lie, with its colours as people see them.

What tifffile gives are samples. What they mean is said here (TIFF 6.0): white as 0, palettes, inks, colours that are
multiplied by their alpha, bits that do not fill a byte, and which of several pages is the picture.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from gluon_pix2pix.pictures.jpeg import CUT, check_part, from_cmyk
from gluon_pix2pix.pictures.limits import MAX_BYTES, TAKE_ONE, Header, Unreadable, check_claims, spread, upright

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_WHITE_IS_0, _BLACK_IS_0, _RGB, _PALETTE, _INKS, _YCBCR = 0, 1, 2, 3, 5, 6  # PhotometricInterpretation
_JPEGS = (6, 7, 34892, 33007)  # compressions whose pixels tifffile gives as RGB
_MULTIPLIED, _UNMULTIPLIED = 1, 2  # ExtraSamples that are alpha
_MOST_PAGES = 1000  # are counted
_AS_CHANNELS = "tifffile.imwrite(..., photometric='minisblack', metadata={'axes': 'CYX'}) if they are channels"


class _Picture(NamedTuple):
    """The page that holds the picture, or the pages that hold a channel each."""

    pages: list[TiffPage]
    photometric: int

    @property
    def samples(self) -> int:
        return len(self.pages) if len(self.pages) > 1 else self.pages[0].samplesperpixel


def read_header(stream: BinaryIO) -> Header:
    """Read the tags of the page that is the picture."""
    with _opened(stream) as tiff:
        return _header(_find(tiff), tiff.filehandle.size)


def decode(data: bytes, header: Header) -> np.ndarray:
    """Return (H, W, C), with alpha or another channel that is not shown; colours are not multiplied by their alpha."""
    with _opened(io.BytesIO(data)) as tiff:
        picture = _find(tiff)
        page, photometric = picture.pages[0], picture.photometric
        image = _samples(picture)
    if photometric == _YCBCR and page.compression not in _JPEGS:
        return np.array(Image.frombytes("YCbCr", image.shape[1::-1], image.tobytes()).convert("RGB"))
    bits = page.bitspersample
    if photometric == _PALETTE:
        return _in_colours(image[:, :, 0], page.colormap)
    if bits % 8:
        image = spread(image, bits)
    if photometric == _INKS:
        return from_cmyk(image, inverted=False)
    if photometric == _WHITE_IS_0:
        image[:, :, 0] = np.iinfo(image.dtype).max - image[:, :, 0]
    if header.alpha and tuple(page.extrasamples)[:1] == (_MULTIPLIED,):
        image = _divided(image)
    return image


def decode_labels(data: bytes) -> np.ndarray:
    """Return the values of a palette or gray picture as stored, (H, W) uint8, those of white as 0 turned.

    Raises
    ------
    Unreadable
        As `read_header` does, and for colours, several channels and 16 bits.
    """
    with _opened(io.BytesIO(data)) as tiff:
        picture = _find(tiff)
        if picture.samples != 1 or picture.photometric not in (_WHITE_IS_0, _BLACK_IS_0, _PALETTE):
            raise Unreadable("has colours, not a palette or one channel of 8 bits")
        bits = picture.pages[0].bitspersample
        if bits > 8:
            raise Unreadable(f"has {bits} bits a channel, not a palette or one channel of 8 bits")
        values = _samples(picture)[:, :, 0]
    return (1 << bits) - 1 - values if picture.photometric == _WHITE_IS_0 else values


def palette(data: bytes) -> np.ndarray | None:
    """Return a palette picture's colours, (N, 3) uint8, and None of others."""
    with _opened(io.BytesIO(data)) as tiff:
        picture = _find(tiff)
        colours = picture.pages[0].colormap
        return _of_8_bits(colours).T if picture.photometric == _PALETTE and colours is not None else None


@contextmanager
def _opened(stream: BinaryIO) -> Iterator[TiffFile]:
    import tifffile  # here, where it is needed: it takes a tenth of a second

    with tifffile.TiffFile(stream, name="picture.tif") as tiff:
        yield tiff  # its pages; `series` would open further files that a description names


def _find(tiff: TiffFile) -> _Picture:
    """Find the page that is the picture: not a thumbnail, not a mask, and the only one.

    Raises
    ------
    Unreadable
        If there are several, and nothing says that they are channels.
    """
    pages = []
    for page in tiff.pages:
        pages.append(page)
        if len(pages) > _MOST_PAGES:
            raise Unreadable(f"holds more than {_MOST_PAGES:,} pages: {TAKE_ONE}")
    whole = [page for page in pages if not (page.is_reduced or page.is_mask)]
    if not whole:  # thumbnails alone: the pictures are below them
        below = [page for outer in pages for page in (outer.pages or ())]
        whole = [page for page in below if not (page.is_reduced or page.is_mask)] or pages[:1]
    if not whole:
        raise Unreadable("is not a picture: it has no page")
    if 0 in whole[0].shape[:3]:
        raise Unreadable(f"claims {whole[0].imagewidth} x {whole[0].imagelength} pixels: there is no picture in it")
    images, channels = _told(whole[0])
    images = max(images, len(whole), whole[0].imagedepth)
    if images > 1 and not (images == channels == len(whole) and _alike(whole)):
        raise Unreadable(f"holds {images:,} pages: {TAKE_ONE}, or write them with {_AS_CHANNELS}")
    photometric = whole[0].tags.valueof(262)
    if photometric is None:  # as libtiff has it; tifffile takes white as 0
        photometric = _RGB if whole[0].samplesperpixel >= 3 else _BLACK_IS_0
    return _Picture(whole, int(photometric))


def _told(page: TiffPage) -> tuple[int, int]:
    """Return how many images and how many channels the descriptions of tifffile, ImageJ and OME speak of."""
    text = page.description or ""
    if text.startswith("{"):
        try:
            told = json.loads(text)
            shape, axes = [int(length) for length in told["shape"]], str(told.get("axes", ""))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return 1, 1
        sizes = dict(zip(axes, shape)) if len(axes) == len(shape) else {}
        return math.prod(shape) // max(math.prod(page.shape), 1), sizes.get("C", 1)
    if text.startswith("ImageJ="):
        numbers = {name: int(number) for name, number in re.findall(r"^(images|channels)=(\d{1,9})\s*$", text, re.M)}
        return numbers.get("images", 1), numbers.get("channels", 1)
    if "<OME" in text and page.samplesperpixel == 1:
        pixels = re.search(r"<(?:\w+:)?Pixels\b[^>]*", text)
        numbers = dict(re.findall(r'\bSize([CZT])="(\d{1,9})"', pixels[0])) if pixels else {}
        return math.prod(int(number) for number in numbers.values()), int(numbers.get("C", 1))
    return 1, 1


def _alike(pages: list[TiffPage]) -> bool:
    """Tell whether pages can be the channels of one picture."""
    kinds = {(page.shape, str(page.dtype), page.bitspersample, int(page.photometric)) for page in pages}
    return len(kinds) == 1 and pages[0].samplesperpixel == 1 and pages[0].photometric in (_WHITE_IS_0, _BLACK_IS_0)


def _header(picture: _Picture, file_size: int) -> Header:
    page, samples = picture.pages[0], picture.samples
    channels, alpha = _channels(picture)
    bits = page.bitspersample
    if not isinstance(bits, int) or (page.dtype is None and page.imagewidth and page.imagelength):
        raise Unreadable(f"has samples of {bits} bits, which are not read: pictures here have 8 or 16 bits a channel")
    dtype = "uint8" if picture.photometric == _PALETTE or page.dtype == bool else str(page.dtype)
    tag = page.tags.get(274)
    header = Header(page.imagelength, page.imagewidth, upright(tag.value if tag else 1), dtype, channels, alpha)
    check_claims(header._replace(channels=max(samples, channels), alpha=False))
    for part in picture.pages:
        _check_parts(part, file_size)
    return header


def _channels(picture: _Picture) -> tuple[int, bool]:
    """Return how many channels are the picture's, and whether another follows that is not shown."""
    samples, photometric = picture.samples, picture.photometric
    extras = tuple(int(kind) for kind in picture.pages[0].extrasamples)
    if photometric in (_WHITE_IS_0, _BLACK_IS_0):
        return (1, True) if samples == 2 and extras in ((_MULTIPLIED,), (_UNMULTIPLIED,)) else (samples, False)
    if photometric == _RGB and samples >= 3:
        return (3, True) if samples == 4 else (samples, False)
    page = picture.pages[0]
    if photometric == _YCBCR and page.compression not in _JPEGS and (page.is_subsampled or page.bitspersample != 8):
        raise Unreadable("has luma and less chroma, or 16 bits of it, without JPEG, which is not read: save it as RGB")
    if (photometric, samples) in ((_PALETTE, 1), (_INKS, 4), (_YCBCR, 3)):
        return 3, False
    name = getattr(page.photometric, "name", photometric)
    raise Unreadable(f"has the colours {name} in {samples} channels, which are not read: save it as RGB or gray")


def _check_parts(page: TiffPage, file_size: int) -> None:
    """See that all strips or tiles are there, and none is absurdly large.

    tifffile fills those that are not there with 0, as geographers want it.
    """
    if math.prod(page.chunks) * page.dtype.itemsize > MAX_BYTES:
        raise Unreadable(f"claims tiles of {page.tilewidth} x {page.tilelength} pixels: these are not decoded")
    count = math.prod(page.chunked)
    places, lengths = page.dataoffsets, page.databytecounts
    if len(places) < count or len(lengths) < count or not all(places[:count]) or not all(lengths[:count]):
        there = min(sum(map(bool, places[:count])), sum(map(bool, lengths[:count])))
        raise Unreadable(f"is damaged: {there:,} of the {count:,} parts of its picture are there")
    bits = math.prod(page.shape) * page.bitspersample
    if page.compression == 1 and sum(lengths[:count]) * 8 < bits:
        raise Unreadable(f"is damaged: it has {sum(lengths[:count]):,} of the {bits // 8:,} bytes of its picture")
    if any(place + length > file_size for place, length in zip(places[:count], lengths[:count])):
        raise Unreadable(CUT)


def _samples(picture: _Picture) -> np.ndarray:
    """Return the samples as stored, (H, W, C), in arrays of their own."""
    planes = []
    for page in picture.pages:
        if page.compression in _JPEGS:
            _check_jpegs(page)
        samples = page.asarray(maxworkers=1)
        samples = samples.astype(np.uint8) if samples.dtype == bool else samples  # 1 bit
        if page.axes.startswith("S"):
            samples = samples.transpose(1, 2, 0)
        planes.append(samples if samples.ndim == 3 else samples[:, :, None])
    return np.ascontiguousarray(planes[0]) if len(planes) == 1 else np.concatenate(planes, axis=2)


def _check_jpegs(page: TiffPage) -> None:
    """See that no strip or tile is damaged: tifffile's decoder passes over it."""
    stream, tables = page.parent.filehandle, page.jpegtables
    for place, length in zip(page.dataoffsets, page.databytecounts):
        stream.seek(place)
        part = stream.read(length)
        check_part(tables[:-2] + part[2:] if tables else part)


def _in_colours(indices: np.ndarray, colormap: np.ndarray | None) -> np.ndarray:
    if colormap is None or indices.max() >= colormap.shape[1]:
        raise Unreadable("is damaged: its palette does not have all of its colours")
    return _of_8_bits(colormap).T[indices]


def _of_8_bits(colormap: np.ndarray) -> np.ndarray:
    """Return a palette's 16-bit values as 8, also where a program has written 8."""
    return (colormap >> 8 if colormap.max() > 255 else colormap).astype(np.uint8)


def _divided(image: np.ndarray) -> np.ndarray:
    """Divide colours by the alpha that they are multiplied by; where it is 0, they are gone."""
    peak, alpha = np.iinfo(image.dtype).max, image[:, :, -1:].astype(np.uint32)
    colours = (image[:, :, :-1].astype(np.uint32) * peak + alpha // 2) // np.maximum(alpha, 1)
    return np.concatenate([np.minimum(colours, peak).astype(image.dtype) * (alpha > 0), image[:, :, -1:]], axis=2)
