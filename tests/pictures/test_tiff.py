"""TIFF in its many ways, against the pixels written, and tifffile's and Pillow's of the same files."""

from __future__ import annotations

import itertools
import json
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from gluon_pix2pix.pictures.files import image_size, read_image, read_label_palette, read_labels
from gluon_pix2pix.pictures.headers import file_header

COMPRESSIONS = [None, "lzw", "zlib", "packbits", "zstd"]


def noise(*shape: int, dtype=np.uint8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def smooth(height: int, width: int) -> np.ndarray:
    """Return colours that JPEG keeps well."""
    rows, columns = np.mgrid[:height, :width].astype(float)
    return np.stack(
        [rows * 255 / height, columns * 255 / width, (rows + columns) * 100 / (height + width)], axis=2
    ).astype(np.uint8)


def write(path, image: np.ndarray, **options) -> None:
    tifffile.imwrite(path, image, metadata=None, **options)


def agree(path, expected: np.ndarray, *, channels=None) -> None:
    """See that a file is read as `expected`, and that its header says so before."""
    header = file_header(path)
    image = read_image(path, channels=channels)
    np.testing.assert_array_equal(image, expected)
    assert header.dtype == image.dtype == expected.dtype
    assert header.shown == image_size(path) == image.shape[:2]
    assert header.channels == read_image(path).shape[2]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4, 6])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_the_pixels_are_those_that_tifffile_reads(tmp_path, dtype, channels, planar):
    """Compressions, predictors, tiles and strips, byte orders, BigTIFF: none changes a pixel."""
    image = noise(20, 40, channels, dtype=dtype)
    stored = image if planar == "contig" else np.ascontiguousarray(image.transpose(2, 0, 1))
    photometric = "minisblack" if channels in (1, 6) else "rgb"
    ways = itertools.product(COMPRESSIONS, [False, True], [None, (16, 32)])
    for number, (compression, predictor, tile) in enumerate(ways):
        if predictor and compression in (None, "packbits"):
            continue
        options = {"tile": tile} if tile else {"rowsperstrip": 7}
        options |= {"predictor": predictor, "compression": compression}
        options |= {"byteorder": "<>"[number // 2 % 2], "bigtiff": number % 3 == 0}
        path = tmp_path / f"{number}.tif"
        write(path, stored if channels > 1 else image[:, :, 0], photometric=photometric, planarconfig=planar, **options)
        seen = tifffile.imread(path)
        seen = seen if planar == "contig" or channels == 1 else seen.transpose(1, 2, 0)
        np.testing.assert_array_equal(seen.reshape(image.shape), image)
        agree(path, image[:, :, :3] if channels == 4 else image)
        agree(path, image, channels=channels)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_the_pixels_are_those_that_pillow_reads(tmp_path, mode, compression):
    if mode == "I;16":
        source = Image.fromarray(noise(30, 41, dtype=np.uint16))
    else:
        source = Image.fromarray(noise(30, 41, 4 if mode == "CMYK" else 3), "CMYK" if mode == "CMYK" else "RGB")
        source = source.convert(mode) if mode not in ("RGBA", "LA") else Image.fromarray(noise(30, 41, len(mode)), mode)
    source.save(tmp_path / "a.tif", compression=compression)
    shown = Image.open(tmp_path / "a.tif")
    assert shown.mode == mode
    shown = shown.convert({"1": "L", "P": "RGB", "LA": "LA", "CMYK": "RGB"}.get(mode, mode))
    pixels = np.asarray(shown).reshape(30, 41, -1)
    pixels = pixels[:, :, :-1] if mode in ("LA", "RGBA") else pixels
    image = read_image(tmp_path / "a.tif")
    assert image.dtype == pixels.dtype
    assert image.shape == pixels.shape
    assert np.abs(image.astype(int) - pixels).max() <= (1 if mode == "CMYK" else 0)  # Pillow rounds twice


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize(("photometric", "subsampling"), [("rgb", None), ("ycbcr", (1, 1)), ("ycbcr", (2, 2))])
def test_jpeg_within(tmp_path, tile, photometric, subsampling):
    image = smooth(48, 64)
    stored = image if photometric == "rgb" else np.asarray(Image.fromarray(image).convert("YCbCr"))
    options = {"tile": tile, "photometric": photometric, "subsampling": subsampling}
    write(tmp_path / "a.tif", stored, compression="jpeg", compressionargs={"level": 98}, **options)
    agree(tmp_path / "a.tif", tifffile.imread(tmp_path / "a.tif"))
    assert np.abs(read_image(tmp_path / "a.tif").astype(int) - image).max() < 12
    if tile is None:
        assert (
            np.abs(read_image(tmp_path / "a.tif").astype(int) - np.asarray(Image.open(tmp_path / "a.tif"))).max() <= 2
        )


def test_jpeg_within_that_is_damaged(tmp_path):
    write(tmp_path / "a.tif", smooth(64, 64), compression="jpeg", photometric="ycbcr", tile=(64, 64))
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        place, length = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    data = bytearray((tmp_path / "a.tif").read_bytes())
    start = data.index(b"\xff\xda", place)
    data[start + 100 : place + length - 100] = bytes(place + length - 200 - start)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.tif is damaged: Corrupt JPEG data"):
        read_image(tmp_path / "a.tif")


def test_luma_and_chroma_without_jpeg(tmp_path):
    ycbcr = np.asarray(Image.fromarray(smooth(24, 32)).convert("YCbCr"))
    write(tmp_path / "a.tif", ycbcr, photometric="ycbcr", subsampling=(1, 1))
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image, np.asarray(Image.fromarray(smooth(24, 32)).convert("YCbCr").convert("RGB")))
    assert np.abs(image.astype(int) - smooth(24, 32)).max() <= 3
    set_tag(tmp_path / "a.tif", 530, 2 | 2 << 16)
    for look in (file_header, read_image):
        with pytest.raises(ValueError, match=r"a\.tif has luma and less chroma, or 16 bits of it, without JPEG"):
            look(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_as_0(tmp_path, dtype):
    image = noise(12, 18, dtype=dtype)
    write(tmp_path / "a.tif", np.iinfo(dtype).max - image, photometric="miniswhite")
    write(tmp_path / "b.tif", image, photometric="minisblack")
    agree(tmp_path / "a.tif", image[:, :, None])
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.tif", channels=3), read_image(tmp_path / "b.tif", channels=3)
    )


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 10, 12, 14])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_any_number_of_bits(tmp_path, bits, photometric):
    """White is white; label maps of up to 8 bits are as stored."""
    most = (1 << bits) - 1
    dtype = np.uint8 if bits <= 8 else np.uint16
    values = np.random.default_rng(0).integers(0, most, (12, 21), dtype, endpoint=True)
    values[0, 0] = most
    stored = most - values if photometric == "miniswhite" else values
    digits = stored[:, :, None] >> np.arange(bits)[::-1] & 1  # the highest first; each row begins a byte
    write(tmp_path / "a.tif", np.packbits(digits.reshape(12, -1).astype(np.uint8), axis=1), photometric=photometric)
    set_tag(tmp_path / "a.tif", 256, values.shape[1])
    set_tag(tmp_path / "a.tif", 258, bits)
    peak = np.iinfo(dtype).max
    agree(tmp_path / "a.tif", np.rint(values * (peak / most)).astype(dtype)[:, :, None])
    if bits <= 8:
        np.testing.assert_array_equal(read_labels(tmp_path / "a.tif")[:, :, 0], values)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colours_are_not_multiplied_by_their_alpha(tmp_path, dtype):
    image = noise(20, 30, 4, dtype=dtype)
    peak = np.iinfo(dtype).max
    write(tmp_path / "a.tif", image, photometric="rgb", extrasamples=["unassalpha"])
    agree(tmp_path / "a.tif", image[:, :, :3])
    agree(tmp_path / "a.tif", image, channels=4)
    write(tmp_path / "gray.tif", image[:, :, [0, 3]], photometric="minisblack", extrasamples=["unassalpha"])
    agree(tmp_path / "gray.tif", image[:, :, :1])
    agree(tmp_path / "gray.tif", image[:, :, [0, 3]], channels=2)
    multiplied = image.copy()
    multiplied[:, :, :3] = np.rint(image[:, :, :3].astype(float) * image[:, :, 3:] / peak)
    write(tmp_path / "b.tif", multiplied, photometric="rgb", extrasamples=["assocalpha"])
    divided = read_image(tmp_path / "b.tif").astype(int)
    loss = peak / 2 / np.maximum(image[:, :, 3:].astype(float), 1) + 1  # of the multiplication's rounding
    opaque = image[:, :, 3:] > 0
    assert (
        np.abs(divided - image[:, :, :3])[np.repeat(opaque, 3, axis=2)]
        <= np.repeat(loss, 3, axis=2)[np.repeat(opaque, 3, axis=2)]
    ).all()
    assert (divided[~opaque[:, :, 0]] == 0).all()
    if dtype == np.uint8:
        pillows = np.asarray(Image.open(tmp_path / "b.tif"))
        assert np.abs(divided - pillows[:, :, :3]).max() <= 1  # it cuts, and does not round


def test_a_tiff_and_a_png_of_the_same_pixels(tmp_path):
    image = noise(20, 30, 4)
    for name in ("a.tif", "a.png", "a.webp"):
        Image.fromarray(image).save(tmp_path / name, **({"lossless": True, "exact": True} if "webp" in name else {}))
        agree(tmp_path / name, image[:, :, :3])
        agree(tmp_path / name, image, channels=4)


def test_colours_with_further_channels(tmp_path):
    image = noise(9, 11, 6)
    write(tmp_path / "one.tif", image[:, :, :4], photometric="rgb", extrasamples=["unspecified"])
    agree(tmp_path / "one.tif", image[:, :, :3])  # as Pillow has it
    agree(tmp_path / "one.tif", image[:, :, :4], channels=4)
    write(tmp_path / "more.tif", image, photometric="rgb", extrasamples=["unspecified"] * 3)
    agree(tmp_path / "more.tif", image)
    with pytest.raises(ValueError, match=r"more\.tif has 6 channels, and 3 are asked for"):
        read_image(tmp_path / "more.tif", channels=3)


def test_palettes(tmp_path):
    indices, colours = noise(10, 14), noise(3, 256, dtype=np.uint16)
    write(tmp_path / "a.tif", indices, photometric="palette", colormap=colours)
    agree(tmp_path / "a.tif", (colours >> 8).astype(np.uint8).T[indices])
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.tif"), np.asarray(Image.open(tmp_path / "a.tif").convert("RGB"))
    )
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif")[:, :, 0], indices)
    np.testing.assert_array_equal(read_label_palette(tmp_path / "a.tif"), (colours >> 8).T)
    write(tmp_path / "eight.tif", indices, photometric="palette", colormap=colours & 255)
    agree(tmp_path / "eight.tif", (colours & 255).astype(np.uint8).T[indices])  # some programs write 8 bits there
    write(tmp_path / "gray.tif", indices)
    assert read_label_palette(tmp_path / "gray.tif") is None


@pytest.mark.parametrize("metadata", [{"axes": "CYX"}, "imagej", "ome"])
@pytest.mark.parametrize("channels", [2, 3, 5])
def test_pages_that_are_channels(tmp_path, metadata, channels):
    planes = noise(channels, 16, 20, dtype=np.uint16)
    if metadata == "imagej":
        tifffile.imwrite(tmp_path / "a.tif", planes, imagej=True, metadata={"axes": "CYX"})
    else:
        options = {"ome": True, "photometric": "minisblack"} if metadata == "ome" else {"photometric": "minisblack"}
        tifffile.imwrite(tmp_path / "a.tif", planes, metadata={"axes": "CYX"}, **options)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert len(tiff.pages) == channels
    agree(tmp_path / "a.tif", planes.transpose(1, 2, 0))


def write_ome_of_a_page(path, planes):
    tifffile.imwrite(path, planes, ome=True, metadata={"axes": "ZYX"}, photometric="minisblack")


def write_truncated(path, planes):
    """One page for a stack, as is written for ImageJ beyond 4 GB: its other planes follow unnamed."""
    tifffile.imwrite(path, planes, imagej=True, metadata={"axes": "ZYX"}, truncate=True)


@pytest.mark.parametrize(
    "save",
    [
        lambda path, planes: tifffile.imwrite(path, planes, photometric="minisblack"),
        lambda path, planes: tifffile.imwrite(path, planes, imagej=True, metadata={"axes": "TYX"}),
        lambda path, planes: tifffile.imwrite(path, planes, photometric="minisblack", metadata=None),
        lambda path, planes: tifffile.imwrite(path, planes, photometric="minisblack", truncate=True),
        lambda path, planes: tifffile.imwrite(
            path, planes, photometric="minisblack", volumetric=True, tile=(3, 16, 16)
        ),
        lambda path, planes: tifffile.imwrite(path, noise(3, 16, 20, 3), photometric="rgb"),
        lambda path, planes: Image.fromarray(planes[0]).save(
            path, save_all=True, append_images=[Image.fromarray(plane[:9]) for plane in planes[1:]]
        ),
        write_ome_of_a_page,
        write_truncated,
    ],
)
def test_pages_that_are_pictures_of_their_own(tmp_path, save):
    save(tmp_path / "a.tif", noise(3, 16, 20))
    for look in (file_header, read_image, read_labels):
        with pytest.raises(ValueError, match=r"a\.tif holds 3 pages: save the one that you want as a file of its own"):
            look(tmp_path / "a.tif")


def test_the_remedy_for_channels_as_pages_works(tmp_path):
    planes = noise(3, 16, 20)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="minisblack")
    with pytest.raises(ValueError, match="or write them with tifffile") as caught:
        read_image(tmp_path / "a.tif")
    call = str(caught.value).split("write them with ")[1].split(" if they are")[0]
    eval(call.replace("...", "path, planes"), {"tifffile": tifffile, "path": tmp_path / "a.tif", "planes": planes})
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), planes.transpose(1, 2, 0))


def test_thumbnails_are_passed_over(tmp_path):
    picture, thumbnail = noise(32, 48, 3), noise(8, 12, 3)
    mask = np.zeros((32, 48), bool)
    for order in (("picture", "thumbnail", "mask"), ("thumbnail", "picture"), ("mask", "thumbnail", "picture")):
        with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
            for kind in order:
                if kind == "picture":
                    tiff.write(picture, photometric="rgb", metadata=None)
                elif kind == "thumbnail":
                    tiff.write(thumbnail, photometric="rgb", subfiletype=1, metadata=None)
                else:
                    tiff.write(mask, photometric="mask", subfiletype=4, metadata=None)
        agree(tmp_path / "a.tif", picture)
    with tifffile.TiffWriter(tmp_path / "below.tif") as tiff:  # as raw converters have it
        tiff.write(thumbnail, photometric="rgb", subfiletype=1, subifds=1, metadata=None)
        tiff.write(picture, photometric="rgb", metadata=None)
    agree(tmp_path / "below.tif", picture)
    with tifffile.TiffWriter(tmp_path / "pyramid.tif") as tiff:
        tiff.write(picture, photometric="rgb", subifds=1, metadata=None)
        tiff.write(picture[::2, ::2], photometric="rgb", subfiletype=1, metadata=None)
    agree(tmp_path / "pyramid.tif", picture)


@pytest.mark.parametrize("orientation", [*range(1, 9), 0, 9, 65535])
def test_tiffs_are_turned_upright(tmp_path, orientation):
    image = noise(24, 40, 3)
    turned = {2: image[:, ::-1], 3: image[::-1, ::-1], 4: image[::-1], 5: image.transpose(1, 0, 2)}
    turned |= {
        6: np.rot90(image, -1),
        7: np.rot90(image, -1)[:, ::-1][::-1, ::-1].transpose(0, 1, 2),
        8: np.rot90(image),
    }
    turned[7] = image[::-1, ::-1].transpose(1, 0, 2)
    write(tmp_path / "a.tif", image, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    agree(tmp_path / "a.tif", np.ascontiguousarray(turned.get(orientation, image)))
    bands = noise(24, 40, 5)
    write(
        tmp_path / "b.tif", bands, photometric="minisblack", planarconfig="contig", extratags=[(274, "H", 1, 6, True)]
    )
    agree(tmp_path / "b.tif", np.rot90(bands, -1))


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (np.ones((4, 6), np.float32), {}, "holds float32 values; pictures here have 8 or 16 bits a channel"),
        (np.ones((4, 6), np.float16), {}, "holds float16 values"),
        (np.ones((4, 6), np.int8), {}, "holds int8 values"),
        (np.ones((4, 6), np.int16), {}, "holds int16 values"),
        (np.ones((4, 6), np.uint32), {}, "holds uint32 values"),
        (np.ones((4, 6), np.complex64), {}, "holds complex64 values"),
        (
            noise(4, 6, 3),
            {"photometric": "cielab"},
            "has the colours CIELAB in 3 channels, which are not read: save it as",
        ),
        (noise(4, 6, dtype=np.uint16), {"photometric": "cfa"}, "has the colours CFA in 1 channels"),
    ],
)
def test_what_is_refused(tmp_path, array, options, message):
    write(tmp_path / "a.tif", array, **options)
    for look in (file_header, read_image):
        with pytest.raises(ValueError, match=rf"a\.tif {message}"):
            look(tmp_path / "a.tif")


def set_tag(path, code: int, value: int, *, count: int | None = None) -> None:
    """Change a tag of a small little-endian TIFF in place."""
    data = bytearray(path.read_bytes())
    (place,) = struct.unpack_from("<I", data, 4)
    (tags,) = struct.unpack_from("<H", data, place)
    for at in range(place + 2, place + 2 + 12 * tags, 12):
        if struct.unpack_from("<H", data, at)[0] == code:
            kind, there = struct.unpack_from("<HI", data, at + 2)
            struct.pack_into("<HII", data, at + 2, kind, count or there, value)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("code", "value", "message"),
    [
        (256, 0, "claims 0 x 24 pixels|is damaged"),
        (257, 0, "claims 40 x 0 pixels|is damaged"),
        (257, 1 << 31, "claims 40 x 2147483648 pixels: more than 134,217,728 are not decoded"),
        (277, 0, "claims 40 x 24 pixels of 0 channels"),
        (277, 65535, "claims 65,535 channels: more than 1,024 are not decoded|is damaged"),
        (273, 0, "is damaged: 0 of the 1 parts of its picture are there"),
        (279, 0, "is damaged"),
        (279, 100, "is damaged: it has 100 of the 960 bytes of its picture"),
        (273, 5000, "is cut off: the end of the picture is missing"),
        (258, 24, "holds uint32 values"),
        (278, 0, "is damaged"),
    ],
)
def test_hostile_tags_are_refused_by_the_header(tmp_path, code, value, message):
    write(tmp_path / "a.tif", noise(24, 40), photometric="minisblack")
    set_tag(tmp_path / "a.tif", code, value)
    for look in (file_header, read_image, read_labels):
        with pytest.raises(ValueError, match=rf"a\.tif ({message})"):
            look(tmp_path / "a.tif")


def test_strips_and_tiles_that_are_not_there(tmp_path):
    """tifffile gives 0 for them, which is for maps."""
    write(tmp_path / "a.tif", noise(64, 64), photometric="minisblack", tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tiff:
        tag = tiff.pages[0].tags[324]
        tag.overwrite([*tag.value[:5], 0, *tag.value[6:]])
    with pytest.raises(ValueError, match=r"a\.tif is damaged: 15 of the 16 parts of its picture are there"):
        file_header(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_tiff_that_was_cut_off_or_damaged(tmp_path, compression):
    write(tmp_path / "a.tif", smooth(128, 128), photometric="rgb", compression=compression, rowsperstrip=16)
    data = (tmp_path / "a.tif").read_bytes()
    for share in (0.2, 0.6, 0.98):
        (tmp_path / "a.tif").write_bytes(data[: int(len(data) * share)])
        for look in (file_header, read_image):
            with pytest.raises(ValueError, match=r"a\.tif is (cut off|damaged)"):
                look(tmp_path / "a.tif")
    if compression == "zlib":  # it has checksums
        spoilt = bytearray(data)
        spoilt[len(data) // 2] ^= 0x40
        (tmp_path / "a.tif").write_bytes(spoilt)
        with pytest.raises(ValueError, match=r"a\.tif is damaged"):
            read_image(tmp_path / "a.tif")


def test_no_other_file_is_looked_for(tmp_path):
    """OME's XML may name files beside this one: they are not opened."""
    xml = tifffile.OmeXml()
    xml.addimage("uint8", (1, 16, 20), (1, 1, 1, 16, 20, 1), axes="CYX")
    tifffile.imwrite(tmp_path / "other.tif", noise(16, 20))
    text = xml.tostring().replace("<TiffData", '<TiffData FirstC="0"').replace('IFD="0"', "")
    write(tmp_path / "a.tif", noise(16, 20, seed=1), photometric="minisblack", description=text.encode())
    agree(tmp_path / "a.tif", noise(16, 20, seed=1)[:, :, None])


def test_descriptions_that_are_nonsense(tmp_path):
    for text in (
        '{"shape": "x"}',
        "{" * 5000,
        '{"shape": [2], "axes": 5}',
        "ImageJ=1\nimages=x\n",
        "<OME><Pixels SizeC='a'",
        json.dumps({"shape": [12, 9]}),
    ):
        write(tmp_path / "a.tif", noise(12, 9), photometric="minisblack", description=text)
        agree(tmp_path / "a.tif", noise(12, 9)[:, :, None])
