"""From the word after --dataset to a data set on disk: one's own, or one of the catalogue, which may have to be got."""

from __future__ import annotations

import os
from pathlib import Path

from gluon_pix2pix.commands.stage_bar import StageBar
from gluon_pix2pix.pairs.locate import Located, locate


def find_data(dataset: str, data_root: Path, *, photos: bool = False, get: bool = False) -> Located:
    """Find a data set by its path, or by its name.

    Parameters
    ----------
    dataset
        A folder, a list of pairs, or a name of the catalogue, which goes before a folder of that name.
    data_root
        Where named sets are.
    photos
        Whether its files are single pictures.
    get
        Whether a set of the catalogue that is not on disk is downloaded, prepared or drawn.

    Raises
    ------
    ValueError
        If it is neither, or has no train split, or is raw.
    NotOnDiskError
        If a set of the catalogue is not on disk, and not to be got, or only by request.
    DownloadError
        If no address gives it.
    """
    name = dataset.rstrip("/")
    if os.path.basename(name) != name or (name != dataset and os.path.isdir(name)):
        return locate(dataset, data_root, photos=photos)
    # Imported here: data sets on disk are trained on without what lists, downloads and draws others.
    from gluon_pix2pix.datasets.catalogue import CATALOGUE, NotOnDiskError, find_named

    if name not in CATALOGUE:
        return locate(dataset, data_root, photos=photos, names=list(CATALOGUE))
    try:
        return find_named(name, data_root, photos=photos)
    except NotOnDiskError:
        entry = CATALOGUE[name]
        if entry.raw and entry.urls:
            raise ValueError(f"{name} is raw, not pairs; {entry.how_to_prepare(data_root)}") from None
        if not get:
            raise
    from gluon_pix2pix.datasets import fetch

    with StageBar(name, size=CATALOGUE[name].download_bytes) as bar:
        fetch.get(name, data_root, progress=bar)
    return find_named(name, data_root, photos=photos)


def check_network(dataset: str, data_root: Path) -> None:
    """Say at once that a set of the catalogue is not on disk and cannot be downloaded, where that is so.

    Raises
    ------
    DownloadError
        If no address of it is found.
    """
    if os.path.basename(dataset) != dataset or Path(data_root, dataset).exists():
        return
    from gluon_pix2pix.datasets.catalogue import CATALOGUE  # here, as above

    if dataset in CATALOGUE:
        from gluon_pix2pix.datasets import fetch

        fetch.check_network(dataset, data_root)
