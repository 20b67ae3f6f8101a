"""Translate pictures with a trained generator."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Optional

import tyro
from tqdm import tqdm

from gluon_pix2pix.commands.cli import CommonOptions, UsageError, option_errors
from gluon_pix2pix.data.pairs import split_pair
from gluon_pix2pix.images import find_images, image_size, read_image, write_image
from gluon_pix2pix.runtime import devices
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
    with option_errors():
        ctx, device = devices(options.gpu)
    if len(ctx) > 1:
        raise UsageError(f"translate runs on one device, not on --gpu {options.gpu}")
    with option_errors():
        translator = Translator.load(
            options.model,
            epoch=options.epoch,
            statistics=options.statistics,
            dropout=options.dropout,
            keep_size=options.keep_size,
            seed=options.seed,
            ctx=ctx[0],
        )
    direction = read_run(options.model)["options"]["direction"]
    output = options.output or Path("results") / options.model.resolve().name
    root = options.input if options.input.is_dir() else options.input.parent
    paths = find_images(root, recursive=True) if options.input.is_dir() else [options.input]
    names = check_names(paths, root)
    pairs = are_pairs(paths) if options.pairs == "auto" else options.pairs == "yes"
    kind = f"pairs, {direction}" if pairs else "single pictures"
    print(f"{len(paths)} pictures ({kind}; --pairs yes or no to say otherwise)\ndevice: {device}", flush=True)

    failed, kept = [], 0
    for name, path in tqdm(zip(names, paths), total=len(paths), unit="img", disable=None):
        fake_path = output / f"{name}_fake.png"
        if fake_path.exists() and not options.overwrite:
            kept += 1
            continue
        try:
            image = read_image(path)
            source, target = split_pair(image, direction, path=path) if pairs else (image, None)
            fake = translator(source, name=name)
        except (ValueError, OSError) as error:
            failed.append(str(error))
            continue
        fake_path.parent.mkdir(parents=True, exist_ok=True)
        write_image(output / f"{name}_source.png", translator.prepare(source))
        if target is not None:
            write_image(output / f"{name}_target.png", translator.prepare(target))
        write_image(fake_path, fake)  # last: that it is there says that the others are

    for line in failed:
        tqdm.write(f"not translated: {line}")
    if kept:
        print(f"{kept} were there already and stay (--overwrite to translate them anew)")
    print(f"pictures: {output}")
    if pairs:
        print(f"next: python eval_psnr.py {output}")
    return 1 if failed else None


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
