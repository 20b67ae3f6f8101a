"""Write a generator as symbol + params that any MXNet program loads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Optional

import tyro

from gluon_pix2pix.commands.cli import CommonOptions, option_errors
from gluon_pix2pix.data.pairs import split_pair
from gluon_pix2pix.image_files import find_images, read_image
from gluon_pix2pix.images import resize, with_channels
from gluon_pix2pix.training.checkpoint import find_checkpoint
from gluon_pix2pix.translation.export import FILES, export_generator
from gluon_pix2pix.translation.translator import read_run


@dataclass
class Options(CommonOptions):
    """Write a generator as generator-symbol.json, generator-0000.params and model.json, compared with the net first."""

    model: Annotated[Path, tyro.conf.arg(metavar="DIR")] = tyro.MISSING
    """The folder of a run."""
    output: Optional[Path] = None
    """The folder to write to [<run>/export]."""
    epoch: str = "latest"
    """The checkpoint: a number of epochs, latest, or best (by validation PSNR)."""
    check_with: Annotated[Optional[Path], tyro.conf.arg(metavar="FOLDER")] = None
    """Compare on the first four of these pairs too, not only on noise."""


def main(options: Options) -> None:
    """Export and say what was written."""
    run = read_run(options.model)
    with option_errors():
        find_checkpoint(options.model / "checkpoints", options.epoch)
    output = options.output or options.model / "export"
    size, input_nc = run["options"]["crop_size"], run["generator"]["input_nc"]
    pictures = []
    for path in find_images(options.check_with)[:4] if options.check_with else []:
        source, _ = split_pair(read_image(path, channels=3), run["options"]["direction"], path=path)
        pictures.append(with_channels(resize(source, size, size), input_nc))
    model = export_generator(options.model, output, epoch=options.epoch, pictures=pictures)
    checked = model["checked"]
    print(f"exported: {', '.join(str(output / name) for name in FILES)}")
    print(
        f"largest difference from the net over {len(checked['shapes'])} batches: "
        f"{checked['largest_difference_from_the_net']:.1e} in [-1, 1]"
    )
