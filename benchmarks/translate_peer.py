"""Our translation of one picture, on request, in the protocol of torch_peer.py: memory.py runs it.

python benchmarks/translate_peer.py path/to/model mxnet
"""

from __future__ import annotations

import json
import sys

import numpy as np
from measuring import peak_bytes

from gluon_pix2pix.translation.loading import load_network


def main(path: str, backend: str) -> None:
    """Load a run or an export, and answer until stdin ends; without MXNet if `backend` is onnx."""
    network = load_network(path, backend=backend, dropout=False)
    print(json.dumps({"backend": backend, "mxnet": "mxnet" in sys.modules}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "translate":
            network.compute(np.zeros((asked["batch"], 3, asked["size"], asked["size"]), np.float32), None)
        print(json.dumps(peak_bytes()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
