"""Translate pictures and videos with a trained generator."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from tqdm import tqdm

from gluon_pix2pix.commands import other_programs
from gluon_pix2pix.commands.translate_file import only_picture, output_file, translate_to_file
from gluon_pix2pix.commands.translate_said import has_targets, modes, said_of
from gluon_pix2pix.errors import CommonOptions, UsageError, option_errors
from gluon_pix2pix.reports.translations_page import write_translations_page
from gluon_pix2pix.runs.checkpoint_list import check_epoch
from gluon_pix2pix.translation.examples import guess_kind, match_targets
from gluon_pix2pix.translation.inputs import Inputs, find_inputs, refuse_both_sides, results_are_inputs
from gluon_pix2pix.translation.label_pictures import LabelPictures
from gluon_pix2pix.translation.loading import find_format
from gluon_pix2pix.translation.network import Network
from gluon_pix2pix.translation.options import InputOptions, ModelOptions, ResultOptions
from gluon_pix2pix.translation.pipeline import translate_pictures
from gluon_pix2pix.translation.result_files import ResultFiles
from gluon_pix2pix.translation.result_folder import ResultFolder, has_targets_of_before
from gluon_pix2pix.translation.standard_streams import translate_stream
from gluon_pix2pix.translation.translator import Translator
from gluon_pix2pix.translation.videos import translate_videos, video_path
from gluon_pix2pix.wording import command, count


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
    file = output_file(options.results)
    translator, device = load(options.model)
    if options.inputs.input == "-":
        return from_standard_input(translator, options.results)
    network, results = translator.network, options.results
    inputs, kind = find_examples(options.inputs, network)
    if file:
        picture = only_picture(inputs, options.inputs.input, file, overwrite=results.overwrite)
        print("\n".join([*said_of(inputs, kind, translator), *modes(device, network)]), flush=True)
        seen = LabelPictures(network)
        translate_to_file(translator, picture, file, kind=kind, options=results, look=seen.look)
        print(f"picture: {file}")
        if seen.note:
            print(f"note: {seen.note}")
        return None
    output = Path(results.output) if results.output else default_output(options.model.model)
    if not results.output and not is_scored(kind, inputs) and has_targets_of_before(output):
        print(f"{output} has pictures with their targets: these, without, go to {output}_unpaired")
        output = output.with_name(f"{output.name}_unpaired")
    if results_are_inputs(options.inputs.input, output):
        raise UsageError(
            f"the results' folder {output} is inside the input's, {options.inputs.input}: pass another --output"
        )
    files = ResultFiles(output, network.coding, results)
    settings = settings_of(translator, options, inputs, kind)
    with ResultFolder(output, settings, inputs.files, overwrite=results.overwrite, model=options.model.model) as folder:
        print("\n".join([*said_of(inputs, kind, translator), *modes(device, network)]), flush=True)
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
    seen = LabelPictures(translator.network)
    how = {"quality": options.quality, "output": output, "look": seen.look}
    sys.stdout.buffer.write(translate_stream(translator, sys.stdin.buffer, **how))
    if seen.note:
        print(f"note: {seen.note}", file=sys.stderr)


def default_output(model: str) -> Path:
    """Return where results go by default: of the run exp.1 to results/exp.1, of the file exp.onnx to results/exp."""
    path = Path(model).resolve()
    return Path("results") / (path.stem if path.is_file() else path.name)


def find_examples(options: InputOptions, network: Network) -> tuple[Inputs, str]:
    """Find what is to be translated, each picture with its true answer if that is a file; and which kind all are."""
    pairs = options.pairs != "no"
    if pairs and not options.targets and not network.coding.from_photos:
        with option_errors():
            refuse_both_sides(options.input, network.direction)
    inputs = find_inputs(options.input, direction=network.direction, pairs=pairs, split=options.split)
    if options.mask_file:
        return with_masks(inputs, options, network), "single"
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


def with_masks(inputs: Inputs, options: InputOptions, network: Network) -> Inputs:
    """Give each photo the mask that says what to paint."""
    coding, masks = network.coding, options.mask_file
    if coding.task != "inpainting" or coding.source.channels not in (1, 3):
        raise UsageError(f"--mask-file is for models of --task inpainting, and this one is of {coding.task}")
    if inputs.videos:
        raise UsageError(f"--mask-file is for photos, and {options.input} has videos")
    if masks.is_dir():
        return inputs.with_masks(match_targets([photo.name for photo in inputs.pictures], masks, what="mask"))
    if len(inputs.pictures) > 1:
        raise UsageError(
            f"--mask-file {masks} is one mask, and {options.input} has {count(len(inputs.pictures), 'photo')}: name a "
            "folder of masks with the photos' names"
        )
    return inputs.with_masks([masks])


def write_page(files: ResultFiles, folder: ResultFolder) -> Path:
    """Write the page that shows each picture beside its source; what is scored has its page from `evaluate`."""
    pictures = [
        (name, {part: files.path_of(name, part) for part in ("source", "fake")})
        for name in folder.names
        if files.are_there(name, target=False)
    ]
    return write_translations_page(files.folder, pictures)


def is_scored(kind: str, inputs: Inputs) -> bool:
    """Whether the true answers are known, so that results can be scored."""
    return kind != "single" or has_targets(inputs)


def settings_of(translator: Translator, options: Options, inputs: Inputs, kind: str) -> dict:
    """Return what results depend on, beside the picture itself, as translation.json has it."""
    results, targets = options.results, options.inputs.targets
    listed = options.inputs.input if has_targets(inputs) else None
    settings = {**translator.settings, "aspect_ratio": results.aspect_ratio}
    if inputs.pictures:
        settings |= {"pictures": kind, "targets": str(targets or listed) if targets or listed else None}
        if inputs.pictures[0].mask:
            settings["mask"] = str(options.inputs.mask_file)
        settings["format"] = f"jpg {results.quality}" if results.format == "jpg" else results.format
    if inputs.videos:
        settings["video_format"] = results.video_format
    return settings


def translate_all(
    translator: Translator, inputs: Inputs, kind: str, files: ResultFiles, folder: ResultFolder
) -> Optional[int]:
    """Translate what is not there yet, say what was done and what was not, and return the exit code."""
    scored = is_scored(kind, inputs)
    pictures = [picture for picture in inputs.pictures if not files.are_there(picture.name, target=scored)]
    videos = [video for video in inputs.videos if not video_path(files, video).exists()]
    failed, cut, seen = [], {}, LabelPictures(translator.network)
    if pictures:
        with tqdm(total=len(pictures), unit="img", disable=None) as bar:
            how = {"kind": kind, "progress": bar.update, "look": seen.look}
            failed = translate_pictures(translator, pictures, files, **how)
    if videos:
        print("videos are written without sound", flush=True)
        done = translate_videos(translator, videos, files, look=seen.look)
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
    if seen.note:
        print(f"note: {seen.note}")
    if pictures and not scored:
        print(f"page: {write_page(files, folder)}")
    if kept < len(inputs.files) and folder.old_scores():
        print(f"note: {folder.old_scores()} is of the pictures that were there before: score them again")
    if scored:
        print(f"next: {command('evaluate', files.folder)}")
    return 1 if failed or cut else None
