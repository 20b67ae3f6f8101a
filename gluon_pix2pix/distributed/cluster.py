"""Several processes that train as one: each takes a share of every batch, and MXNet's KVStore adds up the gradients.

One process is the scheduler, some are servers, which add, and the others are workers, which train; ps-lite, inside of
MXNet, reads in the environment who is what and where the scheduler listens (docs/distributed.md).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
from collections.abc import Mapping, Sequence

from gluon_pix2pix.core.optimizer import Learner
from gluon_pix2pix.runtime import mx
from gluon_pix2pix.wording import program

ROLES = ("scheduler", "server", "worker")
_NUMBERS = {"DMLC_PS_ROOT_PORT": 65535, "DMLC_NUM_WORKER": 9999, "DMLC_NUM_SERVER": 9999}  # the largest of each


def check_environment(kvstore: str) -> None:
    """Refuse variables that do not go with the kvstore.

    MXNet itself ends the process when one is missing, and waits for ever when one is wrong.

    Raises
    ------
    ValueError
        If one is missing, wrong or too many; the message says what to do.
    """
    role = os.environ.get("DMLC_ROLE")
    if not kvstore.startswith("dist"):
        if role is not None:
            raise ValueError(f"DMLC_ROLE is {role!r} and the kvstore {kvstore}: pass --kvstore dist_sync, or unset it")
        return
    lacking = [name for name in ("DMLC_ROLE", "DMLC_PS_ROOT_URI", *_NUMBERS) if not os.environ.get(name)]
    if lacking:
        raise ValueError(
            f"kvstore {kvstore} needs {', '.join(lacking)} in the environment: start it with {program()} "
            "launch --workers 2 -- train ..., or set them as docs/distributed.md says"
        )
    if role not in ROLES:
        raise ValueError(f"DMLC_ROLE is {role!r}: it has to be one of {', '.join(ROLES)}")
    for name, most in _NUMBERS.items():
        value = os.environ[name]
        if not (value.isdecimal() and 1 <= int(value) <= most):
            raise ValueError(f"{name} is {value!r}: it has to be a whole number from 1 to {most}")


def serves(kvstore: str) -> bool:
    """Whether this process is the scheduler or a server, and not to train."""
    return kvstore.startswith("dist") and os.environ["DMLC_ROLE"] != "worker"


def serve() -> None:
    """Be the scheduler or a server until all workers have said goodbye.

    MXNet's own server unpickles, and so runs, whatever a connection sends it as an optimizer; this one does not.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Slurm sends it to all at once, and the workers go on to save
    store = mx.kv.create("dist")
    controller = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *command: None)
    mx.base.check_call(mx.base._LIB.MXKVStoreRunServer(store.handle, controller, None))


class Cluster:
    """This worker among the others. All have to call the same methods in the same order: each waits for all.

    Attributes
    ----------
    rank, size
        Which worker this is, by the order of arrival, and of how many.
    kvstore
        None: gluon.Trainer adds nothing up itself.
    """

    kvstore = None

    def __init__(self, kvstore: str):
        self._store = mx.kv.create(kvstore)
        self.rank, self.size = self._store.rank, self._store.num_workers
        self._known: set[str] = set()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if kind is None:
            mx.nd.waitall()
        else:  # the others may never come to the end, at which MXNet would wait for them
            mx.base.check_call(mx.base._LIB.MXKVStoreSetBarrierBeforeExit(self._store.handle, 0))
        del self._store

    def own_pairs(self, total: int) -> int:
        """Return how many of a batch's pairs are for this process: those at rank, rank + size, ..."""
        return len(range(self.rank, total, self.size))

    def sum_gradients(self, learner: Learner) -> None:
        """Add up the gradients of a network over all devices of all."""
        # The learner's name tells the networks' gradients from each other in the one store that there is.
        self._sum({f"{learner.name}/{name}": p.list_grad() for name, p in learner.parameters.items()})

    def means(self, values: Mapping[str, mx.nd.NDArray], total: int) -> dict[str, mx.nd.NDArray]:
        """Return the mean, (1,), of each of the arrays (pairs,) over the `total` pairs of all."""
        weight = float(self.own_pairs(total) > 0) / total
        sums = mx.nd.concat(*(array.sum() for array in values.values()), dim=0).as_in_context(mx.cpu()) * weight
        self._sum({"means": [sums]})
        return {name: sums[place : place + 1] for place, name in enumerate(values)}

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true in any process; all get the same answer, when all have asked."""
        return self._sum_of("any", [float(flag)])[0] > 0

    def check_same(self, facts: Mapping[str, str]) -> None:
        """See that all processes agree.

        Parameters
        ----------
        facts
            What the text is of, and the text.

        Raises
        ------
        ValueError
            If one of the texts is another elsewhere.
        """
        for name, text in facts.items():
            digest = hashlib.sha256(text.encode()).digest()
            numbers = [int.from_bytes(digest[i : i + 2], "big") for i in range(0, 8, 2)]  # exact in float32, summed too
            if self._sum_of("facts", numbers) != [number * self.size for number in numbers]:
                raise ValueError(f"{name}: not the same for all {self.size} workers")

    def _sum_of(self, key: str, numbers: Sequence[float]) -> list[float]:
        array = mx.nd.array(numbers)
        self._sum({key: [array]})
        return array.asnumpy().tolist()

    def _sum(self, arrays: Mapping[str, list[mx.nd.NDArray]]) -> None:
        """Add up arrays, of which each device has one, over devices and processes, in place and in the background."""
        new = [key for key in arrays if key not in self._known]
        if new:
            self._store.init(new, [arrays[key][0].zeros_like() for key in new])
            self._known.update(new)
        keys, values = list(arrays), list(arrays.values())
        self._store.pushpull(keys, values, out=values)
