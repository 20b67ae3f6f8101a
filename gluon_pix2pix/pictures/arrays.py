"""Pictures of any number of channels: .npy arrays and multi-band TIFF files. numpy and tifffile."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from gluon_pix2pix.pictures.headers import PathLike, open_array

TIFF_SUFFIXES = (".tif", ".tiff")
_MINISWHITE, _MINISBLACK = 0, 1  # TIFF's PhotometricInterpretation of gray, and of bands that are no colours


def read_array(path: PathLike) -> np.ndarray:
    """Read an .npy file as (H, W, C) uint8 or uint16; see `image_headers.open_array` for the errors."""
    array = np.array(open_array(path))
    return array[:, :, None] if array.ndim == 2 else array


def tiff_has_bands(data: bytes) -> bool:
    """Tell whether a TIFF has several channels that are not red, green, blue and alpha."""
    import tifffile  # here, where it is needed: it takes a tenth of a second

    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages[0]
        return page.samplesperpixel > 1 and page.photometric in (_MINISWHITE, _MINISBLACK)


def read_tiff(path: PathLike, data: bytes) -> np.ndarray:
    """Return all channels of a TIFF's first page, (H, W, C).

    Raises
    ------
    ValueError
        If it does not decode.
    """
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            page = tiff.pages[0]
            image = page.asarray()
            planes_first = page.axes.startswith("S")
    except Exception as error:  # damaged files raise nearly every kind
        raise ValueError(f"{path} does not decode: {' '.join(str(error).split())[:200]}") from error
    if image.ndim == 2:
        return image[:, :, None]
    return np.ascontiguousarray(image.transpose(1, 2, 0) if planes_first else image)


def encode_array(path: PathLike, image: np.ndarray) -> bytes:
    """Return (H, W, C) as the bytes of an .npy or .tif file.

    Raises
    ------
    ValueError
        If `path` names another format.
    """
    suffix, stream = Path(path).suffix.lower(), io.BytesIO()
    if suffix == ".npy":
        np.save(stream, image, allow_pickle=False)
    elif suffix in TIFF_SUFFIXES:
        import tifffile

        tifffile.imwrite(stream, image, photometric="minisblack", planarconfig="contig", metadata=None)
    else:
        raise ValueError(f"cannot write {path}: {suffix} does not hold {image.shape[2]} channels; use .npy or .tif")
    return stream.getvalue()
