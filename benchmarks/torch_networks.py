"""The U-Net of arXiv 1611.07004 in PyTorch, timed on request: benchmarks/translate.py runs it where PyTorch is.

Each line on stdin, such as {"mode": "eval", "batch": 1, "size": 256, "repeats": 5, "clock": "wall"}, is
answered by one on stdout.
"""

from __future__ import annotations

import json
import shutil
import sys
import time

import torch
from torch import nn


class UNet(nn.Module):
    """Appendix 6.1.1: C64-C128-C256-C512-C512-C512-C512-C512 and back, with skips; no norm in the bottleneck (v3)."""

    def __init__(self, levels: int = 8, width: int = 64):
        super().__init__()
        widths = [width * min(2**level, 8) for level in range(levels)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, channels in enumerate(widths):
            layers = [] if level == 0 else [nn.LeakyReLU(0.2)]
            layers.append(nn.Conv2d(widths[level - 1] if level else 3, channels, 4, 2, 1, bias=False))
            if 0 < level < levels - 1:
                layers.append(nn.BatchNorm2d(channels))
            self.down.append(nn.Sequential(*layers))
        for level in reversed(range(1, levels)):
            wide = widths[level] * (1 if level == levels - 1 else 2)
            deconv = nn.ConvTranspose2d(wide, widths[level - 1], 4, 2, 1, bias=False)
            self.up.append(nn.Sequential(nn.ReLU(), deconv, nn.BatchNorm2d(widths[level - 1])))
        self.last = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * widths[0], 3, 4, 2, 1), nn.Tanh())

    def forward(self, x):
        skips = []
        for down in self.down:
            x = down(x)
            skips.append(x)
        skips.pop()
        for up in self.up:
            x = torch.cat([skips.pop(), up(x)], dim=1)
        return self.last(x)


def build(mode: str) -> nn.Module:
    """Return the network in a mode: eval, train (statistics of the batch), or compiled (eval, with frozen weights)."""
    torch.manual_seed(0)
    net = UNet()
    if mode == "train":
        return net.train()
    net.eval()
    if mode == "eval":
        return net
    from torch._inductor import config

    config.freezing = True
    return torch.compile(net)


def main() -> None:
    """Serve measurements until stdin ends."""
    modes = ["eval", "train", *(["compiled"] if shutil.which("g++") or shutil.which("clang++") else [])]
    parameters = sum(parameter.numel() for parameter in UNet().parameters())
    print(json.dumps({"torch": torch.__version__, "modes": modes, "parameters": parameters}), flush=True)
    nets = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["mode"] not in nets:
            nets[asked["mode"]] = build(asked["mode"])
        net = nets[asked["mode"]]
        clock = time.process_time if asked["clock"] == "processor" else time.perf_counter
        x = torch.rand(asked["batch"], 3, asked["size"], asked["size"]) * 2 - 1
        times = []
        with torch.no_grad():
            for _ in range(asked["repeats"] + 1):
                start = clock()
                net(x)
                times.append(1e3 * (clock() - start))
        print(json.dumps(times[1:]), flush=True)  # the first compiles, or wakes up


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    main()
