"""Whether 16 or 8 bits pay in translating: time of a batch on the CPU, and PSNR against float32.

A run's generator is computed by MXNet with bfloat16 convolutions, where the processor has them; and, exported to ONNX,
quantised statically (weights and activations, calibrated on the first pictures) and dynamically (weights; activations
as they come). The pictures that follow are translated by all.

    python benchmarks/low_precision.py --model runs/facades --pictures data/facades/val
"""

from __future__ import annotations

import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
import tyro
from measuring import line_of, machine, refuse_below, write_json
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from tqdm import tqdm

from gluon_pix2pix.core.operators import set_precision
from gluon_pix2pix.evaluation.metrics import psnr
from gluon_pix2pix.handover.export import export_generator
from gluon_pix2pix.pictures.arithmetic import split_pair
from gluon_pix2pix.pictures.files import read_image
from gluon_pix2pix.pictures.folders import find_images
from gluon_pix2pix.runtime import threads
from gluon_pix2pix.training.devices import has_bfloat16
from gluon_pix2pix.translation.exported import ONNX
from gluon_pix2pix.translation.gluon_network import build_generator, gluon_compute
from gluon_pix2pix.translation.onnx_network import INPUT, onnx_compute, open_session
from gluon_pix2pix.translation.translator import Translator


@dataclass
class Options:
    """Measure translation of a run's pictures in 16 and in 8 bits."""

    model: Path
    """The folder of a run."""
    pictures: Path
    """A folder of side-by-side pairs."""
    calibrate: int = 16
    """Pictures that set the ranges of the activations."""
    count: int = 16
    """Pictures after those, which are translated and compared."""
    batch: int = 1
    """Pictures in a batch."""
    rounds: int = 5
    """Turns of each form of the network, a batch each."""
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


def by_mxnet(model: Path, mode: str) -> dict[str, Callable]:
    """Return how MXNet computes the run's generator, in float32 and with bfloat16 convolutions."""
    computes = {}
    for precision in ("float32", *(["bfloat16"] if has_bfloat16() else [])):
        generator, _ = build_generator(model, statistics=mode)
        set_precision(generator, precision)
        generator.hybridize(static_alloc=True, static_shape=True)
        computes[f"MXNet, {precision}"] = gluon_compute(generator)
    return computes


def measure(computes: dict[str, Callable], batches: list[np.ndarray], rounds: int) -> dict[str, list[float]]:
    """Return milliseconds of a batch, the forms in turns."""
    times = {name: [] for name in computes}
    for turn in range(rounds + 1):
        for name, compute in computes.items():
            start = time.perf_counter()
            compute(batches[turn % len(batches)], None)
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: found[1:] for name, found in times.items()}


def compare(options: Options, mode: str, paths: list[Path], direction: str) -> dict[str, tuple]:
    """Return each form's times, its mean PSNR against float32 by the same program, and its file's megabytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_generator(options.model, folder / "export", statistics=mode, onnx=True)
        translator = Translator.load(folder / "export", backend="onnx")
        coding = translator.network.coding
        given = [translator.prepare(split_pair(read_image(p), direction, path=p)[0]) for p in paths]
        sources = [np.ascontiguousarray(coding.encode(picture)) for picture in given]
        forms = quantise(folder / "export" / ONNX, folder, sources[: options.calibrate])
        computes = {f"ONNX Runtime, {form}": onnx_compute(open_session(p.read_bytes(), p)) for form, p in forms.items()}
        sizes = {f"ONNX Runtime, {form}": path.stat().st_size / 1e6 for form, path in forms.items()}
        computes |= by_mxnet(options.model, mode)
        rest, sources = given[options.calibrate :], sources[options.calibrate :]
        batches = [np.concatenate(sources[i : i + options.batch]) for i in range(0, len(sources), options.batch)]
        times = measure(computes, [batch for batch in batches if len(batch) == options.batch], options.rounds)
        fakes = {f: [coding.decode(c(x, None)[0], g) for x, g in zip(sources, rest)] for f, c in computes.items()}
    found = {}
    for form, pictures in fakes.items():
        plain = fakes[f"{form.split(',')[0]}, float32"]
        score = float(np.mean([psnr(a, b, data_range=255) for a, b in zip(plain, pictures)]))
        found[f"{mode}, {form}"] = (times[form], None if np.isinf(score) else score, sizes.get(form))
    return found


def main(options: Options) -> None:
    """Quantise, measure, print the table and write the json."""
    refuse_below(options, calibrate=1, count=1, rounds=1, batch=1)
    logging.disable(logging.WARNING)
    about = machine(threads=threads(), batch=options.batch)
    described = options.model / "options.json"
    if not described.is_file():
        sys.exit(f"error: {options.model} is not the folder of a run: it has no options.json")
    direction = json.loads(described.read_text())["options"]["direction"]
    paths = find_images(options.pictures)[: options.calibrate + options.count]
    if len(paths) < options.calibrate + options.batch:
        sys.exit(f"error: {options.pictures} has {len(paths)} pictures: fewer than --calibrate and a batch")
    found = {}
    for mode in tqdm(("running", "picture"), "statistics", disable=None):
        found |= compare(options, mode, paths, direction)
    print(line_of(about), end="\n\n")
    print("| statistics, form | median | least - most | PSNR against float32 | file |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for form, (times, score, megabytes) in found.items():
        spread = f"{min(times):,.0f} - {max(times):,.0f} ms"
        size = f"{megabytes:,.0f} MB" if megabytes else ""
        score = "" if score is None else f"{score:.1f} dB"
        print(f"| {form} | {statistics.median(times):,.0f} ms | {spread} | {score} | {size} |")
    write_json(options.json, {"machine": about, "options": vars(options), "forms": found})


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
