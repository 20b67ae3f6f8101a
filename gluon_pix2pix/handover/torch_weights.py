"""Which weight of ours is which of the PyTorch implementation's (junyanz/pytorch-CycleGAN-and-pix2pix, networks.py)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from gluon_pix2pix.core.networks import get_model
from gluon_pix2pix.runtime import mx

Shapes = Mapping[str, tuple[int, ...]]

_SUFFIXES = {"gamma": "weight", "beta": "bias"}  # batch norm's names in MXNet and in PyTorch
_ORDER = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")  # of a layer, in a state_dict
_WRAPPERS = re.compile(r"((module|_orig_mod)\.)+")  # what DataParallel and torch.compile put before every key
_NETWORK = re.compile(r"(.*?)((model\.)+|net\.)\d")  # what comes before the keys of a network, and where they begin
_COUNTER = ".num_batches_tracked"  # of a batch norm; it has no part in the result
_TOLD = ("input_nc", "output_nc", "ngf", "ndf", "n_layers", "norm")
_UNETS = {7: "unet_128", 8: "unet_256", 9: "unet_512"}
_RESNETS = {6: "resnet_6blocks", 9: "resnet_9blocks"}


def upstream_key(name: str, *, num_downs: int = 0, dropout: bool = True) -> str:
    """Turn a structural parameter name of ours into the key of the reference's state_dict.

    Parameters
    ----------
    name
        As in a .params file, for example ``down.1.conv.weight``.
    num_downs
        The levels of the U-Net that the name belongs to; other networks need none.
    dropout
        Whether the resnet that the name belongs to has dropout: without, the reference's second convolution of each
        block moves up a place.
    """
    *path, parameter = name.split(".")
    parameter = _SUFFIXES.get(parameter, parameter)
    if path[0] not in ("down", "up", "last"):
        if "conv_block" in path and int(path[-1]) > 4 and not dropout:
            path[-1] = str(int(path[-1]) - 1)
        return ".".join([*path, parameter])  # the others keep the reference's own order of layers

    # The reference nests each level in the one outside it, so that a key spells the way in.
    inner = num_downs - 1
    level = {"down": lambda: int(path[1]), "up": lambda: inner - int(path[1]), "last": lambda: 0}[path[0]]()
    if level == 0:
        place = 0 if path[0] == "down" else 3
    elif path[0] == "down":
        place = 1 if path[2] == "conv" else 2
    else:
        first = 3 if level == inner else 5  # the submodule takes a place in all but the innermost
        place = first if path[2] == "deconv" else first + 1
    prefix = "model.model." + ("1.model." + "3.model." * (level - 1) if level else "")
    return f"{prefix}{place}.{parameter}"


def upstream_keys(names: Iterable[str], *, dropout: bool = True) -> dict[str, str]:
    """Map all parameter names of one network of ours to the reference's keys; see `upstream_key`."""
    names = list(names)
    num_downs = sum(name.startswith("down.") and name.endswith(".conv.weight") for name in names)
    return {name: upstream_key(name, num_downs=num_downs, dropout=dropout) for name in names}


def recognise(shapes: Shapes, *, dropout: bool = True) -> tuple[str, dict]:
    """Tell which network a state_dict of the reference belongs to.

    Parameters
    ----------
    shapes
        Of each key's tensor, without wrappers' prefixes.
    dropout
        Whether a U-Net has dropout, which its keys do not show; a resnet's do.

    Returns
    -------
    kind : str
        "generator" or "discriminator".
    described : dict
        What `get_model` takes. That every key and shape fits is not looked at.

    Raises
    ------
    ValueError
        If it is none that can be built here; the message names the key that shows it.
    """
    first = next(iter(shapes), "")
    if any(".conv_block." in key for key in shapes):
        return "generator", _recognise_resnet(shapes)
    if first.startswith("model.model."):
        return "generator", _recognise_unet(shapes, dropout)
    if first.startswith("model."):
        convolutions = sum(len(shape) == 4 for shape in shapes.values())
        n_layers = convolutions - 2
        described = {"name": "basic"} if n_layers == 3 else {"name": "n_layers", "n_layers": n_layers}
        return "discriminator", {**described, **_describe_discriminator(shapes, "model")}
    if first.startswith("net."):
        return "discriminator", {"name": "pixel", **_describe_discriminator(shapes, "net")}
    raise ValueError(
        f"its first key, {first[:100]!r}, is of none of the networks known here: U-Nets (model.model.…), resnets and "
        "PatchGANs (model.…), the pixel discriminator (net.…)"
    )


def _recognise_unet(shapes: Shapes, dropout: bool) -> dict:
    num_downs = 2 + max(key.count("3.model.") for key in shapes)
    ngf, input_nc = _convolution(shapes, "model.model.0.weight")
    _, output_nc = _convolution(shapes, "model.model.3.weight")  # transposed: channels in, channels out
    return {
        **({"name": _UNETS[num_downs]} if num_downs in _UNETS else {"name": "unet", "num_downs": num_downs}),
        **{"input_nc": input_nc, "output_nc": output_nc, "ngf": ngf},
        **{"norm": _norm(shapes, "model.model.0.bias"), "dropout": dropout, "dropout_blocks": "upstream"},
    }


def _recognise_resnet(shapes: Shapes) -> dict:
    blocks = {key.split(".conv_block.")[0] for key in shapes if ".conv_block." in key}
    if len(blocks) not in _RESNETS:
        raise ValueError(f"it is a resnet of {len(blocks)} blocks ({max(blocks)[:100]!r}), and known ones have 6 or 9")
    ngf, input_nc = _convolution(shapes, "model.1.weight")
    output_nc, _ = _convolution(shapes, f"model.{17 + len(blocks)}.weight")
    return {
        **{"name": _RESNETS[len(blocks)], "input_nc": input_nc, "output_nc": output_nc, "ngf": ngf},
        **{"norm": _norm(shapes, "model.1.bias"), "dropout": "model.10.conv_block.5.weight" not in shapes},
    }


def _describe_discriminator(shapes: Shapes, root: str) -> dict:
    ndf, input_nc = _convolution(shapes, f"{root}.0.weight")
    return {"input_nc": input_nc, "ndf": ndf, "norm": _norm(shapes, f"{root}.2.bias")}


def _convolution(shapes: Shapes, key: str) -> tuple[int, int]:
    shape = shapes.get(key, ())
    if len(shape) != 4:
        raise ValueError(f"it has no convolution {key!r}, as networks have whose first key is {next(iter(shapes))!r}")
    return shape[0], shape[1]


def _norm(shapes: Shapes, bias: str) -> str:
    """Tell the norm; `bias` is the key that a convolution's bias has, which the reference uses with "instance"."""
    normed = (key[: -len("running_mean")] for key in shapes if key.endswith(".running_mean"))
    if any(f"{layer}weight" in shapes for layer in normed):
        return "batch"
    if any(key.endswith(".weight") and len(shape) == 1 for key, shape in shapes.items()):  # gamma without statistics
        return "instance_affine" if bias in shapes else "picture"
    return "instance" if bias in shapes else "none"


def from_torch(tensors: Mapping[str, np.ndarray], *, dropout: bool = True) -> tuple[str, dict, dict[str, np.ndarray]]:
    """Turn a state_dict of the reference into parameters of ours.

    Parameters
    ----------
    tensors
        As `torch_file.read_tensors` returns them. Prefixes of DataParallel and torch.compile are taken off; batch
        counters, and the running statistics of instance norms from before PyTorch 0.4, are left out.
    dropout
        As in `recognise`.

    Returns
    -------
    kind : str
        "generator" or "discriminator".
    described : dict
        What `get_model` takes.
    parameters : dict of str to numpy.ndarray
        By our names, float32.

    Raises
    ------
    ValueError
        If it is no network known here; the message names the first key that does not fit.
    """
    tensors = {_WRAPPERS.sub("", key, count=1): array for key, array in tensors.items() if not key.endswith(_COUNTER)}
    for key, array in tensors.items():
        if array.dtype.kind != "f" or array.size == 0:
            raise ValueError(f"its {key[:200]!r} has no weights, but {array.shape} {array.dtype}")
    kind, described = recognise({key: array.shape for key, array in tensors.items()}, dropout=dropout)
    if described["norm"] == "instance":
        tensors = {key: array for key, array in tensors.items() if not key.endswith((".running_mean", ".running_var"))}
    if (kind, described["norm"]) == ("discriminator", "picture"):  # in train mode, as always, it needs no running ones
        described, tensors = {**described, "norm": "batch"}, _with_first_statistics(tensors)

    shapes = {name: parameter.shape for name, parameter in get_model(**described)._collect_params_with_prefix().items()}
    names = {key: name for name, key in upstream_keys(shapes, dropout=described.get("dropout", True)).items()}
    network = " ".join([described["name"], *(f"{word} {described[word]}" for word in described if word in _TOLD)])
    for key, array in tensors.items():
        if key not in names:
            raise ValueError(f"it has {key[:200]!r}, and the network that it seems to be has not: {network}")
        if array.shape != shapes[names[key]]:
            raise ValueError(
                f"its {key!r} has the shape {array.shape}, and in the network that it seems to be, {network}, "
                f"it is {shapes[names[key]]}"
            )
    for key in names:
        if key not in tensors:
            raise ValueError(f"{key!r} is missing, and the network that it seems to be has it: {network}")
    return kind, described, {names[key]: _to_float32(key, array) for key, array in tensors.items()}


def _with_first_statistics(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add the running statistics that batch norms begin with."""
    tensors = dict(tensors)
    for key in [key for key, array in tensors.items() if key.endswith(".weight") and array.ndim == 1]:
        layer, channels = key[: -len("weight")], len(tensors[key])
        tensors |= {f"{layer}running_mean": np.zeros(channels, "f4"), f"{layer}running_var": np.ones(channels, "f4")}
    return tensors


class FoundNetwork(NamedTuple):
    """A network in a file: under which keys, as `from_torch` returns it."""

    where: str
    kind: str
    described: dict
    parameters: dict[str, np.ndarray]


def find_networks(state_dicts: Mapping[str, Mapping[str, np.ndarray]], *, dropout: bool = True) -> list[FoundNetwork]:
    """Find the networks known here in the state_dicts of a file.

    Several may be in one state_dict, as those of a module are that has them: their keys begin with its names for them.

    Parameters
    ----------
    state_dicts
        As `torch_file.read_state_dicts` returns them.
    dropout
        As in `recognise`.

    Raises
    ------
    ValueError
        If there is none; the message is about the largest group of tensors.
    """
    groups: dict[str, dict[str, np.ndarray]] = {}
    for where, tensors in state_dicts.items():
        for key, array in tensors.items():
            prefix = _NETWORK.match(key)
            name = ".".join(filter(None, (where, prefix[1].rstrip(".") if prefix else "")))
            groups.setdefault(name, {})[key[prefix.end(1) :] if prefix else key] = array
    found, errors = [], {}
    for where, tensors in groups.items():
        try:
            found.append(FoundNetwork(where, *_from_group(tensors, dropout)))
        except ValueError as error:
            errors[where] = error
    if not found:
        largest = max(errors, key=lambda where: sum(array.size for array in groups[where].values()))
        words = f"under {largest!r}, " if largest else ""
        raise ValueError(f"{words}{errors[largest]}")
    return found


def _from_group(tensors: Mapping[str, np.ndarray], dropout: bool) -> tuple[str, dict, dict[str, np.ndarray]]:
    """Do `from_torch`, also where a module calls its network "model", as the network calls its first layers."""
    try:
        return from_torch(tensors, dropout=dropout)
    except ValueError:
        if not all(key.startswith("model.model.") for key in tensors):
            raise
        try:
            return from_torch({key[len("model.") :]: array for key, array in tensors.items()}, dropout=dropout)
        except ValueError:
            pass
        raise


def _to_float32(key: str, array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"its {key[:200]!r} has values that are not finite numbers of float32")
    return values


def to_torch(net: mx.gluon.Block, described: Mapping) -> dict[str, np.ndarray]:
    """Return a network's parameters under the reference's keys, in the order of its state_dict.

    Parameters
    ----------
    net
        With its weights.
    described
        What `get_model` built it from.

    Returns
    -------
    dict of str to numpy.ndarray
        float32, and an int64 0 for each batch norm's counter of batches.

    Raises
    ------
    ValueError
        If the reference has no such network.
    """
    parameters = net._collect_params_with_prefix()
    keys = upstream_keys(parameters, dropout=described.get("dropout", True))
    if described["name"] == "encoder_decoder":
        raise ValueError("the PyTorch implementation has no encoder_decoder, so its weights cannot be handed on to it")
    if described.get("num_downs", 5) < 5:
        raise ValueError("the PyTorch implementation has no U-Net of fewer than 5 levels")
    state = {key: parameters[name].data().asnumpy() for name, key in keys.items()}
    layers = [key[: -len(".running_var")] for key in state if key.endswith(".running_var")]
    state.update({layer + _COUNTER: np.zeros((), np.int64) for layer in layers})
    return {key: state[key] for key in sorted(state, key=_place)}


def _place(key: str) -> tuple:
    *path, parameter = key.split(".")
    return [int(word) if word.isdecimal() else word for word in path], _ORDER.index(parameter)
