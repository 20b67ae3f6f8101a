"""pix2pix in PyTorch, from the paper's description, timed on request: the other scripts here run it where PyTorch is.

Each line on stdin is answered by one on stdout. {"do": "translate", "mode": "eval", ...} and {"do": "train", ...} give
the milliseconds of each repetition, as {"do": "adam", ...} does of an optimiser alone; {"do": "peak"} the most memory
that was resident, in bytes.

    python benchmarks/torch_peer.py 2 [path/to/pytorch-CycleGAN-and-pix2pix]

With a clone of that repository its own networks are taken.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import time
from functools import partial
from pathlib import Path

from measuring import peak_bytes

try:
    import torch
    from torch import nn
except ImportError as error:
    print("null")
    sys.exit(f"{sys.executable} has no PyTorch, which is left out: {error}")


class UNet(nn.Module):
    """Appendix 6.1.1: C64-C128-C256-C512-C512-C512-C512-C512 and back, with skips; no norm in the bottleneck (v3)."""

    def __init__(self, levels: int = 8, width: int = 64, dropout: bool = False):
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
            up = nn.Sequential(nn.ReLU(), deconv, nn.BatchNorm2d(widths[level - 1]))
            if dropout and 4 <= level < levels - 1:
                up.append(nn.Dropout(0.5))
            self.up.append(up)
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


def patch_discriminator(width: int = 64) -> nn.Module:
    """Appendix 6.1.2: C64-C128-C256-C512 and one channel, all 4x4; the last two of stride 1."""
    layers = [nn.Conv2d(6, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for level, stride in ((1, 2), (2, 2), (3, 1)):
        before, after = width * 2 ** (level - 1), width * 2**level
        layers += [nn.Conv2d(before, after, 4, stride, 1, bias=False), nn.BatchNorm2d(after)]
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


def networks(levels: int, width: int, upstream: Path | None, dropout: bool) -> tuple[nn.Module, nn.Module]:
    """Build generator and discriminator, here or with the code of a clone."""
    torch.manual_seed(0)
    if upstream is None:
        return UNet(levels, width, dropout), patch_discriminator(width)
    spec = importlib.util.spec_from_file_location("upstream_networks", upstream / "models" / "networks.py")
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    norm = partial(nn.BatchNorm2d, affine=True, track_running_stats=True)
    generator = theirs.UnetGenerator(3, 3, levels, width, norm_layer=norm, use_dropout=dropout)
    return generator, theirs.NLayerDiscriminator(6, width, n_layers=3, norm_layer=norm)


def translator(mode: str, levels: int, width: int, upstream: Path | None):
    """Return a network at work: eval, train (statistics of the batch), or compiled (eval, with frozen weights)."""
    net = networks(levels, width, upstream, dropout=False)[0]
    if mode == "train":
        return net.train()
    net.eval()
    if mode == "eval":
        return net
    from torch._inductor import config

    config.freezing = True
    return torch.compile(net, dynamic=False)  # for each batch size its own, as fast as it gets


class Step:
    """The reference's step: D's update on the fake and the real pair, then G's, by cross-entropy and 100 L1.

    Modes: "eager", as it comes; "best", with channels_last and the fused Adam; "bfloat16", that with autocast.
    """

    def __init__(self, mode: str, levels: int, width: int, upstream: Path | None):
        self.nets = networks(levels, width, upstream, dropout=True)
        self.layout = torch.contiguous_format if mode == "eager" else torch.channels_last
        self.cast = partial(torch.autocast, "cpu", dtype=torch.bfloat16, enabled=mode == "bfloat16")
        fused = {} if mode == "eager" else {"fused": True}
        self.optimisers = []
        for net in self.nets:
            net.to(memory_format=self.layout)
            self.optimisers.append(torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999), **fused))
        self.gan, self.l1 = nn.BCEWithLogitsLoss(), nn.L1Loss()

    def __call__(self, source: torch.Tensor, target: torch.Tensor) -> list[float]:
        """Update both networks and return G_GAN, G_L1, D_real and D_fake, which waits for them as a log does."""
        (generator, discriminator), (of_g, of_d) = self.nets, self.optimisers
        source, target = (x.to(memory_format=self.layout) for x in (source, target))
        with self.cast():
            fake = generator(source)
        discriminator.requires_grad_(True)
        of_d.zero_grad()
        with self.cast():
            d_fake = self._judge(torch.cat((source, fake), 1).detach(), torch.zeros)
            d_real = self._judge(torch.cat((source, target), 1), torch.ones)
        (0.5 * (d_fake + d_real)).backward()
        of_d.step()
        discriminator.requires_grad_(False)
        of_g.zero_grad()
        with self.cast():
            g_gan = self._judge(torch.cat((source, fake), 1), torch.ones)
            g_l1 = 100 * self.l1(fake.float(), target)
        (g_gan + g_l1).backward()
        of_g.step()
        return [loss.item() for loss in (g_gan, g_l1, d_real, d_fake)]

    def _judge(self, pair: torch.Tensor, label) -> torch.Tensor:
        logits = self.nets[1](pair).float()
        return self.gan(logits, label(logits.shape))


class Peer:
    """What was built so far, and how long it takes."""

    def __init__(self, upstream: Path | None):
        self._upstream, self._built = upstream, {}

    def answer(self, asked: dict) -> object:
        """Do what a line asks for."""
        if asked["do"] == "peak":
            return peak_bytes()
        if asked["do"] == "adam":
            return time_adam(asked)
        kind, build = {"translate": (asked["mode"], translator), "train": (asked["mode"], Step)}[asked["do"]]
        key = (asked["do"], kind, asked["levels"], asked["width"])
        if key not in self._built:
            self._built.clear()  # one at a time: memory is measured too
            self._built[key] = build(*key[1:], self._upstream)
        return self._time(asked, self._built[key])

    def _time(self, asked: dict, compute) -> list[float]:
        batches = [torch.rand(asked["batch"], 3, asked["size"], asked["size"]) * 2 - 1 for _ in range(2)]
        clock = time.process_time if asked.get("clock") == "processor" else time.perf_counter
        training, times = asked["do"] == "train", []
        with torch.set_grad_enabled(training):
            for _ in range(asked["warm_up"] + asked["repeats"]):
                start = clock()
                compute(*batches[: 1 + training])
                times.append(1e3 * (clock() - start))
        return times[asked["warm_up"] :]  # those before compile, or wake up


def time_adam(asked: dict) -> list[float]:
    """Return the milliseconds of each update of so many weights by torch.optim.Adam, "eager" or "fused"."""
    weights = nn.Parameter(torch.rand(asked["size"]))
    weights.grad = torch.rand(asked["size"])
    fused = {"fused": True} if asked["mode"] == "fused" else {}
    adam, times = torch.optim.Adam([weights], lr=2e-4, betas=(0.5, 0.999), **fused), []
    for _ in range(asked["warm_up"] + asked["repeats"]):
        start = time.perf_counter()
        adam.step()
        times.append(1e3 * (time.perf_counter() - start))
    return times[asked["warm_up"] :]


def main() -> None:
    """Say what is here, then answer until stdin ends."""
    torch.set_num_threads(int(sys.argv[1]))
    peer = Peer(Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    modes = ["eval", "train", *(["compiled"] if shutil.which("g++") or shutil.which("clang++") else [])]
    parameters = [sum(p.numel() for p in net.parameters()) for net in networks(8, 64, peer._upstream, False)]
    about = {"torch": torch.__version__, "modes": modes, "parameters": parameters}
    print(json.dumps(about), flush=True)
    for line in sys.stdin:
        print(json.dumps(peer.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
