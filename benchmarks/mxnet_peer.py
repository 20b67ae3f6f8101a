"""Our training step, timed on request, in the protocol of torch_peer.py: the other scripts here run it.

python benchmarks/mxnet_peer.py
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from measuring import peak_bytes, resident_bytes

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.core.operators import set_precision
from gluon_pix2pix.core.step import Pix2PixTrainer
from gluon_pix2pix.runtime import mx, threads
from gluon_pix2pix.training.devices import has_bfloat16


def build_trainer(precision: str, levels: int, width: int) -> Pix2PixTrainer:
    """Build the trainer of a U-Net of so many levels and the 70x70 PatchGAN."""
    nets = get_model("unet", num_downs=levels, ngf=width), get_model("basic", ndf=width)
    for number, net in enumerate(nets):
        init_weights(net, seed=number, ctx=[mx.cpu()])
        set_precision(net, precision)
        net.hybridize(static_alloc=True, static_shape=True)
    return Pix2PixTrainer(*nets, ctx=[mx.cpu()])


class Peer:
    """The trainer that was built last, and how long its steps take."""

    def __init__(self):
        self._key = self._trainer = None

    def answer(self, asked: dict) -> object:
        """Do what a line asks for."""
        if asked["do"] == "peak":
            return peak_bytes()
        if asked["do"] == "resident":
            return resident_bytes()
        key = (asked["mode"], asked["levels"], asked["width"])
        if key != self._key:
            self._trainer = None  # its memory first
            self._key, self._trainer = key, build_trainer(*key)
        noise = np.random.default_rng(0).uniform(-1, 1, (2, asked["batch"], 3, asked["size"], asked["size"]))
        source, target = (mx.nd.array(x) for x in noise)
        times = []
        for _ in range(asked["warm_up"] + asked["repeats"]):
            mx.nd.waitall()
            start = time.perf_counter()
            losses = self._trainer.step(source, target, seed=(0, 0, self._trainer.steps))
            mx.nd.waitall()
            times.append(1e3 * (time.perf_counter() - start))
            if not all(np.isfinite(loss.asscalar()) for loss in losses.values()):
                sys.exit("error: a loss is no longer finite")
        return times[asked["warm_up"] :]  # those before plan memory


def main() -> None:
    """Say what is here, then answer until stdin ends."""
    modes = ["float32", *(["bfloat16"] if has_bfloat16() else [])]
    print(json.dumps({"mxnet": mx.__version__, "threads": threads(), "modes": modes}), flush=True)
    peer = Peer()
    for line in sys.stdin:
        print(json.dumps(peer.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
