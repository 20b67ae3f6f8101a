"""Which parameter of ours is which of the PyTorch implementation's (junyanz/pytorch-CycleGAN-and-pix2pix)."""

from __future__ import annotations

_SUFFIXES = {"gamma": "weight", "beta": "bias"}  # batch norm's names in MXNet and in PyTorch


def upstream_key(name: str, *, num_downs: int = 0) -> str:
    """Turn a structural parameter name of ours into the key of the reference's state_dict.

    Parameters
    ----------
    name
        As in a .params file, for example ``down.1.conv.weight``.
    num_downs
        The levels of the U-Net that the name belongs to; discriminators need none.
    """
    *path, parameter = name.split(".")
    parameter = _SUFFIXES.get(parameter, parameter)
    if path[0] not in ("down", "up", "last"):
        return ".".join([*path, parameter])  # discriminators keep the reference's own order of layers

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
