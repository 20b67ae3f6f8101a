"""Generators run by MXNet: those of a run's checkpoints, those in training, and exported symbols."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import threading
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Optional

import numpy as np

from gluon_pix2pix.core.networks import get_model
from gluon_pix2pix.errors import reason_of
from gluon_pix2pix.pairs.coding import Coding
from gluon_pix2pix.params_file import ParamsFile
from gluon_pix2pix.reading import said_by
from gluon_pix2pix.runs.checkpoint import generator_in, load_network_weights, read_state
from gluon_pix2pix.runs.checkpoint_list import checkpoint_name, find_checkpoint
from gluon_pix2pix.runs.options_file import OWN, coding_of, read_run, trained_size
from gluon_pix2pix.runs.options_file import WHAT as OPTIONS
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.translation.exported import MODEL, PARAMS, SYMBOL, read_checked, read_model
from gluon_pix2pix.translation.network import STATISTICS, Network, check_modes, from_model
from gluon_pix2pix.translation.symbol_file import check_symbol

_MOST_CHANNELS = 4096  # of one part of a graph, as wide as the picture: networks of 64 channels have 128 there


def load_run(
    run_dir: str | Path,
    *,
    epoch: str = "latest",
    statistics: Optional[str] = None,
    dropout: Optional[bool] = None,
    ctx: Optional[mx.Context] = None,
) -> Network:
    """Load a run's generator: see `build_generator`. None is the paper's way: statistics of the picture, dropout on."""
    run = read_run(run_dir)
    statistics = statistics or "picture"
    dropout = dropout is not False and run["generator"]["dropout"]
    generator, state = build_generator(run_dir, epoch=epoch, statistics=statistics, dropout=dropout, ctx=ctx)
    return Network(
        compute=compute_anywhere(generator, ctx, in_train_mode=dropout or statistics == "batch"),
        coding=coding_of(run),
        multiple=generator.multiple,
        trained_at=trained_size(run, generator.multiple),
        direction=run["options"]["direction"],
        statistics=statistics,
        dropout=dropout,
        identity={
            "checkpoint": checkpoint_name(state["epoch"], state["step"]),
            "sha256": state["sha256"][f"{generator_in(state['sha256'])}.params"],
        },
        description=run,
    )


def build_generator(
    run_dir: str | Path,
    *,
    epoch: str = "latest",
    statistics: str = "picture",
    dropout: bool = False,
    ctx: Optional[mx.Context] = None,
) -> tuple[mx.gluon.HybridBlock, dict]:
    """Build a run's generator for translating and load a checkpoint's weights, each file's SHA-256 checked.

    Parameters
    ----------
    statistics
        "picture" normalises each picture by its own statistics and "running" by those of training, in every mode;
        "batch" by those of the batch, in train mode.
    dropout
        Whether there is dropout, in train mode, if there was in training.

    Returns
    -------
    generator : HybridBlock
        Not hybridised yet, and without gradients: setattr("grad_req", "write") on its parameters to train it.
    state : dict
        The checkpoint's state.json.

    Raises
    ------
    FileNotFoundError
        If there is no such run or checkpoint.
    ValueError
        If an argument is outside its choices or a file is damaged.
    """
    described = read_run(run_dir)["generator"]
    if described["name"] == OWN:
        whose = f"a network of somebody's own, {described.get('class')}"
        raise ValueError(f"{run_dir} was trained with {whose}: only the program that has it can build it again")
    generator = untrained_generator(described, statistics, dropout, said_by(Path(run_dir) / "options.json", OPTIONS))
    checkpoint = find_checkpoint(Path(run_dir) / "checkpoints", epoch)
    state = read_state(checkpoint)
    name = generator_in(state["sha256"])
    load_network_weights(checkpoint, name, generator, [ctx or mx.cpu()], ignore_extra=statistics == "picture")
    return generator, state


def copy_generator(
    generator: mx.gluon.HybridBlock,
    described: dict,
    ctx: mx.Context,
    *,
    averages: Optional[Mapping[str, mx.nd.NDArray]] = None,
) -> mx.gluon.HybridBlock:
    """Copy a generator in training into one that translates: statistics of each picture, no dropout.

    Where there are `averages` of its weights, they are what translates.
    The network in training would not do: MXNet moves its running statistics when it runs in train mode on a GPU.
    """
    twin = untrained_generator(described, "picture", dropout=False)
    twin.initialize(ctx=ctx)
    trained, averages = generator._collect_params_with_prefix(), averages or {}
    for name, parameter in twin._collect_params_with_prefix().items():
        parameter.set_data(averages[name] if name in averages else trained[name].data(ctx))
    twin.hybridize(static_alloc=True)
    return twin


def untrained_generator(
    described: dict, statistics: str, dropout: bool, blame: Optional[AbstractContextManager] = None
) -> mx.gluon.HybridBlock:
    """Build a generator for translating, without weights; `described` is as in a run's options.json.

    `blame` names the file that describes it in what goes wrong.

    Raises
    ------
    ValueError
        If a generator of that norm has no such statistics.
    """
    if statistics not in STATISTICS:
        raise ValueError(f"statistics is one of {', '.join(STATISTICS)}, not {statistics!r}")
    kwargs = dict(described, dropout=dropout and described["dropout"])
    if kwargs["norm"] in ("batch", "syncbatch"):
        kwargs["norm"] = statistics
    elif statistics != "picture":
        raise ValueError(f"a generator trained with norm {kwargs['norm']} has no {statistics} statistics, only picture")
    # Names count from 0, so that the parameters of an export have the same ones every time.
    with blame or contextlib.nullcontext(), mx.name.NameManager():
        generator = get_model(kwargs.pop("name"), **kwargs)
    generator.collect_params().setattr("grad_req", "null")  # no memory for gradients
    return generator


def of_block(block: mx.gluon.HybridBlock, *, coding: Coding, ctx: Optional[mx.Context] = None) -> Network:
    """Wrap a generator as it is; those that `copy_generator` makes normalise in one way in every mode."""
    return Network(compute=gluon_compute(block, ctx), coding=coding, multiple=multiple_of(block))


def multiple_of(generator: mx.gluon.HybridBlock) -> int:
    """What the sides of a generator's pictures have to be multiples of; a network of one's own need not say."""
    return getattr(generator, "multiple", 1)


def gluon_compute(block: mx.gluon.Block, ctx: Optional[mx.Context] = None, *, in_train_mode: bool = False):
    """Return `Network.compute` of a Gluon block that is on `ctx`, for the thread that calls it first."""

    def compute(batch: np.ndarray, seed: Optional[int] = None) -> np.ndarray:
        if seed is not None:
            mx.random.seed(seed)
        with mx.autograd.train_mode() if in_train_mode else contextlib.nullcontext():
            return block(mx.nd.array(batch, ctx or mx.cpu())).asnumpy()

    return compute


class ComputingThread:
    """The one thread of this process in which loaded models compute, whichever thread asks.

    MXNet seeds dropout for the thread that says so, and a graph drops out by the numbers of the thread that has first
    run it: in all others its answers would not be those of the seed. Also, each thread that computes keeps memory of
    its own. A forked process begins with a thread of its own, and its graphs are made anew.
    """

    def __init__(self):
        self._pool: Optional[ThreadPoolExecutor] = None
        self._lock = threading.Lock()
        self.generation = 0  # of processes: 1 more in a forked one

    def run(self, function: Callable, *args: object) -> Any:
        """Return what a function returns there."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="computing")
                if self.generation == 0 and hasattr(os, "register_at_fork"):
                    os.register_at_fork(after_in_child=self._begin_anew)
        return self._pool.submit(function, *args).result()

    def _begin_anew(self) -> None:
        self._pool, self._lock = None, threading.Lock()
        self.generation += 1


_COMPUTING = ComputingThread()


def compute_anywhere(block: mx.gluon.HybridBlock, ctx: Optional[mx.Context] = None, *, in_train_mode: bool = False):
    """Return `Network.compute` of a Gluon block that is on `ctx`, for all threads, and for forked processes too."""
    compute, made_in = gluon_compute(block, ctx, in_train_mode=in_train_mode), None

    def in_its_thread(batch: np.ndarray, seed: Optional[int]) -> np.ndarray:
        nonlocal made_in
        if made_in != _COMPUTING.generation:
            block.hybridize(static_alloc=True, static_shape=True)  # forgets the graph that there was
            made_in = _COMPUTING.generation
        return compute(batch, seed)

    return lambda batch, seed=None: _COMPUTING.run(in_its_thread, batch, seed)


def load_symbol(
    folder: str | Path,
    *,
    statistics: Optional[str] = None,
    dropout: Optional[bool] = None,
    ctx: Optional[mx.Context] = None,
) -> Network:
    """Load the symbol and params of an export's folder, each file's SHA-256 checked.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If one is damaged or something else, or `statistics` or `dropout` ask for what is not in its graph.
    """
    model = read_model(folder)
    network = from_model(model, sha256=model["sha256"].get(PARAMS, ""), path=Path(folder) / MODEL)
    check_modes(folder, network, statistics=statistics, dropout=dropout)
    block = import_export(folder, model, ctx)
    return dataclasses.replace(network, compute=compute_anywhere(block, ctx))


def rebuild_export(folder: str | Path, ctx: Optional[mx.Context] = None) -> tuple[mx.gluon.HybridBlock, dict]:
    """Build the generator that an export was made of, in its statistics and without dropout, with its weights.

    Returns
    -------
    generator : HybridBlock
        As `build_generator` returns it.
    model : dict
        What model.json says.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If one is damaged or something else, or the export does not say which network it was made of.
    """
    model = read_model(folder)
    described, path = model.get("generator"), Path(folder) / PARAMS
    if not isinstance(described, dict):
        raise ValueError(f"{Path(folder) / MODEL} does not say which generator it was made of: export it again")
    data = read_checked(folder, PARAMS, model)
    with ParamsFile(data, where=path) as weights:
        try:
            generator = untrained_generator(described, model["statistics"], dropout=False)
            parameters = generator._collect_params_with_prefix()
            structural = model.get("parameters") or {parameter.name: name for name, parameter in parameters.items()}
            named = {structural[name.partition(":")[2]]: name for name in weights}
            shapes = {name: weights.shape(stored) for name, stored in named.items()}
            if shapes != {name: parameter.shape for name, parameter in parameters.items()}:
                raise ValueError("it has other layers")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} does not fit the generator that {MODEL} describes: {reason_of(error)}") from error
        for name, parameter in parameters.items():
            parameter._load_init(mx.nd.array(weights[named[name]], dtype="float32"), [ctx or mx.cpu()])
    return generator, model


def import_export(folder: str | Path, model: dict, ctx: Optional[mx.Context] = None) -> mx.gluon.SymbolBlock:
    """Return an export's graph with its params as float32, whatever they are stored as.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If one is damaged or something else.
    """
    path = Path(folder) / SYMBOL
    text, params = (read_checked(folder, name, model) for name in (SYMBOL, PARAMS))
    text = check_symbol(text, where=path)
    with ParamsFile(params, where=Path(folder) / PARAMS) as weights:
        try:
            symbol = mx.sym.load_json(text)
            check_shapes(symbol, weights, channels=model["input"]["shape"][1], side=2 * int(model["multiple"]))
        except (mx.MXNetError, ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"{path} is not the symbol of an exported generator: {reason_of(error)}") from error
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SymbolBlock reports each input that has no fixed type
            block = mx.gluon.SymbolBlock(symbol, [mx.sym.var("data")])
        block.collect_params().setattr("grad_req", "null")
        for name, array in weights.items():
            parameter = block.params[name.partition(":")[2]]
            parameter._load_init(mx.nd.array(array, dtype="float32"), [ctx or mx.cpu()])
    return block


def check_shapes(symbol: mx.sym.Symbol, weights: ParamsFile, *, channels: int, side: int) -> None:
    """See that a graph has these weights, all of them, and that no part of it is larger than a generator's.

    Raises
    ------
    MXNetError, ValueError
        If not.
    """
    shape = (1, channels, side, side)
    arguments, _, states = symbol.infer_shape(data=shape)  # refuses weights of other channels
    names = symbol.list_arguments() + symbol.list_auxiliary_states()
    expected = {name: shape for name, shape in zip(names, arguments + states) if name != "data"}
    if {name.partition(":")[2]: weights.shape(name) for name in weights} != expected:
        raise ValueError(f"its weights are not those of {PARAMS}")
    _, parts, _ = symbol.get_internals().infer_shape(data=shape)
    largest = max(map(math.prod, expected.values()), default=0)
    if max(map(math.prod, parts)) > max(_MOST_CHANNELS * side * side, largest):
        raise ValueError("a part of it is larger than any of a generator's")
