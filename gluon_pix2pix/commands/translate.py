"""Translate pictures with a trained generator."""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Optional

import numpy as np
import tyro
from tqdm import tqdm

from gluon_pix2pix.commands.cli import CommonOptions, UsageError, option_errors
from gluon_pix2pix.data.pairs import split_pair
from gluon_pix2pix.image_files import find_images, image_size, read_image, write_atomically, write_image
from gluon_pix2pix.images import with_channels
from gluon_pix2pix.runtime import devices
from gluon_pix2pix.training.checkpoint import find_checkpoint
from gluon_pix2pix.translation.translator import Translator, read_run


@dataclass
class Options(CommonOptions):
    """Translate pictures with a trained generator; side-by-side pairs give their target as well, for scoring."""

    model: Annotated[Path, tyro.conf.arg(metavar="DIR")] = tyro.MISSING
    """The folder of a run."""
    input: Annotated[Path, tyro.conf.arg(metavar="PATH")] = tyro.MISSING
    """A picture, or a folder of pictures with its subfolders."""
    output: Optional[Path] = None
    """Gets NAME_fake.png, NAME_source.png and, from pairs, NAME_target.png [results/<name of the run>]."""
    pairs: Literal["auto", "yes", "no"] = "auto"
    """Whether the inputs are side-by-side pairs; auto says yes if every picture is twice as wide as high."""
    epoch: str = "latest"
    """The checkpoint: a number of epochs, latest, or best (by validation PSNR)."""
    statistics: Literal["picture", "running"] = "picture"
    """Normalise by each picture's own statistics, as the paper does, or by the running ones of training."""
    dropout: bool = True
    """Keep dropout on, as the paper does."""
    seed: int = 0
    """Decides, with each picture's name, what dropout drops."""
    keep_size: bool = False
    """Translate pictures at their own size instead of the size of training."""
    gpu: Optional[str] = None
    """A GPU such as 0; -1 for the CPU [the first GPU there is, else the CPU]."""
    overwrite: bool = False
    """Translate anew what has been translated into the same folder before."""


def main(options: Options) -> Optional[int]:
    """Translate; return 1 if a picture could not be."""
    run = read_run(options.model)
    with option_errors():
        ctx, device = devices(options.gpu)
        checkpoint = find_checkpoint(options.model / "checkpoints", options.epoch)
    if len(ctx) > 1:
        raise UsageError(f"translate runs on one device, not on --gpu {options.gpu}")
    translator = Translator.load(
        options.model,
        epoch=options.epoch,
        statistics=options.statistics,
        dropout=options.dropout,
        keep_size=options.keep_size,
        seed=options.seed,
        ctx=ctx[0],
    )
    direction, output_nc = run["options"]["direction"], run["generator"]["output_nc"]
    output = options.output or Path("results") / options.model.resolve().name
    root, paths = find_inputs(options.input, output)
    names = check_names(paths, root)
    pairs = are_pairs(paths) if options.pairs == "auto" else options.pairs == "yes"
    kind = f"pairs, {direction}" if pairs else "single pictures"
    settings = settings_of(options, checkpoint, root, kind)
    clear_the_way(output, names, settings, options.overwrite)
    print(f"{len(paths)} pictures ({kind}; --pairs yes or no to say otherwise)\ndevice: {device}", flush=True)

    failed, kept = [], 0
    for name, path in tqdm(zip(names, paths), total=len(paths), unit="img", disable=None):
        if (output / f"{name}_fake.png").exists():
            kept += 1
            continue
        try:
            pictures = translate_file(translator, path, name, direction if pairs else None, output_nc)
        except (ValueError, OSError) as error:
            failed.append(str(error))
            continue
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        if settings:  # before the first result
            write_atomically(output / "translation.json", (json.dumps(settings, indent=2) + "\n").encode())
            settings = None
        for picture in ("source", "target", "fake"):  # the fake last: that it is there says that the others are
            if picture in pictures:
                write_image(output / f"{name}_{picture}.png", pictures[picture])

    for line in failed:
        print(f"not translated: {line}", file=sys.stderr)
    if len(failed) == len(paths):
        return 1
    if kept:
        print(f"{kept} were there already and stay (--overwrite to translate them anew)")
    print(f"pictures: {output}")
    if pairs:
        print(f"next: python eval_psnr.py {output}")
    return 1 if failed else None


def settings_of(options: Options, checkpoint: Path, root: Path, kind: str) -> dict:
    """Return what a result depends on, beside the picture itself, as translation.json has it."""
    weights = json.loads((checkpoint / "state.json").read_text())["sha256"]["generator.params"]
    modes = {name: getattr(options, name) for name in ("statistics", "dropout", "seed", "keep_size")}
    return {"checkpoint": checkpoint.name, "sha256": weights, **modes, "input": str(root.resolve()), "pictures": kind}


def clear_the_way(output: Path, names: list[str], settings: dict, overwrite: bool) -> None:
    """Make sure that no results of other settings stay among the new ones.

    Raises
    ------
    UsageError
        If there are some, and they are not to be overwritten.
    """
    path = output / "translation.json"
    before = json.loads(path.read_text()) if path.is_file() else {}
    there = [fake for fake in (output / f"{name}_fake.png" for name in names) if fake.exists()]
    differ = [name for name in settings if before.get(name) != settings[name]]
    if there and differ and not overwrite:
        raise UsageError(
            f"{output} has pictures of another translation (other {', '.join(differ)}): pass --overwrite, or another "
            "--output"
        )
    if overwrite:
        for fake in there:
            fake.unlink()


def find_inputs(given: Path, output: Path) -> tuple[Path, list[Path]]:
    """Return the folder that results mirror, and the pictures that are `given`: those of a folder, or one.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name, or no picture in it.
    UsageError
        If `output` is inside it: the next time, results would be translated.
    """
    if not given.exists():
        raise FileNotFoundError(f"{given} is neither a picture nor a folder")
    if not given.is_dir():
        return given.parent, [given]
    if given.resolve() in (output.resolve(), *output.resolve().parents):
        raise UsageError(f"the results' folder {output} is inside the input's, {given}: pass another --output")
    return given, find_images(given, recursive=True)


def translate_file(
    translator: Translator, path: Path, name: str, direction: Optional[str], output_nc: int
) -> dict[str, np.ndarray]:
    """Return a file's source and fake, and its target if `direction` says that it is a pair."""
    image = read_image(path)
    if direction is None:
        return {"source": translator.prepare(image), "fake": translator(image, name=name)}
    source, target = split_pair(image, direction, path=path)
    target = with_channels(target, output_nc)  # as in training: gray and colour could not be compared
    fake = translator(source, name=name)
    return {"source": translator.prepare(source), "target": translator.prepare(target), "fake": fake}


def check_names(paths: list[Path], root: Path) -> list[str]:
    """Return each picture's path below `root` without its extension, which names its results.

    Raises
    ------
    ValueError
        If two pictures differ by nothing but the extension.
    """
    by_name: dict[str, Path] = {}
    for path in paths:
        other = by_name.setdefault(path.relative_to(root).with_suffix("").as_posix(), path)
        if other != path:
            raise ValueError(f"{other} and {path} would have results of the same name: rename one")
    return list(by_name)


def are_pairs(paths: list[Path]) -> bool:
    """Tell whether every picture with a readable header is twice as wide as high."""
    shapes = []
    for path in paths:
        with contextlib.suppress(ValueError, OSError):  # reported when it is translated
            shapes.append(image_size(path))
    return bool(shapes) and all(width == 2 * height for height, width in shapes)
