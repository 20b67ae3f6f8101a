"""What a run needs before its first step: the data, the networks and their trainer."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple, Optional

from gluon_pix2pix.core.networks import get_model, init_weights
from gluon_pix2pix.core.operators import set_precision
from gluon_pix2pix.core.step import OneProcess, Pix2PixTrainer
from gluon_pix2pix.errors import UsageError, option_errors
from gluon_pix2pix.pairs.layouts import Split
from gluon_pix2pix.pairs.locate import Located
from gluon_pix2pix.pairs.paired_arrays import PairedArrays
from gluon_pix2pix.pairs.paired_images import PairedImages
from gluon_pix2pix.pairs.preprocess import Preprocess
from gluon_pix2pix.pictures.files import image_size
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.training.devices import check_precision, synchronise
from gluon_pix2pix.training.options import TrainOptions
from gluon_pix2pix.training.run import Own
from gluon_pix2pix.translation.gluon_network import multiple_of


class Networks(NamedTuple):
    """Both networks, not yet initialised."""

    generator: mx.gluon.HybridBlock
    discriminator: mx.gluon.HybridBlock


def build_networks(
    options: TrainOptions,
    ctx: list[mx.Context],
    generator: Optional[mx.gluon.HybridBlock] = None,
    discriminator: Optional[mx.gluon.HybridBlock] = None,
) -> Networks:
    """Build both networks without weights, and refuse those that cannot be before any data is looked for.

    Networks of one's own are taken as they are.
    """
    with option_errors():
        check_precision(options.machine.precision, ctx[0].device_type)
        name = options.networks.generator if generator is None else type(generator).__name__
        generator = get_model(**options.describe_generator()) if generator is None else generator
        discriminator = get_model(**options.describe_discriminator()) if discriminator is None else discriminator
        for net in (generator, discriminator):
            synchronise(net, ctx)
            set_precision(net, options.machine.precision)
    multiple, crop_size = multiple_of(generator), options.data.crop_size
    if options.data.crops and crop_size % multiple:
        depth = name in ("unet", "encoder_decoder")
        other = "--num-downs" if depth else "take --generator unet, whose --num-downs N needs multiples of 2**N"
        raise UsageError(
            f"--generator {name} halves pictures down to 1/{multiple}, and --crop-size {crop_size} is no multiple of "
            f"that: change it, or {other}"
        )
    if options.data.crops:
        check_size(options, discriminator, min(Preprocess(options.data, multiple=multiple).crop), "--crop-size")
    return Networks(generator, discriminator)


def check_size(options: TrainOptions, discriminator: mx.gluon.HybridBlock, side: int, what: str) -> None:
    """See that the discriminator has something to say of pictures whose shorter side is so many pixels long."""
    if hasattr(discriminator, "patches_per_side") and discriminator.patches_per_side(side) < 1:
        raise UsageError(f"{what} {side} is too small for --discriminator {options.networks.discriminator}")


def resolve(options: TrainOptions, located: Located) -> TrainOptions:
    """Fill in what the data set and the task decide."""
    run_dir = options.run.run_dir or Path("runs") / located.name
    input_nc, output_nc = options.task.channels()
    direction = options.data.direction or located.direction
    return options.replace(run_dir=run_dir, direction=direction, input_nc=input_nc, output_nc=output_nc)


def open_data(
    options: TrainOptions, located: Located, networks: Networks
) -> tuple[PairedImages, Optional[PairedImages], list[str]]:
    """Open the training pairs, and the pairs to validate on: val/, else test/, else none; and check all files.

    Returns
    -------
    train_set, val_set
        The pairs.
    notes
        What there is to say of them, a line each.
    """
    coding = options.task.coding()
    with option_errors():
        train_set, *others = [
            (PairedImages if isinstance(split, Split) else PairedArrays)(
                split,
                options.data if name == "train" else dataclasses.replace(options.data, cache=False),
                coding=coding,
                multiple=multiple_of(networks.generator),
            )
            for name, split in list(located.splits.items())[:2]
        ]
    notes = [f"skipped: {line}" for line in train_set.check_files(batch_size=options.data.batch_size)] + train_set.notes
    for val_set in others:
        notes += [f"skipped: {line}" for line in val_set.check_files()] + val_set.notes
    check_size(options, networks.discriminator, train_set.smallest_side, "a picture's side of")
    first = [image_size(pair.a) for pair in train_set.pairs[:8]] if coding.from_photos else []
    if first and all(width == 2 * height for height, width in first):
        task = options.task.task
        notes.append(f"--task {task} takes each file for one photo, and these look like pairs side by side")
    return train_set, others[0] if others else None, notes


def build_trainer(
    options: TrainOptions,
    networks: Networks,
    ctx: list[mx.Context],
    cluster: Optional[OneProcess] = None,
    own: Optional[Own] = None,
) -> Pix2PixTrainer:
    """Draw both networks' initial weights, hybridise them with static memory, and build their trainer.

    A network of one's own that is initialised already keeps its weights.
    """
    own = own or Own()
    if own.generator is not None and options.adam.ema:
        raise UsageError("ema needs a generator of this package, which can be built again beside the one in training")
    chosen = options.networks
    init = {"init_type": chosen.init_type, "init_gain": chosen.init_gain}
    for number, net in enumerate(networks):
        if (own.generator, own.discriminator)[number] is None or not is_initialised(net, ctx):
            init_weights(net, seed=(options.run.seed, number), ctx=ctx, **init)
        # Static shapes are for pictures of one size: else MXNet would plan its memory anew at each step.
        net.hybridize(static_alloc=True, static_shape=options.data.crops)
    with option_errors():
        return Pix2PixTrainer(
            *networks,
            ctx=ctx,
            losses=options.losses,
            adam=options.adam,
            extra_loss=own.extra_loss,
            conditional=options.networks.conditional,
            log_gradients=options.watch.log_gradients,
            scale_losses=options.machine.precision == "float16",
            cluster=cluster or OneProcess(options.machine.kvstore),
        )


def is_initialised(net: mx.gluon.HybridBlock, ctx: list[mx.Context]) -> bool:
    """Whether a network of one's own has weights already; without, it gets them drawn.

    Raises
    ------
    ValueError
        If it has them elsewhere than on `ctx`, or its layers do not say how many channels they take.
    """
    parameters = net.collect_params()
    unknown = [name for name, parameter in parameters.items() if parameter.shape is None or 0 in parameter.shape]
    if unknown:
        raise ValueError(f"{unknown[0]} has no shape yet: give each layer its in_channels, or in_units")
    places = [parameter.list_ctx() if parameter._data else None for parameter in parameters.values()]
    if any(place not in (None, list(ctx)) for place in places):
        raise ValueError(f"{type(net).__name__} is initialised on {places[0]}, and trained on {ctx}: leave it to train")
    return all(place is not None for place in places)
