"""Translate pictures and videos with a trained generator."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import tyro
from tqdm import tqdm

from gluon_pix2pix.commands.translate_special import translate_stdin, translate_videos, video_path
from gluon_pix2pix.errors import CommonOptions, UsageError, option_errors
from gluon_pix2pix.reading import read_json
from gluon_pix2pix.translation.given import Given, guess_kind, match_targets, read_given
from gluon_pix2pix.translation.inputs import Inputs, find_inputs, is_video
from gluon_pix2pix.translation.loading import find_format
from gluon_pix2pix.translation.pipeline import translate_files
from gluon_pix2pix.translation.results import FORMATS, Results
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.writing import write_json


@dataclass
class Options(CommonOptions):
    """Translate pictures with a trained generator; side-by-side pairs give their target as well, for scoring."""

    model: Annotated[str, tyro.conf.arg(metavar="PATH")] = tyro.MISSING
    """A model in the box, which `models` lists, the folder of a run, the folder of an export, or an .onnx file."""
    input: Annotated[str, tyro.conf.arg(metavar="PATH")] = tyro.MISSING
    """A picture, a folder with its subfolders, a pattern in quotes ('in/**/*.jpg'), a list of paths (.txt, .csv, .tsv),
    a video, or - for a picture from standard input."""
    output: Optional[str] = None
    """Gets NAME_fake.png, NAME_source.png and, where it is known, NAME_target.png [results/<name of the model>]. With
    --input - it is the picture's file [- for standard output]."""
    pairs: Literal["auto", "yes", "no"] = "auto"
    """Whether the inputs hold the true answer too: side-by-side pairs or, for colorization and inpainting, whole
    photos. auto says yes if every picture is twice as wide as high, or coloured."""
    targets: Optional[Path] = None
    """A folder of true answers with the inputs' names, where these are files of their own."""
    overwrite: bool = False
    """Translate anew what has been translated into the same folder before."""

    epoch: str = "latest"
    """The checkpoint of a run: a number of epochs, latest, or best (by validation score)."""
    statistics: Optional[Literal["picture", "batch", "running"]] = None
    """Normalise by each picture's own statistics, as the paper does, by those of each --batch-size pictures, or by the
    running ones of training [picture; what is in its graph for an export]."""
    dropout: bool = True
    """Keep dropout on, as the paper does; exports have none."""
    seed: int = 0
    """Decides, with each picture's name, what dropout drops."""
    keep_size: bool = False
    """Translate pictures at their own size instead of the size of training."""
    tile: Optional[int] = None
    """Translate larger pictures in overlapping tiles of this many pixels a side, in little memory; of use with
    --keep-size."""
    aspect_ratio: float = 1.0
    """Stretch results to be so much wider (or, below 1, higher), where training has squeezed them."""

    format: Literal[tuple(FORMATS)] = "png"
    """How pictures are written; png and tiff hold 16 bits."""
    quality: int = 95
    """Of jpg, 1 to 100."""
    side_by_side: bool = False
    """Write NAME_side too: source, answer and target in a row. Videos show source and answer."""
    video_format: Literal["same", "mp4", "mkv", "avi", "frames"] = "same"
    """mkv is lossless; frames writes numbered pictures."""

    batch_size: int = 4
    """The most pictures of one size that go through the network together, where their answers do not depend on it."""
    backend: Optional[Literal["mxnet", "onnx"]] = None
    """What computes an export that has both."""
    gpu: Optional[str] = None
    """A GPU such as 0; -1 for the CPU [the first GPU there is, else the CPU]."""

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise UsageError(f"--quality {self.quality} is not between 1 and 100")
        if not 0 < self.aspect_ratio < 100:
            raise UsageError(f"--aspect-ratio {self.aspect_ratio} is not between 0 and 100")
        if self.targets and self.pairs == "yes":
            raise UsageError(
                "--pairs yes finds the true answers in the inputs, --targets in a folder: pass one of them"
            )


def main(options: Options) -> Optional[int]:
    """Translate; return 1 if a picture could not be."""
    translator, device = load(options)
    if options.input == "-":
        return translate_stdin(translator, options.output or "-", quality=options.quality)
    output = Path(options.output) if options.output else default_output(options.model)
    inputs = find_inputs(options.input)
    check_apart(options.input, output)
    videos = [(path, name) for path, name in zip(inputs.paths, inputs.names) if is_video(path)]
    pictures = Inputs(inputs.root, *map(list, zip(*still))) if (still := _without_videos(inputs)) else None

    coding, direction = translator.network.coding, translator.network.direction
    kind = kind_of(options, pictures, translator)
    results = Results(output, coding, options.format, options.quality, options.aspect_ratio, options.side_by_side)
    written = [results.path_of(name) for name in pictures.names] if pictures else []
    written += [video_path(results, path, name, options.video_format) for path, name in videos]
    clear_the_way(output, written, settings_of(translator, options, inputs.root, kind), options.overwrite)
    words = {"pair": f"pairs, {direction}", "photo": "whole photos", "single": "single pictures"}[kind]
    if inputs.note:
        print(f"note: {inputs.note}")
    if pictures:
        print(f"{len(pictures.paths)} pictures ({words}; --pairs yes or no to say otherwise)")
    print(f"device: {device}\nnormalised by: {translator.network.statistics}", end="")
    print(f", {'with' if translator.network.dropout else 'without'} dropout", flush=True)

    troubles, kept = [], 0
    if pictures:
        jobs = jobs_of(pictures, results, options, translator, kind)
        kept = len(pictures.paths) - len(jobs)
        with tqdm(total=len(jobs), unit="img", disable=None) as bar:
            troubles = translate_files(translator, jobs, results, progress=bar.update)
    if videos:
        troubles += translate_videos(translator, videos, results, options.video_format)
    return report(output, troubles, of=len(inputs.paths), kept=kept, scored=kind != "single" or options.targets)


def default_output(model: str) -> Path:
    """Return where results go by default: of the run exp.1 to results/exp.1, of the file exp.onnx to results/exp."""
    path = Path(model).resolve()
    return Path("results") / (path.stem if path.is_file() else path.name)


def load(options: Options) -> tuple[Translator, str]:
    """Load the model; return it and where it computes."""
    ctx: Any = None
    with option_errors():
        form = find_format(options.model, options.backend)
    if form == "onnx":
        device = "CPU, ONNX Runtime"
    else:
        from gluon_pix2pix.runtime import devices  # here: it imports MXNet, which ONNX models do without

        with option_errors():
            contexts, device = devices(options.gpu)
        if len(contexts) > 1:
            raise UsageError(f"translate runs on one device, not on --gpu {options.gpu}")
        ctx = contexts[0]
    if form == "run" and not options.epoch.isdecimal() and options.epoch not in ("latest", "best"):
        raise UsageError(f"an epoch is a number, 'latest' or 'best', not {options.epoch!r}")
    translator = Translator.load(
        options.model,
        epoch=options.epoch,
        statistics=options.statistics,
        dropout=options.dropout if form == "run" else None,
        backend=options.backend,
        size=None if options.keep_size else "trained",
        tile=options.tile,
        batch_size=options.batch_size,
        seed=options.seed,
        ctx=ctx,
    )
    return translator, device


def _without_videos(inputs: Inputs) -> list[tuple[Path, str]]:
    return [(path, name) for path, name in zip(inputs.paths, inputs.names) if not is_video(path)]


def kind_of(options: Options, pictures: Optional[Inputs], translator: Translator) -> str:
    """Return which of `given.KINDS` the pictures are."""
    coding = translator.network.coding
    if not pictures or options.targets or options.pairs == "no":
        return "single"
    if options.pairs == "yes":
        return "photo" if coding.from_photos else "pair"
    return guess_kind(pictures.paths, coding)


def jobs_of(
    pictures: Inputs, results: Results, options: Options, translator: Translator, kind: str
) -> list[tuple[str, Callable[[], Given]]]:
    """Return the name of each picture that is still to be translated, and what reads it."""
    targets = [None] * len(pictures.paths)
    if options.targets:
        targets = match_targets(pictures.names, options.targets)
    network = translator.network

    def job(path: Path, target: Optional[Path]) -> Callable[[], Given]:
        return lambda: read_given(path, network.coding, kind=kind, direction=network.direction, target=target)

    rows = zip(pictures.names, pictures.paths, targets)
    return [(name, job(path, target)) for name, path, target in rows if not results.is_there(name)]


def check_apart(given: str, output: Path) -> None:
    """See that results do not go where the inputs are: the next time, they would be translated.

    Raises
    ------
    UsageError
        If they would.
    """
    folder = Path(given)
    if folder.is_dir() and folder.resolve() in (output.resolve(), *output.resolve().parents):
        raise UsageError(f"the results' folder {output} is inside the input's, {folder}: pass another --output")


def settings_of(translator: Translator, options: Options, root: Path, kind: str) -> dict:
    """Return what a result depends on, beside the picture itself, as translation.json has it."""
    written = {"input": str(root.resolve()), "pictures": kind, "aspect_ratio": options.aspect_ratio}
    return {**translator.settings, **written, "targets": str(options.targets) if options.targets else None}


def clear_the_way(folder: Path, written: list[Path], settings: dict, overwrite: bool) -> None:
    """Make the folder, and make sure that no results of other settings stay among the new ones.

    Raises
    ------
    UsageError
        If there are some, and they are not to be overwritten.
    OSError
        If nothing can be written there; the line names the folder.
    """
    path = folder / "translation.json"
    known = path.exists() and not overwrite
    before = read_json(path, dict, what="the settings of a translation (remove it to begin anew)") if known else {}
    there = [fake for fake in written if fake.exists()]
    differ = [name for name in settings if before.get(name) != settings[name]]
    if there and differ and not overwrite:
        raise UsageError(
            f"{folder} has pictures of another translation (other {', '.join(differ)}): pass --overwrite, or "
            "another --output"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, settings)
    except OSError as error:
        raise OSError(f"cannot write results into {folder} ({error.strerror}): pass another --output") from error
    for fake in there if overwrite else []:
        shutil.rmtree(fake) if fake.is_dir() else fake.unlink()


def report(output: Path, troubles: list[str], *, of: int, kept: int, scored: bool) -> Optional[int]:
    """Say what was done and what was not, and return the exit code."""
    for line in troubles:
        print(f"not translated: {line}", file=sys.stderr)
    if len(troubles) == of:
        if not any(path.name != "translation.json" for path in output.iterdir()):
            (output / "translation.json").unlink()
            os.removedirs(output)
        return 1
    if kept:
        print(f"{kept} were there already and stay (--overwrite to translate them anew)")
    print(f"pictures: {output}")
    if scored:
        print(f"next: python eval_psnr.py {output}")
    return 1 if troubles else None
