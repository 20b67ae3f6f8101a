"""A memory of earlier fakes, from which the discriminator is shown some (Shrivastava et al., arXiv 1612.07828)."""

from __future__ import annotations

import numpy as np

from gluon_pix2pix.runtime import mx


class ImagePool:
    """Keep up to `size` earlier pictures; 0 passes everything through."""

    def __init__(self, size: int = 0):
        self.size = size
        self.pictures: list[mx.nd.NDArray] = []

    def query(self, batch: mx.nd.NDArray, rng: np.random.Generator) -> mx.nd.NDArray:
        """Return (N, C, H, W) in which each picture, by chance of one half, is exchanged for an earlier one.

        The pool takes the picture that it gives an earlier one for. While it fills, it takes each and returns it too.
        """
        if self.size == 0:
            return batch
        chosen = []
        for index in range(batch.shape[0]):
            picture = batch[index : index + 1]
            if len(self.pictures) < self.size:
                self.pictures.append(picture.copy())
            elif rng.random() > 0.5:
                place = int(rng.integers(self.size))
                picture, self.pictures[place] = self.pictures[place], picture.copy()
            chosen.append(picture)
        return mx.nd.concat(*chosen, dim=0)
