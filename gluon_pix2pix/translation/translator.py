"""A trained generator at work: pictures in, pictures out."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Optional

import numpy as np

from gluon_pix2pix.data.coding import Coding, make_coding
from gluon_pix2pix.images import resize
from gluon_pix2pix.models import get_model
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.checkpoint import find_checkpoint, load_network, read_state

STATISTICS = ("picture", "running")
_OPTIONS = ("crop_size", "direction")  # what translating needs to know of training


def read_run(run_dir: str | Path) -> dict:
    """Return a run's options.json.

    Raises
    ------
    FileNotFoundError
        If there is no run in that folder.
    ValueError
        If options.json is not one.
    """
    path = Path(run_dir) / "options.json"
    if not path.is_file():
        raise FileNotFoundError(f"{run_dir} is not the folder of a run: it has no options.json")
    try:
        run = json.loads(path.read_text())
        if not isinstance(run, dict) or run.get("generator") is None:
            raise ValueError("it has no generator")
        for part, keys in (("generator", ("name", "norm", "dropout", "input_nc", "output_nc")), ("options", _OPTIONS)):
            if missing := [key for key in keys if key not in run[part]]:
                raise ValueError(f"{part} lacks {', '.join(missing)}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not the options of a run: {error}") from error
    return run


def build_generator(
    run_dir: str | Path,
    *,
    epoch: str = "latest",
    statistics: str = "picture",
    dropout: bool = False,
    ctx: Optional[mx.Context] = None,
) -> tuple[mx.gluon.HybridBlock, dict]:
    """Build a run's generator for translating and load a checkpoint's weights, each file's SHA-256 checked.

    Returns
    -------
    generator : HybridBlock
        Not hybridised yet. Its norm layers follow `statistics` and change in no mode.
    state : dict
        The checkpoint's state.json.

    Raises
    ------
    FileNotFoundError
        If there is no such run or checkpoint.
    ValueError
        If an argument is outside its choices or a file is damaged.
    """
    if statistics not in STATISTICS:
        raise ValueError(f"statistics is one of {', '.join(STATISTICS)}, not {statistics!r}")
    generator = _with_statistics(read_run(run_dir)["generator"], statistics, dropout)
    checkpoint = find_checkpoint(Path(run_dir) / "checkpoints", epoch)
    state = read_state(checkpoint)
    load_network(checkpoint, "generator", generator, [ctx or mx.cpu()], ignore_extra=True)
    return generator, state


def copy_generator(generator: mx.gluon.HybridBlock, described: dict, ctx: mx.Context) -> mx.gluon.HybridBlock:
    """Copy a generator in training into one that translates: statistics of each picture, no dropout.

    The network in training would not do: MXNet moves its running statistics when it runs in train mode on a GPU.
    """
    twin = _with_statistics(described, "picture", dropout=False)
    twin.initialize(ctx=ctx)
    trained = generator._collect_params_with_prefix()
    for name, parameter in twin._collect_params_with_prefix().items():
        parameter.set_data(trained[name].data(ctx))
    twin.hybridize(static_alloc=True)
    return twin


def _with_statistics(described: dict, statistics: str, dropout: bool) -> mx.gluon.HybridBlock:
    kwargs = dict(described, dropout=dropout and described["dropout"])
    if kwargs["norm"] in ("batch", "syncbatch"):
        kwargs["norm"] = statistics
    elif statistics == "running":
        raise ValueError(f"statistics running: a generator trained with norm {kwargs['norm']} has none, only picture")
    with mx.name.NameManager():  # count from 0, so that the parameters of an export have the same names every time
        return get_model(kwargs.pop("name"), **kwargs)


def coding_of(run: dict) -> Coding:
    """Return the coding of a run's task; that of plain pairs for a run that says nothing of it.

    Raises
    ------
    ValueError
        If there is no such task.
    """
    plain = {"input_nc": run["generator"]["input_nc"], "output_nc": run["generator"]["output_nc"]}
    return make_coding(**run.get("coding", plain))


class Translator:
    """Translate pictures, one at a time, so that no answer depends on which others are translated.

    Parameters
    ----------
    generator
        As `build_generator` makes it: its norm layers are the same in every mode, dropout works in train mode.
    coding
        How pictures become the network's values and back.
    size
        Pixels: pictures are resized to size x size first, as in training. None keeps their own size, padded by
        reflection to what the network can halve and cropped back.
    dropout
        Whether dropout stays on, as the paper has it; then `seed` and each picture's name decide what is dropped.
    seed
        For dropout.
    ctx
        The device that the generator is on.
    """

    def __init__(
        self,
        generator: mx.gluon.HybridBlock,
        *,
        coding: Coding,
        size: Optional[int] = 256,
        dropout: bool = False,
        seed: int = 0,
        ctx: Optional[mx.Context] = None,
    ):
        self._generator, self._coding, self._size = generator, coding, size
        self._dropout, self._seed, self._ctx = dropout, seed, ctx or mx.cpu()

    @classmethod
    def load(
        cls,
        run_dir: str | Path,
        *,
        epoch: str = "latest",
        statistics: str = "picture",
        dropout: bool = True,
        keep_size: bool = False,
        seed: int = 0,
        ctx: Optional[mx.Context] = None,
    ) -> Translator:
        """Load a run's generator; see `build_generator` for the arguments and errors."""
        run = read_run(run_dir)
        generator, _ = build_generator(run_dir, epoch=epoch, statistics=statistics, dropout=dropout, ctx=ctx)
        generator.hybridize(static_alloc=True)
        size = None if keep_size else run["options"]["crop_size"]
        dropout = dropout and run["generator"]["dropout"]
        return cls(generator, coding=coding_of(run), size=size, dropout=dropout, seed=seed, ctx=ctx)

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Bring (H, W, C) to the size that the network gets, as a source or target is shown beside the result."""
        if self._size is None:
            return image
        return resize(image, self._size, self._size, nearest=self._coding.source.nearest)

    def __call__(self, image: np.ndarray, *, name: str = "") -> np.ndarray:
        """Translate one picture.

        Parameters
        ----------
        image
            (H, W, C) uint8 or uint16, RGB.
        name
            Seeds dropout, together with the translator's seed: a file's path relative to its folder.

        Returns
        -------
        numpy.ndarray
            (H', W', channels of the target) in the dtype of `image`.
        """
        source = self._coding.encode(self.prepare(image))  # (1, C, H, W)
        height, width = source.shape[2:]
        padded = mx.nd.array(_pad_to_multiple(source, self._generator.multiple), self._ctx)
        if self._dropout:
            digest = hashlib.sha256(f"{self._seed}/{name}".encode()).digest()
            mx.random.seed(int.from_bytes(digest[:4], "big") >> 1)
        with mx.autograd.train_mode() if self._dropout else contextlib.nullcontext():
            signed = self._generator(padded).asnumpy()  # (1, C', H and W of the padded)
        return self._coding.decode(signed[0, :, :height, :width], image)


def _pad_to_multiple(batch: np.ndarray, multiple: int) -> np.ndarray:
    """Pad (N, C, H, W) at the bottom and right by reflection, until both sides are multiples."""
    amounts = [(0, -side % multiple) for side in batch.shape[2:]]
    # numpy reflects again where the padding is longer than the picture, and repeats a side of one pixel.
    return np.pad(batch, [(0, 0), (0, 0), *amounts], mode="reflect")
