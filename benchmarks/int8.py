"""Whether 8-bit quantisation pays: time of a batch on the CPU, and PSNR against float32, by ONNX Runtime.

A run's generator is exported to ONNX and quantised statically (weights and activations, calibrated on the first
pictures) and dynamically (weights; activations as they come); the pictures that follow are translated by all.

    python benchmarks/int8.py --model runs/facades --pictures data/facades/val
"""

from __future__ import annotations

import json
import logging
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
import tyro
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from tqdm import tqdm

from gluon_pix2pix.evaluation.metrics import psnr
from gluon_pix2pix.image_files import find_images, read_image
from gluon_pix2pix.images import split_pair
from gluon_pix2pix.translation.export import export_generator
from gluon_pix2pix.translation.exported import ONNX
from gluon_pix2pix.translation.onnx_network import INPUT, computation, open_session
from gluon_pix2pix.translation.translator import Translator


@dataclass
class Options:
    """Measure 8-bit translation of a run's pictures."""

    model: Path
    """The folder of a run."""
    pictures: Path
    """A folder of side-by-side pairs."""
    calibrate: int = 16
    """Pictures that set the ranges of the activations."""
    count: int = 16
    """Pictures after those, which are translated and compared."""
    rounds: int = 5
    """Turns of each form of the network, a picture each."""
    json: Optional[Path] = None
    """A file for the numbers."""


class Pictures(CalibrationDataReader):
    """Encoded sources, one by one."""

    def __init__(self, sources: list[np.ndarray]):
        self._left = iter(sources)

    def get_next(self) -> Optional[dict[str, np.ndarray]]:
        source = next(self._left, None)
        return None if source is None else {INPUT: source}


def quantise(path: Path, folder: Path, sources: list[np.ndarray]) -> dict[str, Path]:
    """Write the quantised forms of an ONNX file and return them by name."""
    ready = folder / "ready.onnx"
    quant_pre_process(str(path), str(ready), skip_symbolic_shape=True)
    forms = {"float32": path}
    convolutions = ["Conv", "ConvTranspose"]
    for word, kwargs in {
        "static, convolutions and transposed": {"op_types_to_quantize": convolutions},
        "static, convolutions": {"op_types_to_quantize": convolutions[:1]},
    }.items():
        forms[word] = folder / f"{word}.onnx"
        types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
        quantize_static(
            str(ready),
            str(forms[word]),
            Pictures(sources),
            quant_format=QuantFormat.QDQ,
            per_channel=False,
            **types,
            **kwargs,
        )
    forms["dynamic"] = folder / "dynamic.onnx"
    quantize_dynamic(str(ready), str(forms["dynamic"]), weight_type=QuantType.QUInt8)
    return forms


def measure(computes: dict, sources: list[np.ndarray], options: Options) -> dict[str, list[float]]:
    """Return milliseconds of a picture, the forms in turns."""
    times = {name: [] for name in computes}
    for turn in range(options.rounds + 1):
        for name, compute in computes.items():
            start = time.perf_counter()
            compute(sources[turn % len(sources)], None)
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: found[1:] for name, found in times.items()}


def main(options: Options) -> None:
    """Quantise, measure, print the table and write the json."""
    logging.disable(logging.WARNING)
    direction = json.loads((options.model / "options.json").read_text())["options"]["direction"]
    paths = find_images(options.pictures)[: options.calibrate + options.count]
    if len(paths) <= options.calibrate:
        sys.exit(f"error: {options.pictures} has {len(paths)} pictures and more than {options.calibrate} are needed")
    found = {}
    for mode in tqdm(("running", "picture"), "statistics", disable=None):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            export_generator(options.model, folder / "export", statistics=mode, onnx=True)
            translator = Translator.load(folder / "export", backend="onnx")
            coding = translator.network.coding
            given = [translator.prepare(split_pair(read_image(p), direction, path=p)[0]) for p in paths]
            sources = [np.ascontiguousarray(coding.encode(picture)) for picture in given]
            forms = quantise(folder / "export" / ONNX, folder, sources[: options.calibrate])
            computes = {form: computation(open_session(path.read_bytes(), path)) for form, path in forms.items()}
            rest, sources = given[options.calibrate :], sources[options.calibrate :]
            times = measure(computes, sources, options)
            fakes = {
                form: [coding.decode(compute(x, None)[0], g) for x, g in zip(sources, rest)]
                for form, compute in computes.items()
            }
            for form, path in forms.items():
                scores = [psnr(a, b, data_range=255) for a, b in zip(fakes["float32"], fakes[form])]
                megabytes = path.stat().st_size / 1e6
                found[f"{mode}, {form}"] = (statistics.median(times[form]), float(np.mean(scores)), megabytes)
    print("| statistics, form | median | PSNR against float32 | file |\n| --- | ---: | ---: | ---: |")
    for form, (median, score, megabytes) in found.items():
        print(f"| {form} | {median:,.0f} ms | {score:.1f} dB | {megabytes:,.0f} MB |")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
