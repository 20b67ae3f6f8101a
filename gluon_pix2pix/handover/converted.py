"""Folders of models made from files of PyTorch weights, which everything takes that takes the folder of a run."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Optional

import numpy as np

import gluon_pix2pix
from gluon_pix2pix.core.networks import get_model
from gluon_pix2pix.handover.torch_file import read_state_dicts, write_tensors
from gluon_pix2pix.handover.torch_weights import FoundNetwork, find_networks, to_torch
from gluon_pix2pix.reading import said_by
from gluon_pix2pix.runs.checkpoint import NETWORKS, generator_in, load_network_weights, read_state, sha256
from gluon_pix2pix.runs.checkpoint_list import checkpoint_name, find_checkpoint
from gluon_pix2pix.runs.options_file import WHAT, read_options
from gluon_pix2pix.runtime import mx, threads
from gluon_pix2pix.writing import whole_folder, write_json

_TRAINED_AT = {"unet_128": 128}  # pixels; the others at 256, or what their levels need


def convert_file(
    path: str | Path,
    model_dir: str | Path,
    *,
    network: Optional[str] = None,
    dropout: bool = True,
    direction: Optional[str] = None,
    crop_size: Optional[int] = None,
) -> list[FoundNetwork]:
    """Make a model folder of a .pth file, or add its networks to the folder that another was made into.

    Parameters
    ----------
    path
        What ``torch.save`` has written of a generator or discriminator of the PyTorch implementation's, or of both: a
        state_dict, or something that holds such.
    model_dir
        Gets options.json and checkpoints/epoch_0000.
    network
        The keys under which the one is that is wanted, with dots between; None takes all, if there is one of a kind.
    dropout
        Whether a U-Net was trained with dropout, which its file does not show.
    direction
        Which half of a pair the network takes; None keeps what the folder says, AtoB at first.
    crop_size
        Pixels that pictures are resized to; None is what a generator was made for, and with a discriminator keeps what
        the folder says, 256 at first.

    Returns
    -------
    list of FoundNetwork
        What was taken, a generator first.

    Raises
    ------
    OSError
        If the file is not there or the folder cannot be written.
    ValueError
        If the file has no network known here, or several of a kind; if the folder is that of a run or damaged; or if
        crop_size does not fit.
    """
    path, model_dir = Path(path), Path(model_dir)
    run = read_options(model_dir) if (model_dir / "options.json").exists() else {"converted": {}}
    if "converted" not in run:
        raise ValueError(f"{model_dir} is the folder of a training run: choose another folder to convert into")
    state_dicts = read_state_dicts(path)
    try:
        found = _choose(find_networks(state_dicts, dropout=dropout), network)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    for one in found:
        run[one.kind] = one.described
        run["converted"][one.kind] = {"file": path.name, "sha256": sha256(path), "under": one.where}
        run["options"] = _decide_options(run, one.kind, direction, crop_size, model_dir / "options.json")
    run["versions"] = {"gluon_pix2pix": gluon_pix2pix.__version__, "mxnet": mx.__version__, "numpy": np.__version__}
    _write_model(model_dir, run, {one.kind: one.parameters for one in found})
    return found


def _choose(found: Sequence[FoundNetwork], wanted: Optional[str]) -> list[FoundNetwork]:
    names = ", ".join(repr(one.where) for one in found)
    if wanted is not None:
        found = [one for one in found if one.where == wanted]
        if not found:
            raise ValueError(f"it has no network under {wanted!r}, but under {names}")
    kinds = [one.kind for one in found]
    if len(set(kinds)) < len(kinds):
        raise ValueError(f"it has several networks of a kind, under {names}: --network names the one")
    return sorted(found, key=lambda one: NETWORKS.index(one.kind))


def _decide_options(run: Mapping, kind: str, direction: Optional[str], crop_size: Optional[int], where: Path) -> dict:
    old = run.get("options", {"direction": "AtoB", "crop_size": 256})
    size = crop_size or old["crop_size"]
    if "generator" in run:
        with said_by(where, WHAT):
            name, multiple = run["generator"]["name"], get_model(**run["generator"]).multiple
        if kind == "generator" and crop_size is None:
            size = max(_TRAINED_AT.get(name, 256), multiple)
        if size % multiple:
            raise ValueError(f"{name} takes pictures whose sides are multiples of {multiple}, not {size} pixels")
    return {"direction": direction or old["direction"], "crop_size": size}


def _write_model(model_dir: Path, run: Mapping, networks: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Write options.json and the checkpoint of 0 epochs: these networks and, if it is there already, the other.

    Whoever kills it in between loses nothing: options.json then describes a network more than there is, which hinders
    nobody, and a checkpoint that was moved aside is put back by the next conversion.
    """
    final = model_dir / "checkpoints" / checkpoint_name(0)
    with whole_folder(final, durable=True) as partial:
        sums = _sums_to_keep(final, networks)
        for name in sums:
            shutil.copyfile(final / name, partial / name)
        for kind, parameters in networks.items():
            arrays = {name: mx.nd.array(array) for name, array in parameters.items()}
            mx.nd.save(str(partial / f"{kind}.params"), arrays)
            mx.nd.waitall()
            sums[f"{kind}.params"] = sha256(partial / f"{kind}.params")
        state = {"epoch": 0, "step": 0, "steps": 0, "threads": threads(), "val_psnr": None, "sha256": sums}
        write_json(partial / "state.json", state)
        write_json(model_dir / "options.json", run, durable=True)


def _sums_to_keep(checkpoint: Path, replaced: Collection[str]) -> dict[str, str]:
    """Return the SHA-256, checked, of the file of the network that is not to be replaced, if there is one.

    A copy keeps the sum that it was saved with: a new one would vouch for whatever has become of the file.
    """
    if not checkpoint.exists():
        return {}
    try:
        sums = read_state(checkpoint)["sha256"]
    except ValueError as error:
        raise ValueError(f"{error}; or convert into another folder") from error
    names = [f"{kind}.params" for kind in NETWORKS if kind not in replaced]
    return {name: sums[name] for name in names if name in sums}


def notes_on(found: Sequence[FoundNetwork]) -> list[str]:
    """List what there is to say of networks that were taken from a file."""
    notes = []
    for network in found:
        described = network.described
        if described.get("dropout") and "dropout_blocks" in described:
            notes.append("a U-Net's file does not show whether it had dropout; --no-dropout if it was trained without")
        if described["norm"] == "picture":
            notes.append(
                "the generator's running statistics are not in the file (named_parameters leaves them out): it "
                "translates by those of each picture; to train it on, save all: torch.save(net.state_dict(), 'net.pth')"
            )
    return notes


def write_torch_files(run_dir: str | Path, output_dir: str | Path, *, epoch: str = "latest") -> list[Path]:
    """Write the networks of a run or converted model as the PyTorch implementation's files.

    Parameters
    ----------
    output_dir
        Gets EPOCH_net_G.pth and EPOCH_net_D.pth, or the one whose network is there.
    epoch
        "latest", "best" or a number of epochs; the files' names begin with it.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OSError
        If there is no such run or checkpoint.
    ValueError
        If a file is damaged, options.json does not describe a network, or PyTorch's implementation has no such one.
    """
    run, checkpoint = read_options(run_dir), find_checkpoint(Path(run_dir) / "checkpoints", epoch)
    there = read_state(checkpoint)["sha256"]
    states = {}
    for kind, letter in (("generator", "G"), ("discriminator", "D")):
        if f"{kind}.params" in there:
            if kind not in run:
                where = Path(run_dir) / "options.json"
                raise ValueError(f"{where} does not describe the {kind} that is in {checkpoint}: convert it again")
            with said_by(Path(run_dir) / "options.json", WHAT):
                net = get_model(**run[kind])
            name = generator_in(there) if kind == "generator" else kind
            load_network_weights(checkpoint, name, net, [mx.cpu()])
            states[Path(output_dir) / f"{epoch}_net_{letter}.pth"] = to_torch(net, run[kind])
    Path(output_dir).mkdir(parents=True, exist_ok=True)
    for path, state in states.items():
        write_tensors(path, state)
    return list(states)


def differences_from_torch(run: Mapping) -> list[str]:
    """List what a run's networks were trained with that the PyTorch implementation has no option for.

    Parameters
    ----------
    run
        As `read_options` returns it.

    Returns
    -------
    list of str
        One line for each; its train.py and test.py build other networks from the same files, or cannot load them.
    """
    found = []
    generator, discriminator = run.get("generator", {}), run.get("discriminator", {})
    if generator.get("dropout", True) and generator.get("dropout_blocks") == "paper":
        found.append(
            "the generator has dropout in the paper's blocks, and the PyTorch implementation has no option for that: "
            "it loads the weights, and drops out in its own blocks"
        )
    for described in (generator, discriminator):
        if described.get("norm") in ("picture", "instance_affine"):
            found.append(
                f"{described['name']} has norms with a scale and a shift but no running statistics, and the PyTorch "
                "implementation has no option for that: its own networks do not take this file"
            )
    seen, pair = discriminator.get("input_nc"), generator.get("input_nc", 0) + generator.get("output_nc", 0)
    if seen and pair and seen != pair:  # --no-conditional
        found.append(
            f"the discriminator sees {seen} channels, the target alone, and the PyTorch implementation's pix2pix has "
            f"no option for that: it builds one for {pair}, source and target, which these weights do not fit"
        )
    return found
