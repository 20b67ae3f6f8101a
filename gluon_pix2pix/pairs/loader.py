"""The order of an epoch and its batches, both functions of (seed, epoch) alone: workers and resuming change no bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gluon_pix2pix.runtime import mx
from gluon_pix2pix.threads import in_threads

Key = tuple[int, tuple[int, int, int]]


def epoch_keys(length: int, *, seed: int, epoch: int, shuffle: bool = True) -> list[Key]:
    """List one epoch's keys ``(index, (seed, epoch, index))``, which name a pair and the seed of its jitter."""
    order = np.random.default_rng((seed, epoch)).permutation(length) if shuffle else np.arange(length)
    return [(int(index), (seed, epoch, int(index))) for index in order]


def load_batches(
    dataset: mx.gluon.data.Dataset, keys: Sequence, *, batch_size: int, workers: int = 0, rank: int = 0, ranks: int = 1
) -> Iterator[list[mx.nd.NDArray]]:
    """Read the pairs that `keys` name, batch by batch; the last batch may be smaller.

    Gluon's own DataLoader does the same with a tenth of a second of garbage collection before each epoch, and gives up
    on a batch that takes two minutes.

    Parameters
    ----------
    workers
        Threads that read ahead, two batches each; 0 reads when asked. On facades two of them deliver more pairs a
        second than two processes.
    rank, ranks
        Of each batch, read every `ranks`-th pair from that of `rank` on; where that is none, the batch's first.

    Returns
    -------
    iterator of list of NDArray
        [source, target], each (N, H, W, C) in the dataset's dtype on the CPU.
    """

    def read(batch: Sequence) -> list[mx.nd.NDArray]:
        return _stack([dataset[key] for key in batch])

    batches = [keys[start : start + batch_size] for start in range(0, len(keys), batch_size)]
    batches = [batch[rank::ranks] or batch[:1] for batch in batches]
    return in_threads(read, batches, workers=workers, ahead=2 * workers + 1)


def _stack(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[mx.nd.NDArray]:
    """Stack pairs into a batch, without the copies that MXNet's own way makes; a batch of one is not copied at all."""
    sides = (np.ascontiguousarray(side[0][None]) if len(side) == 1 else np.stack(side) for side in zip(*pairs))
    return [mx.nd.from_numpy(side) for side in sides]
