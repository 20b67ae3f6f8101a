"""Translate pictures and videos with a trained generator."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from tqdm import tqdm

from gluon_pix2pix.commands import other_programs
from gluon_pix2pix.errors import CommonOptions, UsageError, option_errors
from gluon_pix2pix.runs.checkpoint_list import check_epoch
from gluon_pix2pix.translation.examples import guess_kind, match_targets
from gluon_pix2pix.translation.inputs import Inputs, find_inputs, results_are_inputs
from gluon_pix2pix.translation.loading import find_format
from gluon_pix2pix.translation.network import Network
from gluon_pix2pix.translation.options import InputOptions, ModelOptions, ResultOptions
from gluon_pix2pix.translation.pipeline import translate_pictures
from gluon_pix2pix.translation.result_files import ResultFiles
from gluon_pix2pix.translation.result_folder import ResultFolder
from gluon_pix2pix.translation.standard_streams import translate_stream
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.translation.videos import translate_videos, video_path


@dataclass
class Options(CommonOptions):
    """Translate pictures with a trained generator; side-by-side pairs give their target as well, for scoring."""

    model: ModelOptions = field(default_factory=ModelOptions)
    inputs: InputOptions = field(default_factory=InputOptions)
    results: ResultOptions = field(default_factory=ResultOptions)


def read_words(words: list[str]) -> list[str]:
    """Return the words of the command line in ours; UsageError if one is another program's."""
    return other_programs.read_words("translate", words)


def main(options: Options) -> Optional[int]:
    """Translate; return 1 if a picture could not be."""
    translator, device = load(options.model)
    if options.inputs.input == "-":
        return from_standard_input(translator, options.results)
    network, results = translator.network, options.results
    output = Path(results.output) if results.output else default_output(options.model.model)
    inputs, kind = find_examples(options.inputs, network)
    if results_are_inputs(options.inputs.input, output):
        raise UsageError(
            f"the results' folder {output} is inside the input's, {options.inputs.input}: pass another --output"
        )
    files = ResultFiles(output, network.coding, results)
    settings = settings_of(translator, options, inputs, kind)
    with ResultFolder(output, settings, inputs.files, overwrite=results.overwrite) as folder:
        for note in inputs.notes:
            print(f"note: {note}")
        if inputs.pictures:
            print(f"{len(inputs.pictures)} pictures ({describe(kind, inputs, network)})")
        print(f"device: {device}\nnormalised by: {network.statistics}", end="")
        print(f", {'with' if network.dropout else 'without'} dropout", flush=True)
        return translate_all(translator, inputs, kind, files, folder)


def load(options: ModelOptions) -> tuple[Translator, str]:
    """Load the model; return it and where it computes."""
    ctx: Any = None
    with option_errors():
        check_epoch(options.epoch)
        form = find_format(options.model, options.backend if options.provider is None else "onnx")
    if form == "onnx":
        if options.gpu not in (None, "-1"):
            raise UsageError(
                f"--gpu {options.gpu} is for MXNet: an ONNX model takes --provider cuda, and its first GPU"
            )
        device = ""
    else:
        from gluon_pix2pix.runtime import devices  # here: it imports MXNet, which ONNX models do without

        with option_errors():
            contexts, device = devices(options.gpu)
        if len(contexts) > 1:
            raise UsageError(f"translate runs on one device, not on --gpu {options.gpu}")
        ctx = contexts[0]
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
        provider=options.provider,
    )
    return translator, device or translator.network.device


def from_standard_input(translator: Translator, options: ResultOptions) -> None:
    """Translate the picture on standard input, to standard output as PNG or to a file."""
    output = "" if options.output in (None, "-") else options.output
    sys.stdout.buffer.write(translate_stream(translator, sys.stdin.buffer, quality=options.quality, output=output))


def default_output(model: str) -> Path:
    """Return where results go by default: of the run exp.1 to results/exp.1, of the file exp.onnx to results/exp."""
    path = Path(model).resolve()
    return Path("results") / (path.stem if path.is_file() else path.name)


def find_examples(options: InputOptions, network: Network) -> tuple[Inputs, str]:
    """Find what is to be translated, each picture with its true answer if that is a file; and which kind all are."""
    pairs = options.pairs != "no"
    inputs = find_inputs(options.input, direction=network.direction, pairs=pairs, split=options.split)
    if options.targets and has_targets(inputs):
        raise UsageError(
            f"{options.input} is a list of pairs, which names the true answers: leave out --targets, or add --pairs no"
        )
    if options.targets:
        targets = match_targets([picture.name for picture in inputs.pictures], options.targets)
        return inputs.with_targets(targets), "single"
    if has_targets(inputs) or not inputs.pictures or not pairs:
        return inputs, "single"
    if options.pairs == "yes":
        return inputs, "photo" if network.coding.from_photos else "pair"
    paths = [picture.path for picture in inputs.pictures]
    return inputs, guess_kind(paths, network.coding, network.description.get("pair_layout"))


def has_targets(inputs: Inputs) -> bool:
    """Whether the true answers are files of their own."""
    return any(file.target for file in inputs.files)


def describe(kind: str, inputs: Inputs, network: Network) -> str:
    """Say what the pictures are taken for."""
    if has_targets(inputs):
        return "each with its target"
    words = {"pair": f"pairs, {network.direction}", "photo": "whole photos", "single": "single pictures"}[kind]
    return f"{words}; --pairs yes or no to say otherwise"


def settings_of(translator: Translator, options: Options, inputs: Inputs, kind: str) -> dict:
    """Return what results depend on, beside the picture itself, as translation.json has it."""
    results, targets = options.results, options.inputs.targets
    listed = options.inputs.input if has_targets(inputs) else None
    settings = {**translator.settings, "aspect_ratio": results.aspect_ratio}
    if inputs.pictures:
        settings |= {"pictures": kind, "targets": str(targets or listed) if targets or listed else None}
        settings["format"] = f"jpg {results.quality}" if results.format == "jpg" else results.format
    if inputs.videos:
        settings["video_format"] = results.video_format
    return settings


def translate_all(
    translator: Translator, inputs: Inputs, kind: str, files: ResultFiles, folder: ResultFolder
) -> Optional[int]:
    """Translate what is not there yet, say what was done and what was not, and return the exit code."""
    scored = kind != "single" or has_targets(inputs)
    pictures = [picture for picture in inputs.pictures if not files.are_there(picture.name, target=scored)]
    videos = [video for video in inputs.videos if not video_path(files, video).exists()]
    failed, cut = [], {}
    if pictures:
        with tqdm(total=len(pictures), unit="img", disable=None) as bar:
            failed = translate_pictures(translator, pictures, files, kind=kind, progress=bar.update)
    if videos:
        print("videos are written without sound", flush=True)
        done = translate_videos(translator, videos, files)
        failed, cut = failed + done.failed, done.cut
        for note in done.notes:
            print(f"note: {note}")
    for line in failed:
        print(f"not translated: {line}", file=sys.stderr)
    if len(failed) == len(inputs.files):
        folder.forget()
        return 1
    cut = folder.remember_cut(cut)
    for line in cut:
        print(f"not whole: {line}", file=sys.stderr)
    kept = len(inputs.files) - len(pictures) - len(videos)
    if kept:
        print(f"{kept} were there already and stay (--overwrite to translate them anew)")
    print(f"pictures: {files.folder}")
    if kept < len(inputs.files) and folder.old_scores():
        print(f"note: {folder.old_scores()} is of the pictures that were there before: score them again")
    if scored:
        print(f"next: python eval_psnr.py {shlex.quote(str(files.folder))}")
    return 1 if failed or cut else None
