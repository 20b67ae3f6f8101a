"""Segmenters kept on disk: trained once for the same pairs, palette and settings, then read back with their SHA-256."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from gluon_pix2pix import __version__
from gluon_pix2pix.errors import reason_of
from gluon_pix2pix.evaluation.labelled_photos import LabelledPhotos
from gluon_pix2pix.evaluation.palettes import Palette
from gluon_pix2pix.evaluation.segmenter import Progress, SegmentationUNet, Segmenter, train_segmenter
from gluon_pix2pix.pairs.digest import digest_pairs
from gluon_pix2pix.pairs.file_memory import FileMemory
from gluon_pix2pix.pairs.layouts import PairPaths
from gluon_pix2pix.params_file import ParamsFile, load_weights
from gluon_pix2pix.reading import open_file, read_json
from gluon_pix2pix.runtime import mx, threads
from gluon_pix2pix.writing import json_text, whole_folder, write_json

# On the 400 facades: see docs/scores.md for what these take and give.
NETWORK = {"size": 128, "width": 16, "num_downs": 6}
TRAINING = {"batch_size": 4, "learning_rate": 2e-3}
LOAD_SIZE = NETWORK["size"] * 9 // 8  # as 286 is to 256


def get_segmenter(
    root: Path,
    pairs: Sequence[PairPaths],
    *,
    name: str,
    direction: str,
    palette: Palette,
    epochs: int,
    seed: int,
    ctx: mx.Context,
    progress: Optional[Progress] = None,
) -> tuple[Segmenter, dict[str, Any]]:
    """Read the segmenter of these pairs, palette and settings from its folder below `root`, or train and keep it there.

    Parameters
    ----------
    root
        Gets a folder `name`-DIGEST with segmenter.params and segmenter.json.
    pairs
        The training pairs.
    direction
        The generator's: the source half is the label picture, the target half the photo.
    progress
        As `train_segmenter` takes it; not called for a segmenter that was there.

    Returns
    -------
    segmenter : Segmenter
    facts : dict
        What segmenter.json holds, and ``path``, its folder.

    Raises
    ------
    ValueError
        If the kept segmenter is damaged, or the pairs' sources are not label pictures of the palette.
    OSError
        If a picture cannot be read, or the segmenter cannot be kept.
    """
    settings = {**NETWORK, **TRAINING, "load_size": LOAD_SIZE, "epochs": epochs, "seed": seed, "direction": direction}
    memory = FileMemory.of([pairs[0].a.parent], "digests")  # that of training, if it has read these files
    wanted = {
        "settings": settings,
        "palette": palette._asdict(),
        "pairs": len(pairs),
        "data": digest_pairs(sorted(pairs), memory),
    }
    memory.save()
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:12]
    kept = Path(root) / f"{name}-{digest}"
    net = SegmentationUNet(len(palette.names), width=NETWORK["width"], num_downs=NETWORK["num_downs"])
    if kept.is_dir():
        facts = _load(kept, net, ctx, wanted)
    else:
        Path(root).mkdir(parents=True, exist_ok=True)  # before the work, not after it
        photos = LabelledPhotos(pairs, direction=direction, palette=palette, load_size=LOAD_SIZE)
        options = {"classes": len(palette.names), "epochs": epochs, "seed": seed, "ctx": ctx, "progress": progress}
        net = train_segmenter(photos, **NETWORK, **TRAINING, **options)
        facts = {**wanted, "threads": threads(), "versions": {"gluon-pix2pix": __version__, "mxnet": mx.__version__}}
        facts = _save(kept, net, facts)
    net.hybridize(static_alloc=True)
    return Segmenter(net, size=NETWORK["size"], ctx=ctx), {**facts, "path": str(kept)}


def _save(folder: Path, net: mx.gluon.Block, facts: dict[str, Any]) -> dict[str, Any]:
    # Another process may have trained the same in the meantime.
    with contextlib.suppress(FileExistsError), whole_folder(folder, durable=True, replace=False) as beside:
        net.save_parameters(str(beside / "segmenter.params"))
        facts = {**facts, "sha256": hashlib.sha256((beside / "segmenter.params").read_bytes()).hexdigest()}
        write_json(beside / "segmenter.json", facts)
    return json.loads(json_text(facts))


def _load(folder: Path, net: mx.gluon.Block, ctx: mx.Context, wanted: dict[str, Any]) -> dict[str, Any]:
    try:
        facts = read_json(folder / "segmenter.json", {"sha256": str}, what="the description of a segmenter")
        if {name: facts.get(name) for name in wanted} != json.loads(json_text(wanted)):
            raise ValueError("segmenter.json is of another one")
        with open_file(folder / "segmenter.params") as stream:
            data = stream.read()
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            raise ValueError("its weights are not those that were saved")
        with ParamsFile(data, where="segmenter.params") as weights:
            load_weights(net, weights, [ctx])
    except (OSError, ValueError, AssertionError, mx.MXNetError) as error:
        raise ValueError(
            f"{folder} holds a damaged segmenter ({reason_of(error)}): remove it, and it is trained anew"
        ) from error
    return facts
